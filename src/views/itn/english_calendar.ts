/** Years, decades, dates and times of day in English. */

import type { Piece } from "../piece.ts";
import * as lexicon from "./english_lexicon.ts";
import { type Match, matched, piece, stays } from "./english_match.ts";
import { belowHundred, cardinal, fraction, isNumber, multiplied, ordinalText } from "./english_numbers.ts";
import { capitalised, follow, hyphened, linked, listed, spaced, type Words } from "./english_words.ts";

type Pair = { readonly to: number; readonly first: number; readonly second: number };

/** "nineteen eighty-four", "nineteen oh five", also "three thirty". */
function pair(words: Words, at: number): Pair | undefined {
  const lower = words[at]!.lower;
  const first = lexicon.units.get(lower) ?? lexicon.teens.get(lower) ?? (lower === "twenty" ? 20 : undefined);
  const next = linked(words, at + 1);
  if (first === undefined || next === undefined) return undefined;
  if (next.lower === "oh" || next.lower === "o") {
    const unit = linked(words, at + 2);
    const digit = unit && lexicon.units.get(unit.lower);
    return digit === undefined ? undefined : { to: at + 3, first, second: digit };
  }
  const second = belowHundred(words, at + 1);
  return second === undefined || second.value < 10 ? undefined : { to: second.to, first, second: second.value };
}

/** Whether a pair ends here: nothing counts it, divides it or hangs on it. */
function closed(words: Words, { to }: Pair): boolean {
  if (multiplied(words, to) || hangsOn(words, to) || fraction(words, to) !== undefined) {
    return false;
  }
  const next = spaced(words, to);
  return next === undefined || !(lexicon.tens.has(words[to - 1]!.lower) && lexicon.unitOrdinals.has(next.lower));
}

const counted = (words: Words, at: number): boolean => {
  const next = spaced(words, at)?.lower;
  if (next === "over") return isNumber(spaced(words, at + 1)); // A blood pressure.
  return next !== undefined && (lexicon.measures.has(next) || lexicon.plurals.has(next));
};

/** A hyphen, except that of "three thirty-ish". */
const hangsOn = (words: Words, at: number): boolean => (hyphened(words, at)?.lower ?? "ish") !== "ish";

/** A year said in two halves. Two numbers before what they count are an approximation, and stay. */
export function year(words: Words, at: number): Match | undefined {
  const late = follow(words, at + 1, "thousand") && words[at]!.lower === "two" && linked(words, at + 2);
  if (late && (late.lower === "oh" || late.lower === "o")) {
    const unit = lexicon.units.get(linked(words, at + 3)?.lower ?? "");
    if (unit !== undefined) return matched(words, at, at + 4, `200${unit}`);
  }
  const read = pair(words, at);
  if (read === undefined || read.first < 10 || !closed(words, read)) return undefined;
  const { first, second, to } = read;
  if (first < 13 && second < 60) return undefined;
  if (spaced(words, to)?.lower === "dollars") return matched(words, at, to + 1, `$${first * 100 + second}`);
  const echo = words[at + 1]!.joint === "hyphen" && first === second;
  return echo || counted(words, to) ? stays(to) : matched(words, at, to, `${first * 100 + second}`);
}

/** "nineteen eighties", "eighteen hundreds", "the two thousands". */
export function decade(words: Words, at: number): Match | undefined {
  if (follow(words, at + 1, "thousands") && words[at]!.lower === "two" && afterDecadeWord(words, at)) {
    return matched(words, at, at + 2, "2000s");
  }
  const lower = words[at]!.lower;
  const century = lexicon.teens.get(lower) ?? (lower === "twenty" ? 20 : undefined);
  const plural = lexicon.decades.get(linked(words, at + 1)?.lower ?? "");
  if (century === undefined || century < 13 || plural === undefined) return undefined;
  return matched(words, at, at + 2, `${century * 100 + plural}s`);
}

const afterDecadeWord = (words: Words, at: number): boolean =>
  ["the", "early", "mid", "late"].includes(words[at - 1]?.lower ?? "");

/** A year inside a date, said in either way. */
function dateYear(words: Words, at: number): { to: number; value: string } | undefined {
  if (listed(words, at) === undefined) return undefined;
  const read = pair(words, at);
  const hourly = read !== undefined && read.first < 13 && read.second < 60;
  if (read !== undefined && read.first >= 10 && !hourly && closed(words, read)) {
    return { to: read.to, value: `${read.first * 100 + read.second}` };
  }
  const number = cardinal(words, at);
  const inRange = number !== undefined && number.value >= 1000n && number.value < 3000n;
  return inRange ? { to: number.to, value: String(number.value) } : undefined;
}

