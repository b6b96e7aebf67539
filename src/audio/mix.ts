/**
 * Mixes several channels to one, or takes one of them. In: interleaved frames, and what is known of the channels'
 * places. Out: mono. Pure.
 *
 * Two channels are averaged. If one is the other upside down (a plug wired the wrong way), one of them is taken.
 * Layouts with places are mixed to mono as ITU-R BS.775 does, so that the centre, where people speak in films, stands
 * out:
 *
 *            left, right  centre  surrounds  LFE  rear centre      of the sum, centre first
 *     3.0        0.7071     1        -        -       -            C 0.41  L R 0.29
 *     4.0        0.7071     1        -        -     0.7071         C 0.32  L R Cs 0.23
 *     5.0        0.7071     1       0.5       -       -            C 0.29  L R 0.21  Ls Rs 0.15
 *     5.1        0.7071     1       0.5       0       -            the same
 *     6.1        0.7071     1       0.5       0      0.5           C 0.26  L R 0.18  Ls Rs Cs 0.13
 *     7.1        0.7071     1       0.5       0       -            C 0.23  L R 0.16  the four surrounds 0.11
 */

/** Bits of a WAV's channel mask, as ffmpeg has them too. */
const LEFT = 0x1;
const RIGHT = 0x2;
const CENTRE = 0x4;
const LFE = 0x8;
const REAR_LEFT = 0x10;
const REAR_RIGHT = 0x20;
const LEFT_OF_CENTRE = 0x40;
const RIGHT_OF_CENTRE = 0x80;
const REAR_CENTRE = 0x100;
const SIDES = 0x600;

const FRONTS = LEFT | RIGHT | LEFT_OF_CENTRE | RIGHT_OF_CENTRE;
const PAIRED_SURROUNDS = REAR_LEFT | REAR_RIGHT | SIDES;

/** Which channels are read: one, from 1; each for itself, so many of them; undefined: all are mixed. */
export type ChannelChoice = number | { readonly each: number } | undefined;

/** Mixes frames of `channels` samples each into `mono` from frame `at` on. */
export type Mixer = {
  /** Samples per frame that come out: more than one where channels stay apart. */
  readonly width?: number;
  mix(frames: Float64Array, framesCount: number, mono: Float32Array, at: number): void;
  /** Frames of which one channel was taken, because their mean was silence. */
  readonly oneSidedCount: number;
};

/** `mask` has a bit per channel that says its place; 0: nothing is known. `choice`: not all of them. */
export function createMixer(channels: number, mask: number, choice?: ChannelChoice): Mixer {
  if (typeof choice === "number") return { oneSidedCount: 0, mix: alone(channels, choice) };
  if (choice !== undefined) return { width: choice.each, oneSidedCount: 0, mix: apart(channels, choice.each) };
  if (channels === 2) return new StereoMixer();
  const weights = channels > 2 ? channelWeights(channels, mask) : undefined;
  return { oneSidedCount: 0, mix: weights ? weighted(weights) : mean(channels) };
}

/** Shares that add up to 1, in the order of the channels; undefined if the mask does not say their places. */
export function channelWeights(channels: number, mask: number): number[] | undefined {
  const places = Array.from({ length: 32 }, (_, bit) => 2 ** bit).filter((place) => (mask & place) !== 0);
  if (places.length !== channels) return undefined;
  const weights = places.map((place) => placeWeight(place, mask));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return sum > 0 ? weights.map((weight) => weight / sum) : undefined;
}

function placeWeight(place: number, mask: number): number {
  if (place === CENTRE) return 1;
  if (place === LFE) return 0;
  if ((place & FRONTS) !== 0) return Math.SQRT1_2;
  const isOnlySurround = place === REAR_CENTRE && (mask & PAIRED_SURROUNDS) === 0;
  return isOnlySurround ? Math.SQRT1_2 : 0.5;
}

/** Takes one channel; of a part of the recording that has fewer channels, its last one. */
function alone(channels: number, only: number): Mixer["mix"] {
  const offset = Math.min(only, channels) - 1;
  return (frames, framesCount, mono, at) => {
    for (let frame = 0; frame < framesCount; frame++) mono[at + frame] = frames[frame * channels + offset]!;
  };
}

/** Keeps channels apart; in a part of the recording that has fewer, its last one stands for those missing. */
function apart(channels: number, width: number): Mixer["mix"] {
  return (frames, framesCount, out, at) => {
    for (let frame = 0; frame < framesCount; frame++) {
      for (let side = 0; side < width; side++) {
        out[(at + frame) * width + side] = frames[frame * channels + Math.min(side, channels - 1)]!;
      }
    }
  };
}

function weighted(weights: readonly number[]): Mixer["mix"] {
  return (frames, framesCount, mono, at) => {
    for (let frame = 0, i = 0; frame < framesCount; frame++) {
      let sum = 0;
      for (let channel = 0; channel < weights.length; channel++) sum += weights[channel]! * frames[i++]!;
      mono[at + frame] = sum;
    }
  };
}

function mean(channels: number): Mixer["mix"] {
  return (frames, framesCount, mono, at) => {
    for (let frame = 0, i = 0; frame < framesCount; frame++) {
      let sum = 0;
      for (let channel = 0; channel < channels; channel++) sum += frames[i++]!;
      mono[at + frame] = sum / channels;
    }
  };
}

/** The mean is judged after so many frames, some milliseconds, by what was heard lately: about 100 times as many. */
const JUDGE_FRAMES = 256;
const KEPT_SHARE = 0.99;
/** Power of the mean against that of the channels: silence below the first (-17 dB), sound again above the second. */
const ANTIPHASE_BELOW = 0.02;
const IN_PHASE_ABOVE = 0.05;
const POWER_MIN = 1e-10;

class StereoMixer implements Mixer {
  oneSidedCount = 0;
  #isAntiphase = false;
  #meanPower = 0;
  #channelPower = 0;
  #framesToJudge = JUDGE_FRAMES;

  mix(frames: Float64Array, framesCount: number, mono: Float32Array, at: number): void {
    for (let frame = 0, i = 0; frame < framesCount; frame++, i += 2) {
      const left = frames[i]!;
      const right = frames[i + 1]!;
      const mean = (left + right) / 2;
      mono[at + frame] = this.#isAntiphase ? left : mean;
      if (this.#isAntiphase) this.oneSidedCount++;
      this.#meanPower += mean * mean;
      this.#channelPower += (left * left + right * right) / 2;
      if (--this.#framesToJudge === 0) this.#judge();
    }
  }

  #judge(): void {
    const limit = this.#channelPower * (this.#isAntiphase ? IN_PHASE_ABOVE : ANTIPHASE_BELOW);
    this.#isAntiphase = this.#channelPower > POWER_MIN * JUDGE_FRAMES && this.#meanPower < limit;
    this.#meanPower *= KEPT_SHARE;
    this.#channelPower *= KEPT_SHARE;
    this.#framesToJudge = JUDGE_FRAMES;
  }
}
