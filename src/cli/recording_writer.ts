/** One recording on its way out. In: pieces of text, timed segments. Out: text, paragraphs, lines of words, files. */

import type { Ending, TimedSegment } from "../document/document.ts";
import type { RecordingOutputs } from "../files/outputs.ts";
import { Paragraphs } from "../output/text.ts";
import type { SpeakerLabels } from "../output/writer.ts";
import type { TextWriter } from "../writer.ts";
import { Paragraph, wordLines } from "./report.ts";

export type RecordingWriterParts = {
  /** For lines of words, or for the text as it comes. */
  readonly out: TextWriter | undefined;
  readonly outputs: RecordingOutputs | undefined;
  /** An aligner times every word. */
  readonly hasWords: boolean;
  /** Before the text, and before each line of words. */
  readonly prefix: string;
  /** The text comes at the end. */
  readonly holdsBack: boolean;
  /** 0: one paragraph. */
  readonly paragraphMs: number;
  readonly doubtBelow: number | undefined;
  readonly speakerLabels: SpeakerLabels;
  /** The text is known when the words of a segment are. */
  readonly bySegment: boolean;
};

/** One recording on its way out: as text, as paragraphs, as a line per word, or as files. */
export class RecordingWriter {
  readonly wantsTimes: boolean;
  readonly #parts: RecordingWriterParts;
  readonly #text: Paragraph | undefined;
  readonly #paragraphs: Paragraphs | undefined;
  readonly #wantsLines: boolean;

  constructor(parts: RecordingWriterParts) {
    const { out, outputs, hasWords, prefix, holdsBack, paragraphMs, bySegment, speakerLabels } = parts;
    this.#parts = parts;
    this.#wantsLines = hasWords && outputs === undefined && paragraphMs === 0;
    if (out && !this.#wantsLines) this.#text = new Paragraph(out, prefix, holdsBack);
    if (this.#text && bySegment) this.#paragraphs = new Paragraphs(paragraphMs, speakerLabels);
    this.wantsTimes = outputs !== undefined || hasWords || this.#paragraphs !== undefined;
  }

  /** A piece of text. */
  write(text: string): void {
    if (!this.#paragraphs) this.#text?.write(text); // Otherwise it comes with the segment.
  }

  /** A segment, after its text. */
  add(segment: TimedSegment): void {
    const { out, outputs, prefix, doubtBelow, speakerLabels } = this.#parts;
    outputs?.add(segment);
    const speaker = segment.speaker === undefined || speakerLabels === "off" ? "" : `${segment.speaker}: `;
    if (this.#wantsLines) out?.write(wordLines([segment], prefix + speaker));
    if (this.#paragraphs) this.#text?.write(this.#paragraphs.addSegment(segment, doubtBelow));
  }

  /**
   * `isComplete`: the recording was heard to its end. Resolves to false where the text of a file went elsewhere.
   */
  async end(isComplete: boolean, ending?: Ending): Promise<boolean> {
    this.#text?.end(isComplete);
    return await this.#parts.outputs?.end(isComplete, isComplete, ending) ?? true;
  }
}
