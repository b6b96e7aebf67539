/**
 * One segment of a recording, to be decoded: where it is, and its samples, read when they are asked for. In: a range.
 * Out: samples without the silence and the noise that nobody needs to hear; none where there is no voice.
 */

import { release } from "../memory.ts";
import { hasVoice, type VoiceJudge } from "../segment/has_voice.ts";
import { joinedLength, originalPosition, originalRanges } from "../segment/ranges.ts";
import type { Recording } from "../segment/recording.ts";
import { joinedSamples, spokenParts } from "../segment/spoken_parts.ts";
import type { Span } from "../units.ts";

export type PartSource = {
  /** What is cut. */
  readonly audio: Recording;
  /** The ranges of the whole recording that it consists of. */
  readonly kept: readonly Span[];
  readonly voiceJudge: () => VoiceJudge;
  /** Everything in it is decoded. */
  readonly isWhole: boolean;
};

export class Part {
  /** In the whole recording. */
  readonly end: number;
  readonly noSpeech: number | undefined;
  readonly #source: PartSource;
  readonly #heard: Span;
  #ranges: readonly Span[] = [];

  /** `segment`: of the audio. */
  constructor(source: PartSource, segment: Span) {
    const { audio, kept, isWhole } = source;
    this.#source = source;
    this.#heard = isWhole ? segment : audio.speech.withoutSilentEnds(segment);
    this.end = originalPosition(kept, this.#heard.end, "end");
    this.noSpeech = audio.speech.noSpeech([this.#heard]);
  }

  /** Of the whole recording: what is decoded. Known once it was read; none without a voice. */
  get ranges(): readonly Span[] {
    return this.#ranges;
  }

  /** The samples to decode, the same each time. undefined without a voice: the model would invent words for it. */
  async read(): Promise<Float32Array | undefined> {
    const { audio, kept, voiceJudge, isWhole } = this.#source;
    const { start, end } = this.#heard;
    const samples = await audio.read(start, end);
    if (!hasVoice(samples, voiceJudge(), audio.speech.evidence([this.#heard]))) {
      release(samples);
      return undefined;
    }
    const parts = spokenParts(samples, start, isWhole ? [] : audio.speech.unvoiced, voiceJudge);
    this.#ranges = parts.flatMap((part) => originalRanges(kept, part));
    if (joinedLength(parts) === samples.length) return samples;
    const spoken = joinedSamples(samples, start, parts);
    release(samples);
    return spoken;
  }
}
