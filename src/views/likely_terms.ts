/**
 * Which of many terms may have been said in a text that a model wrote without knowing them. In: terms and a text. Out:
 * the likeliest terms, those most alike first. Pure.
 *
 * A term is compared with every stretch of as many words: Latin by letters, Chinese by the sound of its characters.
 */

import type { Readings, Term } from "./terms.ts";

/** Signs that may differ, of all signs of a term. */
const differenceMax = 0.34;
const word = /\p{sc=Han}|[\p{L}\p{N}\p{M}]/gu;
const words = /\p{sc=Han}|[^\s\p{P}\p{sc=Han}]+/gu;
const han = /\p{sc=Han}/u;

/** A stretch of words, as signs: letters, and the sounds of Chinese characters. */
type Signs = readonly string[];

export class LikelyTerms {
  readonly #terms: readonly { readonly term: Term; readonly signs: Signs; readonly count: number }[];
  readonly #readings: Readings;

  constructor(terms: readonly Term[], readings: Readings) {
    this.#readings = readings;
    this.#terms = terms.flatMap((term) =>
      [...new Set([term.heard, term.wanted])].map((text) => {
        const parts = text.match(words) ?? [];
        return { term, signs: this.#signsOf(text), count: parts.length };
      })
    );
  }

  /** At most `max` terms. */
  in(text: string, max: number): Term[] {
    const stretches = this.#stretches(text);
    const found = new Map<Term, number>();
    for (const { term, signs, count } of this.#terms) {
      let best = found.get(term) ?? Infinity;
      for (const near of [count - 1, count, count + 1]) {
        for (const stretch of stretches(near)) best = Math.min(best, difference(signs, stretch, best));
      }
      if (best <= differenceMax) found.set(term, best);
    }
    return [...found].toSorted(([, a], [, b]) => a - b).slice(0, max).map(([term]) => term);
  }

  #signsOf(text: string): Signs {
    const letters = text.toLowerCase().match(word) ?? [];
    return han.test(text) ? this.#readings(letters.join("")).map(([reading]) => reading!) : letters;
  }

  /** The different stretches of a number of words. */
  #stretches(text: string): (count: number) => readonly Signs[] {
    const parts = (text.match(words) ?? []).map((part) => this.#signsOf(part));
    const known = new Map<number, readonly Signs[]>();
    return (count) => {
      const stretches = known.get(count) ?? stretchesOf(parts, count);
      known.set(count, stretches);
      return stretches;
    };
  }
}

function stretchesOf(parts: readonly Signs[], count: number): Signs[] {
  if (count < 1) return [];
  const different = new Map<string, Signs>();
  for (let from = 0; from + count <= parts.length; from++) {
    const signs = parts.slice(from, from + count).flat();
    different.set(signs.join(" "), signs);
  }
  return [...different.values()];
}

/** The share of signs that have to be replaced, added or taken away; Infinity where it is no less than `most`. */
function difference(a: Signs, b: Signs, most: number): number {
  const length = Math.max(a.length, b.length);
  const allowed = Math.min(differenceMax, most) * length;
  if (Math.abs(a.length - b.length) > allowed) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [index, sign] of a.entries()) {
    const next = [index + 1];
    for (const [at, other] of b.entries()) {
      next.push(Math.min(row[at]! + (sign === other ? 0 : 1), row[at + 1]! + 1, next[at]! + 1));
    }
    if (Math.min(...next) > allowed) return Infinity;
    row = next;
  }
  return row.at(-1)! / length;
}
