/** Where the sentences of a clip begin in a transcript. In: the truth, timed words. Out: errors in ms. Pure. */

import { normalise } from "../../bench/cer.ts";
import type { Sentence } from "../fixtures.ts";

/** A word, its times in seconds. */
export type SaidWord = { readonly text: string; readonly start: number; readonly end: number };

/** For every sentence of the truth that was heard as it is: how many ms too late (or early, below 0) it begins. */
export function startErrors(truth: readonly Sentence[], words: readonly SaidWord[]): number[] {
  const letters = words.flatMap(({ text, start, end }) => {
    const own = lettersOf(text);
    return own.map((letter, index) => ({ letter, at: start + (end - start) * index / own.length }));
  });
  const said = letters.map(({ letter }) => letter).join("");
  let from = 0;
  return truth.flatMap(({ text, start }) => {
    const sentence = lettersOf(text).join("");
    const place = said.indexOf(sentence, from);
    if (place < 0) return [];
    from = place + sentence.length;
    return [Math.round((letters[place]!.at - start) * 1000)];
  });
}

/** UTF-16 units, so that they count as positions in a text do. */
function lettersOf(text: string): string[] {
  return normalise(text).replace(/\s/g, "").split("");
}
