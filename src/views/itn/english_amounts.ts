/**
 * Quantities: numbers, signs, decimals, spans, percent, money. In: words and a place. Out: what is written there. A
 * number below ten alone stays; one in a span with a larger one, before "percent" or in money does not.
 */

import * as lexicon from "./english_lexicon.ts";
import { type Class, type Match, matched, piece, type Settings, stays } from "./english_match.ts";
import {
  belowHundred,
  type Cardinal,
  cardinal,
  digits,
  fraction,
  isNumber,
  mixed,
  multiplied,
  ordinalText,
  withCommas,
} from "./english_numbers.ts";
import { follow, hyphened, linked, spaced, type Words } from "./english_words.ts";

type Quantity = {
  readonly from: number;
  /** The first word after the digits; a scale that stays a word, such as "million", comes before `to`. */
  readonly digitsTo: number;
  readonly to: number;
  readonly text: string;
  readonly kind: "whole" | "decimal" | "mixed" | "elided";
  /** Of a whole number without a scale word. */
  readonly value?: bigint;
  readonly article: boolean;
};

/** Reads a quantity. `and` as in `Reading`. */
function quantity(words: Words, at: number, and = true): Quantity | undefined {
  const read = cardinal(words, at, { and, ordinal: false });
  return decimal(words, at, read) ?? elided(words, at) ?? (read && whole(words, at, read, and));
}

function whole(words: Words, at: number, { to, value, round }: Cardinal, and: boolean): Quantity {
  const article = isArticle(words, at);
  const half = and && !article ? mixed(words, to) : undefined;
  if (half !== undefined) {
    const end = wideScale(words, half.to) ? half.to + 1 : half.to;
    return { from: at, digitsTo: half.to, to: end, text: `${withCommas(value)}.${half.text}`, kind: "mixed", article };
  }
  if (round !== undefined) {
    return { from: at, digitsTo: round.at, to, text: withCommas(round.count), kind: "whole", article };
  }
  return { from: at, digitsTo: to, to, text: withCommas(value), kind: "whole", value, article };
}

/** "a hundred", "hundred and fifty": one hundred. */
const isArticle = (words: Words, at: number): boolean =>
  words[at]!.lower === "a" || words[at]!.lower === "hundred" || lexicon.scales.has(words[at]!.lower);

/** "million" and more: they stay as words. */
function wideScale(words: Words, at: number): boolean {
  const value = lexicon.scales.get(linked(words, at)?.lower ?? "");
  return value !== undefined && value > 1000n;
}

/** "three point one four", "point zero two"; what is said digit by digit before the point as well. */
function decimal(words: Words, at: number, read: Cardinal | undefined): Quantity | undefined {
  const bare = words[at]!.lower === "point";
  const number = bare ? { to: at, text: "0" } : integer(words, at, read);
  const part = bare ? barePoint(words, at) : number && fraction(words, number.to);
  if (number === undefined || part === undefined) return undefined;
  const scaled = lexicon.scales.has(linked(words, part.to)?.lower ?? "");
  const to = scaled ? part.to + 1 : part.to;
  if (!bare && onePoint(words, at, number.to, part.to)) return undefined;
  const text = `${number.text}.${part.text}`;
  return { from: at, digitsTo: part.to, to, text, kind: "decimal", article: false };
}

function integer(words: Words, at: number, read: Cardinal | undefined): { to: number; text: string } | undefined {
  if (words[at]!.lower === "oh") return { to: at + 1, text: "0" };
  const said = digits(words, at);
  if (said !== undefined && said.items > 2) return said;
  if (read === undefined || read.round !== undefined || isRound(words, at, read.to)) return undefined;
  return { to: read.to, text: withCommas(read.value) };
}

/** "point five": a number only if it says more than a place in an argument. */
function barePoint(words: Words, at: number): { to: number; text: string } | undefined {
  if (spaced(words, at + 1) === undefined) return undefined;
  const said = digits(words, at + 1, true);
  if (said === undefined || noNumberBefore(words, at)) return undefined;
  const small = said.text.length > 1 || measured(words, said.to) ||
    lexicon.scales.has(spaced(words, said.to)?.lower ?? "");
  return small ? said : undefined;
}

const determiners = new Set(
  `the this that a an my your his her our their its at one some every each which what no any first second last main
  next starting good`.split(/\s+/),
);

const noNumberBefore = (words: Words, at: number): boolean =>
  spaced(words, at) !== undefined && (determiners.has(words[at - 1]!.lower) || isNumber(words[at - 1]));

