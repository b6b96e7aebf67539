/** Chinese signs, percentages and fractions: 负五度, 百分之三点五, 三分之二, 一又二分之一. Pure. */

import { isNumeralAt } from "./chinese_fold.ts";
import { type Numeral, readNumeral, readWhole } from "./chinese_numbers.ts";
import { isFractionAt, isOneOf, isVague, type Match, type Place, single, write } from "./chinese_place.ts";
import { isClassifier, startsMeasure } from "./chinese_words.ts";

/** Words such as 胜负 and 辜负 hold no sign. */
const beforeSign = "胜自担肩抱辜欺不";

export function signed(place: Place): Match | undefined {
  const { folded, text, at } = place;
  const sign = text.startsWith("正负", at) ? "±" : text[at] === "负" ? "-" : undefined;
  if (sign === undefined || isOneOf(text[at - 1], beforeSign) || isNumeralAt(text, at - 1)) return undefined;
  const start = at + (sign === "±" ? 2 : 1);
  const inner = { ...place, at: start };
  const number = readNumeral(folded, start);
  const value = percent(inner) ?? (number && (fraction(inner, number) ?? magnitude(text, number)));
  const first = value?.pieces[0];
  if (value === undefined || first === undefined) return undefined;
  return { end: value.end, pieces: [{ ...first, from: at, text: sign + first.text }, ...value.pieces.slice(1)] };
}

function magnitude(text: string, number: Numeral): Match | undefined {
  const next = text[number.end];
  if (number.kind === "digits" || isVague(text, number)) return undefined;
  if (number.kind === "digit" && isOneOf(next, "楼层于月年代几点")) return undefined;
  return { end: number.end, pieces: [write(number)] };
}

/** 百分之五, 百分三十, 百分之百, 百分百, and 千分之五. The end of a range is one too: 百分之三到五. */
export function percent({ folded, text, at }: Place): Match | undefined {
  const mark = text.startsWith("百分", at) ? "%" : text.startsWith("千分之", at) ? "‰" : undefined;
  if (mark === undefined || isNumeralAt(text, at - 1)) return undefined;
  const start = text[at + 2] === "之" ? at + 3 : at + 2;
  const isWhole = text[start] === "百" && !isNumeralAt(text, start + 1);
  if (isWhole) return single(at, start + 1, `100${mark}`);
  const number = readNumeral(folded, start);
  if (number === undefined || !isValue(text, number) || (start === at + 2 && number.kind === "digit")) return undefined;
  const first = { from: at, to: number.end, text: number.text + mark };
  const second = isOneOf(text[number.end], "到至") ? readNumeral(folded, number.end + 1) : undefined;
  if (
    second === undefined || !isValue(text, second) || isClassifier(text[second.end]) || startsMeasure(text, second.end)
  ) {
    return { end: number.end, pieces: [first] };
  }
  if (isOneOf(text[second.end], "点分")) return { end: number.end, pieces: [first] };
  return { end: second.end, pieces: [first, { ...write(second), text: second.text + mark }] };
}

const isValue = (text: string, number: Numeral) =>
  number.kind !== "digits" && !isVague(text, number) && !isNumeralAt(text, number.end) &&
  !(text[number.end] === "几" || text.startsWith("点几", number.end));

/** 三分之二 as 2/3, 一又二分之一 as 1又1/2. */
export function fraction({ folded, text }: Place, number: Numeral): Match | undefined {
  if (text[number.end] === "又") {
    const below = readWhole(folded, number.end + 1);
    const part = below && simple(folded, below);
    return part?.pieces[0] && isWhole(number) ? { end: part.end, pieces: [write(number), ...part.pieces] } : undefined;
  }
  return simple(folded, number);
}

function simple(folded: Place["folded"], below: Numeral): Match | undefined {
  const { text } = folded;
  if (!isWhole(below) || !isFractionAt(text, below.end)) return undefined;
  const above = readWhole(folded, below.end + 2);
  // 十分之七八 and 十分之几 stay whole.
  if (above === undefined || !isWhole(above) || !isValue(text, above)) return { end: below.end, pieces: [] };
  return single(below.start, above.end, `${above.value}/${below.value}`);
}

const isWhole = ({ kind }: Numeral) => kind === "digit" || kind === "integer";
