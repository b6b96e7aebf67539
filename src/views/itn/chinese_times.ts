/** Chinese dates and times of day: 二零二五年三月五号, 三点一刻, 下午三点二十分. Pure. */

import { isNumeralAt } from "./chinese_fold.ts";
import { type Numeral, readWhole, wholeOf } from "./chinese_numbers.ts";
import {
  alone,
  isAsciiDigit,
  isAsSoonAs,
  isBoundary,
  isCounting,
  isFractionAt,
  isOneOf,
  isVague,
  type Match,
  type Place,
  single,
} from "./chinese_place.ts";
import { followsDayPart, isClassifier, isClockTime, isScore, precedesEvent, startsMeasure } from "./chinese_words.ts";

/**
 * Years of any digits, and others said with two of them: 八五年, 零零后, 零三月, 八五折. Two that follow each other are
 * approximate (七八年) unless a month is near.
 */
export function year({ text }: Place, number: Numeral): Match | undefined {
  const { end } = number;
  const [first = "", second = ""] = number.text;
  if (number.kind !== "digits" || text.slice(number.start, end).includes("两")) return undefined;
  const isYear = text[end] === "年" && text[end + 1] !== "级";
  if (number.text.length > 2) {
    return isYear && !(number.text.length === 3 && isCounting(number.text)) ? alone(number) : undefined;
  }
  const isApproximate = Number(second) - Number(first) === 1 || number.text === "35";
  const isDated = /^年(十|[一二三四五六七八九]月|春|夏|秋|冬|底|初|末)/.test(text.slice(end, end + 3));
  const isMeant = (isYear && (!isApproximate || isDated)) ||
    (isOneOf(text[end], "后级届") && "0156789".includes(first) && "05".includes(second)) ||
    (isOneOf(text[end], "级届月日号") && first === "0") || (text[end] === "折" && !isApproximate);
  return isMeant ? alone(number) : undefined;
}

/** Months of one digit, and those that a range or a list ends in: 三到五月. */
export function month({ folded, text, at }: Place, number: Numeral): Match | undefined {
  if (number.kind !== "digit" || number.value === 0 || text[at] === "两" || text[at - 1] === "第") return undefined;
  if (isOneOf(text[number.end], "到至、")) {
    const last = readWhole(folded, number.end + 1);
    const isMonths = last !== undefined && last.kind !== "digits" && last.value <= 12 && text[last.end] === "月";
    const isRange = isMonths && !isAsSoonAs(text, number, last.end);
    return isRange && !isOneOf(text[last.end + 1], notAfterMonth) ? alone(number) : undefined;
  }
  if (text[number.end] !== "月" || isOneOf(text[number.end + 1], notAfterMonth)) return undefined;
  if (number.value === 1 && isOneOf(text[at - 1], "上下每这那前后同")) return undefined;
  if (text[number.end + 1] === "初" && isNumeralAt(text, number.end + 2)) return { end: number.end + 3, pieces: [] };
  return alone(number);
}

const notAfterMonth = "饼亮球光嫂经";

/** Days of one digit behind a month. */
export function day({ text, at }: Place, number: Numeral): Match | undefined {
  if (number.kind !== "digit" || number.value === 0 || text[at - 1] !== "月") return undefined;
  const next = text[number.end];
  if (isOneOf(text[at - 2], "个本每上下当同该次")) return isOneOf(next, "日号") ? alone(number) : undefined;
  if (!isNumeralAt(text, at - 2) && !isAsciiDigit(text[at - 2])) return undefined;
  const isCounted = isClassifier(next) || startsMeasure(text, number.end) || isNumeralAt(text, number.end);
  // 五月一到 is no date.
  const isBare = text[at] === "一"
    ? isBoundary(text, number.end) && !isOneOf(next, "到就") || next === "放"
    : !isCounted;
  if (!isOneOf(next, "日号") && !isBare) return undefined;
  return alone(number);
}

const quarters = new Map([["一", 15], ["二", 30], ["两", 30], ["三", 45]]);
/** What 半 belongs to when it is not the half of an hour. */
const afterHalf = "天个年月日夜路价数点";
/** What a number of minutes without 分 may not count: 三点二十个人. */
const afterMinutes = "个位只条张件名天周月年岁块元人斤米里克吨度倍万亿折点后秒号楼";

/** Hours with minutes; whole hours are numbers like others. */
export function clock({ folded, text, at }: Place, number: Numeral): Match | undefined {
  const hour = wholeOf(folded, number);
  if (hour === undefined || hour.kind === "digits" || hour.value > 24 || text[hour.end] !== "点") return undefined;
  if (text[at - 1] === "第" || isVague(text, hour)) return undefined;
  const after = hour.end + 1;
  if (text[after] === "半" && !isOneOf(text[after + 1], afterHalf)) return single(at, after + 1, `${hour.value}:30`);
  const quarter = quarters.get(text[after] ?? "");
  if (quarter !== undefined && text[after + 1] === "刻") {
    const end = text[after + 2] === "钟" ? after + 3 : after + 2;
    return single(at, end, `${hour.value}:${quarter}`);
  }
  const minute = readWhole(folded, after);
  return minute && minutes({ folded, text, at }, hour, minute);
}

function minutes({ folded, text, at }: Pick<Place, "folded" | "text" | "at">, hour: Numeral, minute: Numeral) {
  const { end, kind, value } = minute;
  const isPadded = kind === "digits" && /^0\d$/.test(minute.text);
  if (value >= 60 || isVague(text, minute)) return undefined;
  const written = `${hour.value}:${String(value).padStart(2, "0")}`;
  if (text[end] === "分" && text[end + 1] !== "钟" && !isFractionAt(text, end)) {
    if (kind === "digits" && !isPadded) return undefined;
    if (kind === "digit" && isScore(text, at)) return undefined;
    const second = readWhole(folded, end + 1);
    if (second === undefined || second.value >= 60 || text[second.end] !== "秒") return single(at, end + 1, written);
    return single(at, second.end + 1, `${written}:${String(second.value).padStart(2, "0")}`);
  }
  const isSaid = kind === "integer" && !isOneOf(text[end], afterMinutes) && !text.startsWith("分钟", end);
  const isRead = kind === "digits" && minute.text.length === 2 && isClockTime(text, at, end);
  return isSaid || isRead ? single(at, end, written) : undefined;
}

/** 下午三点五 is neither 3.5 nor clearly 3:05. */
export const isUnclearTime = (text: string, { start, end, kind, text: written }: Numeral) =>
  kind === "decimal" && /^\d+\.\d$/.test(written) && (followsDayPart(text, start) || precedesEvent(text, end));
