/**
 * What is known of where speech is in a recording: the one thing that cutting, skipping of silence, estimated times,
 * pieces of an alignment and the audit ask. Ranges are of samples, in order, apart, inside the recording.
 *
 * It is found once for a recording, by energy (energy.ts) or by a detector (neural.ts), or not at all, and passed on.
 */

import type { Span } from "../units.ts";
import { joinedLength } from "./ranges.ts";
import type { VoiceEvidence } from "./voice.ts";

export type SpeechMap = {
  /** The stretches with voice, word for word. */
  readonly voice: Span[];
  /** Where somebody speaks: pauses too short to matter are part of it. None where nobody does. */
  readonly speech: Span[];
  /** What stays when long silences are shortened. */
  readonly withoutSilence: Span[];
  /** Where nobody speaks, if that is known well enough to prefer these places for cuts. */
  readonly pauses?: readonly Span[];
  /** Stretches in which nothing may be a voice, as far as that is known, with a margin to what may be. */
  readonly unvoiced: readonly Span[];
  /** How doubtful it is that somebody speaks in these ranges, 0 to 1; undefined if nothing says so. */
  noSpeech(ranges: readonly Span[]): number | undefined;
  /** Whether somebody speaks in these ranges: "voice" stands, whatever else is in them. */
  evidence(ranges: readonly Span[]): VoiceEvidence;
  /** The range without the silence at its ends that nobody needs to hear. Never empty. */
  withoutSilentEnds(range: Span): Span;
  /** The map of `ranges` joined end to end, which make a recording of their own. */
  part(ranges: readonly Span[]): SpeechMap;
};

/**
 * Where nothing is looked for, everything may be speech, and nothing is left out. What is only estimated or told, as
 * times and the audit are, may go by another map.
 */
export function allSpeech(length: number, told?: SpeechMap): SpeechMap {
  const all = length > 0 ? [{ start: 0, end: length }] : [];
  return {
    ...{ voice: all, speech: told?.speech ?? all, withoutSilence: all, unvoiced: [] },
    noSpeech: () => undefined,
    evidence: () => "voice",
    withoutSilentEnds: (range) => range,
    part: (ranges) => allSpeech(joinedLength(ranges), told?.part(ranges)),
  };
}
