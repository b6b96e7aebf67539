/**
 * Finds where to cut long audio. In: samples. Out: [start, end) of each segment. Pure, O(samples).
 *
 * A cut lies near every `targetSec`, at most `searchSec` to either side, in the middle of the quietest 100 ms. Segments
 * follow each other without gap or overlap, none is empty, and their number is not limited.
 */

import { sampleRate, type Span } from "../units.ts";

const windowSamples = 1600;
const hopSamples = 800;

/**
 * Segments of about `targetSec`, at least half of it, at most targetSec + searchSec. A target of 0, or audio that is
 * hardly longer, gives one segment; no samples give none. `searchSec` is held to half the target.
 */
export function splitAtPauses(samples: Float32Array, targetSec: number, searchSec: number): Span[] {
  if (samples.length === 0) return [];
  const target = Math.trunc(targetSec * sampleRate);
  const search = Math.trunc(Math.min(searchSec, targetSec / 2) * sampleRate);
  if (target <= 0) return [{ start: 0, end: samples.length }];
  const segments: Span[] = [];
  let start = 0;
  while (start + target + search < samples.length) {
    const end = quietestNear(samples, start + target, search);
    segments.push({ start, end });
    start = end;
  }
  segments.push({ start, end: samples.length });
  return segments;
}

/**
 * The middle of the quietest window within `search` samples of `around`; the first of equals; `around` where none
 * fits.
 */
function quietestNear(samples: Float32Array, around: number, search: number): number {
  const from = Math.max(0, around - search);
  const to = Math.min(samples.length, around + search);
  let best = around;
  let bestEnergy = Infinity;
  for (let start = from; start + windowSamples <= to; start += hopSamples) {
    const energy = energyOf(samples, start, start + windowSamples);
    if (energy < bestEnergy) {
      bestEnergy = energy;
      best = start + windowSamples / 2;
    }
  }
  return best;
}

/** Sum of squares. JavaScript sums in f64, so ties are real ones. */
function energyOf(samples: Float32Array, start: number, end: number): number {
  let energy = 0;
  for (let i = start; i < end; i++) energy += samples[i]! * samples[i]!;
  return energy;
}
