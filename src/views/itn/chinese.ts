/**
 * Chinese inverse text normalisation: spoken numbers to written ones, after GB/T 15835-2011. In: a text. Out: pieces
 * that tile it, one for each number that is written otherwise. Digits where a value is stated; what is approximate
 * (三五百, 十几个), idiomatic, a name or a date of another calendar stays. Pure; time grows with the length.
 *
 * The scan goes from left to right. At each position, what stays (words, titles, other calendars) is tried first, then
 * the rules in the order of their table; a number that no rule takes stays whole.
 */

import { type Piece, tile } from "../piece.ts";
import { fold, isNumeralAt, runEnd } from "./chinese_fold.ts";
import { readNumeral } from "./chinese_numbers.ts";
import { percent, signed } from "./chinese_fractions.ts";
import { isAsciiDigit, isVague, type Match, type Place, type Rule, vagueEnd } from "./chinese_place.ts";
import { amount, degreesAndMetres, duration } from "./chinese_quantities.ts";
import { fraction } from "./chinese_fractions.ts";
import { clock, day, month, year } from "./chinese_times.ts";
import { besideLetters, counted, digitString, dotted, plain, range, ratio, temperature } from "./chinese_values.ts";
import { otherDateEnd, weekdayEnd, wordEnd } from "./chinese_words.ts";

/** The first rule that takes a number writes it. */
const rules: readonly Rule[] = [
  fraction,
  year,
  month,
  day,
  clock,
  dotted,
  ratio,
  amount,
  degreesAndMetres,
  duration,
  besideLetters,
  digitString,
  range,
  temperature,
  plain,
  counted,
];

/** `all` also writes single digits before classifiers and whole hours as digits. */
export function chineseItn(source: string, { all }: { readonly all: boolean }): readonly Piece[] {
  const folded = fold(source);
  const { text } = folded;
  const pieces: Piece[] = [];
  let at = 0;
  while (at < text.length) {
    const stays = stayEnd(text, at);
    if (stays > at) {
      at = stays;
      continue;
    }
    if (!isNumeralAt(text, at) && text[at] !== "负" && text[at] !== "正") {
      at++;
      continue;
    }
    const match = read({ folded, text, at, all, last: pieces.at(-1) });
    pieces.push(...match.pieces);
    at = match.end;
  }
  return tile(source, pieces);
}

/** Where what stays as it is ends: a title, a word, a weekday, a date of another calendar. */
function stayEnd(text: string, at: number): number {
  return titleEnd(text, at) || Math.max(wordEnd(text, at), weekdayEnd(text, at), otherDateEnd(text, at));
}

const titleMax = 40;

function titleEnd(text: string, at: number): number {
  if (text[at] !== "《") return 0;
  return text.slice(at, at + titleMax).indexOf("》") + 1 && at + text.slice(at, at + titleMax).indexOf("》") + 1;
}

/** What the number at a place becomes; without pieces, it stays. */
function read(place: Place): Match {
  const { folded, text, at } = place;
  const stays = { end: Math.max(runEnd(text, at), at + 1), pieces: [] };
  if (isGlued(place)) return stays;
  const prefixed = signed(place) ?? percent(place);
  if (prefixed !== undefined) return isCut(text, prefixed) ? stays : prefixed;
  const number = isNumeralAt(text, at) ? readNumeral(folded, at) : undefined;
  if (number === undefined) return stays;
  if (isVague(text, number)) return { end: vagueEnd(text, number), pieces: [] };
  for (const rule of rules) {
    const match = rule(place, number);
    if (match !== undefined && !isCut(text, match)) return match;
  }
  return { ...stays, end: number.end };
}

/** Digits, written here or found, do not run together: what touches some is no number of its own. */
function isGlued({ text, at, last }: Place): boolean {
  if (last?.to === at) return /\d$/.test(last.text);
  return isAsciiDigit(text[at - 1]) || (/[.:,]/.test(text[at - 1] ?? "") && isAsciiDigit(text[at - 2]));
}

function isCut(text: string, { end, pieces }: Match): boolean {
  return isAsciiDigit(text[end]) && pieces.at(-1)?.to === end;
}
