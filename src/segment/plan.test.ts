/** Tests of which recordings are cut, and which are rejected. */

import { expect, test } from "bun:test";
import { samplesInMemory } from "../audio/sample_store.ts";
import { InputError } from "../errors.ts";
import { planSegments, positionsFor, type SegmentLimits, type SegmentOrder } from "./plan.ts";
import { sampleRate } from "../units.ts";

const limits: SegmentLimits = {
  wholeSecMax: 120,
  cutSec: 30,
  positionsMax: 65_536,
  positionBytes: 114_688,
  memoryBytes: undefined,
};
const order: SegmentOrder = { segmentSec: "auto", searchSec: 3, promptTokens: 15 };
const silence = (seconds: number) => samplesInMemory(new Float32Array(seconds * sampleRate));

test("auto: whole up to the limit, above it segments and a notice", async () => {
  expect(await planSegments(silence(120), order, limits)).toEqual({
    segments: [{ start: 0, end: 120 * sampleRate }],
    notice: undefined,
  });
  const plan = await planSegments(silence(121), order, limits);
  expect(plan.segments.length).toBeGreaterThan(3);
  expect(plan.notice).toMatchInlineSnapshot(
    `"121 s of audio: cut at pauses into 5 segments of about 30 s (-S 0 keeps it whole)"`,
  );
});

test("a model may hold less, and -S and -W win over its limit", async () => {
  const demo = { ...limits, wholeSecMax: 40, cutSec: 10 };
  const longest = async (seconds: number, changes: Partial<SegmentOrder> = {}) => {
    const { segments } = await planSegments(silence(seconds), { ...order, ...changes }, demo);
    return Math.max(...segments.map(({ start, end }) => end - start)) / sampleRate;
  };
  expect(await longest(40)).toBe(40);
  expect(await longest(60)).toBeLessThanOrEqual(13);
  expect(await longest(60, { searchSec: 1 })).toBeLessThanOrEqual(11);
  expect(await longest(60, { segmentSec: 30 })).toBeGreaterThanOrEqual(27);
  expect(await longest(60, { segmentSec: 0 })).toBe(60);
});

test("-S 0 is whole, -S N is cut, neither says a word about it", async () => {
  expect((await planSegments(silence(300), { ...order, segmentSec: 0 }, limits)).segments.length).toBe(1);
  const plan = await planSegments(silence(61), { ...order, segmentSec: 20 }, limits);
  expect(plan.segments.length).toBe(4);
  expect(plan.notice).toBeUndefined();
});

test("what positions or memory cannot hold is refused with the remedy", async () => {
  const whole = { ...order, segmentSec: 0 };
  const fits = { ...limits, positionsMax: positionsFor(600, 15), memoryBytes: positionsFor(600, 15) * 114_688 };
  expect((await planSegments(silence(600), whole, fits)).segments.length).toBe(1);
  const refusal = async (changed: Partial<SegmentLimits>) => {
    try {
      await planSegments(silence(600), whole, { ...fits, ...changed });
    } catch (error) {
      if (error instanceof InputError) return [error.message, error.hint];
      throw error;
    }
  };
  expect(await refusal({ positionsMax: fits.positionsMax - 1 })).toMatchInlineSnapshot(`
    [
      "600 s of audio in one piece needs 17463 positions, the model has 17462",
      "cut it at pauses: -S 30, or leave -S out",
    ]
  `);
  expect(await refusal({ memoryBytes: fits.memoryBytes - 1 })).toMatchInlineSnapshot(`
    [
      "600 s of audio in one piece needs about 1911 MiB of memory, 1911 MiB is free",
      "cut it at pauses: -S 30, or leave -S out",
    ]
  `);
});

test("auto refuses nothing that segments make possible", async () => {
  const small = { ...limits, positionsMax: positionsFor(33, 15) };
  expect((await planSegments(silence(1000), order, small)).segments.length).toBeGreaterThan(30);
});

test("auto cuts what would not fit whole", async () => {
  const tight = { ...limits, memoryBytes: positionsFor(40, 15) * limits.positionBytes };
  expect((await planSegments(silence(39), order, tight)).segments.length).toBe(1);
  expect((await planSegments(silence(100), order, tight)).segments.length).toBe(4);
  const none = { ...limits, memoryBytes: 1 << 20 };
  await expect(planSegments(silence(5), order, none)).rejects.toThrow("needs about 23 MiB of memory, 1 MiB is free");
});

test("auto: where memory is short the cuts are closer, and only then is it refused", async () => {
  const seconds = async (memoryBytes: number) => {
    const { segments } = await planSegments(silence(100), order, { ...limits, memoryBytes });
    return Math.max(...segments.map(({ start, end }) => end - start)) / sampleRate;
  };
  const needed = (sec: number) => positionsFor(sec, order.promptTokens) * limits.positionBytes;
  expect(await seconds(needed(100))).toBe(100);
  expect(await seconds(needed(34))).toBeLessThanOrEqual(33);
  expect(await seconds(needed(24))).toBeLessThanOrEqual(23);
  expect(await seconds(needed(14))).toBeLessThanOrEqual(13);
  expect(seconds(needed(5))).rejects.toBeInstanceOf(InputError);
});
