/**
 * Reads AU files (.snd): a header of 24 bytes or more, then samples. In: bytes in pieces of any size. Out: samples.
 *
 * Other decoders take everything to the end of the file for sound; this one ends where the header says.
 */

import { InputError } from "../errors.ts";
import { counted } from "../units.ts";
import { UnsupportedError } from "./decoders/packets.ts";
import { checkSourceShape } from "./limits.ts";
import { isBlank } from "./plausible.ts";
import { type ByteDecoder, chosen, MonoDecoder, sampleBytes, type SampleFormat, type SourceInfo } from "./pcm.ts";

const HEADER_BYTES = 24;
/** So do writers say that the size is not known: in a pipe, or because they died. */
const SIZE_UNKNOWN = 0xffff_ffff;
/** Text that describes the sound stands between header and sound. */
const OFFSET_MAX = 1 << 24;

type Encoding = { readonly sample: SampleFormat; readonly name: string };
const ENCODINGS: Readonly<Record<number, Encoding>> = {
  1: { sample: "mulaw", name: "µ-law" },
  3: { sample: "s16be", name: "16-bit PCM" },
  4: { sample: "s24be", name: "24-bit PCM" },
  5: { sample: "s32be", name: "32-bit PCM" },
  6: { sample: "f32be", name: "32-bit float" },
  7: { sample: "f64be", name: "64-bit float" },
  27: { sample: "alaw", name: "A-law" },
};

export class AuDecoder implements ByteDecoder {
  info: SourceInfo | undefined;
  readonly warnings: string[] = [];
  readonly #name: string;
  readonly #choice: number | "each" | undefined;
  #head: Uint8Array = new Uint8Array(0);
  #decoder: MonoDecoder | undefined;
  #frameBytes = 1;
  /** Bytes of sound that the header promises and that have not come. */
  #left = Infinity;
  /** Bytes behind the sound, but for blank ones, with which files are filled up. */
  #beyond = 0;

  constructor(name: string, choice: number | "each" | undefined) {
    this.#name = name;
    this.#choice = choice;
  }

  get lossLine(): string | undefined {
    const seconds = (bytes: number) => (bytes / this.#frameBytes / this.info!.rate).toFixed(1);
    if (this.#left > 0 && this.#left < Infinity) return `AU data is cut short: ${seconds(this.#left)} s are missing`;
    return this.#beyond > 0 ? `AU: ${counted(this.#beyond, "byte")} behind its sound, not read` : undefined;
  }

  push(bytes: Uint8Array): Float32Array {
    if (this.#decoder !== undefined) return this.#sound(bytes);
    this.#head = Buffer.concat([this.#head, bytes]);
    const view = new DataView(this.#head.buffer, this.#head.byteOffset, this.#head.length);
    if (view.byteLength < HEADER_BYTES) return new Float32Array(0);
    const offset = view.getUint32(4);
    if (offset < HEADER_BYTES || offset > OFFSET_MAX) {
      throw new InputError(`${this.#name}: AU sound begins at byte ${offset}, not ${HEADER_BYTES} to ${OFFSET_MAX}`);
    }
    if (view.byteLength < offset) return new Float32Array(0);
    this.#open(view);
    const rest = this.#head.subarray(offset);
    this.#head = new Uint8Array(0);
    return this.#sound(rest);
  }

  end(): Float32Array {
    if (this.#decoder === undefined) throw new InputError(`${this.#name}: AU header is cut off`);
    this.warnings.push(...this.#decoder.notes(this.info!.rate));
    return new Float32Array(0);
  }

  #open(view: DataView): void {
    const [size, code, rate, channels] = [8, 12, 16, 20].map((at) => view.getUint32(at)) as [
      number,
      number,
      number,
      number,
    ];
    const encoding = ENCODINGS[code];
    if (encoding === undefined) throw new UnsupportedError(`${this.#name}: AU of encoding ${code}`);
    checkSourceShape(`${this.#name}: AU`, rate, channels);
    this.info = { rate, channels, format: `AU, ${encoding.name}` };
    this.#frameBytes = sampleBytes(encoding.sample) * channels;
    this.#left = size === SIZE_UNKNOWN || size === 0 ? Infinity : size - size % this.#frameBytes;
    this.#decoder = new MonoDecoder(encoding.sample, channels, 0, chosen(this.#choice, channels));
  }

  #sound(bytes: Uint8Array): Float32Array {
    const own = bytes.subarray(0, Math.min(bytes.length, this.#left));
    this.#left -= own.length;
    const rest = bytes.subarray(own.length);
    if (!isBlank(rest, 0)) this.#beyond += rest.length;
    return this.#decoder!.push(own);
  }
}
