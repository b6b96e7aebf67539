/** Chinese numbers of one part: codes, versions, scores, ranges, plain numbers, digits before classifiers. Pure. */

import { isDigitAt, isNumeralAt } from "./chinese_fold.ts";
import { type Numeral, readNumeral, readWhole, wholeOf } from "./chinese_numbers.ts";
import {
  alone,
  isAsciiDigit,
  isAsSoonAs,
  isCounting,
  isOneOf,
  isVague,
  type Match,
  type Place,
  single,
} from "./chinese_place.ts";
import { isUnclearTime } from "./chinese_times.ts";
import { isClassifier, isCode, isTemperature, startsCounted, startsWord } from "./chinese_words.ts";

/** 一九二点一六八点零点一, 二点零点三: addresses and versions. */
export function dotted({ folded, text, at }: Place, number: Numeral): Match | undefined {
  if (text[wholeOf(folded, number)?.end ?? at] !== "点") return undefined;
  const parts: string[] = [];
  let end = at - 1;
  do {
    const part = readWhole(folded, end + 1);
    if (part === undefined || part.value > 255 && parts.length > 0) return undefined;
    if (part.kind === "integer" && part.value > 255) return undefined;
    parts.push(part.text);
    end = part.end;
  } while (text[end] === "点" && isNumeralAt(text, end + 1) && parts.length < 5);
  const isAddress = parts.length === 4;
  const isVersion = parts.length === 3 && isDigitAt(text, end - 1) && !text.slice(at, end).includes("十");
  if (!(isAddress || isVersion) || isOneOf(text[end], "点半分几多")) return undefined;
  return single(at, end, parts.join("."));
}

/** What 三比二 may go on with when it compares and is no score. */
const afterComparison = "大小多少高低好强长短重轻贵快慢早晚更较几";

/** 三比二, 七十八比九十六. */
export function ratio({ folded, text, at }: Place, number: Numeral): Match | undefined {
  let [end, written] = [number.end, number.text];
  let sides = 1;
  while (text[end] === "比" && sides < 4) {
    const side = readNumeral(folded, end + 1);
    if (side === undefined || side.kind === "digits" || isVague(text, side)) return undefined;
    if (isOneOf(text[side.end], afterComparison) || isClassifier(text[side.end])) return undefined;
    [end, written] = [side.end, `${written}:${side.text}`];
    sides++;
  }
  return sides === 1 || number.kind === "digits" ? undefined : single(at, end, written);
}

const isLetter = (character: string | undefined) => character !== undefined && /[a-z]/i.test(character);

/** Digits that touch Latin letters: A四, MP三, 五G, 京A一二三四五. */
export function besideLetters({ text, at }: Place, number: Numeral): Match | undefined {
  if (number.kind !== "digit" && number.kind !== "digits") return undefined;
  // 两三天 is approximate beside letters, too.
  if (number.text.length === 2 && isClassifier(text[number.end])) return undefined;
  if (isLetter(text[at - 1])) {
    const isOneLetter = !isLetter(text[at - 2]);
    const isCounted = isClassifier(text[number.end]) && !(isOneLetter && text[at] !== "一");
    return number.kind === "digit" && (isCounted || startsWord(text, at)) ? undefined : alone(number);
  }
  return /^(?:[a-z](?![a-z])|[kmgt]bp?s?(?![a-z]))/i.test(text.slice(number.end, number.end + 6))
    ? alone(number)
    : undefined;
}

/** Three and more digits are read out: telephone numbers, rooms, codes. Counting (一二三) is not. */
export function digitString({ text, at, folded }: Place, number: Numeral): Match | undefined {
  const { end } = number;
  if (number.kind !== "digits") return undefined;
  const isRadio = folded.source.slice(at, end).includes("幺");
  if (text.slice(at, end).includes("两") && !isRadio && number.text.length < 5) return undefined;
  if (number.text.length === 2) {
    return /尾号|后四位/.test(text.slice(Math.max(0, at - 3), at)) ? alone(number) : undefined;
  }
  if (isCounting(number.text) && !isRadio && !isCode(text, at, end)) return undefined;
  if (/^(\d)\1+$/.test(number.text) && isClassifier(text[end])) return undefined;
  return alone(number);
}

/** A digit alone is written like the other end of its range: 三到十个, 十二点到三点, 第三到第十五. */
export function range(place: Place, number: Numeral): Match | undefined {
  const { text, at, last } = place;
  if (number.kind !== "digit" || (number.value === 0 && isOneOf(text[number.end], "下上"))) return undefined;
  if (isOneOf(text[at - 1], "到至") && last !== undefined && at - 1 - last.to <= 3) {
    const unit = text.slice(last.to, at - 1);
    if (text.startsWith(unit, number.end)) return alone(number);
  }
  for (let to = number.end; to <= number.end + 3 && !isNumeralAt(text, to) && !isAsciiDigit(text[to]); to++) {
    const isPercent = text.startsWith("百分之", to + 1) && isNumeralAt(text, to + 4);
    if (isOneOf(text[to], "到至") && isPercent) return alone(number);
    if (isOneOf(text[to], "到至")) return isEnd(place, number, to + 1) ? alone(number) : undefined;
  }
  return undefined;
}

