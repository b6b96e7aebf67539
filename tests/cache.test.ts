/** `qwen-asr cache` with a file that the executable itself has packed, whole and changed in many ways. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clip, modelDir } from "./fixtures.ts";
import { run, temporaryFolder } from "./harness.ts";

const home = temporaryFolder();
const env = { QWEN_ASR_CACHE: home.path };
let path: string;
let whole: Uint8Array;
let stem: string;

beforeAll(async () => {
  const args = ["--weights", "int8", "--silent", "-d", modelDir(), clip("en-subsecond").wav];
  expect(await run(args, { env })).toMatchObject({ code: 0, stderr: "" });
  const name = readdirSync(home.path).find((one) => one.endsWith(".packed"))!;
  path = join(home.path, name);
  whole = await Bun.file(path).bytes();
  stem = name.split(".")[0]!;
});

afterAll(() => home[Symbol.dispose]());

async function verified(bytes: Uint8Array | string) {
  writeFileSync(path, bytes);
  return await run(["cache", "verify"], { env });
}

function changed(at: number): Uint8Array {
  const bytes = whole.slice();
  bytes[at]! ^= 0x10;
  return bytes;
}

test("a file as it was packed is undamaged, and listed with its model", async () => {
  expect(await verified(whole)).toMatchObject({ code: 0, stdout: `${stem}  undamaged\n`, stderr: "" });
  const listed = await run(["cache", "list"], { env });
  expect(listed.stdout).toMatch(new RegExp(`^${stem}  int8 (un)?signed \\d+  [\\d.]+ MB  \\d+ min  `));
  expect(listed.stdout).toEndWith(`  ${modelDir()}\n`);
});

test("a changed byte is found wherever it is, and named", async () => {
  const [last, middle] = [whole.length - 1, Math.floor(whole.length / 2)];
  const cases = [[last, /damaged: decoder\.head$/], [middle, /damaged: (en|de)coder\.[\w.]+$/], [20, /its header$/]];
  for (const [at, expected] of cases as [number, RegExp][]) {
    const { code, stdout, stderr } = await verified(changed(at));
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `hint: qwen-asr cache clear ${stem}; the next run packs anew\n`,
    });
    expect(stdout.trimEnd()).toMatch(expected);
  }
});

test("what is no such file is told apart from a damaged one", async () => {
  const cut = whole.subarray(0, whole.length - 1);
  expect((await verified(cut)).stdout).toBe(`${stem}  damaged: ${cut.length} bytes instead of ${whole.length}\n`);
  for (const foreign of ["", "a few words", readFileSync(clip("en-subsecond").wav)]) {
    expect((await verified(foreign)).stdout).toBe(`${stem}  not a file of packed weights\n`);
  }
  expect((await run(["cache", "list"], { env })).stdout).toContain(`${stem}  damaged`);
});