/** "at one point two men left": not 1.2. */
function onePoint(words: Words, at: number, point: number, to: number): boolean {
  if (words[at]!.lower !== "one" || point !== at + 1 || to !== at + 3) return false;
  const doubtful = ["at", "to", "from"].includes(words[at - 1]?.lower ?? "") ||
    ["of", "another", "more"].includes(words[to]?.lower ?? "");
  const said = measured(words, to) || lexicon.scales.has(spaced(words, to)?.lower ?? "");
  return doubtful && !said && spaced(words, to) !== undefined;
}

const next = (words: Words, at: number): string => linked(words, at)?.lower ?? "";

const measured = (words: Words, at: number): boolean =>
  lexicon.measures.has(next(words, at)) || next(words, at) === "per" && next(words, at + 1) === "cent";

/** "one fifty five dollars", "three sixty-five days", "five eighty". */
function elided(words: Words, at: number): Quantity | undefined {
  const unit = lexicon.units.get(words[at]!.lower);
  const rest = unit !== undefined && linked(words, at + 1) ? belowHundred(words, at + 1) : undefined;
  if (rest === undefined || rest.value < 11 || multiplied(words, rest.to) || hyphened(words, rest.to)) {
    return undefined;
  }
  const pressure = next(words, rest.to) === "over" && isNumber(spaced(words, rest.to + 1));
  const counts = pressure || measured(words, rest.to) && !attributive(next(words, rest.to));
  if (!counts && (rest.value < 60 || isNumber(spaced(words, rest.to)))) {
    return undefined;
  }
  const value = BigInt(unit! * 100 + rest.value);
  return { from: at, digitsTo: rest.to, to: rest.to, text: String(value), kind: "elided", value, article: false };
}

/** "dollar" of "twenty dollar bills". */
const attributive = (unit: string): boolean => lexicon.measures.has(`${unit}s`) || unit === "foot" || unit === "inch";

/** Every number that no other class has read. */
export function amount(others: readonly Class[]): Class {
  return (words, at, settings) => {
    const first = quantity(words, at);
    if (first === undefined) return signed(words, at);
    const span = spanOf(words, first, others, settings);
    if (span !== undefined) return span;
    return percent(words, first) ?? money(words, first) ?? counted(words, first, settings);
  };
}

const noMinusAfter = new Set(
  `is was are be been at to of from by equals get gets than about around below under above between and reaches
  reached hit hits with gives`.split(/\s+/),
);

/** "minus five degrees". After a number "minus" is arithmetic, after a letter a mark. */
function signed(words: Words, at: number): Match | undefined {
  const negative = words[at]!.lower === "negative";
  if (words[at]!.lower !== "minus" && !negative || spaced(words, at + 1) === undefined) return undefined;
  const read = quantity(words, at + 1);
  if (read === undefined || read.article || read.kind === "mixed") return undefined;
  const unit = measured(words, read.to);
  const alone = spaced(words, at) === undefined || noMinusAfter.has(words[at - 1]!.lower);
  if (isNumber(words[at - 1]) && spaced(words, at) || !alone && !unit) return undefined;
  if (negative && !unit && (read.value ?? 10n) < 10n || hyphened(words, read.to)) return undefined;
  const whole = { ...read, from: at, text: `-${read.text}` };
  return percent(words, whole) ?? { to: read.to, pieces: [piece(words, at, read.digitsTo, whole.text)] };
}

const connectors = new Set(["to", "or", "by", "through"]);

/** "five to ten minutes": both ends alike. The `halves` are years and times, which end no span of quantities. */
function spanOf(words: Words, first: Quantity, halves: readonly Class[], settings: Settings): Match | undefined {
  const between = words[first.from - 1]?.lower === "between";
  const start = between ? splitAtAnd(words, first) : first;
  const end = farEnd(words, start, between);
  if (end === undefined) return undefined;
  const half = halves.map((one) => one(words, end.from, settings)).find((match) => match !== undefined);
  if (half !== undefined) return hours(words, start, end.from, half);
  const scaled = thousands(words, start, end);
  if (scaled !== undefined) return scaled;
  const shared = percentAt(words, end.to);
  if (shared !== undefined) return ends(words, start, end, "", { to: shared, text: `${end.text}%` });
  if (next(words, end.to) === "dollars" && subunit(words, end.to + 1, "$") === undefined) {
    const scale = end.to > end.digitsTo ? ` ${words[end.to - 1]!.text}` : "";
    return ends(words, start, end, "$", { to: end.to + 1, text: `$${end.text}${scale}` });
  }
  const alone = small(start) && small(end) && !(settings.all && countsNoun(words, end));
  return alone ? undefined : { to: end.to, pieces: [write(words, start), write(words, end)] };
}

