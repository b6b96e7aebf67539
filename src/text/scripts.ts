/**
 * Scripts that put no space between words: one table for everything that joins, cuts or weighs text. Data only.
 *
 * Two classes for regular expressions with the `u` flag: letters alone, and letters with the punctuation that belongs
 * to those scripts.
 */

const eastAsian = ["Han", "Hiragana", "Katakana", "Bopomofo"] as const;
const southEastAsian = ["Thai", "Lao", "Khmer", "Myanmar"] as const;

/** The letters, for use inside `[...]`. */
export const spacelessLetters = [...eastAsian, ...southEastAsian].map((name) => String.raw`\p{sc=${name}}`).join("");

/** The letters, CJK punctuation and full-width forms, for use inside `[...]`. */
export const spacelessCharacters = [
  ...eastAsian.map((name) => String.raw`\p{scx=${name}}`),
  String.raw`\uff01-\uff60`,
  ...southEastAsian.map((name) => String.raw`\p{sc=${name}}`),
].join("");
