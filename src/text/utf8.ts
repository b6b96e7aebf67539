/** Decodes UTF-8 in pieces. In: bytes, cut anywhere. Out: whole characters. At most three bytes are held. */

/**
 * `push` returns the characters that are complete. An incomplete last one waits for the next piece and is dropped if
 * there is none. Bytes that are not UTF-8 become U+FFFD.
 */
export class Utf8Decoder {
  #held: Uint8Array = new Uint8Array(0);
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  push(piece: Uint8Array): string {
    const bytes = this.#held.length === 0 ? piece : concat(this.#held, piece);
    const complete = bytes.length - incompleteTailLength(bytes);
    this.#held = bytes.slice(complete); // A copy: the caller may reuse its buffer.
    return this.#decoder.decode(bytes.subarray(0, complete));
  }
}

/** How many bytes at the end belong to a character whose other bytes are missing: 0 to 3. */
function incompleteTailLength(bytes: Uint8Array): number {
  for (let length = 1; length <= Math.min(3, bytes.length); length++) {
    const byte = bytes[bytes.length - length]!;
    if (byte >= 0x80 && byte < 0xc0) continue; // A continuation byte: its lead is further left.
    return sequenceLength(byte) > length ? length : 0;
  }
  return 0;
}

function sequenceLength(lead: number): number {
  if (lead >= 0xf0 && lead < 0xf8) return 4;
  if (lead >= 0xe0) return lead < 0xf0 ? 3 : 1;
  return lead >= 0xc0 ? 2 : 1;
}

function concat(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
