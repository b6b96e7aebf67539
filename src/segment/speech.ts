/**
 * Shortens long silences before decoding: samples in, the ranges to keep out. Pure, O(samples).
 *
 * Every 10 ms window counts as voice or not by its smoothed level against the recording's own noise floor. Voice stays,
 * with 30 ms around it; of each silence the first 600 ms stay.
 */

import type { Span } from "../units.ts";

const windowSamples = 160;
const smoothing = 0.8;
const floorQuantile = 0.25;
const thresholdOverFloor = 1.8;
const thresholdMin = 0.002;
const thresholdMax = 0.025;
const voiceWindowsMin = 5;
const padWindows = 3;
const silenceWindowsMax = 60;
const pauseWindowsMin = 15;

/** The ranges to keep, in order, neighbours merged. Audio without any gets one range with all of it. */
export function rangesWithoutSilence(samples: Float32Array): Span[] {
  const voice = voiceWindows(samples);
  const ranges: { start: number; end: number }[] = [];
  let silentRun = 0;
  for (let window = 0; window < voice.length; window++) {
    silentRun = voice[window] ? 0 : silentRun + 1;
    if (silentRun > silenceWindowsMax) continue;
    const start = window * windowSamples;
    const end = Math.min(samples.length, start + windowSamples);
    const last = ranges.at(-1);
    if (last && last.end === start) last.end = end;
    else ranges.push({ start, end });
  }
  return ranges;
}

/** The stretches with voice, in order. */
export function voiceRanges(samples: Float32Array): Span[] {
  const voice = voiceWindows(samples);
  const ranges: Span[] = [];
  for (let window = 0; window < voice.length; window++) {
    if (!voice[window]) continue;
    let end = window;
    while (end < voice.length && voice[end]) end++;
    ranges.push({ start: window * windowSamples, end: Math.min(samples.length, end * windowSamples) });
    window = end;
  }
  return ranges;
}

/** Where somebody speaks, in order; pauses too short to matter are part of it. None in silence. */
export function speechRanges(samples: Float32Array): Span[] {
  const voice = voiceWindows(samples);
  const ranges: { start: number; end: number }[] = [];
  for (let window = 0; window < voice.length; window++) {
    if (!voice[window]) continue;
    const start = window * windowSamples;
    const end = Math.min(samples.length, start + windowSamples);
    const last = ranges.at(-1);
    if (last && start - last.end <= pauseWindowsMin * windowSamples) last.end = end;
    else ranges.push({ start, end });
  }
  return ranges;
}

/** The samples of `ranges`, one after the other. */
export function copyRanges(samples: Float32Array, ranges: readonly Span[]): Float32Array {
  const kept = new Float32Array(ranges.reduce((sum, range) => sum + range.end - range.start, 0));
  let position = 0;
  for (const { start, end } of ranges) {
    kept.set(samples.subarray(start, end), position);
    position += end - start;
  }
  return kept;
}

/** 1 for every window that holds voice or lies next to it. */
function voiceWindows(samples: Float32Array): Uint8Array {
  const level = smoothedLevels(samples);
  const sorted = level.slice().sort();
  const floor = sorted[Math.trunc((sorted.length - 1) * floorQuantile)] ?? 0;
  const threshold = Math.min(thresholdMax, Math.max(thresholdMin, floor * thresholdOverFloor));
  const loud = Uint8Array.from(level, (value) => value > threshold ? 1 : 0);
  return padded(withoutShortRuns(loud));
}

/** RMS of each window, smoothed over time, started at the first. */
function smoothedLevels(samples: Float32Array): Float64Array {
  const levels = new Float64Array(Math.ceil(samples.length / windowSamples));
  let smoothed = 0;
  for (let window = 0; window < levels.length; window++) {
    const start = window * windowSamples;
    const level = rms(samples, start, Math.min(samples.length, start + windowSamples));
    smoothed = window === 0 ? level : smoothing * smoothed + (1 - smoothing) * level;
    levels[window] = smoothed;
  }
  return levels;
}

function rms(samples: Float32Array, start: number, end: number): number {
  let energy = 0;
  for (let i = start; i < end; i++) energy += samples[i]! * samples[i]!;
  const level = Math.sqrt(energy / (end - start));
  return Number.isFinite(level) ? level : 0; // One NaN in a float file must not silence all that follows.
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
