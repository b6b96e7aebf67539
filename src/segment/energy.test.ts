/** Tests of silence removal: the ranges, and properties of any recording. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { samplesInMemory } from "../audio/sample_store.ts";
import { EnergyMap, quantileOf } from "./energy.ts";
import { atOnce } from "../steps.ts";
import { sampleRate } from "../units.ts";

/** Samples made of parts [seconds, level], each a square wave of that level. */
function recording(...parts: readonly [seconds: number, level: number][]): Float32Array {
  const samples = parts.flatMap(([seconds, level]) =>
    Array.from({ length: Math.round(seconds * sampleRate) }, (_, i) => (i % 20 < 10 ? level : -level))
  );
  return Float32Array.from(samples);
}

function mapOf(samples: Float32Array): EnergyMap {
  return atOnce(EnergyMap.of(samplesInMemory(samples).levels, samples.length));
}

const inSeconds = (samples: Float32Array) =>
  mapOf(samples).withoutSilence.map(({ start, end }) => [start / sampleRate, end / sampleRate]);

test("of a long silence 600 ms stay, voice keeps 30 ms around it", () => {
  const [first, second, ...rest] = inSeconds(recording([1, 0.3], [3, 0.0001], [1, 0.3]));
  expect(rest).toEqual([]);
  // The level decays for some windows after the voice; then pad, then 60 windows.
  expect(first![0]).toBe(0);
  expect(first![1]).toBeGreaterThan(1 + 0.6 + 0.03);
  expect(first![1]).toBeLessThan(1 + 0.6 + 0.03 + 0.25);
  expect(second).toEqual([3.97, 5]);
});

test("leading silence counts, short pauses stay", () => {
  expect(inSeconds(recording([2, 0], [1, 0.3], [0.5, 0], [1, 0.3]))).toEqual([[0, 0.6], [1.97, 4.5]]);
});

test("a click is not voice", () => {
  expect(inSeconds(recording([2, 0], [0.01, 0.009], [2, 0]))).toEqual([[0, 0.6]]);
});

test("silence alone keeps its first 600 ms, no audio keeps nothing", () => {
  expect(inSeconds(new Float32Array(16_000 * 3))).toEqual([[0, 0.6]]);
  expect(inSeconds(new Float32Array(7))).toEqual([[0, 7 / sampleRate]]);
  expect(inSeconds(new Float32Array(0))).toEqual([]);
});

test("NaN in one window does not silence the rest", () => {
  const samples = recording([1, 0.3], [3, 0], [1, 0.3]);
  samples[5] = NaN;
  expect(inSeconds(samples).at(-1)).toEqual([3.97, 5]);
});

test("ranges are in order, apart, inside", () => {
  const part = fc.tuple(fc.double({ min: 0.01, max: 1.5, noNaN: true }), fc.constantFrom(0, 0.001, 0.01, 0.3));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const samples = recording(...parts);
      const ranges = mapOf(samples).withoutSilence;
      let position = -1;
      for (const { start, end } of ranges) {
        expect(start).toBeGreaterThan(position);
        expect(end).toBeGreaterThan(start);
        position = end;
      }
      expect(position).toBeLessThanOrEqual(samples.length);
    }),
    { numRuns: 30 },
  );
});

test("stretches with voice", () => {
  const ranges = mapOf(recording([1, 0], [1, 0.3], [1, 0], [1, 0.3])).voice;
  expect(ranges.length).toBe(2);
  expect(ranges[0]!.start / sampleRate).toBeCloseTo(0.97, 1);
  expect(ranges[1]).toEqual({ start: 2.97 * sampleRate, end: 4 * sampleRate });
  expect(mapOf(new Float32Array(sampleRate)).voice).toEqual([]);
});

test("the map of a part is that of its samples alone", () => {
  const samples = recording([1, 0], [1, 0.3], [2, 0.01], [1, 0.3], [1, 0.001], [0.203, 0.2]);
  const whole = mapOf(samples);
  const second = (from: number, to: number) => ({ start: from * sampleRate, end: to * sampleRate });
  for (
    const ranges of [[second(0.5, 3.2)], [second(1, 1.5), second(3.9, 4.4), { start: 80_000, end: samples.length }]]
  ) {
    const alone = Float32Array.from(ranges.flatMap(({ start, end }) => [...samples.subarray(start, end)]));
    const [part, expected] = [whole.part(ranges), mapOf(alone)];
    expect([part.voice, part.speech, part.withoutSilence]).toEqual(
      [expected.voice, expected.speech, expected.withoutSilence],
    );
  }
  expect(whole.part([]).voice).toEqual([]);
});

const levels = fc.oneof(
  fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, 1, 1 + 2 ** -52),
);
const shares = fc.double({ min: 0, max: 1, noNaN: true });

test("a quantile is what sorting finds, of few values and of many alike", () => {
  fc.assert(fc.property(fc.array(levels, { minLength: 1, maxLength: 99 }), shares, (all, share) => {
    const values = Float64Array.from(all, Math.abs); // No -0, whose bits are those of the greatest.
    const sorted = values.toSorted();
    expect(atOnce(quantileOf(values, share))).toBe(sorted[Math.trunc((sorted.length - 1) * share)]!);
  }));
  expect(atOnce(quantileOf(new Float64Array(0), 0.5))).toBe(0);
});

test("hours are gone through in steps", () => {
  const windows = 2 * 3600 * 100;
  let steps = 0;
  const work = EnergyMap.of(new Float64Array(windows).fill(0.1), windows * 160);
  while (!work.next().done) steps++;
  expect(steps).toBeGreaterThan(50); // Seven times eleven minutes and more, each some milliseconds.
});
