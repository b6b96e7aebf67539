/** Recordings of several channels through the executable: one voice on each side, as a call has them. */

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clip } from "./fixtures.ts";
import { temporaryFolder } from "./harness.ts";
import { expectRefusal, qwen, wav } from "./support/cli.ts";

/** The samples of a clip (16-bit PCM, 16 kHz, mono). */
function samplesOf(name: string): Int16Array {
  const bytes = readFileSync(wav(name));
  const data = bytes.indexOf("data") + 8;
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset + data, bytes.byteOffset + bytes.length & ~1));
}

/** Two clips side by side, interleaved samples. */
function sideBySide(left: string, right: string): Int16Array {
  const sides = [samplesOf(left), samplesOf(right)];
  const frames = new Int16Array(2 * Math.max(...sides.map(({ length }) => length)));
  sides.forEach((samples, side) => samples.forEach((sample, at) => frames[2 * at + side] = sample));
  return frames;
}

const raw = ["--raw-channels", "2"];

test("--channel: one side of a recording, from a file and from a pipe", async () => {
  using folder = temporaryFolder();
  const frames = sideBySide("en-short", "zh-weather");
  const path = join(folder.path, "call.raw");
  writeFileSync(path, frames);
  const [left, right] = await Promise.all(
    ["left", "right"].map((channel) => qwen([...raw, "--channel", channel, "--silent", path])),
  );
  const alone = frames.filter((_, at) => at % 2 === 0);
  writeFileSync(join(folder.path, "left.raw"), alone);
  expect(left!.stdout).toBe((await qwen(["--raw", "--silent", join(folder.path, "left.raw")])).stdout);
  expect(left!.stdout).toMatch(/^Please open the \w+ door\.\n$/); // With silence after it, a word is heard otherwise.
  expect(right!.stdout.trim()).toBe(clip("zh-weather").text);
  const stdin = new Uint8Array(frames.buffer);
  const piped = await qwen([...raw, "--channel", "2", "--silent", "-f", "json", "-"], { stdin });
  const { segments, options } = JSON.parse(piped.stdout);
  expect(segments.map(({ text }: { text: string }) => text).join("")).toBe(clip("zh-weather").text);
  expect(options.channel).toBe(2);
});

test("--channel: one that is not there, and what is no channel", async () => {
  expectRefusal(await qwen(["--channel", "right", wav("en-short")]), 1, "has no channel 2 (right): it has one");
  expectRefusal(await qwen(["--channel", "0", wav("en-short")]), 2, "--channel must be left, right, mix or 1 to 64");
});
