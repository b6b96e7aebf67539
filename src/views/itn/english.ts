/**
 * English inverse text normalisation: numbers that were said as words, written as a transcript has them. In: text. Out:
 * pieces that tile it. Pure, in linear time; what is already written with digits stays.
 *
 * At each word the classes of the grammar are asked in a fixed order, and the first that reads something decides, also
 * that the words stay: for idioms, names and approximations. The conventions are those of NeMo's cased data with these
 * changes: one to nine alone stay words, wherever they stand; "3:30 p.m."; "July 25, 2012"; commas from 10,000 on; no
 * abbreviations of units or titles. "half past three" is 3:30 and "ten to eleven pm" 10:50 p.m.; whole hours stay
 * without p.m.; "the eighties" and fractions stay; "three and a half" stays unless a scale, percent or money follows.
 * A sentence may open with digits.
 */

import { type Piece, tile } from "../piece.ts";
import { amount, militaryTime, oneUnit, ordinal } from "./english_amounts.ts";
import { dayOfMonth, decade, monthDate, relativeTime, shareStops, time, year } from "./english_calendar.ts";
import { address, alphanumeric, count, designated, digitString, dotted } from "./english_codes.ts";
import * as lexicon from "./english_lexicon.ts";
import { type Class, type Match, type Settings, stays } from "./english_match.ts";
import { cardinal, isNumberWord } from "./english_numbers.ts";
import { capitalised, follow, linked, spaced, type Word, type Words, wordsOf } from "./english_words.ts";

/** Addresses may begin with any word, so they are looked for only in a text with a "dot". */
const addresses: readonly Class[] = [address];

/** Classes that names do not hinder. */
const anywhere: readonly Class[] = [relativeTime, monthDate];

/** Years and times: their two halves are no numbers of their own. */
const halves: readonly Class[] = [decade, time, year];

const numeric: readonly Class[] = [
  militaryTime,
  designated,
  count,
  dotted,
  dayOfMonth,
  roundTheClock,
  ...halves,
  alphanumeric,
  ordinal,
  pointFirst,
  digitString,
  oneUnit,
  amount(halves),
];

/** Writes spoken numbers. With `all` also single digits before units and nouns, and whole hours. */
export function englishItn(source: string, settings: Settings): readonly Piece[] {
  const words = wordsOf(source);
  const pieces: Piece[] = [];
  const hasDot = /\bdot\b/i.test(source);
  let at = 0;
  while (at < words.length) {
    const match = hasDot || mayBegin(words[at]!) ? read(words, at, settings, hasDot ? addresses : []) : undefined;
    if (match === undefined) {
      at++;
      continue;
    }
    pieces.push(...match.pieces);
    at = match.to;
  }
  return tile(source, shareStops(source, pieces));
}

/** Words that a class may begin with; a code may begin with any letter. */
const beginnings: ReadonlySet<string> = new Set([
  ...lexicon.units.keys(),
  ...lexicon.teens.keys(),
  ...lexicon.tens.keys(),
  ...lexicon.unitOrdinals.keys(),
  ...lexicon.teenOrdinals.keys(),
  ...lexicon.tenOrdinals.keys(),
  ...lexicon.months,
  ...lexicon.idioms.keys(),
  "hundred",
  ...lexicon.scales.keys(),
  ..."zero oh point minus negative plus double triple half quarter".split(" "),
]);

const isLetter = (text: string): boolean => text.length === 1 && /[A-Za-z]/.test(text);

const mayBegin = ({ text, lower }: Word): boolean => beginnings.has(lower) || isLetter(text);

function read(words: Words, at: number, settings: Settings, first: readonly Class[]): Match | undefined {
  if (words[at]!.glued || words[at]!.joint === "hyphen" && !mayFollowHyphen(words, at)) return undefined;
  const match = idiom(words, at) ?? ask(first, words, at, settings) ?? ask(anywhere, words, at, settings);
  if (match !== undefined) return match;
  if (mayBeName(words[at]!) && isName(words, at)) return stays(nameEnd(words, at));
  return ask(numeric, words, at, settings);
}

function ask(classes: readonly Class[], words: Words, at: number, settings: Settings): Match | undefined {
  for (const one of classes) {
    const match = whole(words, one(words, at, settings));
    if (match !== undefined) return match;
  }
  return undefined;
}

