/**
 * Three hours in one file: `bun tests/slow/long.ts [HOURS] [KILLS]`.
 *
 * Clips of the fixtures, with noise, chords and silence between them, in a fixed random order. They are transcribed
 * once without a break, and once with KILLS (10) kills at random moments, each gone on from with --resume, and, where
 * root may mount one, on a disk that is full halfway. Exit 1 where the files differ by a byte, where more than 1 % of
 * the words that are said are missing, or come twice or from nowhere, where words stand in noise, or where memory is
 * 80 MB above that of ten minutes. Up to 2 % may be others: of the longest clip alone the demo model mistakes 1.2 %,
 * and other words where it is cut elsewhere or other sound lies beside it.
 *
 * What is known of a recording grows by 3 MB of levels and some 2 MB of ranges, segments and text an hour; the rest is
 * what the collector has not come to. A Chinese clip comes first, because cues of Chinese take a dictionary of 85 MB,
 * once, however long the recording is.
 */

import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { editCounts, numbered } from "../../src/eval/distance.ts";
import { atLevel, chords, noise, pinkNoise, randomNumbers } from "../../src/segment/sounds_fixture.ts";
import { clip, clips } from "../fixtures.ts";
import { executable, fixedEnvironment, folderIn, temporaryFolder } from "../harness.ts";
import { clipSamples } from "../native.ts";
import { memoryOf } from "../support/process_memory.ts";
import { wavHeader } from "../../src/audio/wav_header.ts";

const sampleRate = 16_000;
const apartMax = 80e6;
/** Of the words that are said. */
const wrongMax = { missing: 0.01, more: 0.01, others: 0.02 };
const options = ["-d", "demo", "--silent", "-f", "json,srt,text"];

type Span = { readonly start: number; readonly end: number };
type Made = {
  /** The clip of another language lies before it, in seconds. */
  readonly from: number;
  readonly speech: readonly Span[];
  /** The clips, and what is heard after each of them. */
  readonly names: readonly string[];
  readonly gaps: readonly string[];
};

const between: Readonly<Record<string, (seconds: number) => Float32Array>> = {
  silence: (seconds) => new Float32Array(seconds * sampleRate),
  noise: (seconds) => noise(seconds).map((value) => 0.03 * value),
  "pink noise": (seconds) => pinkNoise(seconds).map((value) => 0.03 * value),
  chords: (seconds) => atLevel(chords(seconds), -24),
};

/** Writes a WAV of `seconds`, a piece at a time. */
async function make(path: string, seconds: number): Promise<Made> {
  const spoken = clips().filter(({ text, language }) => text !== "" && language === "English");
  const other = await clipSamples(clip("zh-weather").wav);
  const sounds = new Map(
    await Promise.all(spoken.map(async ({ name, wav }) => [name, await clipSamples(wav)] as const)),
  );
  const random = randomNumbers(7);
  const [speech, names, gaps]: [Span[], string[], string[]] = [[], [], []];
  const kinds = Object.keys(between);
  const file = openSync(path, "w");
  const total = seconds * sampleRate;
  writeSync(file, wavHeader(2 * total));
  let at = 0;
  const write = (samples: Float32Array) => {
    const part = Int16Array.from(
      samples.subarray(0, total - at),
      (value) => Math.round(32_767 * Math.max(-1, Math.min(1, value))),
    );
    writeSync(file, part);
    at += part.length;
  };
  write(other);
  write(new Float32Array(3 * sampleRate));
  const from = at / sampleRate;
  for (;;) {
    const { name } = spoken[Math.floor(random() * spoken.length)]!;
    const gapSec = 3 + Math.floor(random() * 10);
    const samples = sounds.get(name)!;
    if (at + samples.length + (gapSec + 2) * sampleRate > total) break;
    write(new Float32Array(sampleRate / 2));
    speech.push({ start: at / sampleRate, end: (at + samples.length) / sampleRate });
    names.push(name);
    write(samples);
    write(new Float32Array(sampleRate / 2));
    const kind = kinds[Math.floor(random() * kinds.length)]!;
    gaps.push(kind);
    write(between[kind]!(gapSec));
  }
  write(new Float32Array(total - at));
  closeSync(file);
  return { from, speech, names, gaps };
}

type Ended = { readonly code: number | null; readonly peakBytes: number; readonly seconds: number };

/** Runs the program; `killAfterMs`: and kills it then. */
async function transcribe(args: readonly string[], home: string, killAfterMs?: number): Promise<Ended> {
  const started = performance.now();
  const child = Bun.spawn([executable(), ...options, ...args], {
    ...{
      cwd: home,
      env: fixedEnvironment(home),
      stdin: "ignore",
      stdout: "ignore",
      stderr: killAfterMs ? "ignore" : "inherit",
    },
  });
  let peakBytes = 0;
  const watch = setInterval(() => peakBytes = Math.max(peakBytes, memoryOf(child.pid, "peak")), 100);
  const kill = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  await child.exited;
  clearInterval(watch);
  clearTimeout(kill);
  return { code: child.exitCode, peakBytes, seconds: (performance.now() - started) / 1000 };
}

