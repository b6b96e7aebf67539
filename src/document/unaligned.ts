/**
 * A heard segment without an aligner -> a timed one: its words share the time in which there is speech, by their
 * lengths and punctuation, and say so ("unaligned"). Pure.
 */

import type { TimedSegment, TimedWord } from "./document.ts";
import { shareOut } from "./share.ts";
import type { TimeSpan } from "../units.ts";

type Token = { readonly text: string; readonly logprob: number };

export type UntimedSegment = {
  readonly text: string;
  readonly language: string;
  /** Joined, their texts are `text`; none where the text was not decoded. */
  readonly tokens: readonly Token[];
};

const wordSegmenter = new Intl.Segmenter(undefined, { granularity: "word" });
/** Scripts that put no space between words. */
const spaceless =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Bopomofo}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const opening = /^[\p{Ps}\p{Pi}\u00bf\u00a1]+$/u;
const spoken = /[\p{L}\p{N}]/u;

/** Speech: where somebody talks, in order, at least one. */
export function unalignedSegment(heard: UntimedSegment, speech: readonly TimeSpan[]): TimedSegment {
  const texts = splitWords(heard.text);
  const logprobs = sharesOf(texts, heard.tokens);
  const spans = shareOut(texts, texts.map(weight), speech);
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

/**
 * Pieces that can be timed on their own: words with the space before them and their punctuation; where a script has no
 * spaces, what the dictionary takes for words. Joined, they are the text.
 */
export function splitWords(text: string): string[] {
  const pieces: string[] = [];
  let front = ""; // Spaces and opening marks wait for their word.
  for (const { segment } of wordSegmenter.segment(text)) {
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

/** Marks go with the word before, and so does what no space separates, but in scripts without spaces. */
function belongsTo(last: string, segment: string): boolean {
  return !spoken.test(segment) || !spoken.test(last) || !(spaceless.test(last) || spaceless.test(segment));
}

/** How long a word takes beside others: by letters, full-width ones twice; never nothing. */
function weight(word: string): number {
  let sum = 0;
  for (const character of word) {
    if (spaceless.test(character)) sum += 2;
    else if (spoken.test(character)) sum += 1;
  }
  return sum || 0.5;
}

/** Each word's share of the log-probability: that of the tokens that begin in it. */
function sharesOf(texts: readonly string[], tokens: readonly Token[]): number[] {
  const sums = texts.map(() => 0);
  let index = 0;
  let end = texts[0]?.length ?? 0;
  let position = 0;
  for (const { text, logprob } of tokens) {
    while (position >= end && index < texts.length - 1) end += texts[++index]!.length;
    if (texts.length > 0) sums[index]! += logprob;
    position += text.length;
  }
  return sums;
}
