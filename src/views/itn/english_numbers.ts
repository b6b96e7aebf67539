/**
 * Spoken English numbers: cardinals, ordinals, decimals, mixed halves, digits said one by one. In: words and a place.
 * Out: what is read there, and where it ends; undefined if there is no number. Pure; each call looks at a bounded
 * stretch.
 */

import * as lexicon from "./english_lexicon.ts";
import { follow, hyphened, linked, listed, spaced, type Word, type Words } from "./english_words.ts";

/** The end is the index of the first word that is not part of it. */
export type Cardinal = {
  readonly to: number;
  readonly value: bigint;
  readonly ordinal: boolean;
  /** Of "five hundred million": the place of the last word, and what stands before it as a number. */
  readonly round?: { readonly at: number; readonly count: bigint };
};

type Group = { readonly to: number; readonly value: number; readonly ordinal: boolean };

/** How a number is read: with "and" inside or not, ending in an ordinal or not. */
export type Reading = { readonly and: boolean; readonly ordinal: boolean };

const plain: Reading = { and: true, ordinal: false };

/** A number, or a word written with digits. */
export function isNumber(word: Word | undefined): boolean {
  return word !== undefined && (isNumberWord(word) || /\d/.test(word.text));
}

export function isNumberWord({ lower }: Word): boolean {
  return lexicon.units.has(lower) || lexicon.teens.has(lower) || lexicon.tens.has(lower) || lower === "zero" ||
    lower === "hundred" || lexicon.scales.has(lower);
}

/** Whether hundreds or more follow, so that what stands before them counts them. */
export function multiplied(words: Words, at: number): boolean {
  return isMultiple(linked(words, at));
}

const isMultiple = (word: Word | undefined): boolean =>
  word !== undefined && (word.lower === "hundred" || lexicon.scales.has(word.lower));

/** The "five" of "twenty five-year-olds": it belongs to what follows the hyphen. */
function belongsToNext(words: Words, at: number): boolean {
  const next = hyphened(words, at + 1);
  return words[at]?.joint !== "hyphen" && next !== undefined && !isNumberWord(next);
}

/** One to ninety-nine. */
export function belowHundred(words: Words, at: number, ordinal = false): Group | undefined {
  const word = words[at]?.lower ?? "";
  const tens = lexicon.tens.get(word);
  if (tens !== undefined) {
    const next = linked(words, at + 1)?.lower ?? "";
    const unit = lexicon.units.get(next);
    if (unit !== undefined && !belongsToNext(words, at + 1)) return { to: at + 2, value: tens + unit, ordinal: false };
    const last = ordinal ? lexicon.unitOrdinals.get(next) : undefined;
    if (last !== undefined) return { to: at + 2, value: tens + last, ordinal: true };
  }
  const value = tens ?? lexicon.teens.get(word) ?? lexicon.units.get(word);
  if (value !== undefined) return { to: at + 1, value, ordinal: false };
  const last = lexicon.unitOrdinals.get(word) ?? lexicon.teenOrdinals.get(word) ?? lexicon.tenOrdinals.get(word);
  return ordinal && last !== undefined ? { to: at + 1, value: last, ordinal: true } : undefined;
}

/** One to ninety-nine hundred and ninety-nine: "twenty-five hundred" is a group of its own. */
function group(words: Words, at: number, { and, ordinal }: Reading): Group | undefined {
  const first = article(words, at) ?? belowHundred(words, at, ordinal);
  if (first === undefined || first.ordinal) return first;
  const next = counter(words, at, first);
  if (ordinal && next === "hundredth") return { to: first.to + 1, value: first.value * 100, ordinal: true };
  if (next !== "hundred") return first;
  const hundreds = { to: first.to + 1, value: first.value * 100, ordinal: false };
  const rest = tail(words, hundreds.to, { and, ordinal });
  return rest === undefined ? hundreds : { ...rest, value: hundreds.value + rest.value };
}

/** The one of "a hundred", which "hundred and fifty" leaves out; not in "a few hundred", "half a million". */
function article(words: Words, at: number): Group | undefined {
  const before = spaced(words, at) && words[at - 1];
  if (words[at]?.lower === "a" && multiplied(words, at + 1) && before?.lower !== "half") {
    return { to: at + 1, value: 1, ordinal: false };
  }
  if (words[at]?.joint === "hyphen" || isCardinal(before) || lexicon.quantifiers.has(before?.lower ?? "")) {
    return undefined;
  }
  return isMultiple(words[at]) ? { to: at, value: 1, ordinal: false } : undefined;
}

/** The word after a group, which may be the first where an article is left out. */
const counter = (words: Words, at: number, { to }: Group): string | undefined =>
  (to === at ? words[at] : linked(words, to))?.lower;

const isCardinal = (word: Word | undefined): boolean =>
  word !== undefined && (isNumberWord(word) || /^\d+$/.test(word.text));

/** What follows "hundred", or "thousand and": less than a hundred, and not itself hundreds. */
function tail(words: Words, at: number, { and, ordinal }: Reading): Group | undefined {
  const start = and && follow(words, at, "and") ? at + 1 : at;
  if (linked(words, start) === undefined) return undefined;
  const rest = belowHundred(words, start, ordinal);
  if (rest === undefined || linked(words, rest.to)?.lower === "hundred") return undefined;
  return rest.to === start + 1 && belongsToNext(words, start) ? undefined : rest;
}

