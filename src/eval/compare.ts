/**
 * Compares two runs over the same files: A and B -> the difference of their rates, B minus A, and how sure it is. Pure.
 */

import { InputError } from "../errors.ts";
import { differenceInterval, type Interval } from "./bootstrap.ts";
import { type ComparedFile, countsJson, rounded, type Run } from "./results.ts";
import { type Counts, errorsOf, rateOf, total } from "./score.ts";

export type Difference = {
  readonly a: Counts;
  readonly b: Counts;
  /** Of the rates, B minus A: below zero, B has fewer errors. undefined: nothing was said in any file. */
  readonly rate: number | undefined;
  readonly interval: Interval | undefined;
};

export type Comparison = {
  /** Files that both have, and those that one has. */
  readonly files: number;
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
  /** Of the files whose words are counted; undefined if there are none. */
  readonly words: Difference | undefined;
  readonly characters: Difference;
};

type Pair = { readonly a: ComparedFile; readonly b: ComparedFile };

/** Throws InputError where they have no file in common, or different texts for one. */
export function compareRuns(a: Run, b: Run): Comparison {
  const [ofA, ofB] = [keyed(a), keyed(b)];
  const pairs: Pair[] = [...ofA].flatMap(([key, file]) => ofB.has(key) ? [{ a: file, b: ofB.get(key)! }] : []);
  if (pairs.length === 0) throw new InputError(`${a.name} and ${b.name} have no file in common`);
  for (const pair of pairs) {
    const isSame = pair.a.normaliser === pair.b.normaliser && pair.a.characters.length === pair.b.characters.length &&
      pair.a.words?.length === pair.b.words?.length;
    if (!isSame) throw new InputError(`${pair.a.audio}: ${a.name} and ${b.name} measure it against different texts`);
  }
  return {
    files: pairs.length,
    onlyA: [...ofA].filter(([key]) => !ofB.has(key)).map(([, { audio }]) => audio),
    onlyB: [...ofB].filter(([key]) => !ofA.has(key)).map(([, { audio }]) => audio),
    words: pairs.some(({ a }) => a.words) ? difference(pairs.filter(({ a }) => a.words), "words") : undefined,
    characters: difference(pairs, "characters"),
  };
}

export function comparisonJson(a: Run, b: Run, { files, onlyA, onlyB, words, characters }: Comparison) {
  const json = ({ a, b, rate, interval }: Difference) => ({
    ...{ a: countsJson(a), b: countsJson(b) },
    difference: rate === undefined ? null : rounded(rate),
    interval: interval ? [rounded(interval.low), rounded(interval.high)] : null,
  });
  return {
    ...{ version: 1, a: a.name, b: b.name, files, only_a: onlyA, only_b: onlyB },
    words: words ? json(words) : null,
    characters: json(characters),
  };
}

/** Files by name; a name that comes again, by how often it came before. */
function keyed({ files }: Run): Map<string, ComparedFile> {
  const seen = new Map<string, number>();
  return new Map(files.map((file) => {
    const times = seen.get(file.audio) ?? 0;
    seen.set(file.audio, times + 1);
    return [`${times}\t${file.audio}`, file];
  }));
}

function difference(pairs: readonly Pair[], of: "words" | "characters"): Difference {
  const [a, b] = [pairs.map((pair) => pair.a), pairs.map((pair) => pair.b)].map((files) => total(files)[of]!);
  const [rateA, rateB] = [rateOf(a!), rateOf(b!)];
  const ratios = (side: "a" | "b") =>
    pairs.map((pair) => ({ errors: errorsOf(pair[side][of]!), length: pair[side][of]!.length }));
  return {
    ...{ a: a!, b: b! },
    rate: rateA === undefined || rateB === undefined ? undefined : rateB - rateA,
    interval: differenceInterval(ratios("a"), ratios("b")),
  };
}
