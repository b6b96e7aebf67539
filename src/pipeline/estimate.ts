/** Times heard segments without an aligner. In: a recording and a heard segment. Out: a timed one. Pure. */

import type { TimedSegment } from "../document/document.ts";
import { timedByTurns, unalignedSegment, type UntimedSegment } from "../document/unaligned.ts";
import { firstIndex } from "../search.ts";
import type { Recording } from "../segment/recording.ts";
import type { SpeakerTurn } from "../speakers/turns.ts";
import { sampleRate, type Span, type TimeSpan } from "../units.ts";

const estimatedSegmentSec = 15;

/**
 * -S of a recording. Estimated times can only be wrong within a segment: where they are wanted, segments are short, and
 * never longer than the model manages.
 */
export function segmentSecFor(
  given: number | "auto",
  isEstimated: boolean,
  { cutSec }: { readonly cutSec: number },
): number | "auto" {
  return isEstimated && given === "auto" ? Math.min(estimatedSegmentSec, cutSec) : given;
}

type Heard = UntimedSegment & { readonly ranges: readonly Span[] };

export class SegmentTimer {
  #speech: readonly Span[] | undefined;

  /** `startMs`: where the samples begin in the recording. */
  constructor(readonly recording: Recording, readonly startMs: number) {}

  time(heard: Heard): TimedSegment {
    return unalignedSegment(heard, this.#spoken(heard.ranges));
  }

  /** A segment whose times were estimated, when it is known who speaks; any other as it is. */
  byTurns(segment: TimedSegment, ranges: readonly Span[], turns: readonly SpeakerTurn[]): TimedSegment {
    return timedByTurns(segment, this.#spoken(ranges), turns);
  }

  #spoken(all: readonly Span[]): TimeSpan[] {
    const speech = this.#speech ??= this.recording.speech.speech;
    const spoken = all.flatMap((range) => overlaps(range, speech));
    return (spoken.length > 0 ? spoken : all).map((range) => this.#span(range));
  }

  #span({ start, end }: Span): TimeSpan {
    const ms = (position: number) => Math.round(this.startMs + (position * 1000) / sampleRate);
    return { startMs: ms(start), endMs: ms(end) };
  }
}

/** The parts of `range` that lie in one of `others`, which are in order and apart; a sliver at a cut is none. */
function overlaps(range: Span, others: readonly Span[]): Span[] {
  const parts: Span[] = [];
  for (let at = firstIndex(others.length, (at) => others[at]!.end > range.start); at < others.length; at++) {
    const other = others[at]!;
    if (other.start >= range.end) break;
    const part = { start: Math.max(range.start, other.start), end: Math.min(range.end, other.end) };
    if (part.end - part.start >= sampleRate / 20) parts.push(part);
  }
  return parts;
}