/** "two to three p.m.", "three to four thirty p.m.": the first hour is one, too. */
function hours(words: Words, { value, from, digitsTo, text }: Quantity, end: number, time: Match): Match | undefined {
  const hour = value !== undefined && value > 0n && value < 13n && digitsTo === from + 1;
  const half = words.slice(end + 1, time.to).some(({ lower }) => /^[ap]m?$/.test(lower));
  return hour && half ? { to: time.to, pieces: [piece(words, from, digitsTo, text), ...time.pieces] } : undefined;
}

const write = (words: Words, { from, digitsTo, text }: Quantity) => piece(words, from, digitsTo, text);

function ends(words: Words, start: Quantity, end: Quantity, sign: string, last: { to: number; text: string }): Match {
  const first = piece(words, start.from, start.digitsTo, sign + start.text);
  return { to: last.to, pieces: [first, piece(words, end.from, last.to, last.text)] };
}

/** The other end of a span that begins with this number. */
function farEnd(words: Words, { to, kind, article }: Quantity, between: boolean): Quantity | undefined {
  const connector = linked(words, to)?.lower ?? "";
  const outOf = connector === "out" && follow(words, to + 1, "of") ? 1 : 0;
  if (article || kind === "mixed" || !(connectors.has(connector) || outOf || between && connector === "and")) {
    return undefined;
  }
  const place = to + 1 + outOf;
  if (linked(words, place) === undefined) return undefined;
  const end = quantity(words, place);
  const usable = end !== undefined && end.kind !== "elided" && end.kind !== "mixed" && !end.article &&
    !vague(words, end.to);
  return usable ? end : undefined;
}

/** "between one hundred and two hundred and five". */
function splitAtAnd(words: Words, first: Quantity): Quantity {
  if (spaced(words, first.to)?.lower === "and") return first;
  return quantity(words, first.from, false) ?? first;
}

/** "ten to twenty thousand" is in thousands at both ends: the scale stays a word; "two to three hundred" stays. */
function thousands(words: Words, start: Quantity, end: Quantity): Match | undefined {
  if (end.value === undefined || !start.value || start.value > 999n) return undefined;
  const factor = { hundred: 100n, thousand: 1000n }[words[end.to - 1]!.lower];
  if (factor === undefined || end.value % factor !== 0n || end.value / factor <= start.value) return undefined;
  const count = end.value / factor;
  if (start.value < 10n && count < 10n) return stays(end.to);
  return { to: end.to, pieces: [write(words, start), piece(words, end.from, end.to - 1, String(count))] };
}

const small = ({ kind, value }: Quantity): boolean => kind === "whole" && value !== undefined && value < 10n;

function percentAt(words: Words, at: number): number | undefined {
  if (next(words, at) === "percent") return at + 1;
  return next(words, at) === "per" && next(words, at + 1) === "cent" ? at + 2 : undefined;
}

function percent(words: Words, read: Quantity): Match | undefined {
  const to = percentAt(words, read.to);
  if (to === undefined || hyphened(words, to) !== undefined && isNumber(words[to])) return undefined;
  if (read.to > read.digitsTo) return undefined;
  return matched(words, read.from, to, `${read.text}%`);
}

/** Amounts of money, with cents. A sign replaces the currency. */
function money(words: Words, read: Quantity): Match | undefined {
  const cents = centsAlone(words, read);
  if (cents !== undefined) return cents;
  const place = nationOf(words, read.to);
  const name = next(words, place);
  const sign = lexicon.currencies.get(name);
  if (sign === undefined || linked(words, place) === undefined) return undefined;
  const singular = name === "dollar" || name === "euro" || name === "pound";
  const fitting = read.text === "1" && read.to === read.digitsTo
    ? name !== "dollars" && name !== "euros" && name !== "pounds"
    : true;
  if (!fitting) return stays(place + 1);
  const part = subunit(words, place + 1, sign);
  if (read.article && part === undefined && (singular || isVague(words, read, place))) return stays(place + 1);
  if (singular && read.kind === "elided") return stays(read.from + 1);
  if (singular && lexicon.subunits.has(next(words, place + 1))) return undefined; // "fifty euro cents"
  if (!isMoney(words, read, name, place, part !== undefined)) return undefined;
  const scale = read.to > read.digitsTo ? ` ${words[read.to - 1]!.text}` : "";
  const whole = /\.\d$/.test(read.text) && scale === "" ? `${read.text}0` : read.text;
  const fractional = part !== undefined && scale === "" && !whole.includes(".");
  return matched(words, read.from, fractional ? part.to : place + 1, sign + whole + (fractional ? part.text : scale));
}

