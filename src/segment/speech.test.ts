/** Tests of silence removal: the ranges, and properties of any recording. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { copyRanges, rangesWithoutSilence, voiceRanges } from "./speech.ts";
import { sampleRate } from "../units.ts";

/** Samples made of parts [seconds, level], each a square wave of that level. */
function recording(...parts: readonly [seconds: number, level: number][]): Float32Array {
  const samples = parts.flatMap(([seconds, level]) =>
    Array.from({ length: Math.round(seconds * sampleRate) }, (_, i) => (i % 20 < 10 ? level : -level))
  );
  return Float32Array.from(samples);
}

const inSeconds = (samples: Float32Array) =>
  rangesWithoutSilence(samples).map(({ start, end }) => [start / sampleRate, end / sampleRate]);

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

test("ranges are in order, apart, inside; copied samples are theirs", () => {
  const part = fc.tuple(fc.double({ min: 0.01, max: 1.5, noNaN: true }), fc.constantFrom(0, 0.001, 0.01, 0.3));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const samples = recording(...parts);
      const ranges = rangesWithoutSilence(samples);
      let position = -1;
      for (const { start, end } of ranges) {
        expect(start).toBeGreaterThan(position);
        expect(end).toBeGreaterThan(start);
        position = end;
      }
      expect(position).toBeLessThanOrEqual(samples.length);
      const expected = ranges.flatMap(({ start, end }) => [...samples.subarray(start, end)]);
      expect([...copyRanges(samples, ranges)]).toEqual(expected);
    }),
    { numRuns: 30 },
  );
});

test("stretches with voice", () => {
  const ranges = voiceRanges(recording([1, 0], [1, 0.3], [1, 0], [1, 0.3]));
  expect(ranges.length).toBe(2);
  expect(ranges[0]!.start / sampleRate).toBeCloseTo(0.97, 1);
  expect(ranges[1]).toEqual({ start: 2.97 * sampleRate, end: 4 * sampleRate });
  expect(voiceRanges(new Float32Array(sampleRate))).toEqual([]);
});
