import { expect, test } from "bun:test";
import { AuDecoder } from "./au.ts";
import { sampleBytes, type SampleFormat } from "./pcm.ts";

const u32be = (...values: readonly number[]) => values.flatMap((value) => [24, 16, 8, 0].map((bits) => value >>> bits));

/** A file of `sound`, with a text of 8 bytes in its header. */
function au(
  sound: readonly number[],
  { size = sound.length, code = 3, rate = 16_000, channels = 1, offset = 32 } = {},
) {
  return Uint8Array.from([...Buffer.from(".snd"), ...u32be(offset, size, code, rate, channels, 0, 0), ...sound]);
}

function read(bytes: Uint8Array, step = bytes.length) {
  const decoder = new AuDecoder("x.au", undefined);
  const samples: number[] = [];
  for (let at = 0; at < bytes.length; at += step) samples.push(...decoder.push(bytes.subarray(at, at + step)));
  samples.push(...decoder.end());
  return { samples, info: decoder.info, line: decoder.lossLine };
}

const sound = [0x40, 0, 0xc0, 0, 0, 0]; // 0.5, -0.5, 0 as 16-bit numbers.

test("samples to the end that the header states, in whatever pieces", () => {
  for (const step of [1, 5, 100]) {
    expect(read(au(sound), step)).toEqual({
      samples: [0.5, -0.5, 0],
      info: { rate: 16_000, channels: 1, format: "AU, 16-bit PCM" },
      line: undefined,
    });
    const filled = Uint8Array.from([...au(sound), ...new Uint8Array(5000)]);
    expect(read(filled, step)).toMatchObject({ samples: [0.5, -0.5, 0], line: undefined });
    const more = Uint8Array.from([...au(sound), 1, 2, 3]);
    expect(read(more, step)).toMatchObject({ samples: [0.5, -0.5, 0], line: "AU: 3 bytes behind its sound, not read" });
  }
  for (const size of [0, 0xffff_ffff]) expect(read(au(sound, { size })).samples).toEqual([0.5, -0.5, 0]);
  expect(read(au(sound, { size: 32_006 })).line).toBe("AU data is cut short: 1.0 s are missing");
});

test("other encodings", () => {
  const names: readonly [number, SampleFormat][] = [[1, "mulaw"], [4, "s24be"], [5, "s32be"], [6, "f32be"], [
    27,
    "alaw",
  ]];
  for (const [code, sample] of names) {
    expect(read(au(new Array(4 * sampleBytes(sample)).fill(0), { code })).samples).toHaveLength(4);
  }
  expect(() => read(au(sound, { code: 23 }))).toThrow("x.au: AU of encoding 23");
});

test("what cannot be right", () => {
  expect(() => read(au(sound).subarray(0, 20))).toThrow("x.au: AU header is cut off");
  expect(() => read(au(sound, { offset: 8 }))).toThrow("x.au: AU sound begins at byte 8, not 24 to 16777216");
  expect(() => read(au(sound, { rate: 0 }))).toThrow("x.au: AU sample rate is 0 Hz");
  expect(() => read(au(sound, { channels: 0 }))).toThrow("x.au: AU has 0 channels");
});
