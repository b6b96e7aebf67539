/**
 * How much of a text that goes on can be written for good. In: the text so far, and which views it gets. Out: the
 * length of its front that later words do not change. Pure.
 *
 * A number is open until some words without numbers follow, or a mark that ends the clause; words before it may belong
 * to it, too ("minus", "第"). Chinese scripts are converted by phrases, so there a clause is open until it ends.
 */

import {
  months,
  scales,
  teenOrdinals,
  teens,
  tenOrdinals,
  tens,
  unitOrdinals,
  units,
  zeros,
} from "./itn/english_lexicon.ts";

export type OpenParts = { readonly numbers: boolean; readonly clauses: boolean };

type Token = { readonly text: string; readonly from: number; readonly to: number };

/** Words, and characters of Chinese, between a number and text that it has nothing to do with. */
const reach = 3;
/** A clause that is longer is not waited for: Chinese without marks. */
const clauseMax = 60;
const clauseKept = 20;

const tokens = /\p{sc=Han}|\p{P}|[^\s\p{P}\p{sc=Han}]+/gu;
const clauseEnd = /^[\u3002\uff01\uff1f\uff1b\uff0c\u2026!?;.,]$/u;
const hanNumber = /^[〇零一二三四五六七八九十百千万亿两幺点半兩萬億點廿卅壹贰叁肆伍陆柒捌玖拾佰仟貳參陸負负第]$/u;
const numberWords: readonly { has(word: string): boolean }[] = [
  ...[units, teens, tens, zeros, unitOrdinals, teenOrdinals, tenOrdinals, scales, months],
  new Set(["hundred", "hundredth", "half", "quarter", "point", "minus", "dozen"]),
];

export function closedLength(text: string, { numbers, clauses }: OpenParts): number {
  if (!numbers && !clauses) return text.length;
  const all = [...text.matchAll(tokens)].map(({ index, 0: token }): Token => (
    { text: token, from: index, to: index + token.length }
  ));
  for (let count = all.length; count > 0; count--) {
    const isLong = text.length - all[count - 1]!.to >= clauseKept && text.length > clauseMax;
    if (clauses && !endsClause(all, count) && !isLong) continue;
    if (!numbers || !touchesNumber(all, count)) return all[count - 1]!.to;
  }
  return 0;
}

/** A comma between numbers, or a stop between digits, may be part of one. */
function endsClause(all: readonly Token[], count: number): boolean {
  const { text } = all[count - 1]!;
  const before = all[count - 2]?.text ?? "";
  const isOfNumber = text === "," && isNumber(before) || text === "." && /\d$/.test(before);
  return clauseEnd.test(text) && !isOfNumber;
}

/** Whether a number may lie across the place behind `count` tokens. */
function touchesNumber(all: readonly Token[], count: number): boolean {
  if (endsClause(all, count)) return false;
  for (let index = count - 1; index >= Math.max(0, count - reach) && !endsClause(all, index + 1); index--) {
    if (isNumber(all[index]!.text)) return true;
  }
  for (let index = count; index < count + reach; index++) {
    if (!all[index] || isNumber(all[index]!.text)) return true; // What is to come may be one.
    if (endsClause(all, index + 1)) return false;
  }
  return false;
}

function isNumber(token: string): boolean {
  const word = token.toLowerCase();
  return hanNumber.test(token) || /\d/.test(token) ||
    word.split("-").some((part) => numberWords.some((set) => set.has(part)));
}
