/**
 * Times the segments of one recording. In: heard segments. Out: timed ones, in order.
 *
 * Without an aligner, a segment's times are estimated as soon as it is heard. With one, segments wait for it in turn.
 * Where it is being found who speaks, all wait for that, because estimates depend on it.
 * If the run is stopped, those that it did not reach get estimated times, so that nothing that was heard is lost.
 */

import type { TimedSegment } from "../document/document.ts";
import type { Recording } from "../segment/recording.ts";
import { counted, type Span } from "../units.ts";
import { SegmentTimer } from "./estimate.ts";
import type { HeardSegment } from "./events.ts";
import type { SpeakerSearch } from "./speakers.ts";
import { countWords, noWords, strayWords, type WordTimer } from "./word_times.ts";

/** What times the words of segments, one after the other. */
export type SegmentAligner = Pick<WordTimer, "segment" | "close">;

export type TimedRecordingParts = {
  readonly recording: Recording;
  /** Where its first sample is in the file. */
  readonly startMs: number;
  readonly timer: SegmentAligner | undefined;
  /** If set: everything is heard, then this is called, then everything is timed. One model in memory at a time. */
  readonly beforeTiming: (() => Promise<void>) | undefined;
  /** Who speaks, where that is being found. It ends with the timing. */
  readonly who?: SpeakerSearch | undefined;
};

export class TimedRecording {
  readonly #parts: TimedRecordingParts;
  readonly #stop: AbortSignal;
  readonly #onSegment: (segment: TimedSegment) => void;
  readonly #estimate: SegmentTimer;
  readonly #waiting: HeardSegment[] = [];
  /** Timed, until it is known who speaks. */
  readonly #held: { readonly segment: TimedSegment; readonly ranges: readonly Span[] }[] = [];
  /** Words so far, and those of them without a place of their own. */
  readonly #words = noWords();
  #timing: Promise<void> = Promise.resolve();
  #estimated = 0;

  constructor(parts: TimedRecordingParts, stop: AbortSignal, onSegment: (segment: TimedSegment) => void) {
    this.#parts = parts;
    this.#stop = stop;
    this.#onSegment = onSegment;
    this.#estimate = new SegmentTimer(parts.recording, parts.startMs);
  }

  add(heard: HeardSegment): void {
    if (!this.#parts.timer) return this.#pass(this.#estimate.time(heard), heard);
    this.#waiting.push(heard);
    if (this.#parts.beforeTiming) return;
    this.#timing = this.#timing.then(() => this.#timeNext());
    this.#timing.catch(() => {}); // The failure is handled where `time` is awaited.
  }

  /** Resolves when everything that was heard is timed. */
  async time(): Promise<void> {
    if (!this.#parts.timer) return;
    await this.#timing;
    if (this.#waiting.length > 0) await this.#parts.beforeTiming?.();
    while (this.#waiting.length > 0) await this.#timeNext();
    if (this.#parts.beforeTiming) await this.#parts.timer.close();
  }

  /** Stops timing: segments that still wait get estimated times. */
  async end(): Promise<void> {
    await this.#timing.catch(() => {});
    this.#estimateAll();
    const who = await this.#parts.who?.end();
    for (const { segment, ranges } of this.#held.splice(0)) {
      this.#onSegment(this.#estimate.byTurns(segment, ranges, who?.turns ?? []));
    }
  }

  /** What should be said of the times; undefined where they are the aligner's. */
  get notice(): string | undefined {
    if (this.#estimated > 0) {
      return `the aligner was stopped: the times of the last ${counted(this.#estimated, "segment")} are estimated`;
    }
    const stray = this.#parts.timer && strayWords(this.#words);
    return stray && `the aligner failed on ${stray}: their times are estimated`;
  }

  async #timeNext(): Promise<void> {
    const { timer, recording, startMs } = this.#parts;
    const [heard] = this.#waiting;
    if (!heard || this.#stop.aborted) return void (this.#stop.aborted && this.#estimateAll());
    const segment = await timer!.segment(heard, recording, startMs);
    if (!segment) return this.#estimateAll();
    this.#waiting.shift();
    countWords(this.#words, segment.words);
    this.#pass(segment, heard);
  }

  /** A timed segment, with what is known of its text. */
  #pass(segment: TimedSegment, { ranges, stop, repaired, languageProbability, noSpeech }: HeardSegment): void {
    const isTruncated = stop === "cap" || stop === "cancelled";
    const known = {
      ...segment,
      ...(isTruncated && { isTruncated }),
      ...(stop === "loop" && { isLooped: true }),
      ...(repaired && { repaired }),
      ...(noSpeech !== undefined && { noSpeech }),
      ...(languageProbability !== undefined && { languageProbability }),
    };
    if (this.#parts.who) this.#held.push({ segment: known, ranges });
    else this.#onSegment(known);
  }

  #estimateAll(): void {
    for (const heard of this.#waiting.splice(0)) {
      this.#estimated++;
      this.#pass(this.#estimate.time(heard), heard);
    }
  }
}
