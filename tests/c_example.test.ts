/** samples/c/transcribe.c, compiled against the public header alone, says what the goldens say. */

import { beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clip, golden, hasClip, modelDir, projectRoot, spokenText } from "./fixtures.ts";
import { run } from "./harness.ts";
import { testWhere } from "./support/where.ts";

const folder = mkdtempSync(join(tmpdir(), "qwen-asr-c-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, "transcribe");
const libraries = join(projectRoot, "zig-out", "lib");

beforeAll(async () => {
  const compile = ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", `-I${join(projectRoot, "zig")}`];
  const link = [`-L${libraries}`, `-Wl,-rpath,${libraries}`, "-lqwen_asr", "-lm"];
  const source = join(projectRoot, "samples", "c", "transcribe.c");
  const result = await run([...compile, source, "-o", program, ...link], {
    executable: join(projectRoot, "scripts", "zig"),
    env: { HOME: process.env.HOME },
    timeoutMs: 300_000,
  });
  if (result.code !== 0) throw new Error(`the C example does not compile:\n${result.stderr}`);
}, 300_000);

for (const name of ["en-short", "zh-weather", "silence-3s"]) {
  test(`${name}: the golden text`, async () => {
    const result = await run([modelDir(), clip(name).wav], { executable: program });
    expect(result.stdout.trim()).toBe(spokenText(golden(name)!.plain));
    expect(result.code).toBe(0);
  });
}

test("a forced language is taken", async () => {
  const result = await run([modelDir(), clip("en-short").wav, "English"], { executable: program });
  expect(result.stdout.trim()).toBe(spokenText(golden("en-short")!.forced_language!));
  expect(result.code).toBe(0);
});

testWhere(hasClip("en-names"), "the clip en-names")("a prompt is taken", async () => {
  const { wav, context } = clip("en-names");
  const result = await run([modelDir(), wav, "", context], { executable: program });
  expect(result.stdout.trim()).toBe(spokenText(golden("en-names")!.context!));
  expect(result.code).toBe(0);
});

test("a file that is not there is one line on stderr and not success", async () => {
  const result = await run([modelDir(), join(folder, "no.wav")], { executable: program });
  expect(result.stdout).toBe("");
  expect(result.stderr.trim().split("\n")).toHaveLength(1);
  expect(result.code).toBe(1);
});
