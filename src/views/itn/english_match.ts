/** What a class of the English grammar answers: how far it read, and what is written there. */

import type { Piece } from "../piece.ts";
import type { Words } from "./english_words.ts";

/** `to` is the first word after it. Without pieces the words stay as they are, and no other class is asked. */
export type Match = { readonly to: number; readonly pieces: readonly Piece[] };

export type Settings = { readonly all: boolean };

/** A class: what it reads at this word, or undefined if it is none of its own. */
export type Class = (words: Words, at: number, settings: Settings) => Match | undefined;

/** Writes one text for the words from `at` up to, not including, `to`. */
export function piece(words: Words, at: number, to: number, text: string): Piece {
  return { from: words[at]!.from, to: words[to - 1]!.to, text };
}

export function matched(words: Words, at: number, to: number, text: string): Match {
  return { to, pieces: [piece(words, at, to, text)] };
}

export const stays = (to: number): Match => ({ to, pieces: [] });
