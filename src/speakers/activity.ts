/**
 * Who of a window's own speakers is active when. In: the segmentation's log-probabilities. Out: a set of speakers per
 * frame. Pure.
 *
 * A window knows its speakers by number only: its speaker 1 is nobody in particular in the next.
 */

import { assert } from "../errors.ts";
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

/** Where a frame begins: half a step before its centre; the first of a recording at 0. */
export function sampleOf(frame: number): number {
  return frame === 0 ? 0 : frame * frameStep + frameCentre - frameStep / 2; // Whole: the step is even.
}

/** How much a window's frame counts: from 0.1 at its ends to 1 in its middle. */
export function middleWeight(frame: number): number {
  return 0.1 + 0.9 * (1 - Math.abs(2 * frame / (windowFrames - 1) - 1));
}
