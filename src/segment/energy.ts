/**
 * Finds speech by its energy. In: the level of every 10 ms. Out: a map of ranges of samples. Pure, O(length), in steps
 * where the recording is long.
 *
 * Every window of 10 ms counts as voice or not by its smoothed level against the recording's own noise floor; 30 ms
 * around voice count as well. The map of a part uses the same levels, and a floor of its own.
 */

import { levelSamples } from "../audio/level.ts";
import { assert } from "../errors.ts";
import { release } from "../memory.ts";
import { atOnce, type Steps } from "../steps.ts";
import type { Span } from "../units.ts";
import { joinedLength } from "./ranges.ts";
import type { SpeechMap } from "./speech.ts";

const smoothing = 0.8;
const floorQuantile = 0.25;
const thresholdOverFloor = 1.8;
const thresholdMin = 0.002;
const thresholdMax = 0.025;
const voiceWindowsMin = 5;
const padWindows = 3;
/** What is kept of a silence that is shortened. */
export const silenceWindowsMax = 60;
/** Longer pauses part two stretches of speech. */
export const pauseWindowsMin = 15;

export class EnergyMap implements SpeechMap {
  /** None: whatever sounds may be a voice. */
  readonly unvoiced: readonly Span[] = [];
  readonly #levels: Float64Array;
  /** 1 for every window that holds voice or lies next to it. */
  readonly #voice: Uint8Array;

  private constructor(levels: Float64Array, readonly length: number, voice: Uint8Array) {
    this.#levels = levels;
    this.#voice = voice;
  }

  /** `levels` are RMS values, one for every 10 ms begun. */
  static *of(levels: Float64Array, length: number): Steps<EnergyMap> {
    assert(levels.length === Math.ceil(length / levelSamples), `${levels.length} levels of ${length} samples`);
    return new EnergyMap(levels, length, yield* voiceWindows(levels));
  }

  /** The map of `ranges` joined end to end, as if they were a recording of their own. */
  part(ranges: readonly Span[]): EnergyMap {
    const length = joinedLength(ranges);
    const levels = new Float64Array(Math.ceil(length / levelSamples));
    let [index, before] = [0, 0];
    for (let window = 0; window < levels.length; window++) {
      const position = Math.min(window * levelSamples + levelSamples / 2, length - 1);
      while (position - before >= ranges[index]!.end - ranges[index]!.start) {
        before += ranges[index]!.end - ranges[index]!.start;
        index++;
      }
      levels[window] = this.#levels[Math.floor((ranges[index]!.start + position - before) / levelSamples)]!;
    }
    return atOnce(EnergyMap.of(levels, length));
  }

  /** The stretches with voice, in order. */
  get voice(): Span[] {
    return this.#ranges(1);
  }

  /** Where somebody speaks, in order; pauses too short to matter are part of it. None in silence. */
  get speech(): Span[] {
    return this.#ranges(pauseWindowsMin + 1);
  }

