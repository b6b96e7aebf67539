/** What every format is written through: segments in, text out. Types alone. */

import type { TimedSegment } from "../document/document.ts";
import type { DocumentHead } from "../document/json.ts";
import type { WordCutter } from "../subtitles/breaks.ts";
import type { LayoutRules } from "../subtitles/rules.ts";

/**
 * Segments in, text out: all that `add` returned, then `rest`, is a whole file of the format, at any moment. What
 * `add` has returned is never taken back.
 */
export type SegmentWriter = {
  add(segment: TimedSegment): string;
  /** What ends the file here, for good or for now; `isComplete` is false while the recording goes on. */
  rest(isComplete: boolean): string;
};

export type WriterOptions = {
  readonly head: DocumentHead;
  readonly rules: LayoutRules;
  /** 0: the text is one paragraph. */
  readonly paragraphMs: number;
  readonly cutChinese?: WordCutter;
};
