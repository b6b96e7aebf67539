/**
 * Punctuation as subtitles have it. In: a line of a cue. Out: pieces that tile it. Pure.
 *
 * light: no marks at the end of a line, and Chinese commas are spaces. none: no marks at all, and where they separated
 * words that have no space between them, there is one. Signs that are said (%, &, @) and marks inside of words or
 * numbers (don't, 3.5, 3:20) stay. A line of nothing but marks stays.
 */

import { endsSentence } from "../text/sentences.ts";
import { spacelessLetters } from "../text/scripts.ts";
import { type Piece, tile, written } from "./piece.ts";

export const cuePunctuations = ["keep", "light", "none"] as const;
export type CuePunctuation = (typeof cuePunctuations)[number];

const mark = /^\p{P}$/u;
const said = /^[%\u2030&@#*/\\_\uff05\uff06\uff20\uff03]$/u;
/** What separates clauses and sentences; the others are quotes, brackets and their like. */
const pause = /^[,.;:!?\u2026\u2014\u2013\u3001\u3002\uff0c\uff0e\uff1a\uff1b\uff01\uff1f\u060c\u061f\u0964-]$/u;
const closing = /^["'\u2019\u201d\u300d\u300f)\]\uff09\u3011\u300b\u3009\u00bb\s]$/u;
const letter = /^[\p{L}\p{N}\p{M}]$/u;
const digit = /^\p{Nd}$/u;
const spaceless = new RegExp(`^[${spacelessLetters}]$`, "u");
const space = /^\s$/u;

type Character = { readonly text: string; readonly at: number };

export function punctuated(mode: CuePunctuation, line: string): readonly Piece[] {
  if (mode === "keep") return tile(line, []);
  const characters = charactersOf(line);
  const pieces = tile(line, mode === "light" ? lightened(characters, line) : stripped(characters));
  return written(pieces).trim() === "" ? tile(line, []) : pieces;
}

function charactersOf(line: string): Character[] {
  let at = 0;
  return [...line].map((text) => {
    const character = { text, at };
    at += text.length;
    return character;
  });
}

/** The marks at the end, also those before closing quotes; and commas between Chinese characters. */
function lightened(characters: readonly Character[], line: string): Piece[] {
  let end = characters.length;
  const last: Piece[] = [];
  for (; end > 0 && isAtEnd(characters[end - 1]!.text); end--) {
    const { text, at } = characters[end - 1]!;
    // The full stop of "Dr." belongs to the word.
    const isOfWord = text === "." && last.length === 0 && !endsSentence(line.slice(0, at + 1));
    if (pause.test(text) && !isOfWord) last.push({ from: at, to: at + text.length, text: "" });
  }
  const commas = characters.slice(0, end).flatMap(({ text, at }, index): Piece[] => {
    const [before, after] = [characters[index - 1]?.text ?? "", characters[index + 1]?.text ?? ""];
    const isChinese = text === "\uff0c" || text === "," && spaceless.test(before) && spaceless.test(after);
    if (!isChinese) return [];
    return [{ from: at, to: at + 1, text: space.test(before) || space.test(after) ? "" : " " }];
  });
  return [...commas, ...last.reverse()];
}

function isAtEnd(character: string): boolean {
  return pause.test(character) || closing.test(character);
}

/** Every run of marks and the spaces around them becomes one space, or nothing. */
function stripped(characters: readonly Character[]): Piece[] {
  const replacements: Piece[] = [];
  for (let index = 0; index < characters.length; index++) {
    const start = index;
    let [hasMark, hasPause, hasSpace] = [false, false, false];
    for (; index < characters.length; index++) {
      const { text } = characters[index]!;
      const isSpace = space.test(text);
      if (!isSpace && !isRemoved(characters, index)) break;
      hasSpace ||= isSpace;
      hasMark ||= !isSpace;
      hasPause ||= pause.test(text);
    }
    if (!hasMark) continue;
    const [from, end] = [characters[start]!.at, characters[index - 1]!];
    const isInside = start > 0 && index < characters.length;
    replacements.push({ from, to: end.at + end.text.length, text: isInside && (hasSpace || hasPause) ? " " : "" });
  }
  return replacements;
}

function isRemoved(characters: readonly Character[], index: number): boolean {
  const { text } = characters[index]!;
  if (!mark.test(text) || said.test(text)) return false;
  const [before, after] = [characters[index - 1]?.text ?? "", characters[index + 1]?.text ?? ""];
  const isInWord = isOfWord(before) && isOfWord(after) && !/^[!?\u2026\u2014]$/u.test(text);
  const isSign = text === "-" && digit.test(after) && !letter.test(before);
  return !isInWord && !isSign;
}

/** Letters and digits of scripts with spaces. */
function isOfWord(character: string): boolean {
  return letter.test(character) && !spaceless.test(character);
}
