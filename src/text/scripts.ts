/**
 * Scripts that put no space between words: one table for everything that joins, cuts or weighs text. Pure.
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

export type EastAsianScript = "chinese" | "japanese" | "korean";

const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

/** The East Asian script that a text is mostly written in, if it is one; Japanese is told from Chinese by its kana. */
export function eastAsianScript(text: string): EastAsianScript | undefined {
  const letters = count(text, /\p{L}/gu);
  if (letters === 0) return undefined;
  if (count(text, /\p{sc=Hangul}/gu) > letters / 4) return "korean";
  const kana = count(text, /[\p{sc=Hiragana}\p{sc=Katakana}]/gu);
  const han = count(text, /\p{sc=Han}/gu);
  if (kana + han <= letters / 4) return undefined;
  return kana > letters / 10 ? "japanese" : "chinese";
}
