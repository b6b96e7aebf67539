/** WAV files for tests, built byte by byte, well formed or not. Pure. */

/** Little-endian bytes of a number. */
export function le(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);
}

export function text(value: string): number[] {
  return Array.from(value, (char) => char.charCodeAt(0));
}

/** One RIFF chunk with its pad byte; `size` overrides what its header says. */
export function chunk(id: string, body: ArrayLike<number>, size = body.length): number[] {
  return [...text(id), ...le(size, 4), ...Array.from(body), ...(body.length % 2 === 1 ? [0] : [])];
}

export type FormatFields = {
  readonly tag?: number;
  readonly channels?: number;
  readonly rate?: number;
  readonly bits?: number;
  readonly block?: number;
  /** Everything after the first 16 bytes. */
  readonly extra?: readonly number[];
};

export function formatBody(fields: FormatFields = {}): number[] {
  const { tag = 1, channels = 1, rate = 16_000, bits = 16, extra = [] } = fields;
  const block = fields.block ?? channels * Math.ceil(bits / 8);
  const numbers = [le(tag, 2), le(channels, 2), le(rate, 4), le(rate * block % 2 ** 32, 4), le(block, 2), le(bits, 2)];
  return [...numbers.flat(), ...extra];
}

/** The bytes after the first 16 of an extensible format whose sub-format is a plain one. */
export function extensible(tag: number, bits: number, mask = 4): number[] {
  const guid = [...le(tag, 2), 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
  return [...le(22, 2), ...le(bits, 2), ...le(mask, 4), ...guid];
}

export function riff(chunks: readonly number[], form = "RIFF", size = chunks.length + 4): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...text(form), ...le(size, 4), ...text("WAVE"), ...chunks]);
}

export function wav(data: ArrayLike<number>, fields: FormatFields = {}): Uint8Array<ArrayBuffer> {
  return riff([...chunk("fmt ", formatBody(fields)), ...chunk("data", data)]);
}

/** A 16-bit mono WAV of any length, without going through number arrays. */
export function longWav(samples: Float32Array, rate: number): Uint8Array<ArrayBuffer> {
  const head = riff([...chunk("fmt ", formatBody({ rate })), ...text("data"), ...le(samples.length * 2, 4)]);
  const file = new Uint8Array(head.length + samples.length * 2);
  file.set(head);
  const view = new DataView(file.buffer, head.length);
  samples.forEach((sample, i) => view.setInt16(i * 2, Math.round(sample * 32767), true));
  return file;
}

const W64_TAIL = [0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0x00, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a];
const W64_RIFF_TAIL = [0x2e, 0x91, 0xcf, 0x11, 0xa5, 0xd6, 0x28, 0xdb, 0x04, 0xc1, 0x00, 0x00];

/** One W64 chunk, padded to 8 bytes; `size` overrides what its header says, header included. */
export function w64Chunk(id: string, body: readonly number[], size = body.length + 24): number[] {
  const padding = new Array((8 - body.length % 8) % 8).fill(0);
  return [...text(id), ...W64_TAIL, ...le(size, 8), ...body, ...padding];
}

export function w64(chunks: readonly number[]): Uint8Array<ArrayBuffer> {
  const size = le(chunks.length + 40, 8);
  return Uint8Array.from([...text("riff"), ...W64_RIFF_TAIL, ...size, ...text("wave"), ...W64_TAIL, ...chunks]);
}

/** Little-endian 16-bit samples. */
export function s16(...values: number[]): number[] {
  return values.flatMap((value) => le(value & 0xffff, 2));
}

/** Little-endian floats. */
export function floats(values: readonly number[], bits: 32 | 64): number[] {
  return [...new Uint8Array((bits === 32 ? Float32Array : Float64Array).from(values).buffer)];
}
