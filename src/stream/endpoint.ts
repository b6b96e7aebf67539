/**
 * Cuts a stream into utterances. In: samples, in pieces of any size. Out: where an utterance starts, is to be decoded,
 * and ends. Pure, O(samples).
 *
 * Every frame of 10 ms counts as voice if its level is high enough above the noise floor of the last 10 s, or if a
 * detector says so. Five frames of voice open an utterance, and a pause of `endpointSamples` closes it. In between, it
 * is decoded every `chunkSamples`. In doubt a frame counts as voice: decoding silence costs time, but dropping speech
 * costs words. So with a detector, too, any sound opens an utterance; but once the detector has found a voice in it,
 * the detector alone says where the voice ends, whatever else sounds.
 */

import { doubtfulFrom, hysteresis, type VoiceDetector, VoiceDoubt, type VoiceEvidence } from "../segment/voice.ts";
import { sampleRate } from "../units.ts";

export const frameSamples = sampleRate / 100;

export type CutterOptions = {
  /** A multiple of the frame's length. */
  readonly chunkSamples: number;
  /** 0: everything up to the end or a call of `close` is one utterance. */
  readonly endpointSamples: number;
  /** Without it, what is loud enough is a voice. */
  readonly voice?: DetectedVoice | undefined;
};

export type DetectedVoice = {
  /** A detector that hears nothing but this stream. */
  readonly detector: VoiceDetector;
  /** The probability from which it is a voice. */
  readonly threshold: number;
};

/** Positions are samples from the start of the stream. */
export type Cut =
  /** An utterance begins; its audio is needed from here on. */
  | { readonly kind: "start"; readonly at: number }
  | { readonly kind: "hear"; readonly at: number }
  /** The last sample of the utterance; silence follows. */
  | { readonly kind: "close"; readonly at: number };

/** A part of a stream, in samples from its start. */
export type Stretch = { readonly start: number; readonly end: number };

/** Audio that an utterance includes before its first voice: soft onsets, and the silence at the start of recordings. */
export const leadSamples = sampleRate;
const voiceFramesMin = 5;
/** Sound that began so recently may be the onset of a word, which a detector does not know yet. */
const onsetFrames = 30;
/** Shorter gaps are part of the words. */
const gapSamples = sampleRate / 10;
/** More than fit into 24 s, which is the longest utterance. */
const stretchesMax = 200;
/** Probabilities that are kept: more than 30 s have. */
const probabilitiesMax = 1024;
const smoothing = 0.7;

export class Cutter {
  /** The number of frames with voice since the last call of `takeVoice`. */
  #freshVoice = 0;
  #frames = 0;
  #partial = 0;
  #energy = 0;
  #smoothed = 0;
  #run = 0;
  /** Frames in a row that are louder than the noise, whether or not they are a voice. */
  #soundRun = 0;
  #voiceEnd = 0;
  /** The end of the last sound that is louder than the noise, even if it is much fainter than the speech. */
  #soundEnd = 0;
  #voiceStart = 0;
  #isOpen = false;
  /** Stretches of voice, in order; the last one may go on. */
  readonly #speech: Stretch[] = [];
  /** No utterance may begin before this. */
  #from = 0;
  #due = 0;
  readonly #noise = new NoiseFloor();
  /** The detector has found a voice in the open utterance. */
  #isDetected = false;
  /** The samples of the frame that is not complete, for the detector. */
  readonly #frame = new Float32Array(frameSamples);
  /** The detector's latest probabilities, and how many there have been in all. */
  readonly #probabilities: number[] = [];
  #probabilitiesCount = 0;

  constructor(readonly options: CutterOptions) {}

  /** The number of samples read. */
  get position(): number {
    return this.#frames * frameSamples + this.#partial;
  }

