/** How long a word takes to say, relative to others: a Latin letter counts about one. Pure. */

import { spacelessLetters } from "./scripts.ts";

const slow = /[\p{sc=Han}\p{sc=Hangul}\p{N}]/u;
const spaceless = new RegExp(`[${spacelessLetters}]`, "u");
const letter = /\p{L}/u;

/** A word of marks alone takes hardly any time, but not none. */
const weightOfMarks = 0.5;

/**
 * A Chinese character, a Korean syllable or a digit takes about as long as three letters; a kana, or a letter of
 * another script without spaces, as two. Marks take no time, but the weight of a word is never zero.
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

/** The fastest speech that is possible; nobody speaks faster. */
export const weightPerSecondMax = 50;
