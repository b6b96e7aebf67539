/**
 * Where a voice is, by a detector's probabilities. In: one probability per frame, and the rule's numbers. Out: ranges
 * of samples. Pure, O(length).
 *
 * A range begins at a frame of at least `threshold`. It ends where frames stay below `threshold` less `hysteresis` for
 * `minSilenceMs`, at the first of them. Ranges shorter than `minSpeechMs` are dropped, and the others widened by
 * `padMs`; two that would then overlap share what lies between them. With Silero's own numbers these are Silero's own
 * ranges (get_speech_timestamps).
 */

import { sampleRate, type Span } from "../units.ts";

/** Tells of every frame how likely a voice in it is. Holds the state of one recording. */
export type VoiceDetector = {
  /** Samples that a probability stands for. */
  readonly frameSamples: number;
  /**
   * More samples of the recording, 16 kHz mono. Returns the probabilities of the frames that they complete: the same in
   * whatever pieces the samples come. With `isLast` the rest is a frame too, and the next samples begin a recording.
   */
  run(samples: Float32Array, isLast: boolean): Float32Array;
  close(): void;
};

/** Opens a detector, with the weights of a file where one is named. */
export type VoiceOpener = (model?: string) => Promise<VoiceDetector>;

/** How speech is found. "off": it is not looked for. */
export type VoiceChoice =
  | {
    readonly kind: "neural";
    readonly rule: VoiceRule;
    /** A file of weights; absent: those that the program carries. */
    readonly model?: string;
  }
  | { readonly kind: "energy" }
  | { readonly kind: "off" };

export type VoiceRule = {
  readonly threshold: number;
  readonly minSpeechMs: number;
  readonly minSilenceMs: number;
  readonly padMs: number;
};

/** Loses less at soft onsets and endings than the detector's own 250, 100 and 30 ms, and makes fewer, longer ranges. */
export const defaultVoiceRule: VoiceRule = { threshold: 0.5, minSpeechMs: 100, minSilenceMs: 300, padMs: 100 };

/** A frame that is not above this is none of a voice. */
export const doubtfulFrom = 0.15;

const unvoicedMsMin = 1500;
const unvoicedMarginMs = 300;

/**
 * Ranges of samples of 1.5 s or more in which no frame may be of a voice, less 300 ms beside one that may. Noise and
 * tones that begin make the detector err in single frames: these count as little as no frame.
 */
export function unvoicedRanges(probabilities: ArrayLike<number>, frameSamples: number, length: number): Span[] {
  const ranges: Span[] = [];
  const margin = samplesOf(unvoicedMarginMs);
  const isDoubtful = (frame: number) => (probabilities[frame] ?? 0) > doubtfulFrom;
  const mayBeVoice = (frame: number) => isDoubtful(frame) && (isDoubtful(frame - 1) || isDoubtful(frame + 1));
  let from = 0;
  for (let frame = 0; frame <= probabilities.length; frame++) {
    if (frame < probabilities.length && !mayBeVoice(frame)) continue;
    const end = Math.min(length, frame * frameSamples);
    if (end - from >= samplesOf(unvoicedMsMin)) {
      ranges.push({ start: from === 0 ? 0 : from + margin, end: end === length ? length : end - margin });
    }
    from = end + frameSamples;
  }
  return ranges;
}

/**
 * What a detector says of a stretch as a whole: that there is a voice, that there may be one, that it found none, or
 * that there is surely none; "unknown" without a detector. Noise and tones make it err in single frames.
 */
export type VoiceEvidence = "voice" | "perhaps" | "unlikely" | "none" | "unknown";

const voiceMean = 0.5;
const doubtfulFrames = 2;

/** In the fixtures every second and a half with speech has frames above it, in noise 10 dB below it as well. */
const sureBelow = 0.05;

/** So many frames, a quarter of a second, say more than one. */
const meanFrames = 8;

/** How doubtful a voice is, 0 to 1: what the best quarter of a second lacks. */
export class VoiceDoubt {
  readonly #latest: number[] = [];
  #best = 0;
  #doubtful = 0;
  #unsure = 0;

  push(probability: number): void {
    this.#latest.push(probability);
    if (this.#latest.length > meanFrames) this.#latest.shift();
    if (probability > doubtfulFrom) this.#doubtful++;
    if (probability > sureBelow) this.#unsure++;
    this.#best = Math.max(this.#best, this.#latest.reduce((sum, one) => sum + one, 0) / meanFrames);
  }

  get evidence(): VoiceEvidence {
    if (1 - this.noSpeech > voiceMean) return "voice";
    if (this.#doubtful >= doubtfulFrames) return "perhaps";
    return this.#unsure >= doubtfulFrames ? "unlikely" : "none";
  }

  /** Two decimals: more would be noise. */
  get noSpeech(): number {
    const best = this.#latest.length < meanFrames && this.#latest.length > 0
      ? this.#best * meanFrames / this.#latest.length
      : this.#best;
    return Math.round((1 - Math.min(1, best)) * 100) / 100;
  }
}

/** Below the threshold by this much, a voice that was there has ended. */
export const hysteresis = 0.15;
const leastEnd = 0.01;

/** `length` in samples; a probability stands for `frameSamples` of them. */
export function voiceRanges(
  probabilities: ArrayLike<number>,
  frameSamples: number,
  length: number,
  rule: VoiceRule,
): Span[] {
  return widened(heard(probabilities, frameSamples, length, rule), length, samplesOf(rule.padMs));
}

function heard(
  probabilities: ArrayLike<number>,
  frameSamples: number,
  length: number,
  { threshold, minSpeechMs, minSilenceMs }: VoiceRule,
): Span[] {
  const endBelow = Math.max(threshold - hysteresis, leastEnd);
  const silenceMin = samplesOf(minSilenceMs);
  const ranges: Span[] = [];
  let start = -1;
  let quietSince = -1;
  const close = (end: number) => {
    if (end - start > samplesOf(minSpeechMs)) ranges.push({ start, end });
    start = quietSince = -1;
  };
  for (let frame = 0; frame < probabilities.length; frame++) {
    const probability = probabilities[frame]!;
    const at = frame * frameSamples;
    if (probability >= threshold) {
      quietSince = -1;
      if (start < 0) start = at;
    } else if (start >= 0 && probability < endBelow) {
      if (quietSince < 0) quietSince = at;
      if (at - quietSince >= silenceMin) close(quietSince);
    }
  }
  if (start >= 0) close(length);
  return ranges;
}

function widened(ranges: readonly Span[], length: number, pad: number): Span[] {
  return ranges.map(({ start, end }, index) => {
    const before = ranges[index - 1];
    const after = ranges[index + 1];
    return {
      start: Math.max(0, start - (before ? share(start - before.end, pad) : pad)),
      end: Math.min(length, end + (after ? share(after.start - end, pad) : pad)),
    };
  });
}

/** How far a range reaches into the silence beside it: by `pad`, or up to the middle. */
function share(silence: number, pad: number): number {
  return silence < 2 * pad ? Math.floor(silence / 2) : pad;
}

function samplesOf(ms: number): number {
  return (ms * sampleRate) / 1000;
}
