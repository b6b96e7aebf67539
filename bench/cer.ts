/**
 * Error rates between a transcript and the truth. Pure.
 *
 * Both texts are normalised first: NFKC, lower case, no punctuation or symbols (apostrophes included), single spaces.
 * CER counts characters without spaces. WER counts words, where each Chinese or Japanese character is one. A rate over
 * several texts is the sum of edits divided by the sum of lengths, not the mean of rates.
 */

import { editCounts, numbered } from "../src/eval/distance.ts";
import { errorsOf } from "../src/eval/score.ts";

/** Insertions, deletions and substitutions, and the length of the truth. */
export type Errors = { readonly edits: number; readonly length: number };

export function normalise(text: string): string {
  return text.normalize("NFKC").toLowerCase()
    .replace(/['\u2019]/g, "") // "don't" is one word, with or without.
    .replace(/[\p{P}\p{S}\p{C}]+/gu, " ")
    .replace(/\s+/gu, " ").trim();
}

export function characterErrors(truth: string, said: string): Errors {
  return compare(characters(truth), characters(said));
}

export function wordErrors(truth: string, said: string): Errors {
  return compare(words(truth), words(said));
}

/** 0.05 for 5 %. If the truth is empty, an empty text has rate 0, and any other counts 1 per unit. */
export function rate(errors: Errors): number {
  return errors.length === 0 ? errors.edits : errors.edits / errors.length;
}

export function sum(all: readonly Errors[]): Errors {
  return all.reduce((total, one) => ({ edits: total.edits + one.edits, length: total.length + one.length }), {
    edits: 0,
    length: 0,
  });
}

/** Levenshtein distance. */
export function distance(a: readonly string[], b: readonly string[]): number {
  const [reference, hypothesis] = numbered(a, b);
  return errorsOf(editCounts(reference!, hypothesis!));
}

function compare(truth: readonly string[], said: readonly string[]): Errors {
  return { edits: distance(truth, said), length: truth.length };
}

function characters(text: string): string[] {
  return [...normalise(text).replaceAll(" ", "")];
}

function words(text: string): string[] {
  const spaced = normalise(text).replace(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu, " $& ");
  return spaced.split(" ").filter((word) => word !== "");
}
