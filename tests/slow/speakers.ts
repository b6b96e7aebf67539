/**
 * How well speakers are told apart, through the executable, on conversations made of clips.
 *
 * usage: bun tests/slow/speakers.ts [mixtures|long|alone|nobody|words ...] [--voices FOLDER]
 *        [--clips FOLDER] [--minutes N] [--hours N] [--seeds N] [--model DIR] [--dump FOLDER]
 *
 * --voices: a folder with a folder for each voice, of WAV files at 16 kHz; by default, voices of the fixtures' clips.
 * --clips: WAV files in which one person speaks each, beside the fixtures'. Without words, all parts are run.
 *
 * mixtures: 2, 3, 5 and 8 voices as far as there are, with and without overlap: diarization error rate without a collar
 *   at most 12 % on average, the number of speakers right in nine of ten.
 * long: one of --hours: every voice keeps its label, no label is of two voices, memory as for ten minutes.
 * alone: each clip, clips repeated to ten minutes, quiet and noisy ones have one speaker; made into whispers, which
 *   often are no voice to any detector, they have no more than one. So has each voice that speaks for --minutes, also
 *   where every half minute is quiet, by telephone, far away, or as it was.
 * nobody: noise, silence, tones, chords have none.
 * words: of words that are heard as they were said, nineteen of twenty have the right speaker, where nobody overlaps.
 *
 * Exit 1 where that does not hold.
 */

import { closeSync, mkdirSync, openSync, readdirSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { wavHeader } from "../../src/audio/wav_header.ts";
import { diarizationRate, diarizationScore } from "../../src/eval/diarization.ts";
import { atLevel, levelOf, mixed, noise, noVoices, pinkNoise } from "../../src/segment/sounds_fixture.ts";
import type { SpeakerTurn } from "../../src/speakers/turns.ts";
import { sampleRate } from "../../src/units.ts";
import { clip, hasClip } from "../fixtures.ts";
import { executable, fixedEnvironment, temporaryFolder } from "../harness.ts";
import { clipSamples, native } from "../native.ts";
import * as mixtures from "../support/mixtures.ts";
import { memoryOf, processorMsOf } from "../support/process_memory.ts";

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    voices: { type: "string" },
    clips: { type: "string" },
    minutes: { type: "string", default: "10" },
    hours: { type: "string", default: "2" },
    seeds: { type: "string", default: "1" },
    model: { type: "string", default: "demo" },
    dump: { type: "string" },
  },
});

/** Whose the fixtures' clips are. */
const voicesOfClips = {
  rms: ["en-45s", "en-digits"],
  slt: ["en-weather", "en-short"],
  awb: ["en-120s", "en-names"],
  mandarin: ["zh-30s", "zh-weather"],
};
const detector = native().openVad();
const folder = temporaryFolder();
let failures = 0;

function expectThat(isTrue: boolean, what: string): void {
  if (isTrue) return;
  failures++;
  console.log(`WRONG: ${what}`);
}

type Word = { readonly text: string; readonly speaker?: string };
type Run = {
  readonly turns: readonly SpeakerTurn[];
  readonly words: readonly Word[];
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
};

async function transcribe(path: string, count = "auto"): Promise<Run> {
  const args = ["-d", values.model, "--silent", "--speakers", count, "-f", "json", path];
  const started = performance.now();
  const child = Bun.spawn([executable(), ...args], {
    ...{ env: fixedEnvironment(folder.path), stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  });
  let [peakBytes, cpuMs] = [0, 0];
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, memoryOf(child.pid, "peak"));
    cpuMs = Math.max(cpuMs, processorMsOf(child.pid));
  }, 100);
  const text = await new Response(child.stdout).text();
  const code = await child.exited;
  clearInterval(timer);
  if (code !== 0) throw new Error(`${args.join(" ")}: exit code ${code}`);
  const json = JSON.parse(text);
  const turns = json.turns.map(({ speaker, start, end }: { speaker: string; start: number; end: number }) => {
    return { speaker, startMs: 1000 * start, endMs: 1000 * end };
  });
  const words = json.segments.flatMap((segment: { words?: Word[] }) => segment.words ?? []);
  return { turns, words, peakBytes, seconds: (performance.now() - started) / 1000, cpuSeconds: cpuMs / 1000 };
}

