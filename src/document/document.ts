/**
 * A transcript with times: what `-f json` writes, what `render` reads, what subtitles are laid out from. Data only.
 *
 * Text and punctuation are the model's, or a view of them with what was spoken beside it. Joined in order, segments'
 * texts are the transcript. Times are milliseconds from the start of the recording, even if only a part was read.
 */

import type { Weights } from "../engine/engine.ts";
import type { WhoSpeaks } from "../speakers/turns.ts";
import type { TimeSpan } from "../units.ts";

/** Why a time is not the aligner's own: the aligner had none for the word, or there was no aligner. */
export type WordFlag = "spread" | "unaligned";

/** A token that became text, and the natural logarithm of its probability. */
export type HeardToken = { readonly text: string; readonly logprob: number };

export type TimedWord = {
  /** The word with its punctuation and, at the front, the space that separates it from the word before. */
  readonly text: string;
  /** The words that were said, joined, where the text writes them another way. */
  readonly spoken?: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Sum over all tokens that touch the word (logprobs.ts); absent if the text was given, not decoded. */
  readonly logprob?: number;
  readonly flag?: WordFlag;
  /** Who says it: "left" and "right", or the number of a channel; "Speaker 1", or a name. */
  readonly speaker?: string;
  /** Somebody else speaks at the same time, for half of it or more. */
  readonly isOverlapped?: boolean;
};

export type TimedSegment = {
  readonly startMs: number;
  readonly endMs: number;
  /** If there are words, their texts joined are this. */
  readonly text: string;
  /** The text as it was said, where it is written another way. */
  readonly spoken?: string;
  /** "English"; "" if unknown. */
  readonly language: string;
  /** How sure the model was of the language that it named, 0 to 1; absent where the language was given. */
  readonly languageProbability?: number;
  /** Of all its words; absent where speakers are not told apart. */
  readonly speaker?: string;
  /** A limit or a signal ended the text before the model did: the rest of what was said is missing. */
  readonly isTruncated?: boolean;
  /** How doubtful it is that somebody speaks there, 0 to 1; absent where nothing says so. */
  readonly noSpeech?: number;
  /** The model repeated itself without end, and the repeats were cut: what was said there is missing. */
  readonly isLooped?: boolean;
  /** The model repeated itself, and its audio was decoded again: cut elsewhere, or at last without context. */
  readonly repaired?: "cuts" | "context";
  /** It is one cue of subtitles, with its times: somebody has laid it out so. */
  readonly isCue?: boolean;
  /** Times are the aligner's, or estimated and flagged so; absent if words were not timed. */
  readonly words?: readonly TimedWord[];
};

/** Speech that has no text. */
export type Gap = TimeSpan & { readonly speaker?: string };

/** What is known of a recording when all of it is. */
export type Ending = Partial<WhoSpeaks> & {
  /** Speech without text, in order; absent if that is not known. */
  readonly gaps?: readonly Gap[];
};

/** The version of the layout that is written. Version 1 lacks some fields, differs in nothing else, and is read too. */
export const documentVersion = 2;

export type TranscriptDocument = Ending & {
  readonly version: typeof documentVersion;
  readonly program: string;
  readonly source: { readonly name: string; readonly durationMs: number };
  readonly model: {
    readonly name: string;
    /** Hash of the weights' header and of sampled blocks, as in the packed cache. */
    readonly hash: string;
    readonly weights: Weights;
    readonly isa: string;
  };
  readonly aligner?: TranscriptDocument["model"];
  /** The options of the run, by name. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** False if a signal or an error ended the run early. */
  readonly isComplete: boolean;
  readonly segments: readonly TimedSegment[];
};
