/** scripts/acceptance as its first user runs it: on the nano model with the real executable, and on mistakes. */

import { expect, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clip, modelDir, projectRoot } from "./fixtures.ts";
import { executable, run, temporaryFolder } from "./harness.ts";

const acceptance = (args: readonly string[]) =>
  run(args, {
    executable: join(projectRoot, "scripts", "acceptance"),
    env: { QWEN_ASR_EXE: executable(), QWEN_ASR_FIXTURES: process.env.QWEN_ASR_FIXTURES },
  });

test("a report of the nano model: tensors, ids, error rates, speed", async () => {
  using folder = temporaryFolder();
  for (const name of ["en-short", "zh-weather"]) {
    copyFileSync(clip(name).wav, join(folder.path, `${name}.wav`));
    writeFileSync(join(folder.path, `${name}.txt`), clip(name).text);
  }
  const result = await acceptance(["-d", modelDir(), "-w", folder.path, "-t", "1"]);
  expect(result.stdout).toMatch(/\| model\.safetensors \| \d+ \| \d+ \(BF16\) \|/);
  expect(result.stdout).toMatch(/\| tensors_used \| [1-9]\d* \|/);
  expect(result.stdout).toContain("Not tried: no jfk.wav");
  expect(result.stdout).toMatch(/\| en-short \| 1\.9 \| 0\.0 % \| 0\.0 % \| \d+\.\d+ \| \d+ \| \d+\.\d \| [1-9]\d* \|/);
  expect(result.stdout).toMatch(/\| \*\*all\*\* \| 12\.\d \| 0\.0 % \|/);
  expect(result.code).toBe(0);
});

test("a wrong sentence makes it fail", async () => {
  using folder = temporaryFolder();
  copyFileSync(clip("en-short").wav, join(folder.path, "jfk.wav"));
  copyFileSync(clip("en-short").wav, join(folder.path, "a.wav"));
  writeFileSync(join(folder.path, "a.txt"), clip("en-short").text);
  const result = await acceptance(["-d", modelDir(), "-w", folder.path]);
  expect(result.stdout).toContain("WRONG");
  expect(result.code).toBe(1);
});

test("mistakes are one line and the usage, exit 2", async () => {
  using folder = temporaryFolder();
  for (
    const [args, message] of [
      [[], "-d DIR is missing"],
      [["-d", join(folder.path, "no")], "no folder"],
      [["-d", modelDir(), "-w", folder.path], "no WAV file with its text beside it"],
    ] as const
  ) {
    const result = await acceptance(args);
    expect(result.stderr).toContain(`acceptance: `);
    expect(result.stderr).toContain(message);
    expect(result.code).toBe(2);
  }
});
