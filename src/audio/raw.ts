/** Headerless PCM: bytes in, mono f32 at the stated rate out. Pure. */

import { counted, sampleRate } from "../units.ts";
import { checkSourceShape } from "./limits.ts";
import { type ByteDecoder, chosen, MonoDecoder, type SampleFormat, type SourceInfo } from "./pcm.ts";

export type RawLayout = {
  readonly format: SampleFormat;
  readonly rate: number;
  readonly channels: number;
};

/** The layout that the C program reads from standard input. */
export const RAW_DEFAULT: RawLayout = { format: "s16le", rate: sampleRate, channels: 1 };

export class RawDecoder implements ByteDecoder {
  readonly info: SourceInfo;
  readonly warnings: string[] = [];
  readonly #decoder: MonoDecoder;

  /** `name` begins error messages; `choice` says which channels are read. */
  constructor(name: string, layout: RawLayout = RAW_DEFAULT, choice?: number | "each") {
    checkSourceShape(`${name}: raw audio`, layout.rate, layout.channels);
    this.info = { rate: layout.rate, channels: layout.channels, format: `raw ${layout.format}` };
    this.#decoder = new MonoDecoder(layout.format, layout.channels, 0, chosen(choice, layout.channels));
  }

  push(bytes: Uint8Array): Float32Array {
    return this.#decoder.push(bytes);
  }

  end(): Float32Array {
    const partial = this.#decoder.partialBytes;
    if (partial > 0) this.warnings.push(`raw audio ends inside a frame: ${counted(partial, "byte")} left over`);
    this.warnings.push(...this.#decoder.notes(this.info.rate));
    return new Float32Array(0);
  }
}
