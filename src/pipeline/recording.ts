/**
 * One recording of a run on its way out: pieces of text and heard segments in; text as it comes, paragraphs, lines of
 * words or files in formats out, whichever the run wants.
 *
 * Without an aligner a segment's times are estimated the moment it is heard. With one, segments wait their turn for it;
 * where the run is stopped, those that it did not reach get estimated times, so that nothing that was heard is lost.
 */

import type { TimedSegment } from "../document/document.ts";
import { type RecordingOutputs } from "../files/outputs.ts";
import { Paragraphs } from "../output/text.ts";
import { SegmentTimer } from "./estimate.ts";
import type { HeardSegment } from "./transcribe.ts";
import type { TextWriter } from "../writer.ts";
import { strayWords, wordLines, type WordTimer } from "./word_times.ts";

export type RecordingParts = {
  readonly samples: Float32Array;
  /** Where they begin in the file. */
  readonly startMs: number;
  /** For the text as it comes, or lines of words. */
  readonly out: TextWriter | undefined;
  readonly outputs: RecordingOutputs | undefined;
  readonly timer: WordTimer | undefined;
  /** Before the text, and before each line of words. */
  readonly prefix: string;
  /** The text comes at the end. */
  readonly holdsBack: boolean;
  /** 0: one paragraph. */
  readonly paragraphMs: number;
  /** All is heard first and timed then, after this: one model in memory at a time. */
  readonly beforeTiming: (() => Promise<void>) | undefined;
};

export class Recording {
  readonly #parts: RecordingParts;
  readonly #stop: AbortSignal;
  readonly #text: Paragraph | undefined;
  readonly #paragraphs: Paragraphs | undefined;
  readonly #estimate: SegmentTimer | undefined;
  readonly #wantsLines: boolean;
  readonly #waiting: HeardSegment[] = [];
  readonly #timed: TimedSegment[] = [];
  #timing: Promise<void> = Promise.resolve();
  #estimated = 0;

  constructor(parts: RecordingParts, stop: AbortSignal) {
    const { samples, startMs, out, outputs, timer, paragraphMs } = parts;
    this.#parts = parts;
    this.#stop = stop;
    this.#wantsLines = timer !== undefined && outputs === undefined && paragraphMs === 0;
    if (out && !this.#wantsLines) this.#text = new Paragraph(out, parts.prefix, parts.holdsBack);
    if (this.#text && paragraphMs > 0) this.#paragraphs = new Paragraphs(paragraphMs);
    if (outputs || timer || this.#paragraphs) this.#estimate = new SegmentTimer(samples, startMs);
  }

  write(text: string): void {
    if (!this.#paragraphs) this.#text?.write(text); // Paragraphs need times: they come with the segment.
  }

  add(heard: HeardSegment): void {
    if (!this.#parts.timer) return this.#show(this.#estimate?.time(heard));
    this.#waiting.push(heard);
    if (this.#parts.beforeTiming) return;
    this.#timing = this.#timing.then(() => this.#timeNext());
    this.#timing.catch(() => {}); // Whoever waits for it hears of it.
  }

  /** Until all that was heard is timed. */
  async time(): Promise<void> {
    if (!this.#parts.timer) return;
    await this.#timing;
    if (this.#waiting.length > 0) await this.#parts.beforeTiming?.();
    while (this.#waiting.length > 0) await this.#timeNext();
    if (this.#parts.beforeTiming) await this.#parts.timer.close();
  }

  /** `isComplete`: the recording was heard to its end. */
  async end(isComplete: boolean): Promise<void> {
    await this.#timing.catch(() => {});
    for (const heard of this.#waiting.splice(0)) this.#show(this.#estimate!.time(heard), true);
    this.#text?.end(isComplete);
    await this.#parts.outputs?.end(isComplete);
  }

  /** What should be said of the times; undefined where they are the aligner's. */
  get notice(): string | undefined {
    if (this.#estimated > 0) {
      return `the aligner was stopped: the last ${this.#estimated} segments' times are estimated`;
    }
    const stray = this.#parts.timer && strayWords(this.#timed.flatMap(({ words = [] }) => words));
    return stray && `${stray} lie where the aligner heard nothing of them: their times are estimated`;
  }

  async #timeNext(): Promise<void> {
    const { timer, samples, startMs } = this.#parts;
    const [heard] = this.#waiting;
    if (!heard || this.#stop.aborted) return void (this.#stop.aborted && this.#estimateAll());
    const segment = await timer!.segment(heard, samples, startMs);
    if (!segment) return this.#estimateAll();
    this.#waiting.shift();
    this.#show(segment);
  }

  #estimateAll(): void {
    for (const heard of this.#waiting.splice(0)) this.#show(this.#estimate!.time(heard), true);
  }

  #show(segment: TimedSegment | undefined, isEstimated = false): void {
    if (!segment) return;
    if (isEstimated) this.#estimated++;
    if (this.#parts.timer) this.#timed.push(segment);
    this.#parts.outputs?.add(segment);
    if (this.#wantsLines) this.#parts.out?.write(wordLines([segment], this.#parts.prefix));
    if (!this.#paragraphs) return;
    for (const word of segment.words ?? []) {
      this.#text?.write(this.#paragraphs.add(word.text, word.startMs, word.endMs));
    }
  }
}

/** One input's text on its way out: label, pieces, newline. Held back to the end where the run is silent. */
export class Paragraph {
  #held = "";
  #started = false;

  constructor(readonly out: TextWriter, readonly prefix: string, readonly holdsBack: boolean) {}

  write(piece: string): void {
    if (!this.#started) this.#put(this.prefix);
    this.#started = true;
    this.#put(piece);
  }

  /** `complete`: an empty text is the result, and gets its line too. */
  end(complete: boolean): void {
    if (!this.#started && !complete) return;
    this.write("\n");
    this.out.write(this.#held);
  }

  #put(text: string): void {
    if (this.holdsBack) this.#held += text;
    else this.out.write(text);
  }
}