/** In blocks: hours are more than fits into memory at once. */
function writeWav(name: string, length: number, read: (start: number, end: number) => Float32Array): string {
  const path = join(values.dump ?? folder.path, `${name}.wav`);
  const file = openSync(path, "w");
  writeSync(file, wavHeader(2 * length));
  for (let at = 0; at < length; at += 60 * sampleRate) {
    const samples = read(at, Math.min(length, at + 60 * sampleRate));
    const rounded = Int16Array.from(samples, (one) => Math.max(-32_768, Math.min(32_767, Math.round(one * 32_768))));
    writeSync(file, rounded);
  }
  closeSync(file);
  return path;
}

function writeMixture(name: string, mixture: mixtures.Mixture): string {
  return writeWav(name, mixture.length, (start, end) => mixtures.render(mixture, start, end));
}

function writeSamples(name: string, samples: Float32Array): string {
  return writeWav(name, samples.length, (start, end) => samples.subarray(start, end));
}

function wavsIn(path: string): string[] {
  return readdirSync(path).filter((name) => name.endsWith(".wav")).toSorted().map((name) => join(path, name));
}

async function voices(): Promise<mixtures.Voice[]> {
  const speechOf = (samples: Float32Array) => mixtures.speechOf(native().vadRun(detector, samples, true), 512);
  const clips = values.voices === undefined
    ? Object.entries(voicesOfClips).map(([name, all]) => ({
      name,
      paths: all.filter(hasClip).map((one) => clip(one).wav),
    })).filter(({ paths }) => paths.length > 0)
    : readdirSync(values.voices).toSorted().map((name) => ({ name, paths: wavsIn(join(values.voices!, name)) }));
  const found: mixtures.Voice[] = [];
  for (const { name, paths } of clips) {
    found.push(mixtures.voiceOf(name, await Promise.all(paths.slice(0, 100).map(clipSamples)), speechOf));
  }
  return found;
}

