/** A constant offset changes no word, through the executable: files and pipes of several forms. */

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { floats, s16, wav } from "../src/audio/wav_fixture.ts";
import { clip } from "./fixtures.ts";
import { temporaryFolder } from "./harness.ts";
import { clipSamples } from "./native.ts";
import { qwen } from "./support/cli.ts";

test("speech of half scale with an offset has its text, in every form", async () => {
  using folder = temporaryFolder();
  const { wav: path, text } = clip("en-digits");
  const shifted = async (offset: number) => [...(await clipSamples(path)).map((sample) => sample / 2 + offset)];
  const numbers = (samples: readonly number[]) => samples.map((sample) => Math.round(sample * 32_767));
  const save = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(folder.path, name), bytes);
    return join(folder.path, name);
  };
  const both = numbers(await shifted(-0.04)).flatMap((sample) => [sample, sample]);
  const files = [
    save("none.wav", wav(s16(...numbers(await shifted(0))))),
    save("stereo.wav", wav(s16(...both), { channels: 2 })),
    save("float.wav", wav(floats(await shifted(0.1), 32), { tag: 3, bits: 32 })),
    save(
      "48k.wav",
      wav(s16(...numbers((await shifted(0.02)).flatMap((sample) => [sample, sample, sample]))), { rate: 48_000 }),
    ),
  ];
  const result = await qwen(files);
  expect([result.code, result.stdout]).toEqual([0, `${text}\n`.repeat(files.length)]);
  const told = [...result.stderr.matchAll(/([^/]+): has a DC offset of (-?\d+\.\d) % of full scale/g)];
  expect(told.map(([, name]) => name)).toEqual(["stereo.wav", "float.wav", "48k.wav"]);
  const percents = told.map(([, , percent]) => Number(percent));
  [-4, 10, 2].forEach((percent, i) => expect(Math.abs(percents[i]! - percent)).toBeLessThan(0.4));
  const stdin = new Uint8Array(Int16Array.from(numbers(await shifted(0.03))).buffer);
  expect((await qwen(["--stdin"], { stdin })).stdout).toBe(`${text}\n`);
});
