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
import { isAsciiDigit, isOneOf, isVague, type Match, type Place, type Rule, vagueEnd } from "./chinese_place.ts";
import { amount, degreesAndMetres, duration } from "./chinese_quantities.ts";
import { fraction, percent, signed } from "./chinese_fractions.ts";
import { clock, day, month, year } from "./chinese_times.ts";
import { besideLetters, counted, digitString, dotted, plain, range, ratio, temperature } from "./chinese_values.ts";
import { stayEnd } from "./chinese_words.ts";

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
    const stays = stayEnd(text, at, all);
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

/** What the number at a place becomes; without pieces, it stays. */
function read(place: Place): Match {
  const { folded, text, at } = place;
  const stays = { end: Math.max(runEnd(text, at), at + 1), pieces: [] };
  // The scale of a written number (30万) is passed alone, for a word that stays may start behind it.
  if (isOneOf(text[at], "万亿兆") && /\d万?$/.test(text.slice(Math.max(0, at - 2), at))) {
    return { ...stays, end: at + 1 };
  }
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

/** Numbers do not run together: what touches one, written here or found, stays. */
function isGlued({ text, at, last }: Place): boolean {
  return last?.to === at || /\d(?:[.:,%‰]|万?亿|[万兆])?$/.test(text.slice(Math.max(0, at - 3), at));
}

function isCut(text: string, { end, pieces }: Match): boolean {
  return isAsciiDigit(text[end]) && pieces.at(-1)?.to === end;
}