/** "a million dollars of", "quarter of a million dollars", "another million dollars". */
function isVague(words: Words, read: Quantity, at: number): boolean {
  const bare = words[read.from]!.lower !== "a" && isRound(words, read.from, read.to);
  return bare || follow(words, at + 1, "of") ||
    words[read.from - 1]?.lower === "of" && isRound(words, read.from, read.to);
}

/** "a dollar fifty": an article counts if cents follow. */
export function oneUnit(words: Words, at: number): Match | undefined {
  if (words[at]!.lower !== "a") return undefined;
  const sign = ["dollar", "euro", "pound"].includes(next(words, at + 1)) && lexicon.currencies.get(next(words, at + 1));
  const part = sign ? subunit(words, at + 2, sign) : undefined;
  return part === undefined ? undefined : matched(words, at, part.to, `${sign}1${part.text}`);
}

/** "united states", "US" before "dollars". */
function nationOf(words: Words, at: number): number {
  if (follow(words, at, "united", "states")) return at + 2;
  return spaced(words, at)?.text === "US" ? at + 1 : at;
}

/** Pounds may be a weight, "won" a verb: something must say that it is money. */
function isMoney(words: Words, read: Quantity, name: string, at: number, cents: boolean): boolean {
  if (name === "won" && determiners.has(next(words, at + 1))) return false;
  if (name === "won") return read.to > read.digitsTo || (read.value ?? 0n) >= 1000n;
  if (name !== "pound" && name !== "pounds") return true;
  if (cents || next(words, at + 1) === "sterling") return true;
  if (follow(words, at + 1, "of")) return false;
  if (read.to > read.digitsTo) return true;
  return words.slice(Math.max(0, read.from - 6), read.from).some(({ lower }) => lexicon.priceWords.has(lower));
}

/** "and twenty cents", "fifty" at the end of a clause: as decimals. */
function subunit(words: Words, at: number, sign: string): { to: number; text: string } | undefined {
  const start = follow(words, at, "and") ? at + 1 : at;
  const read = spaced(words, start) ? belowHundred(words, start) : undefined;
  if (read === undefined || multiplied(words, read.to)) return undefined;
  const text = `.${String(read.value).padStart(2, "0")}`;
  const said = lexicon.subunits.get(next(words, read.to))?.includes(sign) ?? false;
  if (said) return { to: read.to + 1, text };
  const bare = start === at && read.value >= 10 && linked(words, read.to) === undefined;
  return bare ? { to: read.to, text } : undefined;
}

const ownCents = new Set("my your his her our their not".split(" "));

function centsAlone(words: Words, read: Quantity): Match | undefined {
  const name = next(words, read.to);
  if (name !== (read.value === 1n ? "cent" : "cents") || read.value === undefined || read.value > 99n || read.article) {
    return undefined;
  }
  if (ownCents.has(words[read.from - 1]?.lower ?? "") || hyphened(words, read.to)) return undefined;
  return matched(words, read.from, read.to + 1, `$0.${String(read.value).padStart(2, "0")}`);
}

/** What follows makes it no number that one writes in digits: "twenty-odd", "fifty-fifty". */
function vague(words: Words, at: number): boolean {
  const after = hyphened(words, at);
  if (after === undefined) return false;
  const chain = words.slice(at, hyphensEnd(words, at));
  return lexicon.vagueSuffixes.has(after.lower) || chain.some(isNumber);
}

function hyphensEnd(words: Words, at: number): number {
  let to = at;
  while (hyphened(words, to) !== undefined) to++;
  return to;
}

/** A number of things, or alone. */
function counted(words: Words, read: Quantity, { all }: Settings): Match | undefined {
  if (vague(words, read.to)) return stays(hyphensEnd(words, read.to));
  if (read.article && isRound(words, read.from, read.to)) return stays(read.to);
  if (fractionOf(words, read)) return stays(read.to + 1);
  if (read.kind === "mixed" && read.to === read.digitsTo && Number.parseFloat(read.text) < 10) return stays(read.to);
  if (small(read) && !(all && countsNoun(words, read)) && !isHeight(words, read.to)) return undefined;
  return { to: read.to, pieces: [write(words, read)] };
}

