/**
 * The spectrum of audio over time. In: samples, in pieces of any size. Out: for every 16 ms a row of band levels in dB,
 * and whether it is a sound of pure tones. Pure; keeps an eighth of a second of samples.
 */

import { assert } from "../errors.ts";
import { sampleRate } from "../units.ts";
import { isOfTones } from "./tones.ts";

/** Samples of a frame, 32 ms, and from one frame to the next. */
export const frameSamples = 512;
export const hopSamples = 256;

/** Samples of a long frame, 128 ms, which parts the tones of a chord; there is one for every four frames. */
const longSamples = 2048;
const framesPerLong = 4;
/** From the newest frame back: those in the middle of a long one that ends with it. */
const middleFrom = 1;
/** More lines than these in a frame may be the harmonics of a high voice. */
const linesMax = 4;

/** Limits of the bands, in Hz: hum's fundamental is below them, and each is wide enough for noise to be even in it. */
const edgesHz = [100, 250, 400, 600, 850, 1150, 1500, 1950, 2500, 3200, 4000, 5500, 7500];
export const bandsCount = edgesHz.length - 1;

/** The first frequency of every band, and the end, in the spectrum of so many samples. */
const limitsOf = (samples: number) => edgesHz.map((hertz) => Math.ceil((hertz * samples) / sampleRate));
const limits = limitsOf(frameSamples);
const limitsOfLong = limitsOf(longSamples);

/** Added to the power of every band. A sine of amplitude 1 has 1/16; 140 dB below that, the model hears nothing. */
const powerMin = 1e-16;

const [cosines, sines] = [Math.cos, Math.sin].map((wave) =>
  Float64Array.from({ length: longSamples / 2 }, (_, i) => wave((2 * Math.PI * i) / longSamples))
) as [Float64Array, Float64Array];

/** A frame's spectrum. */
export type Row = {
  /** Of the bands, in dB. */
  readonly levels: Float64Array;
  /** It is made of pure tones; that may turn out with one of the next four rows. */
  isOfTones: boolean;
};

export class Spectrum {
  readonly #short = new Analysis(frameSamples);
  readonly #long = new Analysis(longSamples);
  /** The latest samples, as many as a long frame has; fewer at the start. */
  readonly #samples = new Float64Array(longSamples);
  #filled = 0;
  /** Of the next frame, those that are there. */
  #pending = 0;
  #count = 0;
  /** The latest, the newest first. */
  readonly #rows: Row[] = [];

  /** Reads `samples` up to the end of the next frame. Returns how many were read, and the frame's row if it is full. */
  read(samples: Float32Array): { readonly count: number; readonly row: Row | undefined } {
    const part = samples.subarray(0, frameSamples - this.#pending);
    this.#add(part);
    this.#pending += part.length;
    if (this.#pending < frameSamples) return { count: part.length, row: undefined };
    this.#pending = frameSamples - hopSamples;
    return { count: part.length, row: this.#row() };
  }

  #add(part: Float32Array): void {
    const over = Math.max(0, this.#filled + part.length - longSamples);
    if (over > 0) this.#samples.copyWithin(0, over, this.#filled);
    this.#samples.set(part, this.#filled - over);
    this.#filled += part.length - over;
  }

  #row(): Row {
    const power = this.#short.powerOf(this.#samples.subarray(this.#filled - frameSamples, this.#filled));
    const levels = new Float64Array(bandsCount);
    for (let band = 0; band < bandsCount; band++) {
      let sum = 0;
      for (let k = limits[band]!; k < limits[band + 1]!; k++) sum += power[k]!;
      const share = sum / frameSamples ** 2;
      levels[band] = 10 * Math.log10(Number.isFinite(share) ? share + powerMin : powerMin);
    }
    const row = { levels, isOfTones: isOfTones(power, limits, linesMax) };
    this.#rows.unshift(row);
    this.#rows.length = Math.min(this.#rows.length, middleFrom + framesPerLong);
    this.#count++;
    if (this.#filled === longSamples && this.#count % framesPerLong === 0) this.#lookLong();
    return row;
  }

  /** What a long frame shows is true of the frames in its middle. */
  #lookLong(): void {
    if (!isOfTones(this.#long.powerOf(this.#samples), limitsOfLong)) return;
    for (const row of this.#rows.slice(middleFrom)) row.isOfTones = true;
  }
}

/** Power spectra of frames of one size. */
class Analysis {
  readonly #hann: Float64Array;
  readonly #real: Float64Array;
  readonly #imaginary: Float64Array;
  readonly #power: Float64Array;

  constructor(size: number) {
    const hann = (_: unknown, i: number) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / size);
    this.#hann = Float64Array.from({ length: size }, hann);
    this.#real = new Float64Array(size);
    this.#imaginary = new Float64Array(size);
    this.#power = new Float64Array(size / 2);
  }

  /** Of as many samples as the size says. The result is valid until the next call. */
  powerOf(samples: Float64Array): Float64Array {
    const [real, imaginary, power] = [this.#real, this.#imaginary, this.#power];
    for (let i = 0; i < real.length; i++) real[i] = samples[i]! * this.#hann[i]!;
    imaginary.fill(0);
    transform(real, imaginary);
    for (let k = 0; k < power.length; k++) power[k] = real[k]! * real[k]! + imaginary[k]! * imaginary[k]!;
    return power;
  }
}

/** The Fourier transform of a power of two of values, at most those of a long frame, in place. */
export function transform(real: Float64Array, imaginary: Float64Array): void {
  const size = real.length;
  assert(imaginary.length === size && longSamples % size === 0, `${size} values to transform`);
  reverseBits(real);
  reverseBits(imaginary);
  for (let half = 1; half < size; half *= 2) {
    const stride = longSamples / (2 * half);
    for (let k = 0; k < half; k++) {
      const cosine = cosines[k * stride]!;
      const sine = -sines[k * stride]!;
      for (let low = k; low < size; low += 2 * half) {
        const high = low + half;
        const re = real[high]! * cosine - imaginary[high]! * sine;
        const im = real[high]! * sine + imaginary[high]! * cosine;
        real[high] = real[low]! - re;
        imaginary[high] = imaginary[low]! - im;
        real[low] = real[low]! + re;
        imaginary[low] = imaginary[low]! + im;
      }
    }
  }
}

function reverseBits(values: Float64Array): void {
  for (let i = 1, j = 0; i < values.length; i++) {
    let bit = values.length >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i >= j) continue;
    const kept = values[i]!;
    values[i] = values[j]!;
    values[j] = kept;
  }
}
