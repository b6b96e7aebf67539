/**
 * Estimates which words are spoken in which stretch of speech, and when. In: words and stretches. Out: times. Pure.
 *
 * People pause where sentences and clauses end, and speak about as fast before a pause as after it. Of all ways to deal
 * out the words in order, the one is taken in which lengths fit the stretches and pauses fall on punctuation.
 */

import { endsClause, endsSentence } from "../text/sentences.ts";
import type { TimeSpan } from "../units.ts";

/** A pause inside a clause is as unlikely as this much speech being faster or slower; a long one more so. */
const pauseInClauseMs = 350;
const pauseAtClauseMs = 40;
const longPauseMs = 400;
const longPauseFactor = 1;
/** How far a pause may lie, in words, from its place by length alone. */
const reach = 12;

type Path = { readonly cost: number; readonly ends: readonly number[] };

/** Returns one span per word, inside the given spans, which are in order and at least one. */
export function shareOut(words: readonly string[], weights: readonly number[], spans: readonly TimeSpan[]): TimeSpan[] {
  if (words.length === 0) return [];
  const sums = [0];
  for (const weight of weights) sums.push(sums.at(-1)! + weight);
  const ends = dealOut(words, sums, spans);
  return spans.flatMap((span, index) => {
    const [from, to] = [index === 0 ? 0 : ends[index - 1]!, ends[index]!];
    const total = sums[to]! - sums[from]!;
    const at = (word: number) => {
      return Math.round(span.startMs + ((span.endMs - span.startMs) * (sums[word]! - sums[from]!)) / total);
    };
    return Array.from({ length: to - from }, (_, word) => ({ startMs: at(from + word), endMs: at(from + word + 1) }));
  });
}

/** For every span, the index after its last word; a span may have no words. */
function dealOut(words: readonly string[], sums: readonly number[], spans: readonly TimeSpan[]): readonly number[] {
  const lengths = spans.map(({ startMs, endMs }) => endMs - startMs);
  const msPerWeight = lengths.reduce((sum, each) => sum + each, 0) / sums.at(-1)!;
  let paths = new Map<number, Path>([[0, { cost: 0, ends: [] }]]);
  let time = 0;
  for (const [index, length] of lengths.entries()) {
    time += length;
    const pauseMs = (spans[index + 1]?.startMs ?? 0) - spans[index]!.endMs;
    const isLast = index === lengths.length - 1;
    const near = isLast ? words.length : nearest(sums, time / msPerWeight);
    const next = new Map<number, Path>();
    for (const [from, { cost, ends }] of paths) {
      const first = isLast ? words.length : Math.max(from, near - reach);
      for (let to = first; to <= Math.min(words.length, near + reach); to++) {
        const misfit = Math.abs((sums[to]! - sums[from]!) * msPerWeight - length);
        const sum = cost + misfit + (to === from || to === words.length ? 0 : pauseCost(words[to - 1]!, pauseMs));
        if (sum < (next.get(to)?.cost ?? Infinity)) next.set(to, { cost: sum, ends: [...ends, to] });
      }
    }
    paths = next;
  }
  return paths.get(words.length)!.ends;
}

function pauseCost(word: string, pauseMs: number): number {
  if (endsSentence(word)) return 0;
  const isClause = endsClause(word);
  const surprise = Math.max(0, Math.min(pauseMs, 2000) - longPauseMs) * longPauseFactor;
  return isClause ? pauseAtClauseMs + surprise / 4 : pauseInClauseMs + surprise;
}

/** The index of the sum that is closest. */
function nearest(sums: readonly number[], value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sums[middle]! <= value) low = middle;
    else high = middle;
  }
  return value - sums[low]! <= sums[high]! - value ? low : high;
}
