/** Tests of what counts as a constant offset. */

import { expect, test } from "bun:test";
import { clips } from "../../tests/fixtures.ts";
import { clipSamples } from "../../tests/native.ts";
import { madeVoice, mixed, noise, sampled } from "../segment/sounds_fixture.ts";
import { OffsetMeter } from "./offset.ts";

function offsetOf(...blocks: Float32Array[]): number {
  const meter = new OffsetMeter();
  for (const block of blocks) meter.push(block);
  return meter.end();
}

const shifted = (samples: Float32Array, offset: number) => samples.map((sample) => 0.1 * sample + offset);
const voice = madeVoice(4);

test("an offset is found, of either sign, in recordings of any length and blocks of any size", () => {
  for (const offset of [0.011, 0.03, 0.1, 0.5, -0.02, -0.3]) {
    expect(offsetOf(shifted(voice, offset))).toBeCloseTo(offset, 2);
    expect(offsetOf(shifted(voice.subarray(0, 6000), offset))).toBeCloseTo(offset, 2);
  }
  const blocks = Array.from({ length: 64 }, (_, i) => shifted(voice, 0.03).subarray(i * 1000, (i + 1) * 1000));
  expect(offsetOf(...blocks)).toBe(offsetOf(shifted(voice, 0.03)));
});

test("less than 1 % is none, and neither is what comes and goes", () => {
  expect(offsetOf(shifted(voice, 0.009))).toBe(0);
  expect(offsetOf(shifted(voice, -0.009))).toBe(0);
  expect(offsetOf()).toBe(0);
  expect(offsetOf(new Float32Array(50_000))).toBe(0);
  expect(offsetOf(shifted(voice, 0.1), voice)).toBe(0);
  expect(offsetOf(sampled(8, (second) => 0.3 * Math.sin(2 * Math.PI * 0.2 * second)))).toBe(0);
  expect(offsetOf(shifted(mixed(noise(4), noise(4, 0.99, 2), 0.1), 0))).toBe(0);
});

test("a NaN hides it for a second", () => {
  const samples = shifted(madeVoice(12), 0.04);
  samples[100] = NaN;
  expect(offsetOf(samples)).toBeCloseTo(0.04, 2);
});

test("no clip of the fixtures has one", async () => {
  for (const { name, wav } of clips()) expect([name, offsetOf(await clipSamples(wav))]).toEqual([name, 0]);
});
