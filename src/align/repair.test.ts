/** Tests of the repair of times: the official code's vectors, and properties of all results. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { repairTimes } from "./repair.ts";

test("times as the official code repairs them", () => {
  for (
    const [times, expected] of [
      [[80, 4000, 160, 240], [80, 80, 160, 240]],
      [[80, 160, 0, 400], [80, 160, 160, 400]],
      [[500, 80, 160], [80, 80, 160]],
      [
        [80, 160, 240, 320, 0, 0, 0, 800, 880, 960, 1040],
        [80, 160, 240, 320, 440, 560, 680, 800, 880, 960, 1040],
      ],
      [[80, 160, 9999, 8888, 240, 320], [80, 160, 160, 240, 240, 320]],
      [[3, 2, 1], [3, 3, 3]],
      [[80, 160, 240, 0, 0, 0], [80, 160, 240, 240, 240, 240]],
      [[0, 400, 320, 240, 160], [0, 400, 400, 400, 400]],
      [[], []],
      [[7], [7]],
    ] as const
  ) expect(repairTimes(times)).toEqual([...expected]);
});

test("repaired times never go back, and times that do not are left alone", () => {
  fc.assert(fc.property(fc.array(fc.nat(5000)), (times) => {
    const repaired = repairTimes(times);
    expect(repaired.length).toBe(times.length);
    expect(repaired).toEqual([...repaired].sort((a, b) => a - b));
    const sorted = [...times].sort((a, b) => a - b);
    expect(repairTimes(sorted)).toEqual(sorted);
  }));
});
