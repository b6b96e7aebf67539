/** The fixtures are complete: every clip has its truth, and the committed subset has what it promises. */

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { clip, clips, fixturesRoot, golden, goldenTensors, modelDir, projectRoot, readTensor } from "./fixtures.ts";

describe("fixtures", () => {
  test("every clip has a truth, and a golden where the model can follow it", () => {
    for (const { name, wav, seconds, language } of clips()) {
      const bytes = readFileSync(wav);
      expect(bytes.toString("latin1", 0, 4), name).toBe("RIFF");
      expect(Math.abs((bytes.length - 44) / 32000 - seconds), name).toBeLessThan(0.01);
      expect(["English", "Chinese", "None"], name).toContain(language);
      if (seconds < 45) expect(golden(name), name).toBeDefined();
    }
  });

  test("golden tensors have the shapes that the golden names", () => {
    const path = goldenTensors("en-short");
    if (!path) throw new Error(`no tensors of en-short in ${fixturesRoot()}`);
    const expected = golden("en-short")!;
    expect(readTensor(path, "mel").shape).toEqual([128, expected.mel_frames]);
    const encoder = readTensor(path, "encoder");
    expect(encoder.shape[0]).toBe(expected.audio_tokens);
    expect(encoder.values.length).toBe(encoder.shape[0]! * encoder.shape[1]!);
    expect(() => readTensor(path, "nothing")).toThrow("no f32 tensor nothing");
  });

  test("the committed subset has six clips with goldens, both languages, silence, and a model", () => {
    const subset = join(projectRoot, "samples", "fixtures");
    const names = readdirSync(join(subset, "goldens", "asr"))
      .filter((file) => file.endsWith(".json")).map((file) => file.slice(0, -".json".length));
    expect(names.length).toBeGreaterThanOrEqual(6);
    for (const name of names) expect(existsSync(join(subset, "audio", `${name}.wav`)), name).toBe(true);
    for (const name of ["en-weather", "zh-weather", "silence-3s", "en-45s", "zh-30s"]) expect(names).toContain(name);
    expect(existsSync(join(subset, "nano-asr", "model.safetensors"))).toBe(true);
  });

  test("what is missing throws, naming the file", () => {
    expect(() => clip("no-such-clip")).toThrow("no-such-clip.json");
    expect(existsSync(join(modelDir(), "config.json"))).toBe(true);
  });
});