/** A match that ends inside a written sign, as in "twenty.com", is none. */
function whole(words: Words, match: Match | undefined): Match | undefined {
  const next = match && match.pieces.length > 0 ? words[match.to] : undefined;
  return match && next?.glued && next.joint === "break" ? stays(match.to) : match;
}

const prefixes = new Set(["mid", "pre", "post", "covid"]);

function mayFollowHyphen(words: Words, at: number): boolean {
  const before = words[at - 1]!;
  return prefixes.has(before.lower) || /^[A-Za-z]$/.test(before.text);
}

function idiom(words: Words, at: number): Match | undefined {
  const phrases = lexicon.idioms.get(words[at]!.lower) ?? [];
  const phrase = phrases.find((one) => follow(words, at + 1, ...one.slice(1)));
  if (phrase === undefined) return undefined;
  const to = at + phrase.length;
  const timed = ["a", "p", "am", "pm"].includes(spaced(words, to)?.lower ?? "");
  return timed ? undefined : stays(to);
}

/** "twenty-four seven". */
function roundTheClock(words: Words, at: number): Match | undefined {
  if (words[at]!.lower !== "twenty" || !follow(words, at + 1, "four", "seven")) return undefined;
  const next = linked(words, at + 3);
  if (next !== undefined && (isNumberWord(next) || next.joint === "hyphen")) return undefined;
  return { to: at + 3, pieces: [{ from: words[at]!.from, to: words[at + 2]!.to, text: "24/7" }] };
}

/** "one two three point five" is one number, not a string of digits first. */
function pointFirst(words: Words, at: number, settings: Settings): Match | undefined {
  const { lower } = words[at]!;
  if (!lexicon.units.has(lower) && !lexicon.zeros.has(lower)) return undefined;
  let to = at + 1;
  while (
    to < at + 12 && spaced(words, to) &&
    (lexicon.units.has(words[to]!.lower) || lexicon.zeros.has(words[to]!.lower))
  ) to++;
  return spaced(words, to)?.lower === "point" ? amount(halves)(words, at, settings) : undefined;
}

/** Words that may be capitalised after a number that opens a sentence, without making a name of it. */
function mayFollowCapitalised(lower: string): boolean {
  if (lower === "cent") return false;
  return lexicon.measures.has(lower) || lexicon.scales.has(lower) || lexicon.currencies.has(lower) ||
    lexicon.months.has(lower) ||
    lower === "hundred" || lower === "united";
}

const mayBeName = (word: Word): boolean =>
  isNumberWord(word) || lexicon.teenOrdinals.has(word.lower) || lexicon.tenOrdinals.has(word.lower);

/** "Ocean's Eleven", "Twelve Monkeys": a capital that no sentence asks for, or one more after it. */
function isName(words: Words, at: number): boolean {
  const word = words[at]!;
  if (!capitalised(word) || isStreet(words, at)) return false;
  if (word.opens) {
    const next = spaced(words, at + 1);
    return next !== undefined && capitalised(next) && (!mayFollowCapitalised(next.lower) || isTitle(words, at + 1));
  }
  const before = words[at - 1]!.lower;
  const letter = /^[a-z]$/.test(before) && !words[at - 1]!.glued;
  return !letter && !lexicon.designators.has(before) && !lexicon.months.has(before);
}

/** "One Hundred Years of Solitude", not "One Hundred Dollars". */
function isTitle(words: Words, at: number): boolean {
  let to = at;
  const plain = ({ lower }: Word) => lower === "hundred" || lexicon.scales.has(lower) || lexicon.currencies.has(lower);
  for (let word = spaced(words, to); word !== undefined; word = spaced(words, ++to)) {
    if (capitalised(word) && !plain(word)) return true;
    if (!isNumberWord(word) && word.lower !== "and") return false;
  }
  return false;
}

/** "Forty-Second Street", "Fourteenth Amendment"; not "Twentieth Century Fox". */
function isStreet(words: Words, at: number): boolean {
  const to = cardinal(words, at, { and: true, ordinal: true })?.to;
  const noun = to === undefined ? undefined : spaced(words, to);
  return noun !== undefined && lexicon.ordinalNouns.has(noun.lower) && spaced(words, to! + 1)?.lower !== "fox";
}

/** The end of the number words of a name. */
function nameEnd(words: Words, at: number): number {
  let to = at + 1;
  while (true) {
    const next = linked(words, to);
    if (next === undefined || !isNumberWord(next) || next.joint === "space" && !capitalised(next)) return to;
    to++;
  }
}
