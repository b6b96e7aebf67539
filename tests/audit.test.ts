/** The audit, through the executable: no clip has speech without text, and where there is some, --strict says so. */

import { expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { atLevel, noVoices } from "../src/segment/sounds_fixture.ts";
import { clip, fixturesRoot } from "./fixtures.ts";
import { temporaryFolder } from "./harness.ts";
import { clipSamples } from "./native.ts";
import { qwen } from "./support/cli.ts";

const speech = ["audio", "real"].flatMap((folder) =>
  readdirSync(fixturesRoot(), { recursive: true, encoding: "utf8" })
    .filter((path) => path.startsWith(`${folder}/`) && path.endsWith(".wav") && !path.includes("en-120s"))
    .map((path) => join(fixturesRoot(), path))
).sort();

function gapsOf(lines: string): unknown[] {
  return lines.trimEnd().split("\n").map((line) => JSON.parse(line)).flatMap(({ type, gaps }) =>
    type === "end" ? [gaps] : []
  );
}

test("no clip has a gap, nothing is said, and --strict is content", async () => {
  const { code, stdout, stderr } = await qwen(["--strict", "--silent", "-f", "jsonl", ...speech]);
  expect(gapsOf(stdout)).toEqual(speech.map(() => []));
  expect(stderr).not.toContain("speech without text");
  expect(code).toBe(0);
});

test("what is loud and no voice is no gap; what the detector takes for speech, and has no text, is one", async () => {
  using folder = temporaryFolder();
  const pcm = (name: string, samples: Float32Array) => {
    const path = join(folder.path, `${name.replaceAll(" ", "-")}.raw`);
    writeFileSync(path, new Uint8Array(Int16Array.from(samples, (sample) => Math.round(sample * 32_767)).buffer));
    return path;
  };
  const files = Object.entries(noVoices).map(([name, samples]) => pcm(name, atLevel(samples, -20)));
  const quiet = await qwen(["--strict", "--raw", "-f", "jsonl", ...files]);
  expect([quiet.code, gapsOf(quiet.stdout)]).toEqual([0, files.map(() => [])]);
  // By its level alone, a tone between silence and speech is speech.
  const second = 16_000;
  const samples = new Float32Array([...await clipSamples(clip("en-short").wav), ...new Float32Array(9 * second)]);
  for (let i = 6 * second; i < 8 * second; i++) samples[i] = 0.2 * Math.sin(i * 0.4);
  const tone = pcm("tone", samples);
  const options = ["--strict", "--silent", "--raw", "-S", "4", "-W", "1", "-f", "jsonl"];
  const loud = await qwen([...options, "--vad", "energy", tone]);
  expect(loud.code).toBe(4);
  const [[gap, ...others]] = gapsOf(loud.stdout) as [{ start: number; end: number }[]];
  expect(others).toEqual([]);
  expect(gap!.start).toBeWithin(5.8, 6.1);
  expect(gap!.end).toBeWithin(7.9, 8.3); // Levels are smoothed.
  expect(loud.stderr).toMatch(/tone\.raw: speech without text: 6\.0 to 8\.\d s/);
  expect((await qwen([...options, tone])).code).toBe(0);
  expect((await qwen(["--strict", "--silent", "--vad", "off", clip("silence-3s").wav])).code).toBe(0);
});
