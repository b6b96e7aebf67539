/** A growing list of samples that becomes one array without ever being in memory twice. Pure. */

const BLOCK_SAMPLES = 1 << 20;

export class SampleList {
  #blocks: Float32Array[] = [];
  /** Samples in the last block. */
  #filled = BLOCK_SAMPLES;

  get length(): number {
    return this.#blocks.length * BLOCK_SAMPLES - (BLOCK_SAMPLES - this.#filled);
  }

  append(samples: Float32Array): void {
    for (let at = 0; at < samples.length;) {
      if (this.#filled === BLOCK_SAMPLES) {
        this.#blocks.push(new Float32Array(BLOCK_SAMPLES));
        this.#filled = 0;
      }
      const part = samples.subarray(at, at + BLOCK_SAMPLES - this.#filled);
      this.#blocks[this.#blocks.length - 1].set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
    }
  }

  /** Returns all samples in one array and empties the list. */
  take(): Float32Array {
    const all = new Float32Array(this.length);
    for (let at = 0, i = 0; at < all.length; at += BLOCK_SAMPLES, i++) {
      const block = this.#blocks[i];
      all.set(block.subarray(0, all.length - at), at);
      (block.buffer as ArrayBuffer).transfer(0); // Frees the block at once; the garbage collector would wait.
    }
    this.#blocks = [];
    this.#filled = BLOCK_SAMPLES;
    return all;
  }
}
