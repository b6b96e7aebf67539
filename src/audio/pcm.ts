/**
 * Sample formats. In: interleaved bytes, in pieces of any size. Out: mono f32 at the source's own rate.
 * WAV, raw and ffmpeg input are all decoded here. Pure; less than one frame is held between calls.
 */

import { FloatGuard } from "./floats.ts";
import { lazily } from "../lazy.ts";
import type { Joined } from "./joined_line.ts";
import { counted } from "../units.ts";
import { type ChannelChoice, createMixer, type Mixer } from "./mix.ts";

export type SampleFormat =
  | "u8"
  | "s16le"
  | "s16be"
  | "s24le"
  | "s24be"
  | "s32le"
  | "s32be"
  | "f16le"
  | "f16be"
  | "f32le"
  | "f32be"
  | "f64le"
  | "f64be"
  | "alaw"
  | "mulaw";

/** What is known about a recording once its header has been read. */
export type SourceInfo = {
  readonly rate: number;
  readonly channels: number;
  /** For people: "WAV, 16-bit PCM". */
  readonly format: string;
};

/** Bytes in, mono samples at `info.rate` out. `info` is set before the first sample is returned. */
export interface ByteDecoder {
  readonly info: SourceInfo | undefined;
  readonly warnings: readonly string[];
  /** A line on bytes of no use, unless another file that follows explains them. */
  readonly lossLine?: string | undefined;
  /** Nothing that follows would be read. */
  readonly isDone?: boolean;
  /** The first file behind its own that it does not go on with; `found`: what follows by the look of the bytes. */
  unheard?(found: Joined | undefined): Joined | undefined;
  /**
   * Where the bytes of the next `push` must come from; undefined: from behind the last. Only for a caller that can
   * always do so, before every `push`.
   */
  jump?(): number | undefined;
  /** The bytes are only read during the call. */
  push(bytes: Uint8Array): Float32Array;
  /** What else the bytes so far hold, where few bytes can stand for much: call until it is undefined. */
  more?(): Float32Array | undefined;
  /** Call once, after the last byte. */
  end(): Float32Array;
}

/** Reads `count` samples, starting at `at`, into `out`, scaled to [-1, 1]. */
type ReadSamples = (bytes: Uint8Array, at: number, count: number, out: Float64Array) => void;

const BLOCK_SAMPLES = 8192;
/** Shorter stretches in antiphase are chance. */
const ANTIPHASE_SEC_MIN = 0.2;
const NO_SAMPLES = new Float32Array(0);

const FORMATS: Readonly<Record<SampleFormat, { readonly sampleBytes: number; readonly read: ReadSamples }>> = {
  u8: { sampleBytes: 1, read: readU8 },
  s16le: { sampleBytes: 2, read: readS16le },
  s16be: { sampleBytes: 2, read: readS16be },
  s24le: { sampleBytes: 3, read: readS24le },
  s24be: { sampleBytes: 3, read: readS24be },
  s32le: { sampleBytes: 4, read: (bytes, at, count, out) => readS32(bytes, at, count, out, true) },
  s32be: { sampleBytes: 4, read: (bytes, at, count, out) => readS32(bytes, at, count, out, false) },
  f16le: { sampleBytes: 2, read: (bytes, at, count, out) => readF16(bytes, at, count, out, true) },
  f16be: { sampleBytes: 2, read: (bytes, at, count, out) => readF16(bytes, at, count, out, false) },
  f32le: { sampleBytes: 4, read: (bytes, at, count, out) => readF32(bytes, at, count, out, true) },
  f32be: { sampleBytes: 4, read: (bytes, at, count, out) => readF32(bytes, at, count, out, false) },
  f64le: { sampleBytes: 8, read: (bytes, at, count, out) => readF64(bytes, at, count, out, true) },
  f64be: { sampleBytes: 8, read: (bytes, at, count, out) => readF64(bytes, at, count, out, false) },
  alaw: { sampleBytes: 1, read: (bytes, at, count, out) => readTable(bytes, at, count, out, alaw()) },
  mulaw: { sampleBytes: 1, read: (bytes, at, count, out) => readTable(bytes, at, count, out, mulaw()) },
};

