/**
 * Where a stream is cut: samples in, in any pieces; where to start, hear and close an utterance out. Pure, O(samples).
 *
 * Every 10 ms frame counts as voice or not by its level against the noise floor of the last 10 s. Five frames of voice
 * open an utterance, a pause of `endpointSamples` closes it; in between it is to be heard every `chunkSamples`. Doubt
 * counts as voice: decoding silence costs time, dropping speech costs words.
 */

export const frameSamples = 160;

export type CutterOptions = {
  /** A multiple of the frame. */
  readonly chunkSamples: number;
  /** 0: one utterance, from the first sample on. */
  readonly endpointSamples: number;
};

/** Positions are samples from the start of the stream. */
export type Cut =
  /** An utterance begins: its audio from here on is wanted. */
  | { readonly kind: "start"; readonly at: number }
  | { readonly kind: "hear"; readonly at: number }
  /** Its last sample; what follows is silence. */
  | { readonly kind: "close"; readonly at: number };

/** Audio before the first voice that goes with it: soft onsets, and the silence that recordings begin with. */
export const leadSamples = 16_000;
const voiceFramesMin = 5;
const smoothing = 0.7;

export class Cutter {
  /** Frames of voice since `takeVoice` was last called. */
  #freshVoice = 0;
  #frames = 0;
  #partial = 0;
  #energy = 0;
  #smoothed = 0;
  #run = 0;
  #voiceEnd = 0;
  /** The last that is louder than noise, faint as it may be beside the speech. */
  #soundEnd = 0;
  #voiceStart = 0;
  #isOpen = false;
  /** An utterance may not begin before. */
  #from = 0;
  #due = 0;
  readonly #noise = new NoiseFloor();

  constructor(readonly options: CutterOptions) {}

  /** Samples seen. */
  get position(): number {
    return this.#frames * frameSamples + this.#partial;
  }

  /** End of the last voice, and start of the current or last utterance's first. */
  get voice(): { readonly start: number; readonly end: number } {
    return { start: this.#voiceStart, end: this.#voiceEnd };
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** No audio before this will be asked for by a later "start". */
  get neededFrom(): number {
    return Math.max(this.#from, this.position - leadSamples - (voiceFramesMin + 1) * frameSamples);
  }

  /** Whether voice came since the last call. */
  takeVoice(): boolean {
    const came = this.#freshVoice > 0;
    this.#freshVoice = 0;
    return came;
  }

  /** Reads up to the next cut. Returns how many samples were read, all of them where there is no cut. */
  read(samples: Float32Array): { readonly count: number; readonly cuts: readonly Cut[] } {
    if (!this.#isOpen && this.options.endpointSamples === 0) return { count: 0, cuts: [this.#open(0)] };
    for (let i = 0; i < samples.length; i++) {
      this.#energy += samples[i]! * samples[i]!;
      if (++this.#partial < frameSamples) continue;
      const cuts = this.#frame();
      if (cuts.length > 0) return { count: i + 1, cuts };
    }
    return { count: samples.length, cuts: [] };
  }

  #frame(): readonly Cut[] {
    const level = Math.sqrt(this.#energy / frameSamples);
    const first = this.#frames === 0;
    const finite = Number.isFinite(level) ? level : 0;
    this.#smoothed = first ? finite : smoothing * this.#smoothed + (1 - smoothing) * finite;
    this.#frames++;
    this.#partial = 0;
    this.#energy = 0;
    this.#noise.push(this.#smoothed);
    if (this.#smoothed > this.#noise.voiceAbove) this.#soundEnd = this.position;
    const isVoice = this.#smoothed > (this.#isOpen ? this.#noise.pauseBelow : this.#noise.voiceAbove);
    this.#run = isVoice ? this.#run + 1 : 0;
    if (this.#run >= voiceFramesMin) {
      this.#voiceEnd = this.position;
      this.#freshVoice++;
    }
    return this.#isOpen
      ? this.#nextCuts(finite > this.#noise.pauseBelow)
      : this.#run >= voiceFramesMin
      ? [this.#open(this.#onset())]
      : [];
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

  /** `isLoud`: the frame itself, which may be the onset of a word. */
  #nextCuts(isLoud: boolean): readonly Cut[] {
    const { endpointSamples, chunkSamples } = this.options;
    const at = this.position;
    if (endpointSamples > 0 && at - this.#voiceEnd >= endpointSamples && !isLoud) {
      this.#isOpen = false;
      this.#from = Math.max(this.#voiceEnd, this.#soundEnd); // Silence may be heard twice, nothing else.
      return [{ kind: "close", at }];
    }
    if (at < this.#due) return [];
    if (2 * (at - this.#voiceEnd) >= endpointSamples && endpointSamples > 0) {
      this.#due = this.#voiceEnd + endpointSamples; // Likely the utterance is over: it need not be heard twice.
      return [];
    }
    this.#due += chunkSamples;
    return [{ kind: "hear", at }];
  }
}

const historyFrames = 1000;
const historyFramesMin = 100;
const binsPerDb = 2;
const levelMin = 1e-4; // Three steps of a 16-bit sample: dither.
const bins = 80 * binsPerDb + 1;
const floorQuantile = 0.1;
const speechQuantile = 0.9;
const overFloor = 1.5;
const underSpeech = 0.03;

/** Levels of the last 10 s, sorted into bins: what is noise, and how loud speech is. */
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

  /** Without a history nothing is known to be noise. */
  get voiceAbove(): number {
    return this.#frames < historyFramesMin ? levelMin : overFloor * this.#quantile(floorQuantile);
  }

  /** In an utterance, what is far below its speech is a pause, too. */
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

/** The middle of the quietest 100 ms in [from, to) of `samples`, the last of equals: the least text is ahead of it. */
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
