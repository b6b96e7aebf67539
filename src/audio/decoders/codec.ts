/**
 * One codec at work in WebAssembly. In: packets. Out: interleaved f32 samples, or undefined where a packet is damaged.
 *
 * Each codec has an instance of its own, so that damaged data can harm nothing else, and memory ends with it.
 */

import { codecsModule, opusModule } from "./modules.ts";
import type { CodecName, CodecSetup } from "./packets.ts";

export type Decoded = {
  /** Interleaved; valid until the next packet. */
  readonly samples: Float32Array;
  readonly rate: number;
  readonly channels: number;
  /** The upper half of the band comes as a description, which is not decoded: HE-AAC. */
  readonly isLowBand?: boolean;
};

export interface Codec {
  decode(packet: Uint8Array): Decoded | undefined;
}

/** Starts an instance; undefined where the header cannot be used. Its functions may trap. */
type Works = () => ((packet: Uint8Array) => Decoded | undefined) | undefined;

/** Returns undefined where the codec's header is damaged or asks for what the decoder lacks. */
export function openCodec(setup: CodecSetup): Codec | undefined {
  const codec = new WasmCodec(setup.codec === "opus" ? opusWorks(setup) : symphoniaWorks(setup));
  return codec.isOpen ? codec : undefined;
}

class WasmCodec implements Codec {
  readonly #works: Works;
  #decode: ((packet: Uint8Array) => Decoded | undefined) | undefined;

  constructor(works: Works) {
    this.#works = works;
    this.#decode = untrapped(works);
  }

  get isOpen(): boolean {
    return this.#decode !== undefined;
  }

  decode(packet: Uint8Array): Decoded | undefined {
    this.#decode ??= untrapped(this.#works);
    try {
      return this.#decode?.(packet);
    } catch (error) {
      if (!isTrap(error)) throw error;
      this.#decode = undefined; // The next packet gets an instance that did not trap.
      return undefined;
    }
  }
}

function untrapped<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (isTrap(error)) return undefined;
    throw error;
  }
}

/** Also a stack that is too deep: JavaScript and WebAssembly share it. */
function isTrap(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
}

type Symphonia = {
  readonly memory: WebAssembly.Memory;
  reserve(bytes: number): number;
  open(codec: number, rate: number, channels: number): number;
  decode(): number;
  output(): number;
  rate(): number;
  channels(): number;
  sbr(): number;
};

const CODES: Readonly<Record<CodecName, number>> = { mp1: 1, mp2: 2, mp3: 3, flac: 4, vorbis: 5, aac: 6, opus: 0 };

function symphoniaWorks({ codec, rate, channels, header, order, hasSbr }: CodecSetup): Works {
  return () => {
    const exports = new WebAssembly.Instance(codecsModule()).exports as unknown as Symphonia;
    const write = (bytes: Uint8Array) => {
      const place = exports.reserve(bytes.length) >>> 0;
      new Uint8Array(exports.memory.buffer, place, bytes.length).set(bytes);
    };
    write(header);
    if (exports.open(CODES[codec], rate, channels) !== 0) return undefined;
    return (packet) => {
      write(packet);
      const frames = exports.decode();
      if (frames < 0) return undefined;
      const channels = exports.channels();
      const samples = new Float32Array(exports.memory.buffer, exports.output() >>> 0, frames * channels);
      if (codec !== "aac") return { samples, rate: exports.rate(), channels };
      reorder(samples, order ?? []);
      return { samples, rate, channels, isLowBand: hasSbr ?? exports.sbr() === 1 };
    };
  };
}

/** `order`: for each channel which one it is now. */
function reorder(samples: Float32Array, order: readonly number[]): void {
  if (order.every((from, to) => from === to)) return;
  const frame = new Float32Array(order.length);
  for (let at = 0; at + order.length <= samples.length; at += order.length) {
    frame.set(samples.subarray(at, at + order.length));
    for (let channel = 0; channel < order.length; channel++) samples[at + channel] = frame[order[channel]!]!;
  }
}

type Opus = {
  readonly memory: WebAssembly.Memory;
  _initialize?(): void;
  input(): number;
  mapping(): number;
  output(): number;
  open(channels: number, streams: number, coupled: number, gain: number): number;
  decode(bytes: number): number;
};

const OPUS_PACKET_BYTES_MAX = 1 << 16;
const OPUS_RATE = 48_000;
/** For each channel in the order of a WAV, which one it is in the order of Vorbis. */
const WAV_ORDER: readonly (readonly number[])[] = [
  [],
  [0],
  [0, 1],
  [0, 2, 1],
  [0, 1, 2, 3],
  [0, 2, 1, 3, 4],
  [0, 2, 1, 5, 3, 4],
  [0, 2, 1, 6, 5, 3, 4],
  [0, 2, 1, 7, 5, 6, 3, 4],
];

function opusWorks({ channels, header }: CodecSetup): Works {
  const hasTable = header[18] !== 0;
  const [streams, coupled] = hasTable ? [header[19]!, header[20]!] : [1, channels - 1];
  const table = hasTable ? header.subarray(21, 21 + channels) : Uint8Array.of(0, 1).subarray(0, channels);
  const gain = (header[16]! | header[17]! << 8) << 16 >> 16;
  return () => {
    const exports = new WebAssembly.Instance(opusModule(), noSystem).exports as unknown as Opus;
    exports._initialize?.();
    const { buffer } = exports.memory;
    const order = header[18] === 1 ? WAV_ORDER[channels]! : table.map((_, channel) => channel);
    new Uint8Array(buffer, exports.mapping(), channels).set(Array.from(order, (channel) => table[channel]!));
    if (exports.open(channels, streams, coupled, gain) !== 0) return undefined;
    return (packet) => {
      if (packet.length > OPUS_PACKET_BYTES_MAX) return undefined;
      new Uint8Array(exports.memory.buffer, exports.input(), packet.length).set(packet);
      const frames = exports.decode(packet.length);
      if (frames < 0) return undefined;
      const samples = new Float32Array(exports.memory.buffer, exports.output(), frames * channels);
      return { samples, rate: OPUS_RATE, channels };
    };
  };
}

/** What the module's C library would ask of a system, which never happens. */
const noSystem: WebAssembly.Imports = {
  wasi_snapshot_preview1: { random_get: () => 52 }, // "Not supported".
};
