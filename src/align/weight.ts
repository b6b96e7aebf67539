/** How long a word takes to say, compared with others: about one for a Latin letter. Pure. */

const wide = /[\p{Script=Han}\p{Script=Hangul}\p{N}]/u;
const syllable = /[\p{Script=Hiragana}\p{Script=Katakana}]/u;

/** A Chinese character, a Korean syllable or a digit takes about three letters' time, a kana two. */
export function spokenWeight(word: string): number {
  let weight = 0;
  for (const character of word) weight += wide.test(character) ? 3 : syllable.test(character) ? 2 : 1;
  return Math.max(1, weight);
}

/** Faster than anybody speaks. */
export const weightPerSecondMax = 50;
