/** Vorbis: what its headers say, and how many samples a packet gives. In: bytes. Out: a setup, numbers. Pure. */

import { InputError } from "../../errors.ts";
import { checkSourceShape } from "../limits.ts";
import type { CodecSetup } from "./packets.ts";

/** Of a mode in the setup packet: a flag, two types that are 0, a mapping. */
const MODE_BITS = 41;
const MODES_MAX = 64;

export class VorbisLengths {
  readonly setup: CodecSetup;
  readonly #sizes: readonly [number, number];
  readonly #isLong: readonly boolean[];
  #last = 0;

  /** The identification and the setup packet. Throws an InputError where they are damaged. */
  constructor(name: string, first: Uint8Array, third: Uint8Array, format: string) {
    const view = new DataView(first.buffer, first.byteOffset, first.length);
    if (first.length < 30) throw new InputError(`${name}: Vorbis header is damaged`);
    const [channels, rate] = [first[11]!, view.getUint32(12, true)];
    checkSourceShape(`${name}: Vorbis`, rate, channels);
    this.#sizes = [1 << (first[28]! & 15), 1 << (first[28]! >> 4)];
    this.#isLong = longModes(third);
    if (this.#isLong.length === 0) throw new InputError(`${name}: Vorbis header is damaged`);
    this.setup = { codec: "vorbis", rate, channels, header: new Uint8Array(Buffer.concat([first, third])), format };
  }

  /** Samples of the next packet: half of its block and of the one before, which overlap; the first gives none. */
  samplesOf(packet: Uint8Array): number {
    const bits = 32 - Math.clz32(this.#isLong.length - 1);
    if (packet.length === 0 || (packet[0]! & 1) !== 0) return 0;
    const size = this.#sizes[this.#isLong[packet[0]! >> 1 & (1 << bits) - 1] ? 1 : 0];
    const samples = this.#last === 0 ? 0 : (this.#last + size) / 4;
    this.#last = size;
    return samples;
  }
}

/** Which modes have the long block. They stand at the packet's end, behind what only a decoder can read: from there. */
function longModes(setup: Uint8Array): boolean[] {
  let end = setup.length * 8;
  while (end > 0 && bitsAt(setup, end - 1, 1) === 0) end--;
  end--; // The framing bit.
  let found = 0;
  for (let count = 1; count <= MODES_MAX && end - count * MODE_BITS - 6 >= 0; count++) {
    const at = end - count * MODE_BITS;
    if (bitsAt(setup, at + 1, 16) !== 0 || bitsAt(setup, at + 17, 16) !== 0 || bitsAt(setup, at + 33, 8) > 63) break;
    if (bitsAt(setup, at - 6, 6) + 1 === count) found = count;
  }
  return Array.from({ length: found }, (_, mode) => bitsAt(setup, end - (found - mode) * MODE_BITS, 1) === 1);
}

/** `count` bits from bit `at` on, the first one lowest. */
function bitsAt(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) value |= (bytes[at + i >> 3]! >> (at + i & 7) & 1) << i;
  return value;
}
