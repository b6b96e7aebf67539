/** The words of a segment; if it has none, words that share its time. Pure. */

import type { TimedSegment, TimedWord } from "../document/document.ts";
import { unalignedSegment } from "../document/unaligned.ts";

export function timedWords(segment: TimedSegment): readonly TimedWord[] {
  if (segment.words) return segment.words;
  const { startMs, endMs } = segment;
  return unalignedSegment({ ...segment, tokens: [] }, [{ startMs, endMs }]).words!;
}
