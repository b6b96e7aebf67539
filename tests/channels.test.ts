/** Recordings of several channels through the executable: one voice on each side, as a call has them. */

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clip } from "./fixtures.ts";
import { run, temporaryFolder } from "./harness.ts";
import { expectRefusal, qwen, wav } from "./support/cli.ts";

/** The samples of a clip (16-bit PCM, 16 kHz, mono). */
function samplesOf(name: string): Int16Array {
  const bytes = readFileSync(wav(name));
  const data = bytes.indexOf("data") + 8;
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset + data, bytes.byteOffset + bytes.length & ~1));
}

type Place = { readonly name: string; readonly channel: number; readonly atSec: number };

/** A recording of clips, each on its channel and at its time: interleaved samples. */
function call(channels: number, places: readonly Place[]): Int16Array {
  const clips = places.map((place) => ({ ...place, samples: samplesOf(place.name) }));
  const length = Math.max(...clips.map(({ atSec, samples }) => Math.round(atSec * 16_000) + samples.length));
  const frames = new Int16Array(channels * length);
  for (const { channel, atSec, samples } of clips) {
    const from = Math.round(atSec * 16_000);
    samples.forEach((sample, at) => frames[channels * (from + at) + channel] = sample);
  }
  return frames;
}

/** Two clips side by side. */
function sideBySide(left: string, right: string): Int16Array {
  return call(2, [{ name: left, channel: 0, atSec: 0 }, { name: right, channel: 1, atSec: 0 }]);
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

type Word = { readonly text: string; readonly start: number; readonly end: number; readonly speaker?: string };
type Segment = Word & { readonly words: readonly Word[] };

/** Left, right, left again, one after the other. */
function dialogue(): Int16Array {
  return call(2, [
    { name: "words-en-1", channel: 0, atSec: 0 },
    { name: "words-en-4", channel: 1, atSec: 6 },
    { name: "words-en-7", channel: 0, atSec: 11 },
  ]);
}

const textOf = (words: readonly Word[]) => words.map(({ text }) => text).join("").trim();
const inOrder = (words: readonly Word[]) => words.every(({ start }, index) => start >= (words[index - 1]?.start ?? 0));

test("--split-channels: each word on its side, in order of time; JSON, SRT and text", async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, "call.raw"), dialogue());
  const args = [...raw, "--split-channels", "--silent", "-f", "json,srt,text", "-o", "call", "call.raw"];
  const { code, stderr } = await qwen(args, { cwd: folder.path });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const document = JSON.parse(readFileSync(join(folder.path, "call.json"), "utf8"));
  const segments: readonly Segment[] = document.segments;
  const words = segments.flatMap((segment) => segment.words);
  for (const { speaker, words } of segments) expect(words.every((word) => word.speaker === speaker)).toBe(true);
  expect(inOrder(words)).toBe(true);
  const of = (speaker: string) => words.filter((word) => word.speaker === speaker);
  expect(textOf(of("left"))).toBe(`${clip("words-en-1").text} ${clip("words-en-7").text}`);
  expect(textOf(of("right"))).toBe(clip("words-en-4").text);
  expect(of("right").every(({ start, end }) => start > 5.9 && end < 11)).toBe(true);
  expect(document.options["split-channels"]).toBe(true);
  const lines = ([["left", "words-en-1"], ["right", "words-en-4"], ["left", "words-en-7"]] as const)
    .map(([side, name]) => `${side}: ${clip(name).text}\n`).join("");
  expect(readFileSync(join(folder.path, "call.txt"), "utf8")).toBe(lines);
  const cues = readFileSync(join(folder.path, "call.srt"), "utf8").split("\n\n").map((cue) => cue.split("\n").slice(2));
  const named = cues.map(([line = ""]) => /^(left|right): /.exec(line)?.[1]).filter((name) => name !== undefined);
  expect(named).toEqual(["left", "right", "left"]);
  writeFileSync(join(folder.path, "names.txt"), "# the call\nleft = Anna Meier\nright\tBen\n");
  const names = ["--speaker-names", join(folder.path, "names.txt")];
  const render = (...more: string[]) => run(["render", join(folder.path, "call.json"), ...more]);
  const rttm = (await render("-f", "rttm", ...names)).stdout.trimEnd().split("\n").map((line) => line.split(" "));
  expect(rttm.map(([type, file]) => `${type} ${file}`)).toEqual(rttm.map(() => "SPEAKER call"));
  expect([...new Set(rttm.map((cells) => cells[7]))]).toEqual(["Anna_Meier", "Ben"]);
  const vtt = (await render("-f", "vtt", ...names)).stdout;
  expect([...vtt.matchAll(/^<v ([^>]*)>/gm)].map(([, name]) => name)).toContain("Anna Meier");
  writeFileSync(join(folder.path, "names.txt"), "left\n");
  expectRefusal(await render("-f", "vtt", ...names), 1, "names.txt:1: is not LABEL = NAME: left");
});

