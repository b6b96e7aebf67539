/** Bytes of a stream that were not used yet. In: chunks. Out: one view of them, which is valid until the next chunk. */

export class Pending {
  #buffer = new Uint8Array(1 << 16);
  #from = 0;
  #to = 0;
  #skip = 0;
  /** Place in the stream of the first byte of `view`. */
  at = 0;

  get view(): Uint8Array {
    return this.#buffer.subarray(this.#from, this.#to);
  }

  get length(): number {
    return this.#to - this.#from;
  }

  append(chunk: Uint8Array): void {
    const skipped = Math.min(this.#skip, chunk.length);
    this.#skip -= skipped;
    this.at += skipped;
    if (skipped === chunk.length) return;
    const bytes = chunk.subarray(skipped);
    this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  /** Drops `bytes` from the front, also such as are still to come. */
  drop(bytes: number): void {
    const here = Math.min(bytes, this.length);
    this.#from += here;
    this.at += here;
    this.#skip += bytes - here;
  }

  /** Drops what is before that place, also such as is still to come. */
  dropTo(place: number): void {
    this.drop(Math.min(place - this.at, this.length));
    this.#skip = place - this.at;
  }

  /** Drops all: the next chunk comes from that place. */
  restart(at: number): void {
    this.#from = 0;
    this.#to = 0;
    this.#skip = 0;
    this.at = at;
  }

  #makeRoom(bytes: number): void {
    if (this.#to + bytes <= this.#buffer.length) return;
    const kept = this.view;
    const size = this.#buffer.length;
    const needed = kept.length + bytes;
    if (needed <= size && kept.length <= size / 2) this.#buffer.copyWithin(0, this.#from, this.#to);
    else {
      const grown = new Uint8Array(Math.max(needed, 2 * kept.length));
      grown.set(kept);
      this.#buffer = grown;
    }
    this.#to = kept.length;
    this.#from = 0;
  }
}
