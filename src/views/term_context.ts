/**
 * What the model is told of the user's terms. In: the prompt and the terms. Out: the context of every segment; of many
 * terms, those that a segment's first text calls for.
 */

import { tokensEstimate } from "../text/budget.ts";
import { LikelyTerms } from "./likely_terms.ts";
import { chineseReadings } from "./readings.ts";
import { type Term, termContext } from "./terms.ts";

/** The model is told so many terms at a time: more distract it. */
export const termsMax = 40;

/** The context of a segment that is decoded once more. */
export type LaterContext = {
  /** At most, as the tokenizer may count it. */
  readonly tokens: number;
  /** By the text of the first try; undefined: that text stays. */
  of(text: string): string | undefined;
};

export type Contexts = { readonly first: string; readonly later: LaterContext | undefined };

export async function contextsOf(prompt: string, terms: readonly Term[]): Promise<Contexts> {
  if (isFew(terms)) return { first: termContext(prompt, terms), later: undefined };
  const hasChinese = terms.some(({ heard, wanted }) => /\p{sc=Han}/u.test(heard + wanted));
  const likely = new LikelyTerms(
    terms,
    hasChinese ? await chineseReadings() : (text) => [...text].map((sign) => [sign]),
  );
  const longest = terms.toSorted((a, b) => b.wanted.length - a.wanted.length).slice(0, termsMax);
  const of = (text: string) => {
    const found = likely.in(text, termsMax);
    return found.every(({ wanted }) => text.includes(wanted)) ? undefined : termContext(prompt, found);
  };
  return { first: prompt, later: { tokens: tokensEstimate(termContext(prompt, longest)), of } };
}

/** Whether the model can be told all of them. */
export function isFew(terms: readonly Term[]): boolean {
  return new Set(terms.map(({ wanted }) => wanted)).size <= termsMax;
}
