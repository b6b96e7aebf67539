/**
 * Finds where to cut long audio. In: samples, and where nobody speaks. Out: [start, end) of each segment. Reads only
 * what is around the cuts.
 *
 * A cut lies near every `targetSec`, at most `searchSec` to either side: in the longest pause there, if pauses are
 * known, and in any case in the middle of the quietest 100 ms. Segments follow each other without gap or overlap, none
 * is empty, and their number is not limited.
 */

import type { Samples } from "../audio/sample_store.ts";
import { release } from "../memory.ts";
import { assert } from "../errors.ts";
import { sampleRate, type Span } from "../units.ts";

const windowSamples = 1600;
const hopSamples = 800;

/** Of pauses, longer ones are better, up to here. */
const pauseSamplesEnough = 0.4 * sampleRate;

export type CutRule = {
  readonly targetSec: number;
  /** Held to half the target. */
  readonly searchSec: number;
  /** Where nobody speaks; none by default. */
  readonly pauses?: readonly Span[] | undefined;
  /** A segment may end at a pause from here on; by default, `searchSec` before the target. */
  readonly earliestSec?: number | undefined;
};

/**
 * Segments of about `targetSec`, at least half of it, at most targetSec + searchSec. A target of 0, or audio that is
 * hardly longer, gives one segment; no samples give none.
 */
export async function splitAtPauses(samples: Samples, rule: CutRule): Promise<Span[]> {
  if (samples.length === 0) return [];
  const { targetSec, searchSec, pauses = [], earliestSec } = rule;
  const target = Math.trunc(targetSec * sampleRate);
  const search = Math.trunc(Math.min(searchSec, targetSec / 2) * sampleRate);
  if (target <= 0) return [{ start: 0, end: samples.length }];
  const earliest = earliestSec === undefined ? target - search : Math.trunc(earliestSec * sampleRate);
  const segments: Span[] = [];
  let start = 0;
  while (start + target + search < samples.length) {
    const near = { start: Math.max(0, start + target - search), end: start + target + search };
    const pause = bestPause(pauses, { start: start + earliest, end: near.end });
    const place = pause && (overlap(pause, near) ?? pause);
    const end = await quietestIn(samples, place ?? near) ?? start + target;
    assert(end > start, `a cut at ${end} after one at ${start}`);
    segments.push({ start, end });
    start = end;
  }
  segments.push({ start, end: samples.length });
  return segments;
}

/** The part that lies in `near` of the longest pause there; of those that are long enough, the last. */
function bestPause(pauses: readonly Span[], near: Span): Span | undefined {
  let [best, most] = [undefined as Span | undefined, 0];
  for (const { start, end } of pauses) {
    const part = overlap({ start, end }, near);
    if (!part) continue;
    const length = Math.min(end - start, pauseSamplesEnough);
    if (length >= most) [best, most] = [part, length];
  }
  return best;
}

/** What two ranges share, if that is long enough to be looked at. */
function overlap(a: Span, b: Span): Span | undefined {
  const shared = { start: Math.max(a.start, b.start), end: Math.min(a.end, b.end) };
  return shared.end - shared.start < windowSamples ? undefined : shared;
}

/** The middle of the quietest window in a range; the first of equals; undefined where none fits. */
async function quietestIn(samples: Samples, { start: from, end }: Span): Promise<number | undefined> {
  const near = await samples.read(from, Math.min(samples.length, end));
  let best: number | undefined;
  let bestEnergy = Infinity;
  for (let start = 0; start + windowSamples <= near.length; start += hopSamples) {
    const energy = energyOf(near, start, start + windowSamples);
    if (energy < bestEnergy) {
      bestEnergy = energy;
      best = from + start + windowSamples / 2;
    }
  }
  release(near);
  return best;
}

/** Sum of squares. JavaScript sums in f64, so ties are real ones. */
function energyOf(samples: Float32Array, start: number, end: number): number {
  let energy = 0;
  for (let i = start; i < end; i++) energy += samples[i]! * samples[i]!;
  return energy;
}
