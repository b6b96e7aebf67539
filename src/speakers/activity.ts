/**
 * Who of a window's own speakers is active when, and where one of them speaks alone. In: the segmentation's
 * log-probabilities. Out: a set of speakers per frame; ranges of samples to embed. Pure.
 *
 * A window knows its speakers by number only: its speaker 1 is nobody in particular in the next.
 */

import { assert } from "../errors.ts";
import { sampleRate, type Span } from "../units.ts";
import { classesCount, frameCentre, frameStep, windowFrames, windowSamples } from "./networks.ts";

/** A window has at most so many speakers. */
export const localsMax = 3;

/** The sets that the classes stand for, as bits. */
const classSets = [0b000, 0b001, 0b010, 0b100, 0b011, 0b101, 0b110];

/** The likeliest set of speakers of each frame: u8[589], bit k for speaker k. */
export function activityOf(logprobs: Float32Array): Uint8Array {
  assert(logprobs.length === windowFrames * classesCount, `${logprobs.length} log-probabilities in a window`);
  return Uint8Array.from({ length: windowFrames }, (_, frame) => {
    const from = frame * classesCount;
    let best = 0;
    for (let one = 1; one < classesCount; one++) if (logprobs[from + one]! > logprobs[from + best]!) best = one;
    return classSets[best]!;
  });
}

/** Where the starts of windows are, `step` samples apart, so that the last one reaches the end. */
export function windowStarts(length: number, step: number): number[] {
  if (length === 0) return [];
  const last = Math.max(0, Math.ceil((length - windowSamples) / step));
  return Array.from({ length: last + 1 }, (_, index) => index * step);
}

/** How a window's speaker is heard. */
export type LocalVoice = {
  readonly local: number;
  /** What of the window is to be embedded, in order. */
  readonly spans: readonly Span[];
  /** The length of the spans together. */
  readonly seconds: number;
  /** Somebody else speaks in them, too. */
  readonly isMixed: boolean;
};

export type EmbedRules = {
  /** More than this of a voice in one window tells little more. */
  readonly secondsMax: number;
  /** A voice that is alone for less is embedded with the frames that it shares. */
  readonly aloneSecondsMin: number;
  /** A voice of less than this is not embedded. */
  readonly secondsMin: number;
};

/** The voices of a window that can be told from others. `length`: samples of it that are not filled up. */
export function localVoices(activity: Uint8Array, length: number, rules: EmbedRules): LocalVoice[] {
  return Array.from({ length: localsMax }, (_, local) => local).flatMap((local) => {
    const alone = runs(activity, (set) => set === 1 << local, length);
    const isMixed = secondsOf(alone) < rules.aloneSecondsMin;
    const all = isMixed ? runs(activity, (set) => (set & 1 << local) !== 0, length) : alone;
    const spans = longest(all, Math.round(rules.secondsMax * sampleRate));
    const seconds = secondsOf(spans);
    return seconds < rules.secondsMin ? [] : [{ local, spans, seconds, isMixed }];
  });
}

/** Ranges of samples whose frames satisfy `is`. */
function runs(activity: Uint8Array, is: (set: number) => boolean, length: number): Span[] {
  const found: Span[] = [];
  let start = -1;
  for (let frame = 0; frame <= activity.length; frame++) {
    const isIn = frame < activity.length && is(activity[frame]!);
    if (isIn && start < 0) start = frame;
    if (isIn || start < 0) continue;
    const span = { start: sampleOf(start), end: Math.min(length, sampleOf(frame)) };
    if (span.end > span.start) found.push(span);
    start = -1;
  }
  return found;
}

/** Where a frame begins: half a step before its centre; the first of a recording at 0. */
export function sampleOf(frame: number): number {
  return frame === 0 ? 0 : frame * frameStep + frameCentre - frameStep / 2; // Whole: the step is even.
}

/** The longest of the ranges, up to `most` samples together, in order. The last one taken is cut. */
function longest(spans: readonly Span[], most: number): Span[] {
  let rest = most;
  const taken: Span[] = [];
  for (const { start, end } of spans.toSorted((a, b) => b.end - b.start - (a.end - a.start))) {
    if (rest <= 0) break;
    taken.push({ start, end: Math.min(end, start + rest) });
    rest -= end - start;
  }
  return taken.toSorted((a, b) => a.start - b.start);
}

function secondsOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { start, end }) => sum + end - start, 0) / sampleRate;
}
