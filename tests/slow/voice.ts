/**
 * How far the rule of src/segment/has_voice.ts is from mistakes: `bun tests/slow/voice.ts`.
 *
 * In: every clip of the fixtures ($QWEN_ASR_FIXTURES, `real` included where it is there), as it is, 30 dB quieter, and
 * with noise below it; and made sounds without a voice at several levels. Out: for each its distance from the
 * threshold in dB, the smallest first, and the time it takes. Exit 1 if speech counts as noise or noise as speech, by
 * the spectrum alone (--vad energy) or with the detector's evidence, or if a frame of speech is left out of a segment
 * as noise (src/segment/spoken_parts.ts).
 */

import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { Glob } from "bun";
import { readAudio } from "../../src/audio/input.ts";
import { atLevel, changingSounds, hum, levelOf, mixed } from "../../src/segment/sounds_fixture.ts";
import { noise, noVoices, pinkNoise } from "../../src/segment/sounds_fixture.ts";
import { isSpoken, movesMinDb, SpectralJudge } from "../../src/segment/has_voice.ts";
import { sampleRate } from "../../src/units.ts";
import { spokenParts } from "../../src/segment/spoken_parts.ts";
import { unvoicedRanges, VoiceDoubt, type VoiceEvidence } from "../../src/segment/voice.ts";
import { fixturesRoot } from "../fixtures.ts";
import { native } from "../native.ts";

type Judged = {
  readonly name: string;
  readonly movesDb: number;
  readonly hasVoice: Record<"energy" | "neural", boolean>;
  /** Frames that are speech in the clip as it is, and are left out of this. */
  readonly lostFrames: number;
};

const frameSamples = 512;
const shownMax = 12;
const detector = native().openVad();
const spent = { ms: 0, seconds: 0 };

/** `clean`: of the same sound as it is. */
function judge(name: string, samples: Float32Array, clean?: Float32Array): Judged {
  const judge = new SpectralJudge();
  const started = performance.now();
  judge.push(samples);
  const { movesDb } = judge;
  const probabilities = native().vadRun(detector, samples, true);
  const evidence = evidenceOf(probabilities);
  const hasVoice = { energy: isSpoken("unknown", judge), neural: isSpoken(evidence, judge) };
  spent.ms += performance.now() - started;
  spent.seconds += samples.length / sampleRate;
  return { name, movesDb, hasVoice, lostFrames: clean ? lostOf(samples, probabilities, clean) : 0 };
}

/** The detector's. */
function evidenceOf(probabilities: Float32Array): VoiceEvidence {
  const doubt = new VoiceDoubt();
  for (const probability of probabilities) doubt.push(probability);
  return doubt.evidence;
}

function lostOf(samples: Float32Array, probabilities: Float32Array, clean: Float32Array): number {
  const unvoiced = unvoicedRanges(probabilities, frameSamples, samples.length);
  const parts = spokenParts(samples, 0, unvoiced, () => new SpectralJudge());
  const isHeard = (at: number) => parts.some(({ start, end }) => start <= at && at + frameSamples <= end);
  const speech = clean.keys().filter((frame) => clean[frame]! >= 0.5 && (frame + 1) * frameSamples <= samples.length);
  return [...speech].filter((frame) => !isHeard(frame * frameSamples)).length;
}

/** Clips with speech, singing or music. */
async function voices(): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  for (const folder of ["audio", "real"].map((name) => join(fixturesRoot(), name)).filter(existsSync)) {
    for (const file of [...new Glob("**/*.wav").scanSync({ cwd: folder })].sort()) {
      if (/noise|silence/.test(file)) continue;
      const audio = await readAudio({ kind: "file", path: join(folder, file) });
      found.set(relative(fixturesRoot(), join(folder, file)), await audio.read(0, audio.length));
      await audio.close();
    }
  }
  return found;
}

/** The clip in each of the ways that must not cost a word. */
function* variants(name: string, samples: Float32Array): Generator<Judged> {
  const level = 20 * Math.log10(levelOf(samples));
  const below = (decibels: number, background: Float32Array) => mixed(samples, atLevel(background, level - decibels));
  const clean = native().vadRun(detector, samples, true);
  yield judge(name, samples, clean);
  yield judge(`${name}, 30 dB quieter`, atLevel(samples, level - 30), clean);
  yield judge(`${name}, white noise 10 dB below`, below(10, noise(7, 0, 3)), clean);
  yield judge(`${name}, pink noise 10 dB below`, below(10, pinkNoise(7, 3)), clean);
  yield judge(`${name}, brown noise 10 dB below`, below(10, noise(7, 0.999, 3)), clean);
  yield judge(`${name}, hum 10 dB below`, below(10, hum(7, 50, 20)), clean);
  yield judge(`${name}, quieter, with noise`, atLevel(below(10, noise(7, 0, 4)), level - 30), clean);
}

function show(title: string, all: readonly Judged[]): void {
  console.log(`\n${title}: ${all.length}`);
  const near = all.toSorted((a, b) => Math.abs(a.movesDb - movesMinDb) - Math.abs(b.movesDb - movesMinDb));
  for (const { name, movesDb } of near.slice(0, shownMax)) {
    console.log(`  ${(movesDb - movesMinDb).toFixed(2).padStart(6)} dB  ${name}`);
  }
}

const spoken: Judged[] = [];
for (const [name, samples] of await voices()) spoken.push(...variants(name, samples));
const unspoken = Object.entries(noVoices).flatMap(([name, samples]) => [
  judge(name, samples),
  ...[-12, -30, -45, -60].map((level) => judge(`${name} at ${level} dB`, atLevel(samples, level))),
]);
/** By the spectrum alone, these are voices. */
const changing = Object.entries(changingSounds).flatMap(([name, samples]) => [
  judge(name, samples),
  ...[-12, -30, -45].map((level) => judge(`${name} at ${level} dB`, atLevel(samples, level))),
]);
show("With a voice", spoken);
show("Without", unspoken);
show("Music and the like", changing);
console.log(`\n${(spent.ms / spent.seconds).toFixed(2)} ms for a second of audio, all of it read`);
for (const vad of ["energy", "neural"] as const) {
  const silent = vad === "neural" ? [...unspoken, ...changing] : unspoken;
  const wrong = [...spoken.filter((one) => !one.hasVoice[vad]), ...silent.filter((one) => one.hasVoice[vad])];
  for (const { name } of wrong) console.log(`WRONG by --vad ${vad}: ${name}`);
  if (wrong.length > 0) process.exitCode = 1;
}
for (const { name, lostFrames } of spoken.filter((one) => one.lostFrames > 0)) {
  console.log(`LOST: ${lostFrames} frames of speech in ${name}`);
  process.exitCode = 1;
}
