/** How many columns a text takes, if every character is one or two columns wide. Pure. */

import { eastAsianWidth } from "get-east-asian-width";
import { lazily } from "../lazy.ts";

const graphemes = lazily(() => new Intl.Segmenter(undefined, { granularity: "grapheme" }));
const emoji = /^\p{RGI_Emoji}$/v;
const invisible = /^[\p{M}\p{Cf}\p{Cc}]/u;

/** "你好ab" takes six columns. A letter with accents takes as many as the letter. */
export function columnsOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemes().segment(text)) columns += graphemeColumns(segment);
  return columns;
}

/** The characters as a reader counts them, in order. */
export function graphemesOf(text: string): string[] {
  return Array.from(graphemes().segment(text), ({ segment }) => segment);
}

function graphemeColumns(grapheme: string): number {
  if (emoji.test(grapheme)) return 2;
  return invisible.test(grapheme) ? 0 : eastAsianWidth(grapheme.codePointAt(0)!);
}