/** Every name that `--raw-format` accepts. */
export const SAMPLE_FORMATS = Object.keys(FORMATS) as readonly SampleFormat[];

export function sampleBytes(format: SampleFormat): number {
  return FORMATS[format].sampleBytes;
}

/** The first `count` samples of `bytes` as they stand, channels interleaved, scaled to [-1, 1]. */
export function readSamples(format: SampleFormat, bytes: Uint8Array, count: number): Float64Array {
  const samples = new Float64Array(count);
  FORMATS[format].read(bytes, 0, count, samples);
  return samples;
}

/** `channels`: how many there are. */
export function chosen(choice: number | "each" | undefined, channels: number): ChannelChoice {
  return choice === "each" ? { each: channels } : choice;
}

/** Interleaved frames to mono, mixed by the places of the channels where they are known. */
export class MonoDecoder {
  readonly #channels: number;
  readonly #frameBytes: number;
  readonly #read: ReadSamples;
  readonly #guard: FloatGuard | undefined;
  readonly #mixer: Mixer;
  readonly #block: Float64Array;
  readonly #carry: Uint8Array;
  #carryBytes = 0;

  /**
   * `mask`: a bit per channel that says its place, 0 where nothing is known. `choice`: which channels are read. Those
   * that stay apart come out interleaved.
   */
  constructor(format: SampleFormat, channels: number, mask = 0, choice?: ChannelChoice) {
    const { sampleBytes, read } = FORMATS[format];
    this.#channels = channels;
    this.#frameBytes = sampleBytes * channels;
    this.#read = read;
    this.#guard = format.startsWith("f") ? new FloatGuard() : undefined;
    this.#mixer = createMixer(channels, mask, choice);
    this.#block = new Float64Array(Math.max(1, Math.floor(BLOCK_SAMPLES / channels)) * channels);
    this.#carry = new Uint8Array(this.#frameBytes);
  }

  /** Bytes of a frame that is not complete yet. */
  get partialBytes(): number {
    return this.#carryBytes;
  }

  /** What should be said of the samples so far, at `rate`: a line each. */
  notes(rate: number): string[] {
    const { notFiniteCount = 0, clippedCount = 0 } = this.#guard ?? {};
    const antiphaseSec = this.#mixer.oneSidedCount / rate;
    return [
      notFiniteCount > 0 &&
      `${
        notFiniteCount === 1 ? "1 sample is not a finite number" : `${notFiniteCount} samples are not finite numbers`
      }, read as 0`,
      clippedCount > 0 &&
      `${counted(clippedCount, "sample")} ${clippedCount === 1 ? "is" : "are"} far beyond full scale, clipped`,
      antiphaseSec >= ANTIPHASE_SEC_MIN &&
      `left and right are in antiphase and cancel out (for ${antiphaseSec.toFixed(1)} s): the left one alone is read`,
    ].filter((note) => note !== false);
  }

  dropPartial(): void {
    this.#carryBytes = 0;
  }

