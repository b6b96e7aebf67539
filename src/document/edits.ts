/**
 * Takes over what a person changed in a transcript. In: segments as they were read. Out: segments whose words, texts
 * and order agree again, and how many were changed. Pure.
 *
 * The text is what people correct, so it wins over the words: words that stand in both keep their times, and new ones
 * share the times of those they replace. A segment without text vanishes, and segments are put in order of time.
 */

import { separatorBetween } from "../text/join.ts";
import { spacelessLetters } from "../text/scripts.ts";
import { spokenWeight } from "../text/spoken.ts";
import type { TimeSpan } from "../units.ts";
import type { TimedSegment, TimedWord } from "./document.ts";
import { splitWords } from "./unaligned.ts";

export type AcceptedEdits = {
  readonly segments: readonly TimedSegment[];
  /** Segments whose text was not that of their words. */
  readonly corrected: number;
  /** Whether segments were not in order of time. */
  readonly wasDisordered: boolean;
};

export function acceptEdits(given: readonly TimedSegment[]): AcceptedEdits {
  const filled = given.filter(({ text }) => text.trim() !== "");
  const ordered = filled.toSorted((a, b) => a.startMs - b.startMs);
  const segments: TimedSegment[] = [];
  let corrected = 0;
  for (const segment of ordered) {
    const { words, ...rest } = segment;
    const separator = separatorBetween(segments.at(-1)?.text ?? "", segment.text);
    if (words && isJoined(words, segment.text)) {
      segments.push(separator === "" ? segment : indented(segment, separator));
      continue;
    }
    if (words) corrected++;
    const text = separator + segment.text;
    if (words && words.length > 0) segments.push(withSpoken({ ...rest, text, words: retimed(text, words) }));
    else segments.push({ ...rest, text });
  }
  return { segments, corrected, wasDisordered: ordered.some((segment, index) => segment !== filled[index]) };
}

/** A segment whose words are its text, after one that a person has put before it. */
function indented(segment: TimedSegment, separator: string): TimedSegment {
  const spoken = segment.spoken === undefined ? {} : { spoken: separator + segment.spoken };
  const [first, ...others] = segment.words!.map((word, index) =>
    index > 0 ? word : {
      ...word,
      text: separator + word.text,
      ...(word.spoken === undefined ? {} : { spoken: separator + word.spoken }),
    }
  );
  return { ...segment, text: separator + segment.text, ...spoken, words: [first!, ...others] };
}

/** What was spoken is known of words that a person has left as they were. */
function withSpoken({ spoken: _, ...segment }: TimedSegment): TimedSegment {
  const { words = [] } = segment;
  if (!words.some((word) => word.spoken !== undefined)) return segment;
  return { ...segment, spoken: words.map((word) => word.spoken ?? word.text).join("") };
}

function isJoined(words: readonly TimedWord[], text: string): boolean {
  return words.map((word) => word.text).join("") === text;
}

/** The smallest piece that can be told apart: a word, or one letter of a script without spaces. */
type Token = {
  readonly text: string;
  /** What two tokens must share to be the same word: letters and digits without their case, otherwise the marks. */
  readonly key: string;
  /** The index of the word that it is part of. */
  readonly word: number;
};

type TimedToken = Token & TimeSpan;

const firstOfSpaceless = new RegExp(`(?=[${spacelessLetters}])`, "u");
const spoken = /[\p{L}\p{N}]/u;

/** The words of `text`, timed by those that it had before; these are at least one. */
function retimed(text: string, words: readonly TimedWord[]): TimedWord[] {
  const old = words.flatMap(timedTokens);
  const pieces = splitWords(text);
  const tokens = pieces.flatMap((piece, index) => tokensOf(piece, index));
  const matches = matchingTokens(old, tokens);
  const spans = spansOf(tokens, matches, old);
  const result: TimedWord[] = [];
  let from = 0;
  for (let to = 1; to <= tokens.length; to++) {
    if (to < tokens.length && !isBoundary(to, tokens, matches, old)) continue;
    result.push(wordOf(from, to, { tokens, spans, matches, old, words }));
    from = to;
  }
  return result;
}

/** Words of the old text keep their ends, and new ones have those of the dictionary. */
function isBoundary(at: number, tokens: readonly Token[], matches: readonly number[], old: readonly Token[]): boolean {
  const [left, right] = [matches[at - 1]!, matches[at]!];
  if (left >= 0 && right === left + 1) return old[left]!.word !== old[right]!.word;
  return tokens[at - 1]!.word !== tokens[at]!.word;
}

type Retiming = {
  readonly tokens: readonly Token[];
  readonly spans: readonly TimeSpan[];
  readonly matches: readonly number[];
  readonly old: readonly TimedToken[];
  readonly words: readonly TimedWord[];
};