  /** The end of the last voice, and the start of the first voice in the current or last utterance. */
  get voice(): { readonly start: number; readonly end: number } {
    return { start: this.#voiceStart, end: this.#voiceEnd };
  }

  /** The stretches of voice between two places, in order. Only those of the last utterances are known. */
  speech(from: number, to: number): Stretch[] {
    return this.#speech
      .map(({ start, end }) => ({ start: Math.max(start, from), end: Math.min(end, to) }))
      .filter(({ start, end }) => end > start);
  }

  /** How doubtful a voice is between two places, 0 to 1; undefined without a detector. Only the last 30 s are known. */
  noSpeech(from: number, to: number): number | undefined {
    return this.options.voice && this.#doubt(this.options.voice, from, to).noSpeech;
  }

  /** Whether the detector has found a voice there. */
  evidence(from: number, to: number): VoiceEvidence {
    return this.options.voice ? this.#doubt(this.options.voice, from, to).evidence : "unknown";
  }

  #doubt({ detector }: DetectedVoice, from: number, to: number): VoiceDoubt {
    const doubt = new VoiceDoubt();
    const first = this.#probabilitiesCount - this.#probabilities.length;
    const index = (place: number) => Math.max(0, place - first);
    const [start, end] = [Math.floor(from / detector.frameSamples), Math.ceil(to / detector.frameSamples)];
    for (const probability of this.#probabilities.slice(index(start), index(end))) doubt.push(probability);
    return doubt;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** A later "start" will not lie before this. */
  get neededFrom(): number {
    return Math.max(this.#from, this.position - leadSamples - (voiceFramesMin + 1) * frameSamples);
  }

  /** Ends the open utterance here: what is read from now on belongs to the next one. */
  close(): void {
    this.#isOpen = false;
    this.#from = this.position;
    this.#run = 0;
    this.#smoothed = 0;
    this.#isDetected = false;
  }

  /** Whether there was voice since the last call. */
  takeVoice(): boolean {
    const came = this.#freshVoice > 0;
    this.#freshVoice = 0;
    return came;
  }

  /** Reads up to the next cut. Returns how many samples were read: all of them if there is no cut. */
  read(samples: Float32Array): { readonly count: number; readonly cuts: readonly Cut[] } {
    if (!this.#isOpen && this.options.endpointSamples === 0) {
      this.#voiceStart = this.#from;
      return { count: 0, cuts: [this.#open(this.#from)] };
    }
    for (let i = 0; i < samples.length; i++) {
      this.#energy += samples[i]! * samples[i]!;
      this.#frame[this.#partial] = samples[i]!;
      if (++this.#partial < frameSamples) continue;
      const cuts = this.#take();
      if (cuts.length > 0) return { count: i + 1, cuts };
    }
    return { count: samples.length, cuts: [] };
  }

  /** The frame is complete. */
  #take(): readonly Cut[] {
    const level = Math.sqrt(this.#energy / frameSamples);
    const first = this.#frames === 0;
    const finite = Number.isFinite(level) ? level : 0;
    this.#smoothed = first ? finite : smoothing * this.#smoothed + (1 - smoothing) * finite;
    this.#frames++;
    this.#partial = 0;
    this.#energy = 0;
    this.#noise.push(this.#smoothed);
    if (this.#smoothed > this.#noise.voiceAbove) this.#soundEnd = this.position;
    const isSound = this.#smoothed > (this.#isOpen ? this.#noise.pauseBelow : this.#noise.voiceAbove);
    this.#soundRun = isSound ? this.#soundRun + 1 : 0;
    const probability = this.#detect();
    const isVoice = this.#isVoice(isSound, probability);
    this.#run = isVoice ? this.#run + 1 : 0;
    if (this.#run >= voiceFramesMin) {
      this.#voiceEnd = this.position;
      this.#freshVoice++;
      this.#noteSpeech(this.position - this.#run * frameSamples);
    }
    return this.#isOpen
      ? this.#nextCuts(this.#mayGoOn(finite, probability))
      : this.#run >= voiceFramesMin
      ? [this.#open(this.#onset())]
      : [];
  }

  /** The probability of the latest frame of the detector's that is complete; 0 without a detector. */
  #detect(): number {
    const { voice } = this.options;
    if (!voice) return 0;
    for (const probability of voice.detector.run(this.#frame, false)) {
      this.#probabilities.push(probability);
      this.#probabilitiesCount++;
      if (this.#probabilities.length > probabilitiesMax) this.#probabilities.shift();
    }
    return this.#probabilities.at(-1) ?? 0;
  }

  /** Whether this frame, which is no voice, may be the onset of a word. */
  #mayGoOn(level: number, probability: number): boolean {
    const isLoud = level > this.#noise.pauseBelow;
    return this.#isDetected ? probability > doubtfulFrom || isLoud && this.#soundRun < onsetFrames : isLoud;
  }

  #isVoice(isSound: boolean, probability: number): boolean {
    const { voice } = this.options;
    if (!voice) return isSound;
    if (probability >= voice.threshold) this.#isDetected = true;
    return this.#isDetected ? probability >= voice.threshold - hysteresis : isSound;
  }

  #noteSpeech(start: number): void {
    const last = this.#speech.at(-1);
    const goesOn = last !== undefined && start - last.end < gapSamples;
    if (goesOn) this.#speech.pop();
    this.#speech.push({ start: goesOn ? last.start : start, end: this.position });
    if (this.#speech.length > stretchesMax) this.#speech.shift();
  }

  #onset(): number {
    this.#voiceStart = this.position - this.#run * frameSamples;
    return Math.max(this.#from, this.#voiceStart - leadSamples);
  }

  #open(at: number): Cut {
    this.#isOpen = true;
    this.#due = at + this.options.chunkSamples;
    return { kind: "start", at };
  }

  /** `mayGoOn`: this single frame may be the onset of a word. */
  #nextCuts(mayGoOn: boolean): readonly Cut[] {
    const { endpointSamples, chunkSamples } = this.options;
    const at = this.position;
    if (endpointSamples > 0 && at - this.#voiceEnd >= endpointSamples && !mayGoOn) {
      this.#isOpen = false;
      this.#isDetected = false;
      this.#from = Math.max(this.#voiceEnd, this.#soundEnd); // Only silence may be decoded twice.
      return [{ kind: "close", at }];
    }
    if (at < this.#due) return [];
    const isOnset = this.#isDetected && mayGoOn;
    if (2 * (at - this.#voiceEnd) >= endpointSamples && endpointSamples > 0 && !isOnset) {
      this.#due = this.#voiceEnd + endpointSamples; // The utterance is probably over and need not be decoded twice.
      return [];
    }
    this.#due += chunkSamples;
    return [{ kind: "hear", at }];
  }
}

const historyFrames = 1000;
const historyFramesMin = 100;
const binsPerDb = 2;
const levelMin = 1e-4; // Three steps of a 16-bit sample, the level of dither.
const bins = 80 * binsPerDb + 1;
const floorQuantile = 0.1;
const speechQuantile = 0.9;
const overFloor = 1.5;
const underSpeech = 0.03;

/** Estimates the levels of noise and of speech from a histogram of the last 10 s. */
class NoiseFloor {
  readonly #history = new Uint8Array(historyFrames);
  readonly #counts = new Uint16Array(bins);
  #frames = 0;

  push(level: number): void {
    const slot = this.#frames % historyFrames;
    if (this.#frames >= historyFrames) this.#counts[this.#history[slot]!]!--;
    const bin = binOf(level);
    this.#history[slot] = bin;
    this.#counts[bin]!++;
    this.#frames++;
  }

  /** A frame above this level is voice. Without a history, nothing is known to be noise. */
  get voiceAbove(): number {
    return this.#frames < historyFramesMin ? levelMin : overFloor * this.#quantile(floorQuantile);
  }

  /** A frame below this level is a pause. In an utterance, frames far below the level of its speech are pauses, too. */
  get pauseBelow(): number {
    return Math.max(this.voiceAbove, underSpeech * this.#quantile(speechQuantile));
  }

  #quantile(share: number): number {
    let left = share * Math.min(this.#frames, historyFrames);
    for (let bin = 0; bin < bins; bin++) {
      left -= this.#counts[bin]!;
      if (left < 0) return levelMin * 10 ** (bin / binsPerDb / 20);
    }
    return 1;
  }
}

function binOf(level: number): number {
  if (!(level > levelMin)) return 0;
  return Math.min(bins - 1, Math.round(20 * binsPerDb * Math.log10(level / levelMin)));
}

const quietSamples = 1600;
const quietHop = 800;

/** The middle of the quietest 100 ms in [from, to) of `samples`; the last of equals, which leaves the least text. */
export function quietestPlace(samples: Float32Array, from: number, to: number): number {
  let best = Math.floor((from + to) / 2);
  let bestEnergy = Infinity;
  for (let start = Math.max(0, from); start + quietSamples <= Math.min(to, samples.length); start += quietHop) {
    let energy = 0;
    for (let i = start; i < start + quietSamples; i++) energy += samples[i]! * samples[i]!;
    if (energy <= bestEnergy) {
      bestEnergy = energy;
      best = start + quietSamples / 2;
    }
  }
  return best;
}
