/** How long a word takes to say, compared with others: about one for a Latin letter. Pure. */

import { spacelessLetters } from "./scripts.ts";

const slow = /[\p{sc=Han}\p{sc=Hangul}\p{N}]/u;
const spaceless = new RegExp(`[${spacelessLetters}]`, "u");
const letter = /\p{L}/u;

/** Marks alone take hardly any time, but some. */
const weightOfMarks = 0.5;

/**
 * A Chinese character, a Korean syllable or a digit takes about three letters' time; a kana, or a letter of another
 * script without spaces, two. Marks take none: never zero for a word of nothing else.
 */
export function spokenWeight(word: string): number {
  let weight = 0;
  for (const character of word) {
    if (slow.test(character)) weight += 3;
    else if (spaceless.test(character)) weight += 2;
    else if (letter.test(character)) weight += 1;
  }
  return weight || weightOfMarks;
}

/** Faster than anybody speaks. */
export const weightPerSecondMax = 50;
