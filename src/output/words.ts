/** The words of a segment; if it has none, words that share its time. And those that are in doubt, marked. Pure. */

import type { TimedSegment, TimedWord } from "../document/document.ts";
import { unalignedSegment } from "../document/unaligned.ts";

export function timedWords(segment: TimedSegment): readonly TimedWord[] {
  if (segment.words) return segment.words;
  const { startMs, endMs } = segment;
  return unalignedSegment({ ...segment, tokens: [] }, [{ startMs, endMs }]).words!;
}

/** The segment with its speaker's name before its first word. */
export function labelled(segment: TimedSegment, speaker: string): TimedSegment {
  const [first, ...rest] = timedWords(segment);
  if (first === undefined) return segment;
  const words = [{ ...first, text: `${speaker}: ${first.text.trimStart()}` }, ...rest];
  return { ...segment, words, text: words.map(({ text }) => text).join("") };
}

/** The segment's words; those less likely than `below` stand in brackets, without the space and marks around them. */
export function markedWords(segment: TimedSegment, below: number | undefined): readonly TimedWord[] {
  const words = timedWords(segment);
  if (below === undefined) return words;
  return words.map((word) => (word.logprob ?? 0) < below ? { ...word, text: bracketed(word.text) } : word);
}

const firstLetter = /[\p{L}\p{N}\p{S}]/u;
const lastLetter = /[\p{L}\p{N}\p{S}\p{M}%](?=[^\p{L}\p{N}\p{S}\p{M}%]*$)/u;

function bracketed(text: string): string {
  const from = text.search(firstLetter);
  const last = lastLetter.exec(text);
  if (from < 0 || !last) return text;
  const to = last.index + last[0].length;
  return `${text.slice(0, from)}[${text.slice(from, to)}]${text.slice(to)}`;
}

/** The mean over words that were decoded; undefined: none were. */
export function meanLogprob(words: readonly TimedWord[]): number | undefined {
  const known = words.flatMap(({ logprob }) => logprob ?? []);
  return known.length === 0 ? undefined : known.reduce((sum, one) => sum + one, 0) / known.length;
}
