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
