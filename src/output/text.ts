/** Writes plain text: one paragraph or, with a paragraph pause, a new one after every silence of that length. Pure. */

import type { TimedSegment, TimedWord } from "../document/document.ts";
import { endsSentence } from "../text/sentences.ts";
import type { SegmentWriter, SpeakerLabels, WriterOptions } from "./writer.ts";
import { markedWords } from "./words.ts";

export function textWriter({ paragraphMs, doubtBelow, speakerLabels }: WriterOptions): SegmentWriter {
  const paragraphs = new Paragraphs(paragraphMs, speakerLabels);
  return {
    add: (segment) => paragraphs.addSegment(segment, doubtBelow),
    rest: () => "\n",
  };
}

/** A pause within a sentence has to be this many times longer. */
const hesitations = 3;

/** Puts an empty line before a text that follows a long pause. In: texts with times, in order. Out: what to write. */
export class Paragraphs {
  #endMs: number | undefined;
  #isEnd = false;
  #speaker: string | undefined;

  /** `pauseMs` 0: no pause is long. */
  constructor(readonly pauseMs: number, readonly labels: SpeakerLabels = "auto") {}

  /** A line for each turn, where speakers are told apart. */
  addSegment(segment: TimedSegment, doubtBelow: number | undefined): string {
    const { speaker } = segment;
    const isTurn = speaker !== undefined && speaker !== this.#speaker;
    const name = this.labels === "off" ? "" : `${speaker}: `;
    const label = isTurn ? `${this.#speaker === undefined ? "" : "\n"}${name}` : "";
    if (isTurn) [this.#speaker, this.#endMs] = [speaker, undefined];
    return label + this.addWords(markedWords(segment, doubtBelow));
  }

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