  push(bytes: Uint8Array): Float32Array {
    const frames = Math.floor((this.#carryBytes + bytes.length) / this.#frameBytes);
    if (frames === 0) {
      this.#keep(bytes, 0);
      return NO_SAMPLES;
    }
    const { width = 1 } = this.#mixer;
    const out = new Float32Array(frames * width);
    let at = 0;
    let done = 0;
    if (this.#carryBytes > 0) {
      at = this.#frameBytes - this.#carryBytes;
      this.#carry.set(bytes.subarray(0, at), this.#carryBytes);
      this.#decode(this.#carry, 0, out.subarray(0, width));
      this.#carryBytes = 0;
      done = 1;
    }
    this.#decode(bytes, at, out.subarray(done * width));
    this.#keep(bytes, at + (frames - done) * this.#frameBytes);
    return out;
  }

  #keep(bytes: Uint8Array, at: number): void {
    this.#carry.set(bytes.subarray(at), this.#carryBytes);
    this.#carryBytes += bytes.length - at;
  }

  #decode(bytes: Uint8Array, at: number, out: Float32Array): void {
    const framesCount = out.length / (this.#mixer.width ?? 1);
    const block = this.#block;
    const channels = this.#channels;
    const blockFrames = block.length / channels;
    for (let done = 0; done < framesCount; done += blockFrames) {
      const frames = Math.min(blockFrames, framesCount - done);
      const count = frames * channels;
      this.#read(bytes, at + done * this.#frameBytes, count, block);
      this.#guard?.mend(block, count);
      this.#mixer.mix(block, frames, out, done);
    }
  }
}

function readU8(bytes: Uint8Array, at: number, count: number, out: Float64Array): void {
  for (let i = 0; i < count; i++) out[i] = (bytes[at + i] - 128) / 128;
}

function readS16le(bytes: Uint8Array, at: number, count: number, out: Float64Array): void {
  for (let i = 0; i < count; i++, at += 2) out[i] = (((bytes[at] | bytes[at + 1] << 8) << 16) >> 16) / 32768;
}

function readS16be(bytes: Uint8Array, at: number, count: number, out: Float64Array): void {
  for (let i = 0; i < count; i++, at += 2) out[i] = (((bytes[at + 1] | bytes[at] << 8) << 16) >> 16) / 32768;
}

function readS24le(bytes: Uint8Array, at: number, count: number, out: Float64Array): void {
  for (let i = 0; i < count; i++, at += 3) {
    out[i] = (bytes[at] << 8 | bytes[at + 1] << 16 | bytes[at + 2] << 24) / 2 ** 31;
  }
}

function readS24be(bytes: Uint8Array, at: number, count: number, out: Float64Array): void {
  for (let i = 0; i < count; i++, at += 3) {
    out[i] = (bytes[at + 2] << 8 | bytes[at + 1] << 16 | bytes[at] << 24) / 2 ** 31;
  }
}

function readS32(bytes: Uint8Array, at: number, count: number, out: Float64Array, little: boolean): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, count * 4);
  for (let i = 0; i < count; i++) out[i] = view.getInt32(i * 4, little) / 2 ** 31;
}

function readF16(bytes: Uint8Array, at: number, count: number, out: Float64Array, little: boolean): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, count * 2);
  for (let i = 0; i < count; i++) out[i] = view.getFloat16(i * 2, little);
}

function readF32(bytes: Uint8Array, at: number, count: number, out: Float64Array, little: boolean): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, count * 4);
  for (let i = 0; i < count; i++) out[i] = view.getFloat32(i * 4, little);
}

function readF64(bytes: Uint8Array, at: number, count: number, out: Float64Array, little: boolean): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, count * 8);
  for (let i = 0; i < count; i++) out[i] = view.getFloat64(i * 8, little);
}

function readTable(bytes: Uint8Array, at: number, count: number, out: Float64Array, table: Float64Array): void {
  for (let i = 0; i < count; i++) out[i] = table[bytes[at + i]];
}

/** ITU-T G.711: a sign, a 3-bit exponent and a 4-bit mantissa per byte, on a 16-bit scale. */
const mulaw = lazily(() =>
  Float64Array.from({ length: 256 }, (_, byte) => {
    const code = ~byte & 0xff; // The bits are sent inverted.
    const magnitude = (((code & 0x0f) * 2 + 33) << ((code >> 4) & 7)) - 33;
    return ((code & 0x80) ? 0 - magnitude : magnitude) * 4 / 32768;
  })
);

const alaw = lazily(() =>
  Float64Array.from({ length: 256 }, (_, byte) => {
    const code = byte ^ 0x55; // Every other bit is sent inverted.
    const exponent = (code >> 4) & 7;
    const mantissa = (code & 0x0f) * 2 + 1;
    const magnitude = exponent === 0 ? mantissa : (mantissa + 32) << (exponent - 1);
    return ((code & 0x80) ? magnitude : 0 - magnitude) * 8 / 32768;
  })
);
