/**
 * Carries a rewriting of a text over to its words. In: the words' texts, which joined are the source, and the pieces
 * that rewrite it. Out: for every written word, the words it came from. Pure.
 */

import { assert } from "../errors.ts";
import { isKept, type Piece } from "./piece.ts";

/** A written word: the half-open range of words that it stands for, and its text. */
export type WrittenWord = { readonly from: number; readonly to: number; readonly text: string };

/**
 * Words that a piece lies across become one. A word of which nothing is left goes with the one before it, or after it:
 * no written word is blank unless its words were, and if nothing at all is left, the words stay as they were.
 */
export function writtenWords(words: readonly string[], pieces: readonly Piece[]): WrittenWord[] {
  const source = words.join("");
  assert((pieces.at(-1)?.to ?? 0) === source.length, "the pieces tile the words");
  const groups = grouped(words, source, pieces);
  const result: WrittenWord[] = [];
  let front: WrittenWord | undefined;
  for (const group of groups) {
    const whole = front ? { from: front.from, to: group.to, text: front.text + group.text } : group;
    front = undefined;
    const isBlank = whole.text.trim() === "" && words.slice(whole.from, whole.to).some((word) => word.trim() !== "");
    if (!isBlank) {
      result.push(whole);
      continue;
    }
    let joined = whole;
    while (joined.text.trim() === "" && result.length > 0) {
      const last = result.pop()!;
      joined = { from: last.from, to: joined.to, text: last.text + joined.text };
    }
    if (joined.text.trim() === "") front = joined;
    else result.push(joined);
  }
  return front ? words.map((text, index) => ({ from: index, to: index + 1, text })) : result;
}

/** Splits the written text wherever two words meet outside of a piece that changes them. */
function grouped(words: readonly string[], source: string, pieces: readonly Piece[]): WrittenWord[] {
  let sum = 0;
  const ends = words.map(({ length }) => sum += length);
  const groups: WrittenWord[] = [];
  let [from, to, text] = [0, 0, ""]; // `to`: the first word that does not end by then.
  const close = (at: number) => {
    while (to < words.length && ends[to]! <= at) to++;
    if (to === from || ends[to - 1] !== at) return;
    groups.push({ from, to, text });
    [from, text] = [to, ""];
  };
  for (const piece of pieces) {
    if (isKept(source, piece)) {
      for (let at = piece.from; at < piece.to;) {
        const next = Math.min(piece.to, ends[to]!);
        text += source.slice(at, next);
        close(next);
        at = next;
      }
    } else {
      text += piece.text;
      close(piece.to);
    }
  }
  return groups;
}
