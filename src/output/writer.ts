/** The interface of all formats: segments in, text out. Types, and what they say of tables. Pure. */

import type { Ending, TimedSegment } from "../document/document.ts";
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
   * `ending` is known when it is over.
   */
  rest(isComplete: boolean, ending?: Ending): string;
};

/** A script or a style that stands in a page, without an end tag in it; and its hash as policies have it: sha256-... */
export type Inline = { readonly text: string; readonly hash: string };

export type PageParts = { readonly script: Inline; readonly style: Inline };

/** What a page does about the recording. */
export const soundChoices = ["link", "embed", "none"] as const;
export type SoundChoice = (typeof soundChoices)[number];

/** A recording that a page plays: beside it, by a relative address, or inside it. */
export type Sound =
  | { readonly kind: "link"; readonly href: string; readonly name: string }
  | { readonly kind: "embed"; readonly base64: string; readonly type: string };

/** Whether names of speakers are shown. "auto": where speakers are told apart; "on": tables have the column always. */
export const speakerLabelChoices = ["on", "off", "auto"] as const;
export type SpeakerLabels = (typeof speakerLabelChoices)[number];

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
  /** In tables, texts and names that a spreadsheet would take for formulas have an apostrophe before them. */
  readonly forSpreadsheet?: boolean;
  /** Absent: auto. */
  readonly speakerLabels?: SpeakerLabels;
  /** Whether speakers are told apart; absent: as the options in the head say. */
  readonly hasSpeakers?: boolean;
  /** Of html: what makes it a page with a player. Absent: text alone. */
  readonly page?: (() => PageParts) | undefined;
  /** Of html: the recording beside the text. */
  readonly sound?: Sound | undefined;
  /** Of html: how loud the recording is, from 0 to 1, in parts of equal length. */
  readonly peaks?: readonly number[] | undefined;
  /** The file holds several recordings: rows say of which they are. Absent: it holds one. */
  readonly table?: {
    readonly hasHeader: boolean;
    /** A recording of the same name, in another folder, came before. */
    readonly isTwin?: boolean;
  };
};

/** Whether a table has a column for who speaks. */
export function hasSpeakerColumn({ head, speakerLabels = "auto", hasSpeakers }: WriterOptions): boolean {
  const { options } = head;
  const isAsked = options["speakers"] !== undefined || options["split-channels"] === true;
  return speakerLabels === "on" || speakerLabels === "auto" && (hasSpeakers ?? isAsked);
}
