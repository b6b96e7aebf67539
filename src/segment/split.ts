/**
 * Finds where to cut long audio. In: samples. Out: [start, end) of each segment. Reads only what is around the cuts.
 *
 * A cut lies near every `targetSec`, at most `searchSec` to either side, in the middle of the quietest 100 ms. Segments
 * follow each other without gap or overlap, none is empty, and their number is not limited.
 */

import type { Samples } from "../audio/sample_store.ts";
import { release } from "../memory.ts";
import { assert } from "../errors.ts";
import { sampleRate, type Span } from "../units.ts";

const windowSamples = 1600;
const hopSamples = 800;

/**
 * Segments of about `targetSec`, at least half of it, at most targetSec + searchSec. A target of 0, or audio that is
 * hardly longer, gives one segment; no samples give none. `searchSec` is held to half the target.
 */
export async function splitAtPauses(samples: Samples, targetSec: number, searchSec: number): Promise<Span[]> {
  if (samples.length === 0) return [];
  const target = Math.trunc(targetSec * sampleRate);
  const search = Math.trunc(Math.min(searchSec, targetSec / 2) * sampleRate);
  if (target <= 0) return [{ start: 0, end: samples.length }];
  const segments: Span[] = [];
  let start = 0;
  while (start + target + search < samples.length) {
    const end = await quietestNear(samples, start + target, search);
    assert(end > start, `a cut at ${end} after one at ${start}`);
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
async function quietestNear(samples: Samples, around: number, search: number): Promise<number> {
  const from = Math.max(0, around - search);
  const near = await samples.read(from, Math.min(samples.length, around + search));
  let best = around;
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
