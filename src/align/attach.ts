/**
 * Gives spoken words their texts as people read them: every character of the text goes to one word, in order. Pure.
 *
 * Closing marks stay with the word before, opening ones go with the word after, and a space stands at the front of the
 * word it comes before. A mark between two spaces (a dash) stays with the word before.
 */

import type { SpokenWord } from "./words.ts";

const opening = /^[\p{Ps}\p{Pi}\u00bf\u00a1\u201e\u201a]$/u;

/** Returns as many texts as there are words; joined, they are `text`. Without words there are none. */
export function attachPunctuation(text: string, words: readonly SpokenWord[]): string[] {
  const cuts = words.slice(1).map((word, index) => {
    const gapStart = words[index]!.end;
    return gapStart + cutOf(text.slice(gapStart, word.start));
  });
  return words.map((_, index) => text.slice(cuts[index - 1] ?? 0, cuts[index] ?? text.length));
}

/** How many characters of what stands between two words belong to the first. */
function cutOf(gap: string): number {
  const openingAt = firstOpening(gap);
  const before = openingAt < 0 ? gap : gap.slice(0, openingAt);
  if (openingAt >= 0) return before.trimEnd().length;
  const space = /\s+(?=\S*$)/u.exec(gap);
  return space ? space.index : gap.length;
}

function firstOpening(gap: string): number {
  let position = 0;
  for (const character of gap) {
    if (opening.test(character)) return position;
    position += character.length;
  }
  return -1;
}