/** "five foot ten": the feet as the inches. */
function isHeight(words: Words, at: number): boolean {
  return /^f(oo|ee)t$/.test(next(words, at)) && ["ten", "eleven"].includes(spaced(words, at + 1)?.lower ?? "");
}

/** "a hundred", "a hundred million": vague. */
function isRound(words: Words, from: number, to: number): boolean {
  return words.slice(from, to).every(({ lower }) => lower === "a" || lower === "hundred" || lexicon.scales.has(lower));
}

/** "one tenth of", "two thirds": fractions stay. */
function fractionOf(words: Words, { to, value }: Quantity): boolean {
  if (value === undefined || linked(words, to) === undefined) return false;
  const { lower } = words[to]!;
  const known = (word: string) =>
    lexicon.unitOrdinals.has(word) && word !== "second" && word !== "first" || lexicon.teenOrdinals.has(word) ||
    lexicon.tenOrdinals.has(word) || word === "hundredth" || lexicon.scaleOrdinals.has(word) || word === "quarter";
  if (lower.endsWith("s") && known(lower.slice(0, -1))) return true;
  return value === 1n && known(lower) && (follow(words, to + 1, "of") || spaced(words, to + 1) === undefined);
}

/** With `all`: a digit before a unit, "o'clock" or a plural. */
function countsNoun(words: Words, { from, to, value }: Quantity): boolean {
  const word = next(words, to);
  if (value === 1n && (word === "day" || word === "second")) return false; // "One day", "one second".
  if (/^o['’]?clock$/.test(word) || lexicon.measures.has(word)) return true;
  if (isNumber(words[to])) return false;
  if (spaced(words, from) && lexicon.designators.has(words[from - 1]!.lower)) return true;
  if (value === 1n || word === "") return false;
  return isPlural(word) || !lexicon.notCounted.has(word) && isPlural(next(words, to + 1)) && !word.endsWith("ly");
}

const isPlural = (word: string): boolean =>
  lexicon.plurals.has(word) || /[a-rt-z]s$/.test(word) && !lexicon.notCounted.has(word);

/** From "tenth" on: ordinals. "a thirty second clip" counts seconds. */
export function ordinal(words: Words, at: number): Match | undefined {
  const read = cardinal(words, at, { and: true, ordinal: true });
  if (read === undefined || read.value < 10n || vague(words, read.to)) return undefined;
  const seconds = words[read.to - 1]!.lower === "second" && countsSeconds(words, at, read.to);
  if (seconds) return undefined;
  const before = words[at - 1]?.lower ?? "";
  const oneWord = read.to === at + 1 && (before === "a" || before === "an" || isNumber(words[at - 1])) &&
    linked(words, at);
  const single = oneWord && (follow(words, read.to, "of") || linked(words, read.to) === undefined);
  const parted = words[read.to - 1]!.lower.endsWith("th") && read.to - at === 2 &&
    belowHundred(words, at)?.to === at + 1 &&
    follow(words, read.to, "of") && words[at]!.lower === "one";
  return single || parted ? undefined : matched(words, at, read.to, ordinalText(read.value));
}

const secondsNouns = new Set(
  "ad ads clip clips video videos timer timeout delay spot intro window mark break pause commercial interval countdown"
    .split(" "),
);

function countsSeconds(words: Words, at: number, to: number): boolean {
  const before = spaced(words, at) && words[at - 1]!.lower;
  return ["a", "an", "another", "each", "every"].includes(before || "") || secondsNouns.has(next(words, to));
}

/** "oh eight hundred hours", "zero six thirty". */
export function militaryTime(words: Words, at: number): Match | undefined {
  if (!lexicon.zeros.has(words[at]!.lower) || !spaced(words, at + 1)) return undefined;
  const hour = lexicon.units.get(words[at + 1]!.lower);
  if (hour === undefined || !spaced(words, at + 2)) return undefined;
  if (words[at + 2]!.lower === "hundred") return matched(words, at, at + 3, `0${hour}00`);
  const minutes = belowHundred(words, at + 2);
  const fits = minutes !== undefined && minutes.value > 9 && minutes.value < 60 && !multiplied(words, minutes.to);
  return fits && !hyphened(words, minutes.to) ? matched(words, at, minutes.to, `0${hour}${minutes.value}`) : undefined;
}