function wordOf(from: number, to: number, { tokens, spans, matches, old, words }: Retiming): TimedWord {
  const span = {
    text: tokens.slice(from, to).map((token) => token.text).join(""),
    startMs: spans[from]!.startMs,
    endMs: Math.max(spans[from]!.startMs, spans[to - 1]!.endMs),
  };
  const sources = matches.slice(from, to).map((match) => old[match]?.word ?? -1);
  const [source] = sources;
  const isSame = source! >= 0 && sources.every((each) => each === source) &&
    old.filter(({ word }) => word === source).length === to - from;
  const own = isSame ? words[source!]! : undefined;
  const keepsTimes = own?.startMs === span.startMs && own.endMs === span.endMs;
  return keepsTimes ? { ...own, text: span.text } : { ...span, flag: "spread" };
}

function timedTokens(word: TimedWord, index: number): TimedToken[] {
  const tokens = splitWords(word.text).flatMap((piece) => tokensOf(piece, index));
  const weights = tokens.map((token) => spokenWeight(token.text));
  const spans = divided([word], weights);
  return tokens.map((token, at) => ({ ...token, ...spans[at]! }));
}

function tokensOf(piece: string, word: number): Token[] {
  const texts: string[] = [];
  for (const text of piece.split(firstOfSpaceless)) {
    const last = texts.at(-1);
    if (last !== undefined && !spoken.test(last)) texts[texts.length - 1] = last + text;
    else texts.push(text);
  }
  return texts.map((text) => ({ text, word, key: text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "") || text.trim() }));
}

/** Beyond this many pairs, what lies between the common front and the common end counts as replaced. */
const pairsMax = 4e6;

/** For every new token, the index of the old one that it is, or -1: a longest common subsequence. */
function matchingTokens(old: readonly Token[], tokens: readonly Token[]): number[] {
  const matches = Array<number>(tokens.length).fill(-1);
  const same = (a: number, b: number) => old[a]!.key === tokens[b]!.key;
  let front = 0;
  while (front < old.length && front < tokens.length && same(front, front)) matches[front] = front++;
  let [oldEnd, end] = [old.length, tokens.length];
  while (oldEnd > front && end > front && same(oldEnd - 1, end - 1)) matches[--end] = --oldEnd;
  const [rows, columns] = [oldEnd - front, end - front];
  if (rows * columns > pairsMax) return matches;
  const width = columns + 1;
  const lengths = new Uint32Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      lengths[i * width + j] = same(front + i, front + j)
        ? lengths[(i + 1) * width + j + 1]! + 1
        : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
    }
  }
  for (let [i, j] = [0, 0]; i < rows && j < columns;) {
    if (same(front + i, front + j)) matches[front + j++] = front + i++;
    else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i++;
    else j++;
  }
  return matches;
}

/** The times of the new tokens: of the same old ones, or shares of the old ones between those. */
function spansOf(tokens: readonly Token[], matches: readonly number[], old: readonly TimedToken[]): TimeSpan[] {
  const spans: TimeSpan[] = [];
  for (let from = 0; from < tokens.length;) {
    if (matches[from]! >= 0) {
      spans.push(old[matches[from++]!]!);
      continue;
    }
    let to = from;
    while (to < tokens.length && matches[to]! < 0) to++;
    let before = matches[from - 1] ?? -1;
    let after = matches[to] ?? old.length;
    // Nothing was replaced: what is inserted shares the time of its neighbour.
    if (after - before === 1 && before >= 0) {
      before--;
      from--;
      spans.pop();
    } else if (after - before === 1) {
      after++;
      to++;
    }
    const replaced = old.slice(before + 1, after);
    const weights = tokens.slice(from, to).map(({ text }) => spokenWeight(text));
    // As many as before: most likely one for one.
    spans.push(...(replaced.length === weights.length ? replaced : divided(replaced, weights)));
    from = to;
  }
  return spans;
}

/** Divides the time in which there is speech, in proportion to the weights; pauses between the spans stay pauses. */
function divided(spans: readonly TimeSpan[], weights: readonly number[]): TimeSpan[] {
  const totalMs = spans.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  return weights.map((weight) => {
    const [start, end] = [before, before += weight].map((part) => (totalMs * part) / total);
    return { startMs: timeAfter(spans, start!, false), endMs: timeAfter(spans, end!, true) };
  });
}

/** When so much of the spans is over; at the seam of two, as an end that of the first, or the start of the next. */
function timeAfter(spans: readonly TimeSpan[], spokenMs: number, isEnd: boolean): number {
  let left = spokenMs;
  for (const { startMs, endMs } of spans) {
    const ms = endMs - startMs;
    if (left < ms - 0.001 || isEnd && left <= ms + 0.001) return Math.round(startMs + Math.min(left, ms));
    left -= ms;
  }
  return spans.at(-1)!.endMs;
}
