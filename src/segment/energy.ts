/**
 * Finds speech by its energy. In: the level of every 10 ms. Out: a map of ranges of samples. Pure, O(length).
 *
 * Every window of 10 ms counts as voice or not by its smoothed level against the recording's own noise floor; 30 ms
 * around voice count as well. The map of a part uses the same levels, and a floor of its own.
 */

import { levelSamples } from "../audio/level.ts";
import { assert } from "../errors.ts";
import { release } from "../memory.ts";
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

  /** `levels` are RMS values, one for every 10 ms begun. */
  constructor(levels: Float64Array, readonly length: number) {
    assert(levels.length === Math.ceil(length / levelSamples), `${levels.length} levels of ${length} samples`);
    this.#levels = levels;
    this.#voice = voiceWindows(levels);
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
    return new EnergyMap(levels, length);
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

function voiceWindows(levels: Float64Array): Uint8Array {
  const smooth = smoothed(levels);
  const floor = quantileOf(smooth, floorQuantile);
  const threshold = Math.min(thresholdMax, Math.max(thresholdMin, floor * thresholdOverFloor));
  const loud = new Uint8Array(smooth.length);
  for (let window = 0; window < loud.length; window++) loud[window] = smooth[window]! > threshold ? 1 : 0;
  release(smooth);
  const long = withoutShortRuns(loud);
  release(loud);
  const voice = padded(long);
  release(long);
  return voice;
}

/** The value that this share of all stays below; 0 of none. */
export function quantileOf(values: Float64Array, share: number): number {
  const sorted = values.slice().sort();
  const value = sorted[Math.trunc((sorted.length - 1) * share)] ?? 0;
  release(sorted);
  return value;
}

/** Levels smoothed over time, started at the first. */
export function smoothed(levels: Float64Array): Float64Array {
  let last = levels[0] ?? 0;
  return levels.map((level, window) => last = window === 0 ? level : smoothing * last + (1 - smoothing) * level);
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
