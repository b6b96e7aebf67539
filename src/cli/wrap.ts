/**
 * Breaks text for a terminal between words, as it comes. In: pieces of text. Out: the same text with newlines where a
 * row is full. Pure.
 *
 * Full-width characters take two columns. Text without spaces is broken between the words that the Unicode word
 * segmenter finds, and never before a closing mark. The last word is held back, because the next piece may lengthen it.
 */

import { lazily } from "../lazy.ts";
import { spacelessLetters } from "../text/scripts.ts";
import { leansBack, leansForward } from "../subtitles/breaks.ts";
import { columnsOf, graphemesOf } from "../subtitles/width.ts";
import type { TextWriter } from "../writer.ts";

export class Wrapper {
  /** What stands in the last row. */
  #row = "";
  #columnsUsed = 0;
  /** What may still become longer. */
  #held = "";

  /** `columns` of a row; it may change at any time. */
  constructor(readonly columns: () => number) {}

  /** The text of the last row so far, without what is held back. */
  get row(): string {
    return this.#row;
  }

  push(piece: string): string {
    const [first, ...lines] = (this.#held + piece).split("\n");
    let out = this.#take(first!, lines.length > 0);
    for (const [index, line] of lines.entries()) {
      out += this.#newRow() + this.#take(line, index < lines.length - 1);
    }
    return out;
  }

  /** What was held back. */
  end(): string {
    const held = this.#held;
    this.#held = "";
    return this.#take(held, true);
  }

  /** What `rest` would add to the last row, and the rows after it, if it came next and nothing more. */
  preview(rest: string): string {
    const copy = new Wrapper(this.columns);
    [copy.#row, copy.#columnsUsed, copy.#held] = [this.#row, this.#columnsUsed, this.#held];
    return copy.push(rest) + copy.end();
  }

  #newRow(): string {
    this.#row = "";
    this.#columnsUsed = 0;
    return "\n";
  }

  /** A text without newlines. */
  #take(text: string, isComplete: boolean): string {
    const words = wordsOf(text);
    this.#held = isComplete ? "" : words.pop() ?? "";
    return words.map((word) => this.#put(word)).join("");
  }

  #put(word: string): string {
    const bare = word.trimStart();
    const columns = Math.max(1, this.columns());
    const isStart = this.#columnsUsed === 0;
    if (bare === "") return isStart ? "" : this.#add(word, columns);
    if (isStart) return this.#add(bare, columns);
    const fits = this.#columnsUsed + columnsOf(word) <= columns;
    return fits ? this.#add(word, columns) : this.#newRow() + this.#add(bare, columns);
  }

  /** A word that is longer than a row is broken where the row ends. */
  #add(word: string, columns: number): string {
    let out = "";
    for (const grapheme of columnsOf(word) > columns ? graphemesOf(word) : [word]) {
      const width = columnsOf(grapheme);
      if (this.#columnsUsed > 0 && this.#columnsUsed + width > columns) out += this.#newRow();
      this.#row += grapheme;
      this.#columnsUsed += width;
      out += grapheme;
    }
    return out;
  }
}

/** A writer whose text is broken between words. What it holds back comes with the next newline. */
export function wrapped(out: TextWriter, columns: () => number): TextWriter {
  const wrapper = new Wrapper(columns);
  return { write: (text) => out.write(wrapper.push(text)), drained: () => out.drained() };
}

const segmenter = lazily(() => new Intl.Segmenter("zh", { granularity: "word" }));
const spaceless = new RegExp(`[${spacelessLetters}]`, "u");
const endsSpaceless = new RegExp(`[${spacelessLetters}]\\p{M}*$`, "u");
const startsSpaceless = new RegExp(`^[${spacelessLetters}]`, "u");

/** Pieces between which a row may end, each with the spaces before it; spaces at the end are a piece. */
function wordsOf(text: string): string[] {
  return (text.match(/\s*\S+|\s+/gu) ?? []).flatMap((run) => spaceless.test(run) ? spacelessWords(run) : [run]);
}

function spacelessWords(run: string): string[] {
  const words: string[] = [];
  for (const { segment } of segmenter().segment(run)) {
    const last = words.at(-1);
    if (last !== undefined && !mayBreak(last, segment)) words[words.length - 1] = last + segment;
    else words.push(segment);
  }
  return words;
}

function mayBreak(before: string, after: string): boolean {
  if (before.trim() === "" || leansBack.test(after) || leansForward.test(before)) return false;
  return startsSpaceless.test(after) || endsSpaceless.test(before) || leansBack.test(before.slice(-1));
}
