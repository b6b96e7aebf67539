/**
 * Estimates which words are spoken in which stretch of speech, and when. In: words and stretches. Out: times. Pure.
 *
 * People pause where sentences and clauses end, and speak about as fast before a pause as after it. Of all ways to deal
 * out the words in order, the one is taken in which lengths fit the stretches and pauses fall on punctuation. So do
 * changes of the speaker, where these are known.
 */

import { endsClause, endsSentence } from "../text/sentences.ts";
import type { TimeSpan } from "../units.ts";

/** A pause inside a clause is as unlikely as this much speech being faster or slower; a long one more so. */
const pauseInClauseMs = 350;
const pauseAtClauseMs = 40;
const longPauseMs = 400;
const longPauseFactor = 1;
/**
 * What another speaker within a sentence costs on top: tried on conversations of known words, 600 is best for times and
 * speakers. More moves whole sentences where a turn is found half a second late.
 */
const turnInClauseMs = 600;
const turnAtClauseMs = 300;
/** How far a pause may lie, in words, from its place by length alone. */
const reach = 12;

/** Time in which somebody speaks; `speaker`: who, where that is known. */
export type Stretch = TimeSpan & { readonly speaker?: string | undefined };

type Path = {
  cost: number;
  /** Words dealt out. */
  readonly to: number;
  /** Who said the last of them. */
  readonly speaker: string | undefined;
  before: Path | undefined;
};

/** Returns one span per word, inside the given spans, which are in order and at least one. */
export function shareOut(words: readonly string[], weights: readonly number[], spans: readonly Stretch[]): TimeSpan[] {
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
function dealOut(words: readonly string[], sums: readonly number[], spans: readonly Stretch[]): readonly number[] {
  const ends = words.map(endOf);
  const lengths = spans.map(({ startMs, endMs }) => endMs - startMs);
  const msPerWeight = lengths.reduce((sum, each) => sum + each, 0) / sums.at(-1)!;
  let paths: readonly Path[] = [{ cost: 0, to: 0, speaker: undefined, before: undefined }];
  let time = 0;
  for (const [index, length] of lengths.entries()) {
    time += length;
    const pauseMs = (spans[index + 1]?.startMs ?? 0) - spans[index]!.endMs;
    const isLast = index === lengths.length - 1;
    const near = isLast ? words.length : nearest(sums, time / msPerWeight);
    const next = new Cheapest();
    for (const before of paths) {
      const { to: from, cost } = before;
      const speaker = spans[index]!.speaker ?? before.speaker;
      const change = before.speaker === speaker || from === 0 ? 0 : turnCost(ends[from - 1]);
      const first = isLast ? words.length : Math.max(from, near - reach);
      for (let to = first; to <= Math.min(words.length, near + reach); to++) {
        const misfit = Math.abs((sums[to]! - sums[from]!) * msPerWeight - length);
        const sum = cost + misfit + (to === from ? 0 : change) +
          (to === from || to === words.length ? 0 : pauseCost(ends[to - 1], pauseMs));
        next.offer(sum, to, to === from ? before.speaker : speaker, before);
      }
    }
    paths = next.paths;
  }
  return endsOf(paths.reduce((best, path) => path.cost < best.cost ? path : best));
}

/** Of one stretch, the cheapest path for each number of words, and for who said the last of them. */
class Cheapest {
  readonly #bySpeaker = new Map<string | undefined, Path[]>();

  /** Makes a path for the first offer alone: there are millions in an hour. */
  offer(cost: number, to: number, speaker: string | undefined, before: Path): void {
    const own = this.#bySpeaker.get(speaker) ?? [];
    const known = own[to];
    if (known === undefined) {
      own[to] = { cost, to, speaker, before };
      this.#bySpeaker.set(speaker, own);
    } else if (cost < known.cost) {
      known.cost = cost;
      known.before = before;
    }
  }

  get paths(): Path[] {
    return [...this.#bySpeaker.values()].flat(); // Numbers of words that nothing leads to are holes.
  }
}

/** The last word's index after each span. */
function endsOf(path: Path): number[] {
  const ends: number[] = [];
  for (let at: Path = path; at.before; at = at.before) ends.push(at.to);
  return ends.toReversed();
}

/** What ends with a word; undefined: nothing. */
type End = "sentence" | "clause" | undefined;

function endOf(word: string): End {
  if (endsSentence(word)) return "sentence";
  return endsClause(word) ? "clause" : undefined;
}

function turnCost(end: End): number {
  if (end === "sentence") return 0;
  return end === "clause" ? turnAtClauseMs : turnInClauseMs;
}

function pauseCost(end: End, pauseMs: number): number {
  if (end === "sentence") return 0;
  const surprise = Math.max(0, Math.min(pauseMs, 2000) - longPauseMs) * longPauseFactor;
  return end === "clause" ? pauseAtClauseMs + surprise / 4 : pauseInClauseMs + surprise;
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
