/**
 * The spectrum of audio over time. In: samples, in pieces of any size. Out: a row of band levels in dB for every 16 ms.
 * Pure; keeps one frame of samples.
 */

import { assert } from "../errors.ts";
import { sampleRate } from "../units.ts";

/** Samples of a frame, 32 ms, and from one frame to the next. */
export const frameSamples = 512;
export const hopSamples = 256;

/** Limits of the bands, in Hz: hum's fundamental is below them, and each is wide enough for noise to be even in it. */
const edgesHz = [100, 250, 400, 600, 850, 1150, 1500, 1950, 2500, 3200, 4000, 5500, 7500];
export const bandsCount = edgesHz.length - 1;
const edges = edgesHz.map((hertz) => Math.ceil((hertz * frameSamples) / sampleRate));

/** Added to the power of every band. A sine of amplitude 1 has 1/16; 140 dB below that, the model hears nothing. */
const powerMin = 1e-16;

const hann = Float64Array.from(
  { length: frameSamples },
  (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / frameSamples),
);
const [cosines, sines] = [Math.cos, Math.sin].map((wave) =>
  Float64Array.from({ length: frameSamples / 2 }, (_, i) => wave((2 * Math.PI * i) / frameSamples))
) as [Float64Array, Float64Array];

export class Spectrum {
  readonly #frame = new Float64Array(frameSamples);
  #filled = 0;
  readonly #real = new Float64Array(frameSamples);
  readonly #imaginary = new Float64Array(frameSamples);

  /** Reads `samples` up to the end of the next frame. Returns how many were read, and the frame's row if it is full. */
  read(samples: Float32Array): { readonly count: number; readonly row: Float64Array | undefined } {
    const part = samples.subarray(0, frameSamples - this.#filled);
    this.#frame.set(part, this.#filled);
    this.#filled += part.length;
    if (this.#filled < frameSamples) return { count: part.length, row: undefined };
    const row = this.#row();
    this.#frame.copyWithin(0, hopSamples);
    this.#filled = frameSamples - hopSamples;
    return { count: part.length, row };
  }

  #row(): Float64Array {
    for (let i = 0; i < frameSamples; i++) this.#real[i] = this.#frame[i]! * hann[i]!;
    this.#imaginary.fill(0);
    transform(this.#real, this.#imaginary);
    const row = new Float64Array(bandsCount);
    for (let band = 0; band < bandsCount; band++) {
      let power = 0;
      for (let k = edges[band]!; k < edges[band + 1]!; k++) {
        power += this.#real[k]! * this.#real[k]! + this.#imaginary[k]! * this.#imaginary[k]!;
      }
      const share = power / frameSamples ** 2;
      row[band] = 10 * Math.log10(Number.isFinite(share) ? share + powerMin : powerMin);
    }
    return row;
  }
}

/** The Fourier transform of `frameSamples` values, in place. */
export function transform(real: Float64Array, imaginary: Float64Array): void {
  assert(real.length === frameSamples && imaginary.length === frameSamples, `${real.length} values to transform`);
  reverseBits(real);
  reverseBits(imaginary);
  for (let half = 1; half < frameSamples; half *= 2) {
    const stride = frameSamples / (2 * half);
    for (let k = 0; k < half; k++) {
      const cosine = cosines[k * stride]!;
      const sine = -sines[k * stride]!;
      for (let low = k; low < frameSamples; low += 2 * half) {
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
