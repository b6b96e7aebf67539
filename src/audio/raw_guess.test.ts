import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { clips } from "../../tests/fixtures.ts";
import { certainFormat } from "./raw_guess.ts";

type Encode = (samples: Float64Array) => Uint8Array;

const clip = (sample: number, full: number) => Math.max(-full, Math.min(full - 1, Math.round(sample * full)));
const written = (width: number, write: (buffer: Buffer, sample: number, at: number) => void): Encode => (samples) => {
  const buffer = Buffer.alloc(samples.length * width);
  for (const [i, sample] of samples.entries()) write(buffer, sample, i * width);
  return buffer;
};
const s16le = written(2, (buffer, sample, at) => buffer.writeInt16LE(clip(sample, 2 ** 15), at));

/** ITU-T G.711, as recorders write it. */
function mulaw(sample: number): number {
  const size = Math.min(32_635, Math.abs(clip(sample, 2 ** 15))) + 132;
  const exponent = Math.floor(Math.log2(size)) - 7;
  return ~((sample < 0 ? 0x80 : 0) | exponent << 4 | (size >> (exponent + 3) & 15)) & 255;
}
function alaw(sample: number): number {
  const size = Math.min(4095, Math.abs(clip(sample, 2 ** 15)) >> 3);
  const exponent = size < 32 ? 0 : Math.floor(Math.log2(size)) - 4;
  return ((sample < 0 ? 0 : 0x80) | exponent << 4 | (exponent === 0 ? size >> 1 : size >> exponent & 15)) ^ 0x55;
}

const OTHERS: readonly (readonly [string, Encode])[] = [
  ["f32le", (samples) => new Uint8Array(Float32Array.from(samples).buffer)],
  ["s16be", written(2, (buffer, sample, at) => buffer.writeInt16BE(clip(sample, 2 ** 15), at))],
  ["s24le", written(3, (buffer, sample, at) => buffer.writeIntLE(clip(sample, 2 ** 23), at, 3))],
  ["s32le", written(4, (buffer, sample, at) => buffer.writeInt32LE(clip(sample, 2 ** 31), at))],
  ["u8", written(1, (buffer, sample, at) => buffer.writeUInt8(clip(sample, 2 ** 7) + 128, at))],
  ["mulaw", written(1, (buffer, sample, at) => buffer.writeUInt8(mulaw(sample), at))],
  ["alaw", written(1, (buffer, sample, at) => buffer.writeUInt8(alaw(sample), at))],
];

function samplesOf(path: string, gain = 1): Float64Array {
  const samples = new Int16Array(readFileSync(path).subarray(44).slice().buffer);
  return Float64Array.from(samples, (sample) => sample / 32_768 * gain);
}

/** Speech, with more than 16 bits of it, from its loudest half second on. */
const speech = () => {
  const samples = samplesOf(clips().find(({ name }) => name === "en-short")!.wav, 0.618034);
  const step = 4000;
  const power = (at: number) => samples.subarray(at, at + 2 * step).reduce((sum, sample) => sum + sample ** 2, 0);
  const starts = Array.from({ length: Math.floor(samples.length / step) - 2 }, (_, i) => i * step);
  const loudest = starts.reduce((best, at) => power(at) > power(best) ? at : best, 0);
  return samples.subarray(loudest, loudest + 8000);
};

test.each(OTHERS)("speech as %s", (format, encode) => {
  expect(certainFormat(encode(speech()))).toBe(format as never);
});

describe("16-bit sound is never doubted", () => {
  test("clips, at gains from -60 to 20 dB, from any even offset", () => {
    for (const { wav } of clips()) {
      for (const gain of [-60, -40, -20, 0, 10, 20]) {
        const bytes = s16le(samplesOf(wav, 10 ** (gain / 20)).subarray(0, 64_000));
        for (const at of [0, 9998, 40_002, 70_006]) {
          for (const length of [3000, 16_000]) {
            expect([wav, gain, at, certainFormat(bytes.subarray(at, at + length))]).toEqual([wav, gain, at, undefined]);
          }
        }
      }
    }
  });

  let state = 1;
  const random = () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647;
  const gauss = () => Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
  test.each<[string, (i: number) => number]>([
    ["noise", () => 0.1 * gauss()],
    ["loud noise", () => 0.4 * gauss()],
    ["uniform noise", () => 2 * random() - 1],
    ["clipped noise", () => 5 * gauss()],
    ["dither", () => Math.round(2 * random() - 1) / 32_768],
    ["an offset with noise", () => 0.37 + 0.001 * gauss()],
    ["a large offset", (i) => -0.99 + 0.004 * Math.sin(i / 9)],
    ["a square wave", (i) => i % 40 < 20 ? 0.5 : -0.5],
    ["an alternating wave", (i) => i % 2 === 0 ? 0.5 : -0.5],
    ["every second sample 0", (i) => i % 2 === 0 ? 0 : Math.sin(i / 30)],
    ["two unlike channels", (i) => i % 2 === 0 ? 0.1 * gauss() : 0.5 * Math.sin(i / 30)],
    ["a tone near the highest", (i) => 0.6 * Math.sin(3.1 * i)],
    ["clicks", (i) => i % 1000 === 0 ? 0.9 : 0],
    ["8 bits in 16", (i) => Math.round(100 * Math.sin(i / 7)) / 128],
    ["a sweep", (i) => 0.7 * Math.sin(i * i / 9000)],
  ])("%s", (_, sample) => {
    const bytes = s16le(Float64Array.from({ length: 16_384 }, (_, i) => sample(i)));
    for (const at of [0, 2, 6]) expect(certainFormat(bytes.subarray(at))).toBeUndefined();
  });

  test("very few samples, zeros", () => {
    for (
      const bytes of [new Uint8Array(0), Uint8Array.of(1, 2), new Uint8Array(9000), new Uint8Array(9000).fill(0x80)]
    ) {
      expect(certainFormat(bytes)).toBeUndefined();
    }
  });
});
