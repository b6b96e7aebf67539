/** Where heard segments lie in time, without an aligner: samples and a heard segment in, a timed one out. Pure. */

import type { TimedSegment } from "../document/document.ts";
import type { Span } from "../document/share.ts";
import { unalignedSegment, type UntimedSegment } from "../document/unaligned.ts";
import { speechRanges } from "../segment/speech.ts";
import { sampleRate, type Segment } from "../segment/split.ts";

type Heard = UntimedSegment & { readonly ranges: readonly Segment[] };

export class SegmentTimer {
  readonly #speech: readonly Segment[];

  /** `startMs`: where the samples begin in the recording. */
  constructor(samples: Float32Array, readonly startMs: number) {
    this.#speech = speechRanges(samples);
  }

  time(heard: Heard): TimedSegment {
    const spoken = heard.ranges.flatMap((range) => overlaps(range, this.#speech));
    const ranges = spoken.length > 0 ? spoken : heard.ranges;
    return unalignedSegment(heard, ranges.map((range) => this.#span(range)));
  }

  #span({ start, end }: Segment): Span {
    const ms = (position: number) => Math.round(this.startMs + (position * 1000) / sampleRate);
    return { startMs: ms(start), endMs: ms(end) };
  }
}

/** The parts of `range` that lie in one of `others`; a sliver at a cut is none. */
function overlaps(range: Segment, others: readonly Segment[]): Segment[] {
  return others
    .map((other) => ({ start: Math.max(range.start, other.start), end: Math.min(range.end, other.end) }))
    .filter(({ start, end }) => end - start >= sampleRate / 20);
}