function isEnd({ folded, text, at }: Place, number: Numeral, start: number): boolean {
  const unit = text.slice(number.end, start - 1);
  const isOrdinal = text[at - 1] === "第" && text[start] === "第";
  const end = readNumeral(folded, isOrdinal ? start + 1 : start);
  if (end === undefined || (end.kind !== "integer" && end.kind !== "decimal") || isVague(text, end)) return false;
  return text.startsWith(unit, end.end) && !isSharedUnit(text, number, end) && !isAsSoonAs(text, number, end.end);
}

/** 三到五百 may mean 300 to 500, and stays. */
function isSharedUnit(text: string, from: Numeral, to: Numeral): boolean {
  if (to.end - to.start !== 2 || !isDigitAt(text, to.start)) return false;
  const isTens = text[to.end - 1] === "十";
  return from.value < Number(to.text[0]) && from.value >= (isTens ? 2 : 1);
}

/** Temperatures: 零下五度, 气温三到八度. */
export function temperature({ folded, text, at }: Place, number: Numeral): Match | undefined {
  if (number.kind !== "digit") return undefined;
  const isNamed = /^摄氏度|^华氏度/.test(text.slice(number.end, number.end + 3));
  if (isNamed || (text[number.end] === "度" && isTemperature(text, at))) return alone(number);
  if (!isTemperature(text, at) || !isOneOf(text[number.end], "到至")) return undefined;
  const end = readWhole(folded, number.end + 1);
  return end !== undefined && text[end.end] === "度" ? alone(number) : undefined;
}

/** Numbers from ten, and decimals. */
export function plain({ folded, text, at, last }: Place, number: Numeral): Match | undefined {
  if (number.kind !== "integer" && number.kind !== "decimal") return undefined;
  if (isUnclearTime(text, number) || isBit(text, number) || isCantoneseTime(folded.text, number)) return undefined;
  // 十九届六中全会 is a name.
  if (/^届[一二三四五六七]中全会/.test(text.slice(number.end, number.end + 5))) return undefined;
  const from = at - 2;
  if (isOneOf(text[at - 1], "到至") && isDigitAt(text, from) && !isNumeralAt(text, from - 1) && last?.to !== at - 1) {
    const first = readWhole(folded, from);
    if (first?.end === at - 1 && isSharedUnit(text, first, number)) return undefined;
  }
  return alone(number);
}

/** 有一点三个人: a bit, not 1.3. */
const isBit = (text: string, { start, end, kind }: Numeral) =>
  kind === "decimal" && text.startsWith("一点", start) &&
  isOneOf(text[start - 1], "有早晚快慢多少大小高低好便长短远近重轻热冷") &&
  isOneOf(text[end], "个位只条张件名");

/** 兩點三 is a quarter past two in Cantonese. */
const isCantoneseTime = (text: string, { start, kind, text: written, end }: Numeral) =>
  kind === "decimal" && /^\d+\.\d$/.test(written) &&
  (text.startsWith("个字", end) ||
    /[嘅咗喺唔佢哋啲冇嚟睇嗰咁噉係啱嘢]/.test(text.slice(Math.max(0, start - 20), end + 20)));

/** Determiners that make 一 an article: 这一个. */
const beforeArticle = "这那每某另哪同任唯第是统专单划归合进退";
/** Classifiers with which 一 is seldom a number: 一块儿, 一片混乱. */
const vagueOnes = "块道片把步笔顿场层盘枝句届";

/** 一个个, 一个一个. */
const isDoubled = (text: string, { start, end }: Numeral) =>
  text[end + 1] === text[end] || text.startsWith(text.slice(start, end + 1), end + 1) ||
  (start > 1 && text.startsWith(text.slice(start, end + 1), start - 2));

/** With `all`: single digits before classifiers and units, and whole hours. */
export function counted({ text, at, all }: Place, number: Numeral): Match | undefined {
  if (!all || number.kind !== "digit" || number.value === 0 || isOneOf(text[at - 1], "第初几")) return undefined;
  const next = text[number.end] ?? "";
  const isHour = next === "点" && (text[at] !== "一" || text[number.end + 1] === "钟");
  if (!isHour && !startsCounted(text, number.end)) return undefined;
  if (/^年[级制生]|^位数|^次[方元]|^点[式水]/.test(text.slice(number.end, number.end + 2))) return undefined;
  const isArticle = text[at] === "一" &&
    (isOneOf(text[at - 1], beforeArticle) || isOneOf(next, vagueOnes) || startsWord(text, at) ||
      isDoubled(text, number));
  return isArticle ? undefined : alone(number);
}
