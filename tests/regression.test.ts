/** The regression script on our clips: what passes, what fails, what is written, what is rejected. */

import { expect, test } from "bun:test";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clip, hasClip, modelDir, projectRoot } from "./fixtures.ts";
import { executable, run, temporaryFolder } from "./harness.ts";
import { lines } from "./support/cli.ts";
import { editRate, normalised } from "./regression.ts";
import { testWhere } from "./support/where.ts";

const names = ["en-short", "en-weather", "en-digits"] as const;
const models = ["--model-dir", modelDir(), "--stream-cache-model-dir", modelDir()];

function regression(samples: string, ...args: string[]) {
  const script = join(projectRoot, "tests", "regression.ts");
  const words = [script, "--samples-root", samples, "--binary", executable(), ...models, ...args];
  return run(words, { executable: process.execPath });
}

function copyClips(folder: string): void {
  for (const name of names) copyFileSync(clip(name).wav, join(folder, `${name}.wav`));
}

const streamArgs = ["--stream-sample", "en-weather.wav", "--stream-cache-sample", "en-weather.wav"];

testWhere(names.every(hasClip), `the clips ${names.join(", ")}`)(
  "references are written, then held against",
  async () => {
    using folder = temporaryFolder();
    copyClips(folder.path);
    const skips = ["--skip-segment-check", "--skip-stream-check", "--skip-stream-cache-check"];
    const written = await regression(folder.path, "--generate-missing", ...skips);
    expect({ code: written.code, stderr: written.stderr }).toEqual({ code: 0, stderr: "" });
    expect(readFileSync(join(folder.path, "en-short.txt"), "utf8")).toBe("Please open the old door.\n");
    const all = await regression(
      folder.path,
      ...streamArgs,
      "--segment-sample",
      "en-weather.wav",
      "--arg=-t",
      "--arg=2",
    );
    expect(all.code).toBe(0);
    expect(lines(all.stdout)).toEqual([
      expect.stringMatching(/^segment check: skipped, only \d+ words$/),
      expect.stringMatching(/^ok {4} stream check, .*en-weather\.wav: norm 0\.000, exact 0\.000$/),
      expect.stringMatching(/^ok {4} stream cache check, .*en-weather\.wav: texts with and without$/),
      ...[...names].sort().map((name) => expect.stringMatching(new RegExp(`^ok {4} .*${name}\\.wav: norm 0\\.000`))),
      "5 passed, 0 failed",
    ]);
    for (const name of names.filter((name) => name !== "en-short")) rmSync(join(folder.path, `${name}.wav`));
    writeFileSync(join(folder.path, "en-short.txt"), "Something else was said here.\n");
    const failed = await regression(folder.path, ...skips);
    expect(failed.code).toBe(1);
    expect(failed.stdout).toMatch(/^FAILED .*en-short\.wav: norm 0\.[3-9]/m);
    expect((await regression(folder.path, ...skips, "--max-norm-rate", "1", "--max-exact-rate", "1")).code).toBe(0);
    expect((await regression(folder.path, ...skips, "--refresh-refs")).code).toBe(0);
    expect(readFileSync(join(folder.path, "en-short.txt"), "utf8")).toBe("Please open the old door.\n");
  },
);

testWhere(names.every(hasClip), `the clips ${names.join(", ")}`)(
  "the checks alone, and what is not set up",
  async () => {
    using folder = temporaryFolder();
    copyClips(folder.path);
    const cache = await regression(folder.path, "--stream-cache-check-only", ...streamArgs);
    expect({ code: cache.code, last: lines(cache.stdout).at(-1) }).toEqual({ code: 0, last: "1 passed, 0 failed" });
    const setups: [string[], RegExp][] = [
      [["--stream-check-only", ...streamArgs], /en-weather\.txt is missing/],
      [["--stream-check-only", "--segment-check-only"], /exclude each other/],
      [["--stream-cache-check-only", "--generate-missing"], /writes no references/],
      [["--stream-cache-check-only", "--stream-cache-enc-window-sec", "9", ...streamArgs], /must be 1 to 8, got 9/],
      [["--stream-cache-check-only", "--stream-cache-threads", "0", ...streamArgs], /must be above 0, got 0/],
      [["--max-norm-rate", "x"], /--max-norm-rate must be 0 or more, got x/],
      [["--bogus"], /bogus/],
      [["--skip-segment-check", "--skip-stream-check", "--skip-stream-cache-check"], /has a \.txt beside it/],
      [[], /89s_ill_come_back.* is missing/],
    ];
    for (const [args, says] of setups) {
      const result = await regression(folder.path, ...args);
      expect({ args, code: result.code, stderr: result.stderr }).toMatchObject({ args, code: 2 });
      expect(result.stderr).toMatch(says);
    }
    rmSync(join(folder.path, "en-weather.wav"));
    writeFileSync(join(folder.path, "en-weather.wav"), "no audio");
    const broken = await regression(folder.path, "--stream-cache-check-only", ...streamArgs);
    expect({ code: broken.code, says: broken.stderr }).toMatchObject({
      code: 1,
      says: expect.stringContaining("en-weather.wav"),
    });
  },
);

test("rates are edits per character of the reference", () => {
  expect(editRate("abcd", "abxd")).toBe(0.25);
  expect(editRate("", "ab")).toBe(2);
  expect(editRate("好世界", "好世")).toBeCloseTo(1 / 3);
  expect(normalised("  It's 5 o'clock,\n好 — ÉTÉ! ")).toBe("it s 5 o clock 好 été");
});
