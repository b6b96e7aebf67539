/** Levels of a recording, gathered block by block as it is read: its peak, and the RMS of every 10 ms. Pure. */

import { release } from "../memory.ts";

/** Samples of one level: 10 ms at 16 kHz. */
export const levelSamples = 160;

const chunkLevels = 1 << 14;

export class LevelMeter {
  /** The largest absolute value so far. */
  peak = 0;
  /** Full chunks, and the one that is being filled. */
  readonly #chunks: Float64Array[] = [];
  #count = 0;
  /** Sum of the squares of the level that is not complete, and how many samples it has. */
  #energy = 0;
  #pending = 0;

  push(samples: Float32Array): void {
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i]!;
      const loudness = Math.abs(sample);
      if (loudness > this.peak) this.peak = loudness;
      this.#energy += sample * sample;
      if (++this.#pending === levelSamples) this.#close();
    }
  }

  /** One level for every 10 ms begun; the last may be of fewer samples. Ends the meter: its memory is given back. */
  end(): Float64Array {
    if (this.#pending > 0) this.#close();
    const levels = new Float64Array(this.#count);
    for (const [index, chunk] of this.#chunks.splice(0).entries()) {
      const at = index * chunkLevels;
      levels.set(chunk.subarray(0, Math.min(chunkLevels, this.#count - at)), at);
      release(chunk);
    }
    return levels;
  }

  #close(): void {
    const at = this.#count % chunkLevels;
    if (at === 0) this.#chunks.push(new Float64Array(chunkLevels));
    const rms = Math.sqrt(this.#energy / this.#pending);
    this.#chunks.at(-1)![at] = Number.isFinite(rms) ? rms : 0; // One NaN must not silence all that follows.
    this.#count++;
    this.#energy = 0;
    this.#pending = 0;
  }
}
