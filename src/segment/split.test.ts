/** Tests of the cuts: they partition any audio exactly and lie in the pauses. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { samplesInMemory } from "../audio/sample_store.ts";
import { splitAtPauses } from "./split.ts";
import { sampleRate } from "../units.ts";

/** A steady tone with silences at the given times, [from, to] in seconds. */
function toneWithPauses(seconds: number, pauses: readonly [number, number][]): Float32Array {
  const samples = Float32Array.from({ length: seconds * sampleRate }, (_, i) => Math.sin(i * 0.2) * 0.5);
  for (const [from, to] of pauses) samples.fill(0, from * sampleRate, to * sampleRate);
  return samples;
}

test("the segments are an exact partition, none empty, all within bounds", async () => {
  const audio = fc.tuple(fc.integer({ min: 0, max: 20 * sampleRate }), fc.integer({ min: 1, max: 1 << 30 }));
  const seconds = fc.double({ min: 1, max: 8, noNaN: true });
  await fc.assert(
    fc.asyncProperty(
      audio,
      seconds,
      fc.double({ min: 0, max: 10, noNaN: true }),
      async ([length, seed], target, search) => {
        const samples = Float32Array.from({ length }, (_, i) => ((i * 2654435761 + seed) >>> 8) / (1 << 24) - 0.5);
        const segments = await splitAtPauses(samplesInMemory(samples), { targetSec: target, searchSec: search });
        const longest = (target + Math.min(search, target / 2)) * sampleRate;
        let position = 0;
        for (const { start, end } of segments) {
          expect(start).toBe(position);
          expect(end).toBeGreaterThan(start);
          expect(end - start).toBeLessThanOrEqual(longest);
          position = end;
        }
        expect(position).toBe(length);
        for (const { start, end } of segments.slice(0, -1)) {
          expect(end - start).toBeGreaterThanOrEqual(Math.trunc(target * sampleRate / 2));
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("cuts fall into the pauses", async () => {
  const samples = toneWithPauses(40, [[9, 9.3], [21, 21.3], [29.5, 29.8]]);
  const cuts = (await splitAtPauses(samplesInMemory(samples), { targetSec: 10, searchSec: 3 })).slice(0, -1).map((
    segment,
  ) => segment.end / sampleRate);
  expect(cuts.length).toBe(3);
  expect(cuts[0]).toBeWithin(9, 9.3);
  expect(cuts[1]).toBeWithin(21, 21.3);
  expect(cuts[2]).toBeWithin(29.5, 29.8);
});

test("of equally quiet windows the first is taken, in its middle", async () => {
  const samples = new Float32Array(30 * sampleRate);
  const [first] = await splitAtPauses(samplesInMemory(samples), { targetSec: 10, searchSec: 3 });
  expect(first).toEqual({ start: 0, end: 7 * sampleRate + 800 });
});

test("without room to search the cut is at the target", async () => {
  const samples = toneWithPauses(5, []);
  expect(
    (await splitAtPauses(samplesInMemory(samples), { targetSec: 2, searchSec: 0 })).map((segment) =>
      segment.end / sampleRate
    ),
  ).toEqual([
    2,
    4,
    5,
  ]);
});

test("whole: target 0, or hardly longer than the target", async () => {
  const samples = new Float32Array(13 * sampleRate);
  expect(await splitAtPauses(samplesInMemory(samples), { targetSec: 0, searchSec: 3 })).toEqual([{
    start: 0,
    end: samples.length,
  }]);
  expect(await splitAtPauses(samplesInMemory(samples), { targetSec: 10, searchSec: 3 })).toEqual([{
    start: 0,
    end: samples.length,
  }]);
  expect(
    (await splitAtPauses(samplesInMemory(new Float32Array(13 * sampleRate + 1)), { targetSec: 10, searchSec: 3 }))
      .length,
  ).toBe(2);
  expect(await splitAtPauses(samplesInMemory(new Float32Array(0)), { targetSec: 10, searchSec: 3 })).toEqual([]);
});

test("no limit to the number of segments", async () => {
  expect(
    (await splitAtPauses(samplesInMemory(new Float32Array(600 * sampleRate)), { targetSec: 1, searchSec: 0 })).length,
  ).toBe(600);
});

expect.extend({
  toBeWithin(received, low: number, high: number) {
    const pass = typeof received === "number" && received >= low && received <= high;
    return { pass, message: () => `${received} is not within ${low} to ${high}` };
  },
});

declare module "bun:test" {
  interface Matchers<T> {
    toBeWithin(low: number, high: number): T;
  }
}

test("a segment ends where a long pause does, and the longest of short ones counts", async () => {
  const audio = samplesInMemory(toneWithPauses(60, [[5, 5.2], [8, 8.2], [11, 11.9], [22, 22.2], [29, 45]]));
  const spans = (...ranges: readonly (readonly [number, number])[]) =>
    ranges.map(([start, end]) => ({ start: start * sampleRate, end: end * sampleRate }));
  const rule = {
    ...{ targetSec: 10, searchSec: 3, earliestSec: 7, earliestLongSec: 3 },
    pauses: spans([5, 5.2], [8, 8.2], [11, 11.9], [22, 22.2], [29, 45]),
    longPauses: spans([29.3, 44.7]),
  };
  const ends = (await splitAtPauses(audio, rule)).map(({ end }) => Math.round((10 * end) / sampleRate) / 10);
  expect(ends).toEqual([11.1, 22.1, 35.1, 44.7, 54.3, 60]);
});

test("long pauses of any kind: an exact partition within bounds", async () => {
  const span = fc.tuple(fc.integer({ min: 1, max: 5 * sampleRate }), fc.integer({ min: 1, max: 20 * sampleRate }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(span, { maxLength: 8 }),
      fc.integer({ min: 0, max: 50 * sampleRate }),
      async (gaps, rest) => {
        let at = 0;
        const longPauses = gaps.map(([before, length]) => ({ start: at + before, end: at += before + length }));
        const length = at + rest;
        const samples = samplesInMemory(new Float32Array(length));
        const rule = { targetSec: 6, searchSec: 2, pauses: longPauses, longPauses, earliestSec: 4, earliestLongSec: 2 };
        let position = 0;
        for (const { start, end } of await splitAtPauses(samples, rule)) {
          expect(start).toBe(position);
          expect(end).toBeGreaterThan(start);
          expect(end - start).toBeLessThanOrEqual(8 * sampleRate);
          position = end;
        }
        expect(position).toBe(length);
      },
    ),
    { numRuns: 60 },
  );
});
