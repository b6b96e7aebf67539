/**
 * How sure a rate over several files is: resamples the files with replacement and takes the middle 95 % of the results
 * (percentile bootstrap). Pure, and the same for the same input: the numbers are not the clock's.
 */

import { assert } from "../errors.ts";

/** Errors, and the words or characters of the reference that they are counted against. */
export type Ratio = { readonly errors: number; readonly length: number };

export type Interval = { readonly low: number; readonly high: number };

export const resamples = 1000;
export const level = 0.95;
export const seed = 1;

/** Of the rate over all files; undefined for fewer than two, which say nothing of others. */
export function rateInterval(files: readonly Ratio[]): Interval | undefined {
  return interval(files.length, (chosen) => rateOf(files, chosen));
}

/** Of the difference of two runs over the same files in the same order, second minus first: pairs stay together. */
export function differenceInterval(first: readonly Ratio[], second: readonly Ratio[]): Interval | undefined {
  assert(first.length === second.length, "the runs have the same files");
  return interval(first.length, (chosen) => rateOf(second, chosen) - rateOf(first, chosen));
}

/** NaN where nothing was said in all of them. */
function rateOf(files: readonly Ratio[], chosen: Int32Array): number {
  let [errors, length] = [0, 0];
  for (const index of chosen) {
    errors += files[index]!.errors;
    length += files[index]!.length;
  }
  return errors / length;
}

function interval(count: number, measure: (chosen: Int32Array) => number): Interval | undefined {
  if (count < 2) return undefined;
  const next = numbersBelow(count);
  const chosen = new Int32Array(count);
  const values = Array.from({ length: resamples }, () => measure(chosen.map(next))).filter(Number.isFinite);
  values.sort((a, b) => a - b);
  if (values.length < 2) return undefined;
  const at = (share: number) => values[Math.round(share * (values.length - 1))]!;
  return { low: at((1 - level) / 2), high: at((1 + level) / 2) };
}

/** Evenly spread numbers from 0 on, by a 32-bit xorshift generator. */
function numbersBelow(count: number): () => number {
  let state = 0x9e3779b9 ^ seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 2 ** 32) * count);
  };
}
