/**
 * Takes out of a segment what nobody needs to hear: seconds of noise, hum or silence beside speech, for which a model
 * invents words. In: samples, the stretches in which the detector finds nothing that may be a voice, and a judge by the
 * spectrum. Out: the ranges that stay. Pure.
 *
 * Both must be sure: the detector misses some singing and much music, and the judge a voice far below other sound.
 */

import type { Span } from "../units.ts";
import type { VoiceJudge } from "./has_voice.ts";
import { joinedLength } from "./ranges.ts";

/** The judge sees too little in less, and little is won. */
const leftOutMin = 8000;

/**
 * `samples` begin at `start` of a recording; all ranges are of it, and in order. Returns at least one: all of the
 * samples where all may matter.
 */
export function spokenParts(
  samples: Float32Array,
  start: number,
  unvoiced: readonly Span[],
  newJudge: () => VoiceJudge,
): Span[] {
  const end = start + samples.length;
  const parts: Span[] = [];
  let from = start;
  for (const stretch of unvoiced) {
    const out = { start: Math.max(stretch.start, start), end: Math.min(stretch.end, end) };
    if (out.end - out.start < leftOutMin) continue;
    if (mayHaveVoice(samples.subarray(out.start - start, out.end - start), newJudge())) continue;
    if (out.start > from) parts.push({ start: from, end: out.start });
    from = out.end;
  }
  if (from < end) parts.push({ start: from, end });
  return parts.length > 0 ? parts : [{ start, end }];
}

function mayHaveVoice(samples: Float32Array, judge: VoiceJudge): boolean {
  judge.push(samples);
  return judge.hasVoice("perhaps");
}

/** The ranges of a recording, joined; `samples` begin at `start` of it. */
export function joinedSamples(samples: Float32Array, start: number, ranges: readonly Span[]): Float32Array {
  const joined = new Float32Array(joinedLength(ranges));
  let at = 0;
  for (const range of ranges) {
    joined.set(samples.subarray(range.start - start, range.end - start), at);
    at += range.end - range.start;
  }
  return joined;
}
