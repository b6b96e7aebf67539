/**
 * Times what is heard of one recording, or of each of its channels, and writes it as its views say. In: heard segments.
 * Out: timed ones, in order.
 */

import type { TimedSegment } from "../document/document.ts";
import { speakerNames, turns } from "../document/turns.ts";
import type { HeardSegment } from "../pipeline/events.ts";
import type { Models } from "../pipeline/models.ts";
import { TimedRecording } from "../pipeline/recording.ts";
import type { Recording } from "../segment/recording.ts";
import type { TextView } from "../views/view.ts";
import type { TranscribeOptions } from "./parse.ts";
import type { ReadAudio, ReadSide } from "./prefetch.ts";

export type TimingParts = Models & {
  /** How the text is written; undefined: as it was spoken. */
  readonly view: TextView | undefined;
  readonly options: Pick<TranscribeOptions, "fromSec" | "lowMemory">;
  /** Ends the timing: what is left gets estimated times. */
  readonly stop: AbortSignal;
};

export type Timing = Pick<TimedRecording, "add" | "time" | "end" | "notice"> & {
  /** What is added from now on is of this side. */
  turnTo(index: number): void;
};

/** Where the first sample that is read is in the file. */
export function startMsOf({ fromSec = 0 }: Pick<TranscribeOptions, "fromSec">): number {
  return Math.round(fromSec * 1000);
}

/** `onSegment` gets the segments of a whole as they are timed, and those of several channels when all are. */
export function startTiming(
  parts: TimingParts,
  { recording, sides }: Pick<ReadAudio, "recording" | "sides">,
  onSegment: (segment: TimedSegment) => void,
): Timing {
  if (sides) return new TimedSides(parts, sides, onSegment);
  const timed = timedRecording(parts, recording, onSegment);
  return Object.assign(timed, { turnTo: () => {} });
}

/** Views come after words have their times: these are the times of what was spoken. */
function timedRecording(
  { options, transcriber, timer, view, stop }: TimingParts,
  recording: Recording,
  onSegment: (segment: TimedSegment) => void,
): TimedRecording {
  const write = view?.recording();
  const beforeTiming = options.lowMemory ? () => transcriber.close() : undefined;
  const parts = { recording, startMs: startMsOf(options), timer, beforeTiming };
  return new TimedRecording(parts, stop, (segment) => onSegment(write ? write(segment) : segment));
}

/** The channels of a recording: each is timed for itself, and written with the others when all are. */
class TimedSides implements Timing {
  readonly #sides: readonly { readonly timed: TimedRecording; readonly segments: TimedSegment[] }[];
  #current = 0;

  constructor(parts: TimingParts, sides: readonly ReadSide[], readonly onSegment: (segment: TimedSegment) => void) {
    this.#sides = sides.map(({ recording }) => {
      const segments: TimedSegment[] = [];
      return { timed: timedRecording(parts, recording, (segment) => void segments.push(segment)), segments };
    });
  }

  turnTo(index: number): void {
    this.#current = index;
  }

  add(heard: HeardSegment): void {
    this.#sides[this.#current]!.timed.add(heard);
  }

  async time(): Promise<void> {
    for (const { timed } of this.#sides) await timed.time();
  }

  async end(): Promise<void> {
    for (const { timed } of this.#sides) await timed.end();
    const names = speakerNames(this.#sides.length);
    const sides = this.#sides.map(({ segments }, index) => ({ speaker: names[index]!, segments }));
    for (const segment of turns(sides)) this.onSegment(segment);
  }

  get notice(): string | undefined {
    return this.#sides.map(({ timed }) => timed.notice).find((notice) => notice !== undefined);
  }
}
