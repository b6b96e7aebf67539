/** Chinese quantities of several parts: 十二块五毛, 一米七五, 三十八度五, 两小时三十分. Pure. */

import { isDigitAt, isNumeralAt } from "./chinese_fold.ts";
import { type Numeral, readWhole } from "./chinese_numbers.ts";
import { isBoundary, isOneOf, type Match, type Place, single, write } from "./chinese_place.ts";
import { isClassifier, startsWord } from "./chinese_words.ts";

/** 三千三百八十元五角八分, 十二块五: every part as digits, the units as said. */
export function amount({ folded, text }: Place, number: Numeral): Match | undefined {
  if (number.kind === "digits" || !isOneOf(text[number.end], "元块毛")) return undefined;
  const parts = [number];
  let unit: string | undefined = text[number.end];
  let end = number.end + 1;
  for (;;) {
    const part = readCents(folded, end);
    const next = part && text[part.end];
    if (part === undefined) break;
    const isNamed = unit === "毛" || unit === "角" ? next === "分" : isOneOf(next, "角毛分");
    if (!isNamed && !endsPrice(text, part)) break;
    parts.push(isNamed ? withoutZero(part) : part);
    end = isNamed ? part.end + 1 : part.end;
    unit = next;
    if (!isNamed || next === "分") break;
  }
  return parts.length === 1 ? undefined : { end, pieces: parts.map(write) };
}

/** 十块零五分 keeps its 零, 十块零五 is 10块05. */
const withoutZero = (part: Numeral): Numeral =>
  part.kind === "digits" ? { ...part, start: part.start + 1, text: part.text.slice(1) } : part;

/** One digit, or two of which the first is 零; a price for each may follow: 三块五|一斤. */
function readCents(folded: Place["folded"], at: number): Numeral | undefined {
  const { text } = folded;
  const part = readWhole(folded, at);
  if (part === undefined || part.kind === "digit" || /^0\d$/.test(part.text)) return part;
  if (part.kind !== "digits" || part.text.length !== 2 || text[at + 1] !== "一" || !isPricedUnit(text, at + 2)) {
    return undefined;
  }
  return { ...part, end: at + 1, kind: "digit", value: Number(part.text[0]), text: part.text.slice(0, 1) };
}

const isPricedUnit = (text: string, at: number) => isClassifier(text[at]) || isOneOf(text[at], "斤公米吨升两");

const endsPrice = (text: string, { start, end }: Numeral) =>
  !startsWord(text, start) &&
  (isBoundary(text, end) || isOneOf(text[end], "钱每不起") || text.startsWith("包邮", end) ||
    (text[end] === "一" && isPricedUnit(text, end + 1)));

/** 一米七五 as 1.75米, 三十八度五 as 38.5度. */
export function degreesAndMetres({ folded, text, at }: Place, number: Numeral): Match | undefined {
  const unit = text[number.end] ?? "";
  const isMetres = unit === "米" && number.kind !== "digits" && number.kind !== "decimal";
  const isDegrees = unit === "度" && number.kind === "integer";
  if ((!isMetres && !isDegrees) || !/^\d+$/.test(number.text)) return undefined;
  const rest = readWhole(folded, number.end + 1);
  if (rest === undefined || rest.kind === "integer" || rest.text.length > (isMetres ? 2 : 1)) return undefined;
  if (!isBoundary(text, rest.end) && !isOneOf(text[rest.end], "高宽长深大男女帅多")) return undefined;
  if (text[rest.end] === "多" || text[rest.end - 1] === "两") return undefined;
  return single(at, rest.end, `${number.text}.${rest.text}${unit}`);
}

const steps = [["小时"], ["分钟", "分"], ["秒钟", "秒"]];

/** Hours, minutes and seconds are written alike, all as digits if one of them is: 两小时三十分, 九秒八三. */
export function duration({ folded, text }: Place, number: Numeral): Match | undefined {
  const parts: Numeral[] = [];
  let part: Numeral | undefined = number;
  let [end, step] = [number.start, -1];
  while (part !== undefined && (part.kind !== "digits" || /^0\d$/.test(part.text))) {
    const after = part.end;
    const next = steps.findIndex((units, index) => index > step && units.some((unit) => text.startsWith(unit, after)));
    const unit = steps[next]?.find((name) => text.startsWith(name, after));
    if (unit === undefined) break;
    parts.push(part);
    [end, step] = [after + unit.length, next];
    part = isNumeralAt(text, end) ? readWhole(folded, end) : undefined;
  }
  const isHundredths = step === 2 && part !== undefined && part.kind !== "integer" && part.text.length <= 2;
  if (isHundredths && part !== undefined && isBoundary(text, part.end)) parts.push(part);
  else if (isDigitAt(text, end)) return undefined;
  const last = parts.at(-1);
  if (parts.length < 2 || last === undefined || !parts.some(({ text }) => text.length > 1)) return undefined;
  return { end: last.end, pieces: parts.map(write) };
}
