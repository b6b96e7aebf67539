/**
 * Times what is heard of one recording, or of each of its channels, and writes it as its views say. In: heard segments.
 * Out: timed ones, in order.
 */

import type { TimedSegment } from "../document/document.ts";
import { renamed } from "../document/speakers.ts";
import { speakerNames, turns, turnsOfWords } from "../document/turns.ts";
import type { HeardSegment } from "../pipeline/events.ts";
import type { Models } from "../pipeline/models.ts";
import { type SegmentAligner, TimedRecording } from "../pipeline/recording.ts";
import type { SpeakerSearch } from "../pipeline/speakers.ts";
import type { Recording } from "../segment/recording.ts";
import { type WhoSpeaks, whoSpeaks } from "../speakers/turns.ts";
import type { TextView } from "../views/view.ts";
import type { Past, RecordingJournal } from "./journal.ts";
import type { TranscribeOptions } from "./parse.ts";
import type { ReadAudio, ReadSide } from "./prefetch.ts";

export type TimingParts = Models & {
  /** How the text is written; undefined: as it was spoken. */
  readonly view: TextView | undefined;
  readonly options: Pick<TranscribeOptions, "fromSec" | "lowMemory">;
  /** Ends the timing: what is left gets estimated times. */
  readonly stop: AbortSignal;
  /** Keeps the aligner's times. */
  readonly journal?: RecordingJournal | undefined;
  /** What an interrupted run has kept. */
  readonly past?: Past | undefined;
  /** Of channels, by their labels. */
  readonly names?: ReadonlyMap<string, string>;
  /** Who speaks when, where that is being found. */
  readonly who?: SpeakerSearch | undefined;
};

export type Timing = Pick<TimedRecording<TimedSegment>, "add" | "time" | "end" | "notice" | "who"> & {
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
  return Object.assign(timedRecording(parts, recording, onSegment, 0), { turnTo: () => {} });
}

/** Views come after words have their times: these are the times of what was spoken. */
function timedRecording(
  { options, transcriber, timer, view, stop, journal, past, who }: TimingParts,
  recording: Recording,
  onSegment: (segment: TimedSegment) => void,
  side: number,
): TimedRecording<TimedSegment> {
  const beforeTiming = options.lowMemory ? () => transcriber.close() : undefined;
  const parts = {
    recording,
    startMs: startMsOf(options),
    timer: remembering(side, timer, journal, past),
    beforeTiming,
    who,
    write: view?.recording() ?? ((segment: TimedSegment) => segment),
  };
  return new TimedRecording(parts, stop, onSegment);
}

/** The aligner, which is not asked again for what an interrupted run has kept. */
function remembering(
  side: number,
  timer: SegmentAligner | undefined,
  journal: RecordingJournal | undefined,
  past: Past | undefined,
): SegmentAligner | undefined {
  if (!timer || !journal) return timer;
  const known = [...past?.sides[side]?.timed ?? []];
  return {
    segment: async (...job) => {
      const kept = known.shift();
      if (kept) return kept;
      const segment = await timer.segment(...job);
      if (segment) journal.timed(side, segment);
      return segment;
    },
    close: () => timer.close(),
  };
}

/** The channels of a recording: each is timed for itself, and written with the others when all are. */
class TimedSides implements Timing {
  readonly #sides: readonly { readonly timed: TimedRecording<TimedSegment>; readonly segments: TimedSegment[] }[];
  #current = 0;
  who: WhoSpeaks | undefined;

  constructor(
    readonly parts: TimingParts,
    sides: readonly ReadSide[],
    readonly onSegment: (segment: TimedSegment) => void,
  ) {
    this.#sides = sides.map(({ recording }, index) => {
      const segments: TimedSegment[] = [];
      return { timed: timedRecording(parts, recording, (segment) => void segments.push(segment), index), segments };
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
    const segments = renamed(turns(sides), this.parts.names ?? new Map());
    this.who = whoSpeaks(turnsOfWords(segments));
    for (const segment of segments) this.onSegment(segment);
  }

  get notice(): string | undefined {
    return this.#sides.map(({ timed }) => timed.notice).find((notice) => notice !== undefined);
  }
}