/** "July twenty-fifth, two thousand twelve", "January first", "June five". */
export function monthDate(words: Words, at: number): Match | undefined {
  const month = words[at]!;
  if (!lexicon.months.has(month.lower) || spaced(words, at + 1) === undefined) return undefined;
  const ordinal = cardinal(words, at + 1, { and: false, ordinal: true });
  const full = ordinal ?? belowHundred(words, at + 1);
  if (full === undefined) return undefined;
  const days = full.to === at + 3 ? [full, belowTen(words, at + 1)] : [full];
  for (const day of days) {
    if (day === undefined || day.value < 1 || day.value > 31) continue;
    const year = dateYear(words, day.to);
    if (year !== undefined) return dayAndYear(words, at + 1, day, year);
  }
  if (full.value < 1 || full.value > 31) return undefined;
  const sure = capitalised(month) || !lexicon.doubtfulMonths.has(month.lower);
  const alone = ordinal ? !startsPhrase(words, full.to) : full.value < 10 && endsDate(words, full.to) && sure;
  return sure && alone ? { to: full.to, pieces: [piece(words, at + 1, full.to, String(full.value))] } : undefined;
}

/** The "twenty" of "May twenty two thousand twelve". */
function belowTen(words: Words, at: number) {
  const value = lexicon.tens.get(words[at]!.lower);
  return value === undefined ? undefined : { to: at + 1, value };
}

function dayAndYear(
  words: Words,
  at: number,
  day: { readonly to: number; readonly value: number | bigint },
  year: { readonly to: number; readonly value: string },
): Match {
  const comma = words[day.to]!.joint === "comma" ? "" : ",";
  return {
    to: year.to,
    pieces: [piece(words, at, day.to, `${day.value}${comma}`), piece(words, day.to, year.to, year.value)],
  };
}

const ordinalPhrases = new Set(
  `responder responders class aid time thing hand lady place of half quarter round person one ones team game we came
  year day week graders grader`.split(/\s+/),
);

/** "In July first responders came": the ordinal belongs to what follows. */
function startsPhrase(words: Words, at: number): boolean {
  const next = linked(words, at);
  return next !== undefined && (next.joint === "hyphen" || ordinalPhrases.has(next.lower));
}

const afterDates = new Set("at and to through or was is we i he she they it the".split(" "));

function endsDate(words: Words, at: number): boolean {
  const next = linked(words, at);
  return next === undefined || (next.joint === "space" && afterDates.has(next.lower));
}

/** "the fourth of July". A year after it is one of its own. */
export function dayOfMonth(words: Words, at: number): Match | undefined {
  if (words[at - 1]?.lower !== "the" || spaced(words, at) === undefined) return undefined;
  const day = cardinal(words, at, { and: false, ordinal: true });
  if (day === undefined || day.value > 31n || !follow(words, day.to, "of")) return undefined;
  const month = spaced(words, day.to + 1);
  if (month === undefined || !lexicon.months.has(month.lower)) return undefined;
  const sure = capitalised(month) || !lexicon.doubtfulMonths.has(month.lower) || day.value > 9n;
  return sure ? matched(words, at, day.to, ordinalText(day.value)) : undefined;
}

/** The hour that a time names: "one" to "twelve", and nothing that makes it more. */
function hour(words: Words, at: number): number | undefined {
  const word = linked(words, at);
  const value = word && (lexicon.units.get(word.lower) ?? lexicon.teens.get(word.lower));
  const more = multiplied(words, at + 1) || hyphened(words, at + 1) !== undefined;
  return value === undefined || value > 12 || more ? undefined : value;
}

const clock = (hour: number, minute: number) => `${hour}:${String(minute).padStart(2, "0")}`;
const before = (hour: number, minutes: number) => clock(hour === 1 ? 12 : hour - 1, 60 - minutes);

