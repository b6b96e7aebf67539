/** What has no voice has no text, through the executable: files, pipes, streams, segments; forced language or not. */

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { atLevel, joined, mixed, noise, noVoices } from "../src/segment/sounds_fixture.ts";
import { clip } from "./fixtures.ts";
import { temporaryFolder } from "./harness.ts";
import { clipSamples } from "./native.ts";
import { qwen } from "./support/cli.ts";

/** Raw 16-bit samples. */
function pcm(samples: Float32Array): Uint8Array {
  return new Uint8Array(Int16Array.from(samples, (sample) => Math.round(sample * 32_767)).buffer);
}

const sounds = ["digital zero", "one sample", "white noise", "brown noise that fades in", "hum of 60 Hz", "two tones"];
const told = /holds no voice, so there is no text\n/;

describe("no voice, no text", () => {
  for (const language of [[], ["--language", "English"], ["--language", "Chinese"]]) {
    test(`files ${language.join(" ")}`, async () => {
      using folder = temporaryFolder();
      const files = sounds.map((name) => join(folder.path, `${name.replaceAll(" ", "-")}.raw`));
      files.forEach((file, i) => writeFileSync(file, pcm(atLevel(noVoices[sounds[i]!]!, -20))));
      const text = await qwen([...language, "--raw", ...files]);
      expect(text).toMatchObject({ code: 0, stdout: "\n".repeat(sounds.length) });
      for (const file of files) {
        expect(text.stderr).toContain(`qwen-asr: ${file}: holds no voice, so there is no text\n`);
      }
      const cues = await qwen([...language, "--raw", "-f", "srt", "-S", "2", files[2]!]);
      expect(cues).toMatchObject({ code: 0, stdout: "" });
      const json = await qwen([...language, "--raw", "-f", "json", files[0]!]);
      expect(JSON.parse(json.stdout)).toMatchObject({ complete: true, segments: [] });
    });
  }

  test("pipes and streams", async () => {
    for (const name of ["one sample", "white noise", "hum of 60 Hz"]) {
      const stdin = pcm(atLevel(noVoices[name]!, -20));
      for (const way of [["--stdin"], ["--stream", "--stdin"], ["--stream", "--endpoint-ms", "0", "--stdin"]]) {
        const { stdout, stderr, code } = await qwen(["--language", "English", ...way], { stdin });
        expect([name, way, stdout.trim(), code]).toEqual([name, way, "", 0]);
        expect(stderr).toMatch(told);
      }
    }
  });

  test("a stretch of hiss between two sentences, in segments and as a stream", async () => {
    const speech = await clipSamples(clip("en-short").wav);
    const alone = await qwen(["--language", "English", clip("en-short").wav]);
    const hiss = atLevel(noise(20), -50);
    const samples = joined(mixed(speech, hiss), hiss, mixed(speech, hiss));
    const stdin = pcm(samples);
    const said = alone.stdout.trim();
    const segments = await qwen(["--language", "English", "-S", "5", "-f", "srt", "--stdin"], { stdin });
    expect(segments.stdout.match(/^\d\d:/gm)?.length).toBe(2);
    expect(segments.stdout.split(said).length).toBe(3);
    expect(segments.stderr).toMatch(/: no voice, so no text, in segment \d of \d, /);
    const stream = await qwen(["--language", "English", "--stream", "--stdin"], { stdin });
    expect(stream.stdout.trim().split("\n")).toEqual([said, said]);
  });
});
