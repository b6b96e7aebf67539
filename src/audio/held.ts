/** The end of a stream's audio: samples by their place in it, appended at one end, dropped at the other. Pure. */

export class HeldAudio {
  #samples = new Float32Array(1 << 17);
  #from = 0;
  #count = 0;

  /** The first place held. */
  get from(): number {
    return this.#from;
  }

  /** The place after the last. */
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

  /** Forgets what is before `place`. */
  dropBefore(place: number): void {
    const gone = Math.min(Math.max(0, place - this.#from), this.#count);
    this.#samples.copyWithin(0, gone, this.#count);
    this.#from += gone;
    this.#count -= gone;
  }

  /** A copy of [from, to). */
  slice(from: number, to: number): Float32Array {
    if (from < this.#from || to > this.to || from > to) {
      throw new RangeError(`samples ${from} to ${to} are not among ${this.#from} to ${this.to}`);
    }
    return this.#samples.slice(from - this.#from, to - this.#from);
  }
}
