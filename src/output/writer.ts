/** The interface of all formats: segments in, text out. Types alone. */

import type { Gap, TimedSegment } from "../document/document.ts";
import type { DocumentHead } from "../document/json.ts";
import type { WordCutter } from "../text/chinese.ts";
import type { LayoutRules } from "../subtitles/rules.ts";
import type { CuePunctuation } from "../views/punctuation.ts";

/**
 * Everything that `add` has returned, followed by `rest`, is a valid file of the format at all times. What `add` has
 * returned is never taken back.
 */
export type SegmentWriter = {
  add(segment: TimedSegment): string;
  /**
   * The text that ends the file here, for now or for good; `isComplete` is false while the recording goes on, and
   * `gaps`, speech without text, are known when it is over.
   */
  rest(isComplete: boolean, gaps?: readonly Gap[]): string;
};

export type WriterOptions = {
  readonly head: DocumentHead;
  readonly rules: LayoutRules;
  /** 0: the text is one paragraph. */
  readonly paragraphMs: number;
  /** Text is a line with its times per sentence. */
  readonly timestamps?: boolean;
  /** Of cues and lyrics; absent: as in the text. */
  readonly cuePunctuation?: CuePunctuation;
  /** In text, words of a lower log-probability stand in brackets; absent: none. */
  readonly doubtBelow?: number | undefined;
  readonly cutChinese?: WordCutter;
  /** The file holds several recordings: rows say of which they are. Absent: it holds one. */
  readonly table?: { readonly hasHeader: boolean };
};
