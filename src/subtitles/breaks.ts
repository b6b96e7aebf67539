/**
 * Where a text may be broken, and how well. In: pieces of text. Out: what a break after each piece costs. Pure.
 *
 *     0 after a sentence, little after a clause, more between words, much where it would strand a function word;
 *     `forbidden` inside a word, before a closing mark, after an opening one
 */

import { lazily } from "../lazy.ts";
import { endsClause, endsSentence } from "../text/sentences.ts";
import type { WordCutter } from "../text/chinese.ts";

/** At a cost of this or more, a break is used only if there is no other place. */
export const forbidden = 1e7;

/** Marks that may not begin a line. */
export const leansBack = /^[,.;:!?%\u2026\u3001\u3002\uff0c\uff0e\uff1a\uff1b\uff01\uff1f\u30fb\u30fc\p{Pe}\p{Pf}]/u;
/** Marks that may not end one. */
export const leansForward = /[\p{Ps}\p{Pi}\u00bf\u00a1]$/u;
const han = /\p{sc=Han}/u;

/** Words that belong to what follows: a line does not end with them. */
const bindsForward = new Set(
  ("a an the of to in on at by for from with as is are was were be been am and or but nor if that which who whose " +
    "this these those my your his her its our their not no very so than into onto upon about between through " +
    "der die das den dem des ein eine einen einem einer und oder aber von zu im am mit auf für als dass nicht " +
    "le la les un une des du de et ou que qui dans sur avec pour pas ne se " +
    "el los las una y o con por para en al del se no lo " +
    "il gli i uno di da che e per su non si o os as um uma do da dos das em no na com").split(" "),
);
/** Words that open a phrase: the place before them is a good one to break. */
const opensPhrase = new Set(
  ("and but or nor so because although though while when where which who that if unless until since after before " +
    "und aber oder weil dass wenn als et mais ou parce que quand si y pero porque cuando ma perché quando mas").split(
      " ",
    ),
);
/** Particles that belong to the word before them. */
const particle = /^[的了着著过過吗嗎呢吧啊呀嘛地得はがをにでともへのねよか们們]$/u;

const costs = { sentence: 0, clause: 3, beforePhrase: 6, plain: 10, stranding: 25, particle: 20 };

/**
 * The layout that `layOut` makes of the costs; `breaks` are the pieces after which it breaks. The dictionary of Chinese
 * words is large, and it only ever forbids a place: where the best layout without it breaks at spaces alone, that is
 * the best one with it, too, and it is not asked.
 */
export function layOutBest<Layout extends { readonly breaks: readonly number[] }>(
  pieces: readonly string[],
  cutChinese: WordCutter | undefined,
  layOut: (costs: readonly number[]) => Layout,
): Layout {
  const layout = layOut(breakCosts(pieces));
  const isSplit = (at: number) =>
    pieces[at + 1] !== undefined && !/\s$/u.test(pieces[at]!) && !/^\s/u.test(pieces[at + 1]!);
  if (!cutChinese || !layout.breaks.some(isSplit) || !pieces.some((piece) => han.test(piece))) return layout;
  return layOut(breakCosts(pieces, cutChinese));
}

/** Returns one cost per piece; that of the last is 0. Joined, the pieces are the text; spaces stand at their fronts. */
export function breakCosts(pieces: readonly string[], cutChinese?: WordCutter): number[] {
  const isWordEnd = wordEnds(pieces, cutChinese);
  return pieces.map((piece, index) => {
    const next = pieces[index + 1];
    return next === undefined ? 0 : isWordEnd[index] ? costBetween(piece, next) : forbidden;
  });
}

function costBetween(piece: string, next: string): number {
  const [left, right] = [piece.trim(), next.trim()];
  if (leansBack.test(right) || leansForward.test(left)) return forbidden;
  if (endsSentence(left)) return costs.sentence;
  if (endsClause(left)) return costs.clause;
  if (particle.test(right)) return costs.particle;
  if (bindsForward.has(left.toLowerCase())) return costs.stranding;
  if (opensPhrase.has(right.toLowerCase())) return costs.beforePhrase;
  return costs.plain;
}

/**
 * For every piece, whether a word ends with it. A space decides; without one, the dictionaries do. Chinese words are
 * those on which Jieba and ICU agree: each knows some that the other splits.
 */
function wordEnds(pieces: readonly string[], cutChinese?: WordCutter): boolean[] {
  const text = pieces.join("");
  const ends = dictionaryEnds(text, cutChinese);
  let position = 0;
  return pieces.map((piece, index) => {
    position += piece.length;
    const next = pieces[index + 1] ?? "";
    return /\s$/u.test(piece) || /^\s/u.test(next) || next === "" || ends.has(position);
  });
}

const wordSegmenter = lazily(() => new Intl.Segmenter("zh", { granularity: "word" }));

function dictionaryEnds(text: string, cutChinese?: WordCutter): Set<number> {
  const ends = new Set<number>();
  for (const { index, segment } of wordSegmenter().segment(text)) ends.add(index + segment.length);
  if (!cutChinese || !han.test(text)) return ends;
  const both = new Set<number>();
  let position = 0;
  for (const word of cutChinese(text)) {
    position += word.length;
    if (ends.has(position)) both.add(position);
  }
  return position === text.length ? both : ends;
}