  /** What stays when long silences are shortened: voice, and of each silence the first 600 ms. */
  get withoutSilence(): Span[] {
    const kept = new Uint8Array(this.#voice.length);
    let silentRun = 0;
    for (let window = 0; window < kept.length; window++) {
      silentRun = this.#voice[window] ? 0 : silentRun + 1;
      kept[window] = silentRun > silenceWindowsMax ? 0 : 1;
    }
    return rangesOf(kept, 1, this.length);
  }

  /** Levels say nothing of how likely it is. */
  noSpeech(): undefined {
    return undefined;
  }

  evidence(): "unknown" {
    return "unknown";
  }

  withoutSilentEnds(range: Span): Span {
    return range;
  }

  #ranges(gapWindows: number): Span[] {
    return rangesOf(this.#voice, gapWindows, this.length);
  }
}

/** Runs of ones as samples; runs less than `gapWindows` apart are one. A window is a level's 10 ms. */
export function rangesOf(windows: Uint8Array, gapWindows: number, length: number): Span[] {
  const ranges: { start: number; end: number }[] = [];
  for (let window = 0; window < windows.length; window++) {
    if (!windows[window]) continue;
    const start = window * levelSamples;
    const end = Math.min(length, start + levelSamples);
    const last = ranges.at(-1);
    if (last && start - last.end < gapWindows * levelSamples) last.end = end;
    else ranges.push({ start, end });
  }
  return ranges;
}

function* voiceWindows(levels: Float64Array): Steps<Uint8Array> {
  const smooth = yield* smoothed(levels);
  const floor = yield* quantileOf(smooth, floorQuantile);
  const threshold = Math.min(thresholdMax, Math.max(thresholdMin, floor * thresholdOverFloor));
  const loud = new Uint8Array(smooth.length);
  yield* inPieces(loud.length, (from, to) => {
    for (let window = from; window < to; window++) loud[window] = smooth[window]! > threshold ? 1 : 0;
  });
  release(smooth);
  const long = withoutShortRuns(loud);
  release(loud);
  yield;
  const voice = padded(long);
  release(long);
  yield;
  return voice;
}

/** Windows of a step: some milliseconds. */
const pieceWindows = 2 ** 16;

/** Does work on so many windows in order, a piece after the other. */
export function* inPieces(length: number, work: (from: number, to: number) => void): Steps<void> {
  for (let from = 0; from < length; from += pieceWindows) {
    work(from, Math.min(length, from + pieceWindows));
    yield;
  }
}

/**
 * The value that this share of all stays below; 0 of none. None may be negative: then their order is that of their
 * bits, of which sixteen at a time are found, from the highest on, by counting.
 */
export function* quantileOf(values: Float64Array, share: number): Steps<number> {
  if (values.length === 0) return 0;
  const words = new Uint16Array(values.buffer, values.byteOffset, wordsOfValue * values.length);
  const found = new Uint16Array(wordsOfValue);
  let rank = Math.trunc((values.length - 1) * share);
  for (let place = wordsOfValue - 1; place >= 0; place--) {
    const counts = new Uint32Array(2 ** 16);
    yield* inPieces(values.length, (from, to) => countWords(words, from, to, found, place, counts));
    let word = 0;
    while (rank >= counts[word]!) rank -= counts[word++]!;
    found[place] = word;
  }
  return new Float64Array(found.buffer)[0]!;
}

const wordsOfValue = 4;

/** Counts the words at this place of the values that have those found above it; the last word is the highest. */
function countWords(
  words: Uint16Array,
  from: number,
  to: number,
  found: Uint16Array,
  place: number,
  counts: Uint32Array,
): void {
  for (let value = from; value < to; value++) {
    const first = wordsOfValue * value;
    let above = wordsOfValue - 1;
    while (above > place && words[first + above] === found[above]) above--;
    if (above === place) counts[words[first + place]!]!++;
  }
}

/** Levels smoothed over time, started at the first. */
export function* smoothed(levels: Float64Array): Steps<Float64Array> {
  const smooth = new Float64Array(levels.length);
  let last = levels[0] ?? 0;
  yield* inPieces(levels.length, (from, to) => {
    for (let window = from; window < to; window++) {
      if (window > 0) last = smoothing * last + (1 - smoothing) * levels[window]!;
      smooth[window] = last;
    }
  });
  return smooth;
}

/** Clears runs too short to be speech: clicks. */
function withoutShortRuns(loud: Uint8Array): Uint8Array {
  const kept = loud.slice();
  for (let start = 0; start < kept.length; start++) {
    if (!kept[start]) continue;
    let end = start;
    while (end < kept.length && kept[end]) end++;
    if (end - start < voiceWindowsMin) kept.fill(0, start, end);
    start = end;
  }
  return kept;
}

/** Widens every run by `padWindows` on both sides, so that soft onsets and endings stay. */
function padded(voice: Uint8Array): Uint8Array {
  const wide = voice.slice();
  for (let window = 0; window < voice.length; window++) {
    if (voice[window]) wide.fill(1, Math.max(0, window - padWindows), Math.min(voice.length, window + padWindows + 1));
  }
  return wide;
}