function rotated<T>(all: readonly T[], by: number): T[] {
  return [...all.slice(by % all.length), ...all.slice(0, by % all.length)];
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`.padStart(8);

async function checkMixtures(all: readonly mixtures.Voice[]): Promise<void> {
  console.log("voices  overlap  seed  found      DER   missed    false confused  seconds  processor");
  const rates: number[] = [];
  let right = 0;
  for (const count of [2, 3, 5, 8].filter((one) => one <= all.length)) {
    for (const hasOverlap of [false, true]) {
      for (let seed = 1; seed <= Number(values.seeds); seed++) {
        const own = rotated(all, rates.length).slice(0, count);
        const options = { voices: own, seconds: 60 * Number(values.minutes), hasOverlap, seed: 1000 * seed + count };
        const mixture = mixtures.planMixture(options);
        const run = await transcribe(writeMixture(`${count}-${hasOverlap}-${seed}`, mixture));
        const score = diarizationScore(mixture.turns, run.turns, 0);
        const { missed, falseAlarm, confused, total, speakers } = score;
        const rate = diarizationRate(score)!;
        rates.push(rate);
        if (speakers.hypothesis === count) right++;
        const cells = [rate, missed / total, falseAlarm / total, confused / total].map(percent).join(" ");
        const head = `${count}       ${hasOverlap ? "yes" : "no "}      ${seed}     ${speakers.hypothesis}     `;
        console.log(`${head} ${cells} ${run.seconds.toFixed(1).padStart(8)} ${run.cpuSeconds.toFixed(1).padStart(10)}`);
      }
    }
  }
  const mean = rates.reduce((sum, one) => sum + one, 0) / rates.length;
  console.log(`mean DER ${percent(mean).trim()}; the number of speakers is right in ${right} of ${rates.length}`);
  expectThat(mean <= 0.12, "the mean is over 12 %");
  expectThat(right >= 0.9 * rates.length, "the number is wrong in more than one of ten");
}

/** Milliseconds that each voice and each label have in common. */
function commonTimes(truth: readonly SpeakerTurn[], found: readonly SpeakerTurn[]): Map<string, Map<string, number>> {
  const times = new Map<string, Map<string, number>>();
  const sorted = found.toSorted((a, b) => a.startMs - b.startMs);
  const longest = Math.max(0, ...sorted.map(({ startMs, endMs }) => endMs - startMs));
  let first = 0;
  for (const { speaker, startMs, endMs } of truth) {
    const own = times.get(speaker) ?? new Map<string, number>();
    times.set(speaker, own);
    while (first < sorted.length && sorted[first]!.startMs < startMs - longest) first++;
    for (let at = first; at < sorted.length && sorted[at]!.startMs < endMs; at++) {
      const both = Math.min(endMs, sorted[at]!.endMs) - Math.max(startMs, sorted[at]!.startMs);
      if (both > 0) own.set(sorted[at]!.speaker, (own.get(sorted[at]!.speaker) ?? 0) + both);
    }
  }
  return times;
}

async function checkLong(all: readonly mixtures.Voice[]): Promise<void> {
  const own = all.slice(0, 5);
  const plan = (seconds: number) => mixtures.planMixture({ voices: own, seconds, hasOverlap: false, seed: 77 });
  const short = await transcribe(writeMixture("short", plan(600)));
  const mixture = plan(3600 * Number(values.hours));
  const run = await transcribe(writeMixture("long", mixture));
  const score = diarizationScore(mixture.turns, run.turns, 0);
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  const { hypothesis } = score.speakers;
  console.log(
    `\n${values.hours} h of ${own.length} voices: ${hypothesis} found, DER ${percent(diarizationRate(score)!)}`,
  );
  console.log(
    `${run.seconds.toFixed(0)} s, ${run.cpuSeconds.toFixed(0)} s of processor time, at most ` +
      `${mb(run.peakBytes)}; ten minutes: ${short.seconds.toFixed(0)} s, ${mb(short.peakBytes)}`,
  );
  expectThat(run.peakBytes - short.peakBytes <= 80e6, "hours need over 80 MB more than ten minutes");
  const main = new Map<string, string>();
  for (const [voice, labels] of commonTimes(mixture.turns, run.turns)) {
    const sum = labels.values().reduce((before, one) => before + one, 0);
    const [label, ms] = [...labels].toSorted((a, b) => b[1] - a[1])[0] ?? ["none", 0];
    console.log(`  ${voice.padEnd(16)} ${label}: ${percent(ms / sum)} of its time`);
    expectThat(!main.has(label), `${label} is of ${main.get(label)} and ${voice}`);
    expectThat(ms >= 0.9 * sum, `${voice} has other labels for a tenth of its time`);
    main.set(label, voice);
  }
}

/** Bands of noise that are as loud as those of the voice: nothing of its pitch is left. */
function whispered(samples: Float32Array): Float32Array {
  const hiss = noise(samples.length / sampleRate, 0, 9);
  const sum = new Float32Array(samples.length);
  for (let hertz = 150; hertz < 7000; hertz *= 1.18) {
    const [voice, breath] = [samples, hiss].map((one) => bandOf(one, hertz));
    let level = 0;
    for (let at = 0; at < sum.length; at++) {
      level += 0.01 * (Math.abs(voice![at]!) - level);
      sum[at]! += level * (breath![at] ?? 0);
    }
  }
  return atLevel(sum, 20 * Math.log10(levelOf(samples)) - 6);
}

/** A resonance a sixth of its frequency wide. */
function bandOf(samples: Float32Array, hertz: number): Float32Array {
  const angle = 2 * Math.PI * hertz / sampleRate;
  const alpha = Math.sin(angle) / 12;
  let [x1, x2, y1, y2] = [0, 0, 0, 0];
  return samples.map((x) => {
    const y = (alpha * (x - x2) + 2 * Math.cos(angle) * y1 - (1 - alpha) * y2) / (1 + alpha);
    [x2, x1, y2, y1] = [x1, x, y1, y];
    return y;
  });
}

/** Of the telephone's band alone: 300 to 3400 Hz. */
function telephoned(samples: Float32Array): Float32Array {
  return passed(passed(samples, 300, true), 3400, false);
}

/** A second-order filter, for what is above or below so many hertz. */
function passed(samples: Float32Array, hertz: number, isAbove: boolean): Float32Array {
  const angle = 2 * Math.PI * hertz / sampleRate;
  const [alpha, cosine] = [Math.sin(angle) * Math.SQRT1_2, Math.cos(angle)];
  const [outer, middle] = isAbove ? [(1 + cosine) / 2, -(1 + cosine)] : [(1 - cosine) / 2, 1 - cosine];
  let [x1, x2, y1, y2] = [0, 0, 0, 0];
  return samples.map((x) => {
    const y = (outer * (x + x2) + middle * x1 + 2 * cosine * y1 - (1 - alpha) * y2) / (1 + alpha);
    [x2, x1, y2, y1] = [x1, x, y1, y];
    return y;
  });
}

/** From the other end of a room: softer, dull, with echoes of a fifth of a second. */
function farAway(samples: Float32Array): Float32Array {
  const echoes = [[0, 0.4], [13, 0.25], [29, -0.2], [47, 0.17], [71, -0.13], [103, 0.1], [149, 0.07], [199, -0.05]];
  const dull = passed(samples, 4500, false);
  return dull.map((_, at) => echoes.reduce((sum, [ms, gain]) => sum + gain! * (dull[at - ms! * 16] ?? 0), 0));
}

const changes = [(one: Float32Array) => one, (one: Float32Array) => one.map((x) => x / 10), telephoned, farAway];

/** Of each voice for itself: labels of a recording of it, and of one whose sound changes. */
async function checkVoicesAlone(check: (name: string, path: string) => Promise<void>): Promise<void> {
  for (const voice of await voices()) {
    const seconds = 60 * Number(values.minutes);
    const mixture = mixtures.planMixture({ voices: [voice], seconds, hasOverlap: false, seed: 31 });
    await check(`${voice.name} for ${values.minutes} min`, writeMixture("alone", mixture));
    const block = 30 * sampleRate;
    const changed = writeWav("changed", mixture.length, (start, end) => {
      const samples = new Float32Array(end - start);
      for (let at = start; at < end; at += block) {
        const part = mixtures.render(mixture, at, Math.min(end, at + block));
        samples.set(changes[Math.round(at / block) % changes.length]!(part), at - start);
      }
      return samples;
    });
    await check(`${voice.name} for ${values.minutes} min, near, quiet, by telephone and far`, changed);
  }
}

async function checkAlone(): Promise<void> {
  const names = [...new Set(Object.values(voicesOfClips).flat())].filter(hasClip);
  const wordClips = [1, 2, 4, 5, 7].map((one) => `words-en-${one}`).concat([0, 3, 6].map((one) => `words-zh-${one}`));
  const paths = [...names, ...wordClips.filter(hasClip)].map((name) => clip(name).wav);
  if (values.clips !== undefined) paths.push(...wavsIn(values.clips));
  const wrong: string[] = [];
  let checked = 0;
  const check = async (name: string, path: string, least = 1) => {
    const labels = new Set((await transcribe(path)).turns.map(({ speaker }) => speaker));
    checked++;
    if (labels.size > 1 || labels.size < least) wrong.push(`${name}: ${labels.size}`);
  };
  for (const [index, path] of paths.entries()) {
    const samples = await clipSamples(path);
    const level = 20 * Math.log10(levelOf(samples));
    const name = basename(path, ".wav");
    await check(name, path);
    await check(`${name}, 30 dB quieter`, writeSamples("quiet", atLevel(samples, level - 30)));
    for (const [what, sound] of [["white", noise(7, 0, 3)], ["pink", pinkNoise(7, 3)]] as const) {
      const noisy = mixed(samples, atLevel(sound, level - 10));
      await check(`${name}, ${what} noise 10 dB below`, writeSamples("noisy", noisy));
    }
    await check(`${name}, whispered`, writeSamples("whispered", whispered(samples)), 0);
    if (index % 8 > 0) continue;
    const repeated = writeWav("repeated", 600 * sampleRate, (start, end) => {
      return Float32Array.from({ length: end - start }, (_, at) => samples[(start + at) % samples.length]!);
    });
    await check(`${name}, repeated to ten minutes`, repeated);
  }
  await checkVoicesAlone(check);
  console.log(`\none voice: ${checked - wrong.length} of ${checked} clips and versions of them have no other number`);
  for (const one of wrong) console.log(`  ${one}`);
  expectThat(wrong.length === 0, "one voice is no or several speakers");
}

async function checkNobody(): Promise<void> {
  const wrong: string[] = [];
  for (const [name, samples] of Object.entries(noVoices)) {
    const { turns } = await transcribe(writeSamples("nobody", samples));
    if (turns.length > 0) wrong.push(name);
  }
  console.log(`\nnobody: ${Object.keys(noVoices).length - wrong.length} of ${Object.keys(noVoices).length} sounds`);
  for (const one of wrong) console.log(`  ${one}`);
  expectThat(wrong.length === 0, "sounds without a voice have speakers");
}

/** English sentences of the fixtures' clips, whose text the nano model knows. */
async function sentenceVoices(): Promise<mixtures.Voice[]> {
  const found: mixtures.Voice[] = [];
  for (const [name, clips] of Object.entries(voicesOfClips)) {
    const pieces = [];
    for (const one of clips.filter((own) => own.startsWith("en-") && hasClip(own)).map(clip)) {
      pieces.push(...mixtures.sentencePieces(await clipSamples(one.wav), one.sentences));
    }
    if (pieces.length > 0) found.push({ name, pieces });
  }
  return found;
}

type SpokenWord = { readonly text: string; readonly speaker: string };

const wordsOf = (text: string) => text.toLowerCase().split(/[^\p{L}\p{N}']+/u).filter((word) => word !== "");

/** Pairs of equal words on a longest common subsequence. */
function commonWords(a: readonly SpokenWord[], b: readonly SpokenWord[]): [SpokenWord, SpokenWord][] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Int32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i]![j] = a[i]!.text === b[j]!.text
        ? lengths[i + 1]![j + 1]! + 1
        : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  const pairs: [SpokenWord, SpokenWord][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i]!.text === b[j]!.text) pairs.push([a[i++]!, b[j++]!]);
    else if (lengths[i + 1]![j]! >= lengths[i]![j + 1]!) i++;
    else j++;
  }
  return pairs;
}

async function checkWords(): Promise<void> {
  const all = await sentenceVoices();
  let [right, heard, said] = [0, 0, 0];
  const rates: number[] = [];
  for (let seed = 1; seed <= Math.max(3, Number(values.seeds)); seed++) {
    const mixture = mixtures.planMixture({ voices: all, seconds: 300, hasOverlap: false, seed });
    const run = await transcribe(writeMixture(`words-${seed}`, mixture));
    const score = diarizationScore(mixture.turns, run.turns, 0);
    rates.push(diarizationRate(score)!);
    const nameOf = score.pairs;
    const truth = mixture.placed.flatMap(({ speaker, piece }) =>
      wordsOf(piece.text!).map((text) => ({ text, speaker }))
    );
    const found = run.words.flatMap(({ text, speaker = "" }) =>
      wordsOf(text).map((one) => ({ text: one, speaker: nameOf.get(speaker) ?? "" }))
    );
    const pairs = commonWords(truth, found);
    right += pairs.filter(([one, other]) => one.speaker === other.speaker).length;
    heard += pairs.length;
    said += truth.length;
  }
  const share = right / heard;
  console.log(
    `\nwords: ${said} said, ${heard} heard as they were, ${percent(share).trim()} of these by the right speaker`,
  );
  console.log(`  DER of these conversations: ${rates.map((rate) => percent(rate).trim()).join(", ")}`);
  expectThat(heard >= 0.6 * said, "too few words are heard to judge");
  expectThat(share >= 0.95, "fewer than nineteen of twenty words have the right speaker");
}

if (values.dump !== undefined) mkdirSync(values.dump, { recursive: true });
const parts = positionals.length > 0 ? positionals : ["mixtures", "long", "alone", "nobody", "words"];
try {
  const needsVoices = parts.includes("mixtures") || parts.includes("long");
  const all = needsVoices ? await voices() : [];
  if (parts.includes("mixtures")) await checkMixtures(all);
  if (parts.includes("long")) await checkLong(all);
  if (parts.includes("alone")) await checkAlone();
  if (parts.includes("nobody")) await checkNobody();
  if (parts.includes("words")) await checkWords();
} finally {
  folder[Symbol.dispose]();
}
process.exitCode = failures > 0 ? 1 : 0;
