/** The latest part of a stream's audio: samples by position, appended at the end, dropped at the front. Pure. */

export class HeldAudio {
  #samples = new Float32Array(1 << 17);
  #from = 0;
  #count = 0;

  /** Position of the first sample held. */
  get from(): number {
    return this.#from;
  }

  /** Position after the last sample held. */
  get to(): number {
    return this.#from + this.#count;
  }

  append(samples: Float32Array): void {
    const count = this.#count + samples.length;
    if (count > this.#samples.length) {
      const grown = new Float32Array(Math.max(count, this.#samples.length * 2));
      grown.set(this.#samples.subarray(0, this.#count));
      this.#samples = grown;
    }
    this.#samples.set(samples, this.#count);
    this.#count = count;
  }

  /** Drops the samples before `place`. */
  dropBefore(place: number): void {
    const gone = Math.min(Math.max(0, place - this.#from), this.#count);
    this.#samples.copyWithin(0, gone, this.#count);
    this.#from += gone;
    this.#count -= gone;
  }

  /** Returns a copy of [from, to). */
  slice(from: number, to: number): Float32Array {
    if (from < this.#from || to > this.to || from > to) {
      throw new RangeError(`samples ${from} to ${to} are not among ${this.#from} to ${this.to}`);
    }
    return this.#samples.slice(from - this.#from, to - this.#from);
  }
}
