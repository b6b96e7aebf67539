/** Space between Chinese and Latin text, and the width of digits. In: a text. Out: pieces that tile it. Pure. */

import { type Piece, tile } from "./piece.ts";

export const cjkSpaces = ["keep", "add", "remove"] as const;
export type CjkSpace = (typeof cjkSpaces)[number];

export const digitWidths = ["half", "full"] as const;
export type DigitWidth = (typeof digitWidths)[number];

const han = String.raw`[\p{sc=Han}\p{sc=Bopomofo}]`;
const latinFirst = String.raw`[\p{sc=Latin}\p{Nd}]`;
const latinLast = String.raw`[\p{sc=Latin}\p{Nd}%\u2030\u00b0]`;
const seam = new RegExp(`(?<=${han})(?=${latinFirst})|(?<=${latinLast})(?=${han})`, "gu");
const spaceInSeam = new RegExp(`(?<=${han})[ \u00a0]+(?=${latinFirst})|(?<=${latinLast})[ \u00a0]+(?=${han})`, "gu");

/** `before` is what stands before the source: a space between the two belongs to the source. */
export function spaced(mode: CjkSpace, source: string, before = ""): readonly Piece[] {
  if (mode === "keep") return tile(source, []);
  const text = before + source;
  const replacements: Piece[] = [];
  for (const match of text.matchAll(mode === "add" ? seam : spaceInSeam)) {
    const from = match.index - before.length;
    if (from < 0 || from >= source.length) continue;
    if (mode === "remove") replacements.push({ from, to: from + match[0].length, text: "" });
    else {
      const next = String.fromCodePoint(source.codePointAt(from)!);
      replacements.push({ from, to: from + next.length, text: ` ${next}` });
    }
  }
  return tile(source, replacements);
}

/** Digits, and the letters and signs that they may be one word with. */
const digitWord = /[\p{sc=Latin}0-9][\p{sc=Latin}0-9.,:\-]*/gu;
const wideDigit = /[\uff10-\uff19]/gu;
const wideZero = 0xff10;

/** Digits of a word with letters ("MP3") are never full-width. */
export function withDigits(width: DigitWidth, source: string): readonly Piece[] {
  const shift = wideZero - 0x30;
  const replacements: Piece[] = [];
  const replace = (at: number, by: number) =>
    replacements.push({ from: at, to: at + 1, text: String.fromCharCode(source.charCodeAt(at) + by) });
  if (width === "half") { for (const { index } of source.matchAll(wideDigit)) replace(index, -shift); }
  else {
    for (const { index, 0: word } of source.matchAll(digitWord)) {
      if (/\p{L}/u.test(word)) continue;
      for (const digit of word.matchAll(/[0-9]/g)) replace(index + digit.index, shift);
    }
  }
  return tile(source, replacements);
}
