/**
 * What a rewriting of text is made of: pieces that say which characters of the source each written text stands for. In:
 * a source text. Out: pieces in order, which tile it: every character of the source belongs to exactly one piece, so no
 * word is lost, and a written word finds the spoken words it came from.
 */

import { assert } from "../errors.ts";

/** Written text, and the half-open range of the source, in UTF-16 units, that it stands for. */
export type Piece = { readonly from: number; readonly to: number; readonly text: string };

/** Rewrites a text. The pieces tile it; what stays is a piece whose text is the source's. */
export type Rewrite = (source: string) => readonly Piece[];

export function written(pieces: readonly Piece[]): string {
  return pieces.map(({ text }) => text).join("");
}

/** Fills what lies between replacements, which are in order and do not overlap, with the source itself. */
export function tile(source: string, replacements: readonly Piece[]): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const piece of replacements) {
    assert(piece.from >= at && piece.to > piece.from && piece.to <= source.length, "replacements overlap");
    if (piece.from > at) pieces.push({ from: at, to: piece.from, text: source.slice(at, piece.from) });
    pieces.push(piece);
    at = piece.to;
  }
  if (at < source.length) pieces.push({ from: at, to: source.length, text: source.slice(at) });
  return pieces;
}

/** Whether the piece leaves its part of the source as it is, and may therefore be cut anywhere. */
export function isKept(source: string, { from, to, text }: Piece): boolean {
  return text.length === to - from && source.startsWith(text, from);
}

/** The pieces that change something. */
export function replacementsOf(source: string, pieces: readonly Piece[]): Piece[] {
  return pieces.filter((piece) => !isKept(source, piece));
}

/**
 * One rewriting after the other as a single one: `first` tiles the source, `second` tiles what `first` wrote. Where a
 * piece of one lies across a piece of the other, both become one piece.
 */
export function compose(source: string, first: readonly Piece[], second: readonly Piece[]): readonly Piece[] {
  const between = written(first);
  const [before, after] = [replacementsOf(source, first), replacementsOf(between, second)];
  if (after.length === 0) return first;
  if (before.length === 0) return second;
  return tile(source, composed(before, after, between));
}

/** Replacements alone; those of `after` are places in `between`, which those of `before` made. */
function composed(before: readonly Piece[], after: readonly Piece[], between: string): Piece[] {
  const result: Piece[] = [];
  let [i, j] = [0, 0];
  let shift = 0; // From the source to `between`, behind the pieces of `before` so far.
  const grow = ({ from, to, text }: Piece) => text.length - (to - from);
  while (i < before.length || j < after.length) {
    const [left, right] = [before[i], after[j]];
    const leftFrom = left ? left.from + shift : Infinity;
    const leftTo = left ? leftFrom + left.text.length : Infinity;
    if (left && (!right || leftTo <= right.from)) {
      result.push(left);
      shift += grow(left);
      i++;
    } else if (right && (!left || right.to <= leftFrom)) {
      result.push({ from: right.from - shift, to: right.to - shift, text: right.text });
      j++;
    } else {
      const start = Math.min(leftFrom, right!.from);
      const from = start - shift;
      let [end, at, text] = [start, start, ""];
      for (;;) {
        const [next, over] = [before[i], after[j]];
        if (next && (next.from + shift < end || end === start && next.from + shift === start)) {
          end = Math.max(end, next.from + shift + next.text.length);
          shift += grow(next);
          i++;
        } else if (over && (over.from < end || end === start)) {
          text += between.slice(at, over.from) + over.text;
          at = over.to;
          end = Math.max(end, over.to);
          j++;
        } else break;
      }
      result.push({ from, to: end - shift, text: text + between.slice(at, end) });
    }
  }
  return result;
}
