/** Numbers of any length in bytes, the highest bit first. Reading past the end gives 0 and shows in `left`. Pure. */

export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bits that were not read; below 0 where more was read than there is. */
  get left(): number {
    return this.#bytes.length * 8 - this.#at;
  }

  /** Of at most 31 bits. */
  read(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++, this.#at++) {
      value = value << 1 | (this.#bytes[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7)) & 1;
    }
    return value;
  }

  /** Goes to the next whole byte. */
  align(): void {
    this.#at = (this.#at + 7) & ~7;
  }
}
