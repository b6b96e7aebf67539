import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Resampler } from "./resample.ts";
import { sampleRate } from "../units.ts";

const RATES = [8000, 11_025, 12_345, 22_050, 32_000, 44_100, 44_101, 48_000, 96_000, 192_000];

function resample(samples: Float32Array, rate: number): Float32Array {
  const resampler = new Resampler(rate);
  return join([resampler.push(samples), resampler.flush()]);
}

function join(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

function sine(hz: number, rate: number, seconds: number): Float32Array {
  return Float32Array.from({ length: Math.round(rate * seconds) }, (_, i) => Math.sin(2 * Math.PI * hz * i / rate));
}

function noise(length: number, seed: number): Float32Array {
  let state = seed >>> 0 || 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Largest |a - b| away from the ends, where the filter still sees the silence around the clip. */
function errorDb(samples: Float32Array, expected: (i: number) => number): number {
  let error = 0;
  for (let i = 1000; i < samples.length - 1000; i++) error = Math.max(error, Math.abs(samples[i] - expected(i)));
  return 20 * Math.log10(error);
}

describe("band", () => {
  test.each(RATES)("%i Hz: tones below 0.91 of Nyquist come out as they are, within 0.0001 dB and in time", (rate) => {
    const nyquist = Math.min(rate, sampleRate) / 2;
    for (const part of [0.01, 0.3, 0.7, 0.91]) {
      const hz = nyquist * part;
      const out = resample(sine(hz, rate, 0.3), rate);
      // A difference of -98 dB would be 0.0001 dB of gain.
      expect(errorDb(out, (i) => Math.sin(2 * Math.PI * hz * i / sampleRate))).toBeLessThan(-105);
    }
  });

  test.each([22_050, 44_100, 44_101, 48_000, 96_000])(
    "%i Hz: tones above 8 kHz leave no alias above -108 dB",
    (rate) => {
      for (const hz of [8010, 9000, 10_500, 15_000, 16_000, 20_000, 23_900].filter((hz) => hz < rate / 2)) {
        expect(errorDb(resample(sine(hz, rate, 0.3), rate), () => 0)).toBeLessThan(-108);
      }
    },
  );

  test.each([8000, 11_025, 12_345])("%i Hz: nothing is made above the source's own Nyquist frequency", (rate) => {
    const hz = rate * 0.4;
    const out = resample(sine(hz, rate, 0.5), rate);
    expect(errorDb(out, (i) => Math.sin(2 * Math.PI * hz * i / sampleRate))).toBeLessThan(-100);
  });

  test("a constant stays constant; a step overshoots no more than a band limit must", () => {
    for (const rate of RATES) {
      const out = resample(new Float32Array(rate).fill(0.5), rate);
      expect(errorDb(out, () => 0.5)).toBeLessThan(-120);
      const square = Float32Array.from({ length: rate }, (_, i) => Math.floor(i / (rate / 10)) % 2 ? -1 : 1);
      const peak = resample(square, rate).reduce((max, x) => Math.max(max, Math.abs(x)), 0);
      expect(peak).toBeLessThan(1.3); // Gibbs: 9 % for one edge of one height, twice that for two.
    }
  });
});

describe("length", () => {
  test("is floor(n * 16000 / rate)", () => {
    for (const rate of [1000, 8000, 44_100, 44_101, 48_000, 767_999, 768_000, 16_000]) {
      for (const n of [0, 1, 2, 3, 47, 48, 441, 1000, 4095, 20_001]) {
        expect(resample(new Float32Array(n), rate)).toHaveLength(Math.floor(n * sampleRate / rate));
      }
    }
  });

  test("16 kHz passes through, the very same bits", () => {
    const samples = noise(5000, 3);
    expect(resample(samples, sampleRate)).toEqual(samples);
  });
});

const anyRate = fc.constantFrom(8000, 16_000, 22_050, 44_100, 44_101, 48_000, 192_000);

test("the cuts of the input do not matter, to the last bit", () => {
  const cuts = fc.array(fc.integer({ min: 0, max: 7000 }), { maxLength: 12 });
  fc.assert(
    fc.property(anyRate, fc.integer({ min: 0, max: 40_000 }), cuts, fc.nat(), (rate, length, cuts, seed) => {
      const samples = noise(length, seed);
      const resampler = new Resampler(rate);
      const parts: Float32Array[] = [];
      let at = 0;
      for (const size of cuts) parts.push(resampler.push(samples.subarray(at, at += size)));
      parts.push(resampler.push(samples.subarray(at)), resampler.flush());
      expect(join(parts)).toEqual(resample(samples, rate));
    }),
    { numRuns: 60 },
  );
});

test("a range is a slice of the whole, to the last bit", () => {
  const bound = fc.integer({ min: 0, max: 20_000 });
  fc.assert(
    fc.property(anyRate, bound, bound, fc.integer({ min: 1, max: 50_000 }), (rate, from, length, n) => {
      const samples = noise(n, 7);
      const resampler = new Resampler(rate, { from, to: from + length });
      const parts = [resampler.push(samples.subarray(0, n >> 1)), resampler.push(samples.subarray(n >> 1))];
      expect(join([...parts, resampler.flush()])).toEqual(resample(samples, rate).slice(from, from + length));
    }),
    { numRuns: 60 },
  );
});

test("a range far into a long recording is placed exactly, and ends early", () => {
  const resampler = new Resampler(44_101, { from: 16_000 * 10, to: 16_000 * 10 + 4000 });
  const tone = sine(440, 44_101, 11);
  const out = resampler.push(tone);
  expect(resampler.done).toBe(true);
  expect(resampler.push(tone)).toHaveLength(0);
  expect(resampler.flush()).toHaveLength(0);
  expect(out).toHaveLength(4000);
  expect(errorDb(out, (i) => Math.sin(2 * Math.PI * 440 * (i + 160_000) / sampleRate))).toBeLessThan(-95);
});

test("a minute of 48 kHz takes well under a second (0.2 s where it was written)", () => {
  const samples = noise(48_000 * 60, 1);
  const startMs = performance.now();
  new Resampler(48_000).push(samples);
  expect(performance.now() - startMs).toBeLessThan(5000); // Only a change of order fails, not a busy machine.
});
