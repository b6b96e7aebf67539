/**
 * The events with which the core tells its caller about one recording, in the order they become known. Types alone.
 *
 * The texts of all "text" events add up to the transcript, and so do those of all "segment" events. A shell needs
 * nothing else: it makes lines for people of notices and languages, and files or a journal of segments.
 */

import type { HeardToken } from "../document/document.ts";
import type { Span } from "../units.ts";
import type { Coverage } from "../document/audit.ts";

export type TranscribeEvent =
  /** A piece of the transcript, with what separates it from the piece before. */
  | { readonly kind: "text"; readonly text: string }
  /** The model names another language than before. */
  | { readonly kind: "language"; readonly name: string }
  /** A segment is done, after its text. There is none for a segment without any. */
  | { readonly kind: "segment"; readonly segment: HeardSegment }
  /** Everything up to here is heard, and its events were sent: another run can continue from here. */
  | { readonly kind: "progress"; readonly progress: Progress }
  /** All segments are at the engine, so another recording may be begun. Not sent if each needs the one before. */
  | { readonly kind: "submitted" }
  /** What follows is of this side of a recording whose channels are heard one after the other. */
  | { readonly kind: "side"; readonly index: number }
  | Notice;

/** A line for people, without the recording's name. */
export type Notice = {
  /** "loss": text is missing. "notice": worth a line. "debug": only useful to find a fault. */
  readonly kind: "loss" | "notice" | "debug";
  readonly text: string;
};

/** The result of one decode, and its place in the recording. */
export type HeardSegment = {
  /** The samples that were decoded, as ranges of the recording: one, or several if silence was skipped. */
  readonly ranges: readonly Span[];
  /** With the separator from the segment before at its front. */
  readonly text: string;
  /** "" if the model named none. */
  readonly language: string;
  /** How sure the model was of the language that it named, 0 to 1; absent where the language was given. */
  readonly languageProbability?: number;
  /** Joined, their texts are `text`. A token that ends inside a character has its share in a later one's text. */
  readonly tokens: readonly HeardToken[];
  /** Why it ended. With "cap" and "loop" text is lost; after "cancelled" the rest of the segment was not heard. */
  readonly stop: "end" | "cap" | "loop" | "cancelled";
  /** The model repeated itself, and its audio was decoded again: cut elsewhere, or at last without context. */
  readonly repaired?: "cuts" | "context";
  /** How doubtful it is that somebody speaks there, 0 to 1; absent where nothing says so. */
  readonly noSpeech?: number;
};

/** The state of a run at the end of a segment. Plain data, which can be kept and given to `resume`. */
export type Progress = {
  /** The end of the last segment that was heard whole, in samples of the recording. */
  readonly heardSamples: number;
  /** In the order heard, neighbours differ. */
  readonly languages: readonly string[];
  /** Generated after the header, tries that were thrown away included. */
  readonly textTokens: number;
  readonly encodeMs: number;
  /** Prefill and generation. */
  readonly decodeMs: number;
  /** Segments whose text was broken by the earlier text that they were given. */
  readonly collapses: number;
  /** Which speech has text so far. */
  readonly coverage: Coverage;
  /** Segments without a voice; absent where there are none. */
  readonly unvoiced?: Unvoiced;
};

/** Segments without a voice: how many, and where the first of them are, for people. */
export type Unvoiced = { readonly count: number; readonly places: readonly string[] };

/** Where an interrupted run continues. The result is the same as without the interruption. */
export type Resume = {
  /** The texts of all segments up to there, joined. */
  readonly text: string;
  readonly progress: Progress;
};
