import { expect, test } from "bun:test";
import { peaksOf, peaksText, readPeaks } from "./peaks.ts";

test("bars follow the levels, and what was skipped is silent", () => {
  const levels = Float64Array.from({ length: 100 }, (_, index) => index < 50 ? 0.25 : 0.0625);
  expect(peaksOf(levels, 0, 1000)).toEqual([...Array(10).fill(1), ...Array(10).fill(0.5)]);
  const skipped = peaksOf(levels, 1000, 2000);
  expect(skipped.length).toBe(40);
  expect(skipped.slice(0, 20)).toEqual(Array(20).fill(0));
  expect(skipped.slice(20, 30)).toEqual(Array(10).fill(1));
});

test("silence, nothing and hours have bars too", () => {
  expect(peaksOf(new Float64Array(100), 0, 1000)).toEqual(Array(20).fill(0));
  expect(peaksOf([], 0, 0)).toEqual([0]);
  expect(peaksOf(new Float64Array(3_600_00).fill(0.1), 0, 3_600_000)).toEqual(Array(1200).fill(1));
});

test("as text and back", () => {
  const text = peaksText([0, 0.5, 1, 2, -1]);
  expect(text).toBe("0080ffff00");
  expect(readPeaks(text).map((peak) => Math.round(peak * 255))).toEqual([0, 128, 255, 255, 0]);
  expect(readPeaks("")).toEqual([]);
});
