/**
 * Ranges of a recording joined end to end. Converts positions in the joined ranges to positions in the recording. Pure.
 *
 * Ranges are in order and do not overlap.
 */

import { assert } from "../errors.ts";
import type { Span } from "../units.ts";

/** Samples in all ranges. Checks that they are in order. */
export function joinedLength(ranges: readonly Span[]): number {
  let length = 0;
  let last = 0;
  for (const { start, end } of ranges) {
    assert(last <= start && start <= end, `range ${start} to ${end} comes after ${last}`);
    length += end - start;
    last = end;
  }
  return length;
}

/** Where `position` of the joined ranges is in the recording. At a seam, an end belongs to the range before it. */
export function originalPosition(ranges: readonly Span[], position: number, side: "start" | "end"): number {
  let before = 0;
  for (const { start, end } of ranges) {
    const inside = position - before;
    if (side === "end" ? inside <= end - start : inside < end - start) return start + inside;
    before += end - start;
  }
  return ranges.at(-1)?.end ?? 0;
}

/** The ranges of the recording that a span of the joined ranges covers. */
export function originalRanges(ranges: readonly Span[], span: Span): Span[] {
  const found: Span[] = [];
  let before = 0;
  for (const { start, end } of ranges) {
    const from = Math.max(span.start - before, 0);
    const to = Math.min(span.end - before, end - start);
    if (from < to) found.push({ start: start + from, end: start + to });
    before += end - start;
  }
  return found;
}
