/**
 * Times the segments of one recording, and says who speaks them. In: heard segments. Out: timed ones, in order, as they
 * are to be written.
 *
 * Without an aligner, a segment's times are estimated as soon as it is heard. With one, segments wait for it in turn.
 * Where it is being found who speaks, all wait for that, because estimates depend on it.
 * If the run is stopped, those that it did not reach get estimated times, so that nothing that was heard is lost.
 */

import type { TimedSegment } from "../document/document.ts";
import { withSpeakers } from "../document/speakers.ts";
import type { Recording } from "../segment/recording.ts";
import type { SpeakerTurn, WhoSpeaks } from "../speakers/turns.ts";
import { inSteps, type Steps } from "../steps.ts";
import { counted } from "../units.ts";
import { SegmentTimer } from "./estimate.ts";
import type { HeardSegment } from "./events.ts";
import type { SpeakerSearch } from "./speakers.ts";
import { countWords, noWords, strayWords, type WordTimer } from "./word_times.ts";

/** What times the words of segments, one after the other. */
export type SegmentAligner = Pick<WordTimer, "segment" | "close">;

export type TimedRecordingParts<Written extends TimedSegment> = {
  readonly recording: Recording;
  /** Where its first sample is in the file. */
  readonly startMs: number;
  readonly timer: SegmentAligner | undefined;
  /** If set: everything is heard, then this is called, then everything is timed. One model in memory at a time. */
  readonly beforeTiming: (() => Promise<void>) | undefined;
  /** Who speaks, where that is being found. It ends with the timing. */
  readonly who?: SpeakerSearch | undefined;
  /** How a segment is written once its times are known: as a view says, and with what else is told of it. In order. */
  readonly write: (timed: TimedSegment, heard: HeardSegment) => Written;
};

export class TimedRecording<Written extends TimedSegment> {
  readonly #parts: TimedRecordingParts<Written>;
  readonly #stop: AbortSignal;
  readonly #onSegment: (segment: Written) => void;
  readonly #estimate: SegmentTimer;
  readonly #waiting: HeardSegment[] = [];
  /** Timed, until it is known who speaks. */
  readonly #held: { readonly timed: TimedSegment; readonly heard: HeardSegment }[] = [];
  /** Words so far, and those of them without a place of their own. */
  readonly #words = noWords();
  #timing: Promise<void> = Promise.resolve();
  #estimated = 0;
  /** Who speaks when, where that is known at the end. */
  who: WhoSpeaks | undefined;

  constructor(parts: TimedRecordingParts<Written>, stop: AbortSignal, onSegment: (segment: Written) => void) {
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

  /** Resolves when everything that was heard is timed, and it is known who speaks. */
  async time(): Promise<void> {
    await this.#timeAll();
    await this.#parts.who?.found.catch((error) => {
      if (!this.#stop.aborted) throw error; // A run that is stopped keeps what it heard, without speakers.
    });
  }

  async #timeAll(): Promise<void> {
    if (!this.#parts.timer) return;
    await this.#timing;
    if (this.#waiting.length > 0) await this.#parts.beforeTiming?.();
    while (this.#waiting.length > 0) await this.#timeNext();
    if (this.#parts.beforeTiming) await this.#parts.timer.close();
  }

  /** Stops timing: what waits gets estimated times. Where it is not known who speaks, no segment has a speaker. */
  async end(): Promise<void> {
    await this.#timing.catch(() => {});
    this.#estimateAll();
    this.who = await this.#parts.who?.end();
    const { turns = [] } = this.who ?? {};
    await inSteps(this.#passHeld(turns));
  }

  *#passHeld(turns: readonly SpeakerTurn[]): Steps<void> {
    for (const segment of withSpeakers(this.#written(turns), turns)) {
      this.#onSegment(segment);
      yield;
    }
  }

  *#written(turns: readonly SpeakerTurn[]): Generator<Written> {
    for (const { timed, heard } of this.#held.splice(0)) {
      yield this.#parts.write(this.#estimate.byTurns(timed, heard.ranges, turns), heard);
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
  #pass(segment: TimedSegment, heard: HeardSegment): void {
    const { stop, repaired, languageProbability, noSpeech } = heard;
    const isTruncated = stop === "cap" || stop === "cancelled";
    const timed = {
      ...segment,
      ...(isTruncated && { isTruncated }),
      ...(stop === "loop" && { isLooped: true }),
      ...(repaired && { repaired }),
      ...(noSpeech !== undefined && { noSpeech }),
      ...(languageProbability !== undefined && { languageProbability }),
    };
    if (this.#parts.who) this.#held.push({ timed, heard });
    else this.#onSegment(this.#parts.write(timed, heard));
  }

  #estimateAll(): void {
    for (const heard of this.#waiting.splice(0)) {
      this.#estimated++;
      this.#pass(this.#estimate.time(heard), heard);
    }
  }
}