test("--split-channels from a pipe, with an aligner, rendered again, and three channels", async () => {
  using folder = temporaryFolder();
  const stdin = new Uint8Array(dialogue().buffer);
  const plain = await qwen([...raw, "--split-channels", "--silent", "-"], { stdin });
  expect(plain.stdout.split("\n").map((line) => line.split(":")[0])).toEqual(["left", "right", "left", ""]);
  const aligner = ["--align", "--aligner", "demo", "-f", "json"];
  const aligned = await qwen([...raw, "--split-channels", "--silent", ...aligner, "-"], { stdin });
  const words: readonly Word[] = JSON.parse(aligned.stdout).segments.flatMap((segment: Segment) => segment.words);
  expect(inOrder(words)).toBe(true);
  expect(words.filter((word) => !("flag" in word)).length).toBeGreaterThan(0.8 * words.length); // Others are estimates.
  writeFileSync(join(folder.path, "call.json"), aligned.stdout);
  expect((await run(["render", join(folder.path, "call.json"), "-f", "text"])).stdout).toBe(plain.stdout);
  const three = new Uint8Array(call(3, [{ name: "words-en-1", channel: 2, atSec: 0 }]).buffer);
  const third = await qwen(["--raw-channels", "3", "--split-channels", "--silent", "-"], { stdin: three });
  expect(third.stdout).toBe(`3: ${clip("words-en-1").text}\n`);
});

test("--split-channels: each channel without a voice is told", async () => {
  const tell = async (...clips: Place[]) => {
    const { stderr } = await qwen([...raw, "--split-channels", "-"], { stdin: new Uint8Array(call(2, clips).buffer) });
    return stderr.split("\n").filter((line) => line.includes("no voice"));
  };
  const line = "holds no voice, so there is no text";
  const name = "words-en-1";
  expect(await tell({ name, channel: 1, atSec: 0 })).toEqual([`qwen-asr: standard input: left: ${line}`]);
  expect(await tell({ name, channel: 0, atSec: 0 })).toEqual([`qwen-asr: standard input: right: ${line}`]);
  expect(await tell({ name, channel: 0, atSec: 0 }, { name, channel: 1, atSec: 6 })).toEqual([]);
  expect(await tell({ name: "silence-3s", channel: 0, atSec: 0 })).toEqual([`qwen-asr: standard input: ${line}`]);
});

test("--split-channels of one channel says so; what it cannot go with", async () => {
  const { stdout, stderr, code } = await qwen(["--split-channels", wav("words-en-1")]);
  expect({ stdout, code }).toEqual({ stdout: `${clip("words-en-1").text}\n`, code: 0 });
  expect(stderr).toContain("words-en-1.wav: has only one channel, so there are no sides to tell apart\n");
  for (const other of [["--channel", "left"], ["--stream"], ["--low-memory"]]) {
    expectRefusal(await qwen(["--split-channels", ...other, wav("en-short")]), 2, "--split-channels");
  }
});
