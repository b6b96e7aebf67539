/**
 * Error rates: a reference and what was heard -> counts, and their totals over files. Pure.
 *
 * A rate is errors / length of the reference: (substitutions + deletions + insertions) / words or characters.
 */

import { type EditCounts, editCounts, numbered } from "./distance.ts";
import { type Interval, rateInterval } from "./bootstrap.ts";
import { normalised, type Normaliser, normaliserOf } from "./normalise.ts";

/** Of words or characters. `length` is the reference's. */
export type Counts = EditCounts & { readonly length: number };

export type Score = {
  readonly normaliser: Normaliser;
  /** undefined: the language puts no spaces between words. */
  readonly words: Counts | undefined;
  readonly characters: Counts;
};

export type Total = {
  readonly files: number;
  /** Of the files whose words are counted; undefined if there are none. */
  readonly words: TotalCounts | undefined;
  readonly characters: TotalCounts;
};

export type TotalCounts = Counts & { readonly interval: Interval | undefined };

/** `language`: "" if it is not known. */
export function score(reference: string, hypothesis: string, language: string): Score {
  const normaliser = normaliserOf(language, reference);
  const said = normalised(reference, language, normaliser);
  const heard = normalised(hypothesis, language, normaliser);
  return {
    normaliser,
    words: said.words && heard.words && counted(said.words, heard.words),
    characters: counted(said.characters, heard.characters),
  };
}

export function errorsOf({ substitutions, deletions, insertions }: EditCounts): number {
  return substitutions + deletions + insertions;
}

/** undefined: nothing was said, so there is no rate. */
export function rateOf(counts: Counts): number | undefined {
  return counts.length === 0 ? undefined : errorsOf(counts) / counts.length;
}

export function total(scores: readonly Omit<Score, "normaliser">[]): Total {
  const words = scores.flatMap((one) => one.words ?? []);
  return {
    files: scores.length,
    words: words.length === 0 ? undefined : summed(words),
    characters: summed(scores.map(({ characters }) => characters)),
  };
}

function counted(said: readonly string[], heard: readonly string[]): Counts {
  const [reference, hypothesis] = numbered(said, heard);
  return { ...editCounts(reference!, hypothesis!), length: said.length };
}

function summed(all: readonly Counts[]): TotalCounts {
  const sum = (name: keyof Counts) => all.reduce((before, counts) => before + counts[name], 0);
  return {
    substitutions: sum("substitutions"),
    deletions: sum("deletions"),
    insertions: sum("insertions"),
    length: sum("length"),
    interval: rateInterval(all.map((counts) => ({ errors: errorsOf(counts), length: counts.length }))),
  };
}
