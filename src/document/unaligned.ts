/**
 * Times a heard segment without an aligner: its words share the time in which there is speech, by their lengths and
 * punctuation, and by who speaks where that is known, and are flagged "unaligned". Pure.
 */

import { lazily } from "../lazy.ts";
import { spacelessLetters } from "../text/scripts.ts";
import type { SpeakerTurn } from "../speakers/turns.ts";
import { spokenWeight } from "../text/spoken.ts";
import type { TimeSpan } from "../units.ts";
import type { HeardToken, TimedSegment, TimedWord } from "./document.ts";
import { wordLogprobs } from "./logprobs.ts";
import { shareOut } from "./share.ts";
import { stretchesOf } from "./stretches.ts";

export type UntimedSegment = {
  readonly text: string;
  readonly language: string;
  /** Joined, their texts are `text`; empty if the text was not decoded. */
  readonly tokens: readonly HeardToken[];
};

const wordSegmenter = lazily(() => new Intl.Segmenter(undefined, { granularity: "word" }));
const spaceless = new RegExp(`[${spacelessLetters}]`, "u");
const opening = /^[\p{Ps}\p{Pi}\u00bf\u00a1]+$/u;
const spoken = /[\p{L}\p{N}]/u;

/** `speech` has the stretches in which somebody talks, `turns` who does, if that is known; in order, at least one. */
export function unalignedSegment(
  heard: UntimedSegment,
  speech: readonly TimeSpan[],
  turns: readonly SpeakerTurn[] = [],
): TimedSegment {
  const texts = splitWords(heard.text);
  const logprobs = wordLogprobs(texts, heard.tokens);
  const spans = spansOf(texts, speech, turns);
  return {
    startMs: speech[0]!.startMs,
    endMs: speech.at(-1)!.endMs,
    text: heard.text,
    language: heard.language,
    words: texts.map((text, index): TimedWord => ({
      text,
      ...spans[index]!,
      ...(heard.tokens.length > 0 ? { logprob: logprobs[index]! } : {}),
      flag: "unaligned",
    })),
  };
}

/** A segment without a word that an aligner timed, with its words' times by `turns`, which were not known before. */
export function timedByTurns(
  segment: TimedSegment,
  speech: readonly TimeSpan[],
  turns: readonly SpeakerTurn[],
): TimedSegment {
  const { words = [] } = segment;
  if (turns.length === 0 || words.some(({ flag }) => flag !== "unaligned")) return segment;
  const spans = spansOf(words.map(({ text }) => text), speech, turns);
  return { ...segment, words: words.map((word, index) => ({ ...word, ...spans[index]! })) };
}

function spansOf(texts: readonly string[], speech: readonly TimeSpan[], turns: readonly SpeakerTurn[]): TimeSpan[] {
  return shareOut(texts, texts.map(spokenWeight), stretchesOf(speech, turns));
}

/**
 * Pieces that can be timed on their own: words with the space before them and their punctuation; in scripts without
 * spaces, the words of a dictionary. Joined, they are the text.
 */
export function splitWords(text: string): string[] {
  const pieces: string[] = [];
  let front = ""; // Spaces and opening marks wait for their word.
  for (const { segment } of wordSegmenter().segment(text)) {
    const last = pieces.at(-1);
    if (/^\s+$/u.test(segment) || opening.test(segment)) front += segment;
    else if (last !== undefined && front === "" && belongsTo(last, segment)) pieces[pieces.length - 1] = last + segment;
    else {
      pieces.push(front + segment);
      front = "";
    }
  }
  if (front !== "") pieces.push((pieces.pop() ?? "") + front);
  return pieces;
}

/** Marks go with the word before, and so does text after it without a space, except in scripts without spaces. */
function belongsTo(last: string, segment: string): boolean {
  return !spoken.test(segment) || !spoken.test(last) || !(spaceless.test(last) || spaceless.test(segment));
}
