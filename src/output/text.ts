/** Writes plain text: one paragraph or, with a paragraph pause, a new one after every silence of that length. Pure. */

import { endsSentence } from "../text/sentences.ts";
import type { SegmentWriter, WriterOptions } from "./writer.ts";
import { timedWords } from "./words.ts";

export function textWriter({ paragraphMs }: WriterOptions): SegmentWriter {
  const paragraphs = new Paragraphs(paragraphMs);
  return {
    add: (segment) => timedWords(segment).map((word) => paragraphs.add(word.text, word.startMs, word.endMs)).join(""),
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

  add(text: string, startMs: number, endMs: number): string {
    const isFirst = this.#endMs === undefined;
    const pauseMs = startMs - (this.#endMs ?? startMs);
    // Someone who hesitates within a sentence goes on with the same thought.
    const isLong = this.pauseMs > 0 && pauseMs >= (this.#isEnd ? 1 : hesitations) * this.pauseMs;
    this.#isEnd = endsSentence(text);
    this.#endMs = Math.max(endMs, this.#endMs ?? 0);
    if (isLong) return `\n\n${text.trimStart()}`;
    return isFirst ? text.trimStart() : text;
  }
}
