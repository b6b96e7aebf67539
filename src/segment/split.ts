/**
 * Finds where to cut long audio. In: samples, and where nobody speaks. Out: [start, end) of each segment. Reads only
 * what is around the cuts.
 *
 * A cut lies near every `targetSec`, at most `searchSec` to either side: in the middle of the quietest 100 ms of the
 * pauses there, or of all that is there. Segments follow each other without gap or overlap, none is empty, and their
 * number is not limited.
 */

import type { Samples } from "../audio/sample_store.ts";
import { release } from "../memory.ts";
import { assert } from "../errors.ts";
import { sampleRate, type Span } from "../units.ts";

const windowSamples = 1600;
const hopSamples = 800;

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
    const end = await quietestIn(samples, within(pauses, near)) ??
      await quietestIn(samples, within(pauses, { start: start + earliest, end: near.end })) ??
      await quietestIn(samples, [near]) ?? start + target;
    assert(end > start, `a cut at ${end} after one at ${start}`);
    segments.push({ start, end });
    start = end;
  }
  segments.push({ start, end: samples.length });
  return segments;
}

/** The parts of pauses that lie in a range and are long enough to be looked at. */
function within(pauses: readonly Span[], range: Span): Span[] {
  return pauses.map(({ start, end }) => ({ start: Math.max(start, range.start), end: Math.min(end, range.end) }))
    .filter(({ start, end }) => end - start >= windowSamples);
}

/** The middle of the quietest window in any of the ranges; the first of equals; undefined where none fits. */
async function quietestIn(samples: Samples, ranges: readonly Span[]): Promise<number | undefined> {
  let best: number | undefined;
  let bestEnergy = Infinity;
  for (const { start: from, end } of ranges) {
    const near = await samples.read(from, Math.min(samples.length, end));
    for (let start = 0; start + windowSamples <= near.length; start += hopSamples) {
      const energy = energyOf(near, start, start + windowSamples);
      if (energy < bestEnergy) {
        bestEnergy = energy;
        best = from + start + windowSamples / 2;
      }
    }
    release(near);
  }
  return best;
}

/** Sum of squares. JavaScript sums in f64, so ties are real ones. */
function energyOf(samples: Float32Array, start: number, end: number): number {
  let energy = 0;
  for (let i = start; i < end; i++) energy += samples[i]! * samples[i]!;
  return energy;
}
