/**
 * A transcript with times: what `-f json` writes, what `render` reads, what subtitles are laid out from. Data only.
 *
 * All text and punctuation as the model said it; joined in order, the segments' texts are the transcript. Times are
 * milliseconds from the start of the recording, also where only a part of it was read.
 */

import type { Weights } from "../engine/engine.ts";

/** Why a time is not the aligner's own: it had none for the word, or there was no aligner. */
export type WordFlag = "spread" | "unaligned";

/** A token that became text, and the natural logarithm of its probability. */
export type HeardToken = { readonly text: string; readonly logprob: number };

export type TimedWord = {
  /** With its punctuation and, at the front, the space that separates it from the word before. */
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Sum over all tokens that touch the word (logprobs.ts); absent where the text was given, not decoded. */
  readonly logprob?: number;
  readonly flag?: WordFlag;
};

export type TimedSegment = {
  readonly startMs: number;
  readonly endMs: number;
  /** Words' texts joined, where there are words. */
  readonly text: string;
  /** "English", "" where unknown. */
  readonly language: string;
  /** From the aligner, else estimated and flagged so; absent where nobody timed them. */
  readonly words?: readonly TimedWord[];
};

/** Of the layout that is written. Version 1 differs in nothing but the fields that it has not, and is read too. */
export const documentVersion = 2;

export type TranscriptDocument = {
  readonly version: typeof documentVersion;
  readonly program: string;
  readonly source: { readonly name: string; readonly durationMs: number };
  readonly model: {
    readonly name: string;
    /** Of the weights' header and sampled blocks, as the packed cache names it. */
    readonly hash: string;
    readonly weights: Weights;
    readonly isa: string;
  };
  readonly aligner?: TranscriptDocument["model"];
  /** What was asked for, by option name. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** False where a signal or an error ended the run early. */
  readonly isComplete: boolean;
  readonly segments: readonly TimedSegment[];
};
