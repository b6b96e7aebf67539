/**
 * Chinese numerals to digits: integers, decimals, strings of digits. In: a folded text (`chinese_fold.ts`) and a
 * position. Out: the numeral that starts there, with its end, its value and its written form. Pure; a call reads the
 * run of numerals at the position and never more.
 *
 *     integer  = below-兆 [兆 [零] below-兆]      each level alike: below-亿 [亿 ..], below-万 [万 ..]
 *     section  = [digit 千] [零] [digit 百] [零] [[digit] 十 | 廿 | 卅 | 卌] [零] [digit]
 *     short    = the unit of a last digit may be left out: 三百五, 一万五
 *     decimal  = (integer | digits) 点 digits [万 | 亿 | 万亿 | 兆]
 *     digits   = digit digit ..
 */

import { digitValues, type Folded, isDigitAt, isNumeralAt, runEnd } from "./chinese_fold.ts";
import { isClassifier, startsWord } from "./chinese_words.ts";

/** `digit` is one alone, `digits` a string of them, `integer` has a unit such as 十, `decimal` a point. */
export type Numeral = {
  readonly start: number;
  readonly end: number;
  readonly kind: "digit" | "digits" | "integer" | "decimal";
  readonly value: number;
  /** As written: `120`, `05`, `3.14`, `1.2亿`. */
  readonly text: string;
};

const unitValues = new Map([["十", 10], ["百", 100], ["千", 1000]]);
const tenValues = new Map([["廿", 20], ["卅", 30], ["卌", 40]]);
const scales = ["", "万", "亿", "兆"];
const scaleValues = [1, 1e4, 1e8, 1e12];
/** Units of measure that 千 may belong to: 二十五千克. */
const kiloUnits = "克米瓦卡赫帕伏焦";

type Part = {
  readonly end: number;
  readonly value: number;
  /** The unit of the last digit was left out. */
  readonly isShort: boolean;
  /** Nothing but one digit. */
  readonly isOneDigit: boolean;
};

/** Reads a number below 10,000. */
function readSection(text: string, start: number): Part | undefined {
  let [end, value, unit] = [start, 0, 10_000];
  while (unit > 1) {
    const hasZero = end > start && text[end] === "零";
    const at = hasZero ? end + 1 : end;
    const step = readStep(text, at, end > start);
    if (step === undefined || step.unit >= unit || (hasZero && step.unit * 10 === unit)) break;
    const isShort = step.unit === 1 && !hasZero && end > start && unit > 10;
    value += isShort ? step.value * unit / 10 : step.value;
    if (isShort) return { end: step.end, value, isShort, isOneDigit: false };
    if (step.unit === 1) return { end: step.end, value, isShort, isOneDigit: end === start };
    [end, unit] = [step.end, step.unit];
  }
  return end === start ? undefined : { end, value, isShort: false, isOneDigit: false };
}

/** A digit with its unit, ten alone, or a digit alone (unit 1). */
function readStep(text: string, at: number, isLater: boolean) {
  const character = text[at] ?? "";
  const tens = tenValues.get(character) ?? (character === "十" ? 10 : undefined);
  if (tens !== undefined) return { end: at + 1, value: tens, unit: 10 };
  const digit = digitValues.get(character) ?? 0;
  if (digit === 0) return undefined;
  const unit = unitValues.get(text[at + 1] ?? "");
  const isPlainLiang = unit === undefined && isLater && text[at + 1] !== "万" && text[at + 1] !== "亿";
  if (character === "两" && (unit === 10 || isPlainLiang)) return undefined;
  return unit === undefined ? { end: at + 1, value: digit, unit: 1 } : { end: at + 2, value: digit * unit, unit };
}

/** Reads a number with the scales up to the level: 万, 亿, 兆. */
function readScaled(text: string, at: number, level: number): Part | undefined {
  if (level === 0) return readSection(text, at);
  const head = readScaled(text, at, level - 1);
  if (head === undefined || head.isShort || text[head.end] !== scales[level]) return head;
  const scale = scaleValues[level] ?? 1;
  const after = head.end + 1;
  const hasZero = text[after] === "零";
  const tail = readScaled(text, hasZero ? after + 1 : after, level - 1);
  const isMeasure = tail?.isOneDigit === true && text[tail.end - 1] === "两";
  if (tail === undefined || isMeasure) {
    return { end: after, value: head.value * scale, isShort: false, isOneDigit: false };
  }
  const isShort = tail.isShort || (tail.isOneDigit && !hasZero);
  const rest = tail.isOneDigit && !hasZero ? tail.value * scale / 10 : tail.value;
  return { end: tail.end, value: head.value * scale + rest, isShort, isOneDigit: false };
}

/** Reads the run of numerals at a position as one number without a point; undefined if it is none. */
export function readWhole(folded: Folded, start: number): Numeral | undefined {
  const { text } = folded;
  const end = runEnd(text, start);
  if (end === start) return undefined;
  const written = writeDigits(text, start, end);
  if (written.length < end - start) return readInteger(folded, start, end);
  return { start, end, kind: written.length === 1 ? "digit" : "digits", value: Number(written), text: written };
}

