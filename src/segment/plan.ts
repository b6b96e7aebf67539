/**
 * Decides whether and how a recording is cut. In: the user's -S and -W, its length, what the model can hold. Out:
 * segments. A recording is transcribed best in one piece, but needs positions and memory in proportion to its
 * length.
 */

import { assert, InputError } from "../errors.ts";
import { audioRowsMaxFor, tokensMaxFor } from "../text/budget.ts";
import { joinedLength } from "./ranges.ts";
import { splitAtPauses } from "./split.ts";
import { sampleRate, type Samples, type Span } from "../units.ts";

export type SegmentLimits = {
  /** With `-S auto`, audio up to this length is kept whole. */
  readonly wholeSecMax: number;
  /** With `-S auto`, longer audio is cut about every so many seconds. */
  readonly cutSec: number;
  /** Positions that the model's KV cache can have. */
  readonly positionsMax: number;
  /** Bytes that one position takes while a piece is decoded. */
  readonly positionBytes: number;
  /** Bytes that may be used; undefined if the system does not say. */
  readonly memoryBytes: number | undefined;
};

export type SegmentOrder = {
  readonly segmentSec: number | "auto";
  readonly searchSec: number;
  /** Prompt tokens that go with every segment, besides the audio. */
  readonly promptTokens: number;
  /** Where nobody speaks, if that is known. */
  readonly pauses?: readonly Span[] | undefined;
  /** Of them, those of seconds. */
  readonly longPauses?: readonly Span[] | undefined;
};

/** With `-S auto`, a segment may end at a pause after so much of its length, and at a long one after so much. */
const autoShare = 2 / 3;
const autoShareLong = 1 / 3;

export type SegmentPlan = { readonly segments: readonly Span[]; readonly notice: string | undefined };

/** Returns the segments. Throws an InputError with advice if one of them does not fit the model or the memory. */
export async function planSegments(
  samples: Samples,
  order: SegmentOrder,
  limits: SegmentLimits,
): Promise<SegmentPlan> {
  const seconds = samples.length / sampleRate;
  const targetSec = order.segmentSec === "auto" ? autoTarget(seconds, order, limits) : order.segmentSec;
  const segments = await splitAtPauses(samples, {
    ...{ targetSec, searchSec: order.searchSec, pauses: order.pauses, longPauses: order.longPauses },
    ...(order.segmentSec === "auto" && {
      earliestSec: targetSec * autoShare,
      earliestLongSec: targetSec * autoShareLong,
    }),
  });
  assert(joinedLength(segments) === samples.length, "segments are all of the recording");
  const longest = segments.reduce((most, segment) => Math.max(most, segment.end - segment.start), 0) / sampleRate;
  const problem = whyTooLong(longest, order, limits);
  if (problem) throw new InputError(problem, remedy(longest, limits));
  const notice = order.segmentSec === "auto" && segments.length > 1
    ? `${seconds.toFixed(0)} s of audio: cut at pauses into ${segments.length} segments of about ${targetSec} s` +
      ` (-S 0 keeps it whole)`
    : undefined;
  return { segments, notice };
}

/** One whole segment if that is known to work well and fits, else short ones. */
function autoTarget(seconds: number, order: SegmentOrder, limits: SegmentLimits): number {
  const whole = seconds <= limits.wholeSecMax && whyTooLong(seconds, order, limits) === undefined;
  if (whole) return 0;
  const fitting = cutShares.map((share) => Math.max(1, Math.round(limits.cutSec * share)))
    .find((cutSec) => whyTooLong(cutSec + Math.min(order.searchSec, cutSec / 2), order, limits) === undefined);
  return fitting ?? limits.cutSec;
}

/** Where memory is short, the cuts are closer. */
const cutShares = [1, 2 / 3, 1 / 2, 1 / 3];

/** Positions that a piece of `seconds` needs: prompt, audio rows, and the text it may hold. */
export function positionsFor(seconds: number, promptTokens: number): number {
  return promptTokens + audioRowsMaxFor(seconds) + tokensMaxFor(seconds);
}

function whyTooLong(seconds: number, order: SegmentOrder, limits: SegmentLimits): string | undefined {
  const positions = positionsFor(seconds, order.promptTokens);
  const piece = `${seconds.toFixed(0)} s of audio in one piece`;
  if (positions > limits.positionsMax) {
    return `${piece} needs ${positions} positions, the model has ${limits.positionsMax}`;
  }
  const bytes = positions * limits.positionBytes;
  if (limits.memoryBytes !== undefined && bytes > limits.memoryBytes) {
    return `${piece} needs about ${mebibytes(bytes)} of memory, ${mebibytes(limits.memoryBytes)} is free`;
  }
  return undefined;
}

function remedy(seconds: number, { cutSec }: SegmentLimits): string {
  if (seconds > cutSec * 1.5) return `cut it at pauses: -S ${cutSec}, or leave -S out`;
  return "use shorter segments (-S 10), a shorter --prompt, or free some memory";
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1048576)} MiB`;
}
