/**
 * Finds where to cut long audio. In: samples, and where nobody speaks. Out: [start, end) of each segment. Reads only
 * what is around the cuts.
 *
 * A cut lies near every `targetSec`, at most `searchSec` to either side: at the end of a long pause, in the middle of
 * the quietest 100 ms of the longest pause there, or of all that is there. Segments follow each other without gap or
 * overlap, none is empty, and their number is not limited.
 */

import { release } from "../memory.ts";
import { assert } from "../errors.ts";
import { sampleRate, type Samples, type Span } from "../units.ts";

const windowSamples = 1600;
const hopSamples = 800;

export type CutRule = {
  readonly targetSec: number;
  /** Held to half the target. */
  readonly searchSec: number;
  /** Where nobody speaks; none by default. */
  readonly pauses?: readonly Span[] | undefined;
  /** Of them, those so long that what was said before them matters little after them. */
  readonly longPauses?: readonly Span[] | undefined;
  /** A segment may end at a pause from here on; by default, `searchSec` before the target. */
  readonly earliestSec?: number | undefined;
  /** The same for long pauses. */
  readonly earliestLongSec?: number | undefined;
};

/**
 * Segments of about `targetSec`, at least half of it, at most targetSec + searchSec. A target of 0, or audio that is
 * hardly longer, gives one segment; no samples give none.
 */
export async function splitAtPauses(samples: Samples, rule: CutRule): Promise<Span[]> {
  if (samples.length === 0) return [];
  const { targetSec, searchSec, pauses = [], longPauses = [], earliestSec, earliestLongSec } = rule;
  const target = Math.trunc(targetSec * sampleRate);
  const search = Math.trunc(Math.min(searchSec, targetSec / 2) * sampleRate);
  if (target <= 0) return [{ start: 0, end: samples.length }];
  const from = (seconds: number | undefined) =>
    seconds === undefined ? target - search : Math.trunc(seconds * sampleRate);
  const [earliest, earliestLong] = [from(earliestSec), from(earliestLongSec)];
  const segments: Span[] = [];
  let start = 0;
  while (start + target + search < samples.length) {
    const near = { start: Math.max(0, start + target - search), end: start + target + search };
    const end = endOfLong(longPauses, start, start + earliestLong, near.end) ??
      await quietestIn(samples, longestIn(pauses, near)) ??
      await quietestIn(samples, longestIn(pauses, { start: start + earliest, end: near.end })) ??
      await quietestIn(samples, [near]) ?? start + target;
    assert(end > start, `a cut at ${end} after one at ${start}`);
    segments.push({ start, end });
    start = end;
  }
  segments.push({ start, end: samples.length });
  return segments;
}

/** Where the last long pause up to `latest` ends, or one that `start` lies in: the segment holds nothing else then. */
function endOfLong(pauses: readonly Span[], start: number, earliest: number, latest: number): number | undefined {
  const ends = pauses.filter((pause) => pause.start < latest && pause.end > start + windowSamples)
    .filter((pause) => pause.start <= start || pause.end >= earliest)
    .map(({ end }) => Math.min(end, latest));
  return ends.at(-1);
}

/** What lies in the range of the longest pause that reaches into it far enough to be looked at. */
function longestIn(pauses: readonly Span[], range: Span): Span[] {
  let [longest, part]: [number, Span[]] = [0, []];
  for (const { start, end } of pauses) {
    const inside = { start: Math.max(start, range.start), end: Math.min(end, range.end) };
    if (inside.end - inside.start < windowSamples || end - start <= longest) continue;
    [longest, part] = [end - start, [inside]];
  }
  return part;
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
