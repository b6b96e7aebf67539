/**
 * One codec at work in WebAssembly. In: packets. Out: interleaved f32 samples, or undefined where a packet is damaged.
 *
 * Each codec has an instance of its own, so that damaged data can harm nothing else, and memory ends with it.
 */

import { codecsModule } from "./modules.ts";
import type { CodecName, CodecSetup } from "./packets.ts";

export type Decoded = {
  /** Interleaved; valid until the next packet. */
  readonly samples: Float32Array;
  readonly rate: number;
  readonly channels: number;
};

export interface Codec {
  decode(packet: Uint8Array): Decoded | undefined;
}

type Exports = {
  readonly memory: WebAssembly.Memory;
  reserve(bytes: number): number;
  open(codec: number, rate: number, channels: number): number;
  decode(): number;
  output(): number;
  rate(): number;
  channels(): number;
};

const CODES: Readonly<Record<CodecName, number>> = { mp1: 1, mp2: 2, mp3: 3, flac: 4, vorbis: 5, aac: 6 };

/** Returns undefined where the codec's header is damaged or asks for what the decoder lacks. */
export function openCodec(setup: CodecSetup): Codec | undefined {
  const codec = new WasmCodec(setup);
  return codec.isOpen ? codec : undefined;
}

class WasmCodec implements Codec {
  readonly #setup: CodecSetup;
  #exports: Exports | undefined;

  constructor(setup: CodecSetup) {
    this.#setup = setup;
    this.#exports = start(setup);
  }

  get isOpen(): boolean {
    return this.#exports !== undefined;
  }

  decode(packet: Uint8Array): Decoded | undefined {
    try {
      this.#exports ??= start(this.#setup);
      return this.#exports && decodeWith(this.#exports, packet);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      this.#exports = undefined; // It trapped: the next packet gets an instance that did not.
      return undefined;
    }
  }
}

function start({ codec, rate, channels, header }: CodecSetup): Exports | undefined {
  try {
    const exports = new WebAssembly.Instance(codecsModule()).exports as unknown as Exports;
    write(exports, header);
    return exports.open(CODES[codec], rate, channels) === 0 ? exports : undefined;
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return undefined;
    throw error;
  }
}

function write({ memory, reserve }: Exports, bytes: Uint8Array): void {
  const place = reserve(bytes.length) >>> 0;
  new Uint8Array(memory.buffer, place, bytes.length).set(bytes);
}

function decodeWith(exports: Exports, packet: Uint8Array): Decoded | undefined {
  write(exports, packet);
  const frames = exports.decode();
  if (frames < 0) return undefined;
  const channels = exports.channels();
  const samples = new Float32Array(exports.memory.buffer, exports.output() >>> 0, frames * channels);
  return { samples, rate: exports.rate(), channels };
}