const failures: string[] = [];
function check(isRight: boolean, line: string): void {
  console.log(`${isRight ? "ok    " : "FAILED"} ${line}`);
  if (!isRight) failures.push(line);
}

function same(one: string, other: string, what: string): void {
  for (const name of readdirSync(one)) {
    const path = join(other, name);
    check(existsSync(path) && readFileSync(join(one, name)).equals(readFileSync(path)), `${what}: ${name} is the same`);
  }
  const left = readdirSync(other).filter((name) => !existsSync(join(one, name)));
  check(left.length === 0, `${what}: nothing else is left${left.length > 0 ? `: ${left.join(", ")}` : ""}`);
}

type Word = { readonly text: string; readonly start: number; readonly end: number };

function wordsOf(path: string): Word[] {
  const { segments } = JSON.parse(readFileSync(path, "utf8")) as { segments: { words: Word[] }[] };
  return segments.flatMap(({ words }) => words);
}

const plain = (text: string) => text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];

function checkText({ from, speech, names, gaps }: Made, path: string): void {
  const words = wordsOf(path).filter(({ start }) => start >= from);
  const said = new Map(clips().map(({ name, text }) => [name, plain(text)]));
  const expected = names.flatMap((name) => said.get(name)!);
  const [reference, heard] = numbered(expected, words.flatMap(({ text }) => plain(text)));
  const { substitutions, deletions, insertions } = editCounts(reference!, heard!);
  console.log(`       ${names.length} clips, ${expected.length} words`);
  const counts = { missing: deletions, more: insertions, others: substitutions };
  for (const what of ["missing", "more", "others"] as const) {
    const percent = ((100 * counts[what]) / expected.length).toFixed(2);
    check(counts[what] <= wrongMax[what] * expected.length, `${counts[what]} ${what} (${percent} %)`);
  }
  const inNoise = Object.fromEntries(Object.keys(between).map((kind) => [kind, 0]));
  for (const { start, end } of words) {
    const before = speech.findLastIndex((one) => one.start <= start);
    const isNear = [speech[before], speech[before + 1]].some((one) =>
      one && start < one.end + 1 && end > one.start - 1
    );
    if (!isNear) inNoise[gaps[before]!]!++;
  }
  const found = Object.entries(inNoise).map(([kind, count]) => `${count} in ${kind}`).join(", ");
  check(Object.values(inNoise).every((count) => count === 0), `words where nobody speaks: ${found}`);
}

/** On a disk of so many bytes, which then grows. */
async function onFullDisk(wav: string, whole: string, folder: string, home: string): Promise<void> {
  const disk = folderIn(folder, "disk");
  const mount = (...args: string[]) => Bun.spawnSync(["mount", ...args]).exitCode === 0;
  const bytes = readdirSync(whole).reduce((sum, name) => sum + readFileSync(join(whole, name)).length, 0);
  if (!mount("-t", "tmpfs", "-o", `size=${Math.round(bytes / 2)}`, "tmpfs", disk)) {
    return console.log("skipped: a full disk, which needs root to mount one");
  }
  try {
    check((await transcribe(["-o", `${disk}/`, wav], home, 3_600_000)).code === 1, "a full disk: exit 1");
    mount("-o", `remount,size=${4 * bytes}`, disk);
    for (const name of readdirSync(disk)) if (name.includes(".rescued.")) rmSync(join(disk, name));
    check(
      (await transcribe(["-o", `${disk}/`, wav, "--resume"], home)).code === 0,
      "a full disk: exit 0 with more room",
    );
    same(whole, disk, "a full disk");
  } finally {
    Bun.spawnSync(["umount", disk]);
  }
}

const [hours = 3, kills = 10] = process.argv.slice(2).map(Number);
using folder = temporaryFolder();
const home = folderIn(folder.path, "home");
const [wav, shortWav] = ["long.wav", "short.wav"].map((name) => join(folder.path, name)) as [string, string];
const made = await make(wav, 3600 * hours);
await make(shortWav, 600);
const [whole, short, broken] = ["whole", "short", "broken"].map((name) => folderIn(folder.path, name)) as [
  string,
  string,
  string,
];
const few = await transcribe(["-o", `${short}/`, shortWav], home);
const all = await transcribe(["-o", `${whole}/`, wav], home);
check(all.code === 0, `${hours} h in ${all.seconds.toFixed(0)} s`);
const [fewMb, allMb] = [few, all].map(({ peakBytes }) => (peakBytes / 1e6).toFixed(0));
check(all.peakBytes - few.peakBytes <= apartMax, `memory: ${fewMb} MB for ten minutes, ${allMb} MB for all`);
checkText(made, join(whole, "long.json"));

const random = randomNumbers(Date.now() & 0xffff);
for (let kill = 0; kill < kills; kill++) {
  const { code } = await transcribe(
    ["-o", `${broken}/`, "--resume", wav],
    home,
    1000 * (1 + random() * all.seconds / 5),
  );
  if (code !== null) break;
}
check(
  (await transcribe(["-o", `${broken}/`, "--resume", wav], home)).code === 0,
  "killed, then gone on with to the end",
);
same(whole, broken, "killed");
await onFullDisk(wav, whole, folder.path, home);
process.exit(failures.length > 0 ? 1 : 0);
