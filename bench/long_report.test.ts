/** The trend of a long recording: known trends are found. */

import { expect, test } from "bun:test";
import { isSteady, renderTrend, type Sample, trend } from "./long_report.ts";

const minutes = 30;

/** A sample a second of a process at 0.2 CPU s per s, 1 GB, in segments of 30 s; `grows` per 10 minutes. */
function samples(grows: { cost?: number; bytes?: number } = {}, total = minutes * 60): Sample[] {
  const { cost = 0, bytes = 0 } = grows;
  const audio = Array.from({ length: total / 30 }, (_, i) => i * 30);
  return audio.flatMap((audioSec) => {
    const tens = audioSec / 600;
    const cpuSec = 3 + 0.2 * (audioSec + 600 * cost * (tens * tens / 2 - 1.1 * tens)); // Mean at 11 minutes.
    const residentBytes = audioSec < 90 ? 2e9 : 1e9 + bytes * tens;
    const sample = { audioSec, cpuSec, residentBytes };
    return [sample, { ...sample, cpuSec: cpuSec + 2, residentBytes: residentBytes - 20e6 }];
  });
}

test("steady: no slope, no spread; the start's memory does not count", () => {
  const found = trend(samples(), minutes * 60);
  expect(found.slope).toBeCloseTo(0, 6);
  expect(found.spreadBytes).toBe(0);
  expect(found.minutes).toHaveLength(minutes);
  expect(found.minutes[5]).toEqual({ minute: 5, cost: expect.closeTo(0.2, 6), residentBytes: 1e9 });
  expect(isSteady(found)).toBe(true);
});

test("slower and larger: both are found, in the size they have", () => {
  const found = trend(samples({ cost: 0.05, bytes: 40e6 }), minutes * 60);
  expect(found.slope).toBeCloseTo(0.05, 2);
  expect(found.spreadBytes! / 1e6).toBeCloseTo(55, -1);
  expect(isSteady(found)).toBe(false);
  expect(isSteady(trend(samples({ cost: 0.03 }), minutes * 60))).toBe(false);
  expect(isSteady(trend(samples({ cost: 0.01, bytes: 10e6 }), minutes * 60))).toBe(true);
  expect(isSteady(trend(samples({ cost: -0.05 }), minutes * 60))).toBe(true); // Faster is no defect.
  expect(renderTrend(found)).toMatch(/\+[45]\.\d % in 10 minutes, less than 2 wanted: TOO MUCH/);
  expect(renderTrend(found)).toContain("MB from minute 2 on, at most 50 wanted: TOO MUCH");
});

test("a recording that is too short says so", () => {
  const found = trend(samples({ cost: 1 }, 180), 180);
  expect(found.slope).toBeUndefined();
  expect(renderTrend(found)).toContain("too short to tell");
  expect(isSteady(found)).toBe(true);
});
