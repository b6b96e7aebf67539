/** Writes plain text: one paragraph or, with a paragraph pause, a new one after every silence of that length. Pure. */

import type { TimedWord } from "../document/document.ts";
import { endsSentence } from "../text/sentences.ts";
import type { SegmentWriter, WriterOptions } from "./writer.ts";
import { markedWords } from "./words.ts";

export function textWriter({ paragraphMs, doubtBelow }: WriterOptions): SegmentWriter {
  const paragraphs = new Paragraphs(paragraphMs);
  return {
    add: (segment) => paragraphs.addWords(markedWords(segment, doubtBelow)),
    rest: () => "\n",
  };
}

/** A pause within a sentence has to be this many times longer. */
const hesitations = 3;

/** Puts an empty line before a text that follows a long pause. In: texts with times, in order. Out: what to write. */
export class Paragraphs {
  #endMs: number | undefined;
  #isEnd = false;

  /** `pauseMs` 0: no pause is long. */
  constructor(readonly pauseMs: number) {}

  addWords(words: readonly TimedWord[]): string {
    return words.map(({ text, startMs, endMs }) => this.add(text, startMs, endMs)).join("");
  }

  add(text: string, startMs: number, endMs: number): string {
    const isFirst = this.#endMs === undefined;
    const isLong = this.startsAt(startMs);
    this.#isEnd = endsSentence(text);
    this.#endMs = Math.max(endMs, this.#endMs ?? 0);
    if (isLong) return `\n\n${text.trimStart()}`;
    return isFirst ? text.trimStart() : text;
  }

  /** Whether a text that starts then would be a new paragraph. */
  startsAt(startMs: number): boolean {
    const pauseMs = startMs - (this.#endMs ?? startMs);
    // Someone who hesitates within a sentence goes on with the same thought.
    return this.pauseMs > 0 && pauseMs >= (this.#isEnd ? 1 : hesitations) * this.pauseMs;
  }
}
