/** Medians and ratios of measurements. */

import { expect, test } from "bun:test";
import { best, median, pairedRatio } from "./stats.ts";

test("median: odd and even counts, whatever the order, the input untouched", () => {
  const values = [9, 1, 5];
  expect(median(values)).toBe(5);
  expect(values).toEqual([9, 1, 5]);
  expect(median([4, 1, 3, 100])).toBe(3.5);
  expect(median([7])).toBe(7);
  expect(() => median([])).toThrow("nothing");
});

test("best is the least", () => {
  expect(best([3, 2, 8])).toBe(2);
  expect(() => best([])).toThrow("nothing");
});

test("a ratio of runs in turns is not moved by one disturbed pair", () => {
  expect(pairedRatio([10, 10, 10], [20, 20, 90])).toBe(2);
  expect(() => pairedRatio([1], [1, 2])).toThrow("pairs");
});
