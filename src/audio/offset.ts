/**
 * Finds a constant offset: samples that all lie too high or too low by as much, as bad converters make them. In: all
 * samples of a recording, block by block. Out: the offset, 0 where there is none. Pure.
 *
 * The model was not trained on such samples: 3 % of full scale change words, 10 % all of them. Recordings without an
 * offset must stay as they are to the bit, because taking their mean of 0.01 % away changes words as well. So an offset
 * counts from 1 % on, which is far above what speech and rumble have, and only if it is there all the time.
 */

import { sampleRate } from "../units.ts";

const offsetMin = 0.01;
/** Of the seconds, so many must have the offset, give or take half of it. */
const shareMin = 0.9;
/** A shorter rest says nothing about the mean. */
const restSamplesMin = sampleRate / 4;

export class OffsetMeter {
  /** The mean of every second. */
  readonly #means: number[] = [];
  #sum = 0;
  #count = 0;

  push(samples: Float32Array): void {
    for (let i = 0; i < samples.length; i++) {
      this.#sum += samples[i]!;
      if (++this.#count === sampleRate) this.#close();
    }
  }

  /** The offset of all that came. */
  end(): number {
    if (this.#count >= restSamplesMin) this.#close();
    const sorted = this.#means.toSorted((a, b) => a - b);
    const middle = sorted[sorted.length >> 1] ?? 0;
    const near = sorted.filter((mean) => Math.abs(mean - middle) <= Math.abs(middle) / 2);
    if (near.length === 0 || near.length < shareMin * sorted.length) return 0;
    const offset = near.reduce((sum, mean) => sum + mean, 0) / near.length;
    return Math.abs(offset) >= offsetMin ? offset : 0;
  }

  #close(): void {
    const mean = this.#sum / this.#count;
    this.#means.push(Number.isFinite(mean) ? mean : 0); // One NaN must not hide the offset of the rest.
    this.#sum = 0;
    this.#count = 0;
  }
}
