import { describe, expect, test } from "bun:test";
import { MonoDecoder, SAMPLE_FORMATS, sampleBytes, type SampleFormat } from "./pcm.ts";
import { floats } from "./wav_fixture.ts";

function decode(format: SampleFormat, bytes: readonly number[], channels = 1): number[] {
  return [...new MonoDecoder(format, channels).push(Uint8Array.from(bytes))];
}

function reversed(bytes: readonly number[], width: number): number[] {
  return Array.from(bytes, (_, i) => bytes[i - i % width + width - 1 - i % width]);
}

describe("exact values", () => {
  const cases: readonly [SampleFormat, readonly number[], readonly number[]][] = [
    ["u8", [0, 64, 128, 255], [-1, -0.5, 0, 127 / 128]],
    ["s16le", [0, 0x80, 0xff, 0xff, 0, 0, 1, 0, 0xff, 0x7f], [-1, -1 / 32768, 0, 1 / 32768, 32767 / 32768]],
    ["s24le", [0, 0, 0x80, 0xff, 0xff, 0xff, 1, 0, 0, 0xff, 0xff, 0x7f], [-1, -(2 ** -23), 2 ** -23, 1 - 2 ** -23]],
    ["s32le", [0, 0, 0, 0x80, 0, 0, 0, 0x40, 0, 1, 0, 0], [-1, 0.5, 2 ** -23]],
    ["f32le", floats([-1, 0.25, 1.5, 2 ** -126], 32), [-1, 0.25, 1.5, 2 ** -126]],
    ["f64le", floats([-1, 0.25, 1.5], 64), [-1, 0.25, 1.5]],
  ];
  test.each(cases)("%s", (format, bytes, expected) => {
    expect(decode(format, bytes)).toEqual([...expected]);
  });

  test.each(cases.slice(1))("%s, byte order reversed", (format, bytes, expected) => {
    const big = format.replace("le", "be") as SampleFormat;
    expect(decode(big, reversed(bytes, sampleBytes(format)))).toEqual([...expected]);
  });

  test("every format decodes the bytes it says", () => {
    for (const format of SAMPLE_FORMATS) {
      expect(decode(format, new Array(sampleBytes(format) * 3).fill(0))).toHaveLength(3);
    }
  });
});

describe("G.711", () => {
  /** The 16-bit values of ITU-T G.711 at the ends of the range, around zero, and one inside each sign. */
  test.each<[SampleFormat, number, number]>([
    ["mulaw", 0x00, -32124],
    ["mulaw", 0x80, 32124],
    ["mulaw", 0xff, 0],
    ["mulaw", 0x7f, 0],
    ["mulaw", 0xfe, 8],
    ["mulaw", 0x7e, -8],
    ["mulaw", 0x0f, -16764],
    ["alaw", 0xd5, 8],
    ["alaw", 0x55, -8],
    ["alaw", 0xaa, 32256],
    ["alaw", 0x2a, -32256],
    ["alaw", 0xc5, 264],
  ])("%s byte %i is %i", (format, byte, value) => {
    expect(decode(format, [byte])[0] * 32768).toBe(value);
  });

  test.each<SampleFormat>(["alaw", "mulaw"])("%s: one sign per half, magnitudes in order", (format) => {
    const inverted = format === "alaw" ? 0x55 : 0x7f;
    const values = decode(format, Array.from({ length: 128 }, (_, code) => (code ^ inverted) | 0x80));
    for (let i = 1; i < values.length; i++) expect(values[i]).toBeGreaterThan(values[i - 1]);
    const negative = decode(format, Array.from({ length: 128 }, (_, code) => (code ^ inverted) & 0x7f));
    expect(negative.map((value) => 0 - value)).toEqual(values);
  });
});

describe("channels", () => {
  test("mono is the arithmetic mean, before rounding to f32", () => {
    expect(decode("s16le", [2, 0, 5, 0], 2)).toEqual([3.5 / 32768]);
    expect(decode("u8", [0, 128, 255, 255, 255, 255], 3)).toEqual([
      Math.fround((-1 + 127 / 128) / 3),
      127 / 128,
    ]);
    expect(decode("s32le", [1, 0, 0, 0x40, 0xff, 0xff, 0xff, 0xbf], 2)).toEqual([0]);
  });

  test("more channels than a block holds", () => {
    const channels = 20_000;
    expect(decode("u8", new Array(channels * 2).fill(192), channels)).toEqual([0.5, 0.5]);
  });

  test("a frame that is not complete is kept, then dropped", () => {
    const decoder = new MonoDecoder("s16le", 2);
    expect([...decoder.push(Uint8Array.of(0, 0x40, 0))]).toEqual([]);
    expect(decoder.partialBytes).toBe(3);
    expect([...decoder.push(Uint8Array.of(0x40, 1, 0))]).toEqual([0.5]);
    decoder.dropPartial();
    expect([...decoder.push(Uint8Array.of(0, 0x20, 0, 0x20))]).toEqual([0.25]);
  });
});

describe("damaged floats", () => {
  const decodeFloats = (values: readonly number[], bits: 32 | 64 = 32) => {
    const decoder = new MonoDecoder(bits === 32 ? "f32le" : "f64le", 1);
    return { samples: [...decoder.push(Uint8Array.from(floats(values, bits)))], notes: decoder.notes(16_000) };
  };

  test("NaN and infinities are 0, absurd values are clipped; both are told", () => {
    expect(decodeFloats([NaN, Infinity, -Infinity, 1e30, 0.5, -32768, 63])).toEqual({
      samples: [0, 0, 0, 1, 0.5, -1, 63],
      notes: ["3 samples are not finite numbers, read as 0", "2 samples are far beyond full scale, clipped"],
    });
    expect(decodeFloats([1e300, NaN, 0.5], 64).samples).toEqual([1, 0, 0.5]);
    const sound = Array.from({ length: 40_000 }, (_, i) => 0.1 * Math.sin(i / 9));
    const spoilt = sound.map((sample, i) => i % 5000 === 7 ? [1e10, -1e5, 3e38, 100][i % 4]! : sample);
    const { samples, notes } = decodeFloats(spoilt);
    expect(Math.max(...samples.map(Math.abs))).toBe(1);
    expect(notes).toEqual(["8 samples are far beyond full scale, clipped"]);
  });

  test.each([128, 32_768, 2 ** 23, 2 ** 31])("a full scale of %i is kept", (scale) => {
    const sound = Array.from({ length: 9000 }, (_, i) => i < 100 ? 0 : scale * Math.sin(i / 9));
    const { samples, notes } = decodeFloats(sound);
    expect(samples.slice(300)).toEqual(sound.slice(300).map(Math.fround));
    expect(notes).toEqual([]);
  });
});