/** A cardinal, or with `ordinal` a number that must end as one. "a hundred" counts as one hundred. */
export function cardinal(words: Words, at: number, reading: Reading = plain): Cardinal | undefined {
  if (words[at]?.lower === "zero") return reading.ordinal ? undefined : { to: at + 1, value: 0n, ordinal: false };
  if (reading.ordinal && lexicon.scales.has(words[at]?.lower ?? "")) return undefined; // "million third" has no count.
  let read = group(words, at, reading);
  let total = 0n;
  let limit: bigint | undefined;
  let to = at;
  let round: Cardinal["round"];
  while (read !== undefined) {
    const scale = read.ordinal ? undefined : counter(words, at, read);
    const last = reading.ordinal ? lexicon.scaleOrdinals.get(scale ?? "") : undefined;
    const factor = last ?? lexicon.scales.get(scale ?? "");
    if (factor === undefined || read.value >= 1000) {
      return end(read.to, total + BigInt(read.value), read.ordinal, reading);
    }
    if (limit !== undefined && factor >= limit) break;
    total += BigInt(read.value) * factor;
    to = read.to + 1;
    if (last !== undefined) return end(to, total, true, reading);
    round = limit === undefined && factor > 1000n ? { at: read.to, count: BigInt(read.value) } : undefined;
    limit = factor;
    read = nextGroup(words, to, limit, reading);
  }
  return to === at ? undefined : end(to, total, false, reading, round);
}

function end(to: number, value: bigint, ordinal: boolean, reading: Reading, round?: Cardinal["round"]) {
  return reading.ordinal === ordinal ? { to, value, ordinal, round } : undefined;
}

/** The group after a scale: smaller than it, and not counting that scale once more. */
function nextGroup(words: Words, at: number, limit: bigint, reading: Reading): Group | undefined {
  const and = reading.and && follow(words, at, "and");
  const comma = words[at]?.joint === "comma";
  if (!and && !comma && linked(words, at) === undefined) return undefined;
  const read = and ? tail(words, at, reading) : group(words, at, reading);
  if (read === undefined || words[at]?.lower === "a" || BigInt(read.value) >= limit) return undefined;
  const factor = lexicon.scales.get(linked(words, read.to)?.lower ?? "");
  if (factor !== undefined && (and || factor >= limit)) return undefined;
  if (comma && factor === undefined && read.value < 100) return undefined;
  return read.to === at + 1 && belongsToNext(words, at) ? undefined : read;
}

export type Digits = { readonly to: number; readonly text: string; readonly items: number };

/** Longer strings are written in parts, so that what reads one in vain has not read far. */
const digitsMax = 64;

/** Digits said one by one, with "oh", "double" and "triple". A scale may follow if it may be `counting` them all. */
export function digits(words: Words, at: number, counting = false): Digits | undefined {
  let to = at;
  let text = "";
  let items = 0;
  while (items < digitsMax && (to === at ? words[to] !== undefined : linked(words, to) !== undefined)) {
    const times = ["", "", "double", "triple"].indexOf(words[to]!.lower);
    const place = times > 0 ? to + 1 : to;
    const digit = place === at || linked(words, place) ? digitOf(words[place]!) : undefined;
    if (digit === undefined || (!counting && multiplied(words, place + 1)) || belongsToNext(words, place)) break;
    text += digit.repeat(Math.max(times, 1));
    to = place + 1;
    items++;
  }
  return items === 0 ? undefined : { ...withoutExclamation(words, at, to, text), items };
}

/** A last "oh" that runs on into other words is an exclamation. */
function withoutExclamation(words: Words, at: number, to: number, text: string) {
  const cry = to > at + 1 && words[to - 1]!.lower === "oh" && listed(words, to) !== undefined;
  return cry && !lexicon.measures.has(words[to]!.lower) ? { to: to - 1, text: text.slice(0, -1) } : { to, text };
}

export function digitOf({ lower }: Word): string | undefined {
  return lexicon.digits.get(lower);
}

/** What follows "point": digits one by one, or "fourteen". */
export function fraction(words: Words, at: number): { to: number; text: string } | undefined {
  if (linked(words, at)?.lower !== "point" || linked(words, at + 1) === undefined) return undefined;
  const single = digits(words, at + 1, true);
  if (single !== undefined) return single;
  const two = belowHundred(words, at + 1);
  return two === undefined || two.value < 10 ||
      multiplied(words, two.to) && lexicon.scales.get(words[two.to]!.lower) === undefined
    ? undefined
    : { to: two.to, text: String(two.value) };
}

/** "and a half", "and three quarters" as decimals. */
export function mixed(words: Words, at: number): { to: number; text: string } | undefined {
  if (linked(words, at)?.lower !== "and") return undefined;
  if (follow(words, at, "and", "a", "half") || follow(words, at, "and", "one", "half")) {
    return { to: at + 3, text: "5" };
  }
  if (follow(words, at, "and", "a", "quarter") || follow(words, at, "and", "one", "quarter")) {
    return { to: at + 3, text: "25" };
  }
  return follow(words, at, "and", "three", "quarters") ? { to: at + 3, text: "75" } : undefined;
}

/** Digits in threes from ten thousand on. */
export function withCommas(value: bigint | string): string {
  const text = String(value);
  if (text.length < 5) return text;
  const head = text.length % 3 || 3;
  return [text.slice(0, head), ...(text.slice(head).match(/\d{3}/g) ?? [])].join(",");
}

export function ordinalText(value: bigint): string {
  const [hundreds, unit] = [value % 100n, value % 10n];
  const suffix = hundreds >= 11n && hundreds <= 13n ? "th" : { 1: "st", 2: "nd", 3: "rd" }[Number(unit)] ?? "th";
  return withCommas(value) + suffix;
}