/** "half past three", "a quarter to four", "ten past five", "ten to eleven pm". */
export function relativeTime(words: Words, at: number): Match | undefined {
  const start = words[at]!.lower === "a" ? at + 1 : at;
  const named = start === at ? words[at] : spaced(words, start);
  const quarter = named?.lower === "quarter" ? { to: start + 1, value: 15 } : undefined;
  const half = named?.lower === "half" && start === at ? { to: start + 1, value: 30 } : undefined;
  const minutes = quarter ?? half ?? (start === at ? belowHundred(words, at) : undefined);
  if (minutes === undefined || minutes.value > 30) return undefined;
  if (quarter && start === at && isNumber(spaced(words, at) && words[at - 1])) return undefined;
  const said = spaced(words, minutes.to)?.lower ?? "";
  const unit = !quarter && !half && ["minute", "minutes", "min", "mins"].includes(said);
  const place = unit ? minutes.to + 1 : minutes.to;
  const relation = spaced(words, place)?.lower;
  const value = hour(words, place + 1);
  if (value === undefined) return undefined;
  const suffix = dayHalf(words, place + 2);
  const text = relation === "past" || (relation === "after" && (quarter || unit))
    ? clock(value, minutes.value)
    : relation === "to" && !half && (quarter || roundMinutes(words, at, minutes.value, unit, suffix !== undefined))
    ? before(value, minutes.value)
    : undefined;
  if (text === undefined || (suffix === undefined && counted(words, place + 2))) return undefined;
  return withSuffix(words, at, place + 2, text, suffix);
}

/** "from ten to eleven p.m." is a span. */
function roundMinutes(words: Words, at: number, minutes: number, unit: boolean, suffix: boolean): boolean {
  if (!suffix) return false;
  return unit || ([5, 10, 20, 25].includes(minutes) && words[at - 1]?.lower !== "from");
}

/** "three thirty p.m.", "eight oh six", "three p.m."; whole hours without a half of the day stay. */
export function time(words: Words, at: number): Match | undefined {
  const value = lexicon.units.get(words[at]!.lower) ?? lexicon.teens.get(words[at]!.lower);
  if (value === undefined || value > 12) return undefined;
  const whole = dayHalf(words, at + 1);
  if (whole !== undefined) return withSuffix(words, at, at + 1, String(value), whole);
  const read = pair(words, at);
  if (read === undefined || read.second > 59 || !closed(words, read)) return undefined;
  const suffix = dayHalf(words, read.to);
  if (suffix === undefined && !bareTime(words, at, read)) return undefined;
  return withSuffix(words, at, read.to, clock(value, read.second), suffix);
}

/** Without "p.m.", two numbers are a time unless they count something, or are counted. "one oh one" is a course. */
function bareTime(words: Words, at: number, read: Pair): boolean {
  const neighbours = read.second === read.first + 1 && words[at - 1]?.lower !== "at";
  const course = words[read.to - 1]!.lower === "one" && read.first === 1 && words[at - 1]?.lower !== "at";
  if (lexicon.codeNouns.has(spaced(words, read.to)?.lower ?? "")) return false;
  if (neighbours || course || counted(words, read.to)) return false;
  return !isNumber(linked(words, read.to));
}

function withSuffix(words: Words, at: number, to: number, text: string, suffix: Match | undefined): Match {
  return { to: suffix?.to ?? to, pieces: [piece(words, at, to, text), ...(suffix?.pieces ?? [])] };
}

const zones = new Set("gmt utc est edt cst cdt mst mdt pst pdt cet bst".split(" "));

/** "p m", "pm", or "p.m." as it is written, with a time zone. */
function dayHalf(words: Words, at: number): Match | undefined {
  const first = spaced(words, at);
  if (first === undefined) return undefined;
  const spelled = first.lower === "a" || first.lower === "p";
  const second = words[at + 1];
  if (spelled && second?.lower === "m" && second.glued) return stays(at + 2);
  if (spelled ? second?.lower !== "m" || second.joint !== "space" : first.lower !== "am" && first.lower !== "pm") {
    return undefined;
  }
  const end = spelled ? at + 2 : at + 1;
  if (first.text === "am" && spaced(words, end)?.lower === "i") return undefined;
  const letters = spelled ? [first.text, second!.text] : [...first.text];
  const zone = zoneAt(words, end);
  return { to: zone?.to ?? end, pieces: [piece(words, at, end, `${letters.join(".")}.`), ...(zone?.pieces ?? [])] };
}

/** A zone that was spelled. */
function zoneAt(words: Words, at: number): Match | undefined {
  const letters = [0, 1, 2].map((index) => spaced(words, at + index)?.text ?? "");
  const spelled = letters.join("");
  const isZone = letters.every((letter) => letter.length === 1) && zones.has(spelled.toLowerCase());
  return isZone ? matched(words, at, at + 3, spelled) : undefined;
}

/** A half of the day that ends a sentence shares its point: see `shareStops`. */
export function shareStops(source: string, pieces: readonly Piece[]): Piece[] {
  return pieces.map((one) =>
    /^[aApP]\.[mM]\.$/.test(one.text) && source[one.to] === "." ? { ...one, text: one.text.slice(0, -1) } : one
  );
}