/** The digits that start at a position, as they are written. */
function writeDigits(text: string, start: number, end: number): string {
  let written = "";
  for (let at = start; at < end && isDigitAt(text, at); at++) written += digitValues.get(text[at] ?? "");
  return written;
}

function readInteger(folded: Folded, start: number, end: number): Numeral | undefined {
  const { text } = folded;
  const part = readScaled(text, start, 3);
  if (part === undefined || part.value > Number.MAX_SAFE_INTEGER) return undefined;
  if (part.end === end) {
    // 一百一个 is a hundred a piece: a unit is not left out before a classifier.
    return part.isShort && belongsAhead(text, end - 1)
      ? readUpTo(folded, start, end - 1)
      : integer(folded, start, part);
  }
  if (text[end - 1] === "千" && kiloUnits.includes(text[end] ?? " ")) return readUpTo(folded, start, end - 1);
  return endsBefore(text, part.end, end) ? integer(folded, start, part) : undefined;
}

/** Reads what stands before an end as one number. */
function readUpTo(folded: Folded, start: number, end: number): Numeral | undefined {
  const part = readScaled(folded.text.slice(start, end), 0, 3);
  return part?.end === end - start ? integer(folded, start, { ...part, end }) : undefined;
}

/** Whether a number may end inside a run of numerals: 二十|两, 三百九十九|三盒; but 十五六岁 is approximate. */
function endsBefore(text: string, at: number, end: number): boolean {
  if (text[at] === "两" && at + 1 === end) return true;
  const before = digitValues.get(text[at - 1] ?? "");
  const isApproximate = before !== undefined && (digitValues.get(text[at] ?? "") ?? 0) - before === 1;
  return at + 1 === end && !isApproximate && belongsAhead(text, at);
}

/** Whether a digit belongs to what follows it: 三盒, 一起. */
function belongsAhead(text: string, at: number): boolean {
  return isDigitAt(text, at) && text[at] !== "零" && (isClassifier(text[at + 1]) || startsWord(text, at));
}

function integer(folded: Folded, start: number, { end, value }: Part): Numeral {
  return { start, end, kind: "integer", value, text: writeInteger(value, scaleNames(folded, start, end)) };
}

/** The scales that were said, in the script in which they were said. */
function scaleNames({ text, source }: Folded, start: number, end: number): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (let at = start; at < end; at++) {
    const character = text[at] ?? "";
    if ("万亿兆".includes(character)) names.set(character, source[at] ?? character);
  }
  return names;
}

/** Round numbers keep their scale with up to four decimals (`35万`, `1.2亿`); others are all digits. */
function writeInteger(value: number, names: ReadonlyMap<string, string>): string {
  if (value < 1e4 || value % 1e4 !== 0) return String(value);
  const [wan, yi, zhao] = [names.get("万"), names.get("亿"), names.get("兆")];
  const choices: [number, string | undefined][] = [
    [1e12, zhao ?? (yi === undefined ? undefined : `${wan ?? "万"}${yi}`)],
    [1e8, yi],
    [1e4, wan],
  ];
  for (const [scale, name] of choices) {
    const fraction = value % scale / (scale / 1e4);
    if (name === undefined || value < scale || !Number.isInteger(fraction)) continue;
    const decimals = fraction === 0 ? "" : `.${String(fraction).padStart(4, "0").replace(/0+$/, "")}`;
    return `${Math.floor(value / scale)}${decimals}${name}`;
  }
  return String(value);
}

/** A number without its decimals, as the hour before minutes is one. */
export const wholeOf = (folded: Folded, number: Numeral): Numeral | undefined =>
  number.kind === "decimal" ? readWhole(folded, number.start) : number;

/** Reads a number at a position: with a point if one follows that can be no clock's, else without. */
export function readNumeral(folded: Folded, start: number): Numeral | undefined {
  const whole = readWhole(folded, start);
  return (whole && readDecimal(folded, whole)) ?? whole;
}

function readDecimal({ text, source }: Folded, whole: Numeral): Numeral | undefined {
  if (text[whole.end] !== "点" || whole.end !== runEnd(text, whole.start)) return undefined;
  if (whole.kind === "integer" && whole.value >= 1e4 && !/^\d+$/.test(whole.text)) {
    whole = { ...whole, text: String(whole.value) };
  }
  const decimals = writeDigits(text, whole.end + 1, runEnd(text, whole.end + 1));
  const end = whole.end + 1 + decimals.length;
  if (decimals === "" || text.slice(whole.end + 1, end).includes("两")) return undefined;
  const scaled = text.startsWith("万亿", end) ? end + 2 : "万亿兆".includes(text[end] ?? " ") ? end + 1 : end;
  const isKilo = text[scaled] === "千" && kiloUnits.includes(text[scaled + 1] ?? " ");
  const isHours = text[scaled] === "点" && whole.value <= 24;
  if (!isKilo && (isNumeralAt(text, scaled) || text[scaled] === "几" || isHours)) return undefined;
  const written = `${whole.text}.${decimals}`;
  return {
    start: whole.start,
    end: scaled,
    kind: "decimal",
    value: Number(written),
    text: written + source.slice(end, scaled),
  };
}
