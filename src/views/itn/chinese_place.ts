/**
 * What the rules of Chinese numbers share: where they stand, what they answer, and which numbers are approximate. Pure.
 */

import type { Piece } from "../piece.ts";
import { type Folded, isNumeralAt, isTensAt, isUnitAt } from "./chinese_fold.ts";
import type { Numeral } from "./chinese_numbers.ts";
import { isClassifier } from "./chinese_words.ts";

/** A position in a text, and the last number that was written before it. */
export type Place = {
  readonly folded: Folded;
  /** The folded text. */
  readonly text: string;
  readonly at: number;
  readonly all: boolean;
  readonly last: Piece | undefined;
};

/** Reading goes on at `end`. Without pieces the text up to there stays. */
export type Match = { readonly end: number; readonly pieces: readonly Piece[] };

/** What the number at a place becomes, if it is of the rule's kind. */
export type Rule = (place: Place, number: Numeral) => Match | undefined;

export const isAsciiDigit = (character: string | undefined) =>
  character !== undefined && character >= "0" && character <= "9";

export const write = ({ start, end, text }: Numeral): Piece => ({ from: start, to: end, text });

export const alone = (number: Numeral): Match => ({ end: number.end, pieces: [write(number)] });

export const single = (from: number, to: number, text: string): Match => ({ end: to, pieces: [{ from, to, text }] });

/** Words that end in 数 or make one with what follows; elsewhere 数十 is a vague number. */
const beforeCount = "总人次分户件票倍指参字点基系读计个整函岁";

/** Whether a number is approximate: 三十几, 几十, 数百, 二十多, 十来个, 三百余. */
export function isVague(text: string, { start, end }: Numeral): boolean {
  const before = text[start - 1];
  if (isUnitAt(text, start) && (before === "几" || (before === "数" && !isOneOf(text[start - 2], beforeCount)))) {
    return true;
  }
  if (!isTensAt(text, end - 1)) return false;
  const next = text[end];
  const following = text[end + 1];
  if (next === "几") return true;
  if (next === "多") return !isOneOf(following, "少伦");
  if (next === "余") return !isOneOf(following, "额下款");
  return next === "来" &&
    (isClassifier(following) || isUnitAt(text, end + 1) || isOneOf(following, "人元斤米里公平分秒度万亿"));
}

export function vagueEnd(text: string, { end }: Numeral): number {
  while (isNumeralAt(text, end) || isOneOf(text[end], "几多余来")) end++;
  return end;
}

export const isOneOf = (character: string | undefined, characters: string) =>
  character !== undefined && characters.includes(character);

/** Whether a clause ends here, or goes on with a word that no number belongs to. */
export function isBoundary(text: string, at: number): boolean {
  const character = text[at];
  return character === undefined || !/[\p{L}\p{N}]/u.test(character) ||
    "的了吧吗呢啊哦就左右还也以和到至或".includes(character);
}

/** Whether a number that ends here is the lower one of a fraction; 三十分之后 has none. */
export const isFractionAt = (text: string, at: number) =>
  text.startsWith("分之", at) && (isNumeralAt(text, at + 2) || /[\d几]/.test(text[at + 2] ?? ""));

/** 一到十点就睡 is "as soon as", no range. */
export const isAsSoonAs = (text: string, { start, end }: Numeral, rangeEnd: number) =>
  text[start] === "一" && text[end] === "到" && /[就都便]/.test(text.slice(rangeEnd, rangeEnd + 4));

/** Each digit is one more, or one less, than the one before. */
export function isCounting(digits: string): boolean {
  const step = Number(digits[1]) - Number(digits[0]);
  if (Math.abs(step) !== 1 || digits.startsWith("0")) return false;
  for (let at = 1; at < digits.length; at++) if (Number(digits[at]) - Number(digits[at - 1]) !== step) return false;
  return true;
}
