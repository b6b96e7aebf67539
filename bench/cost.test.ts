/** The cost formulas against the figures of the C program's and the model's specifications. */

import { expect, test } from "bun:test";
import { audioTokens, encoderCost, flopsPerSecond, prefillCost, t0, tokenBytes } from "./cost.ts";
import { small } from "./small_model.ts";

const gflop = (flops: number) => Number((flops / 1e9).toFixed(1));

test("a second of audio on the 0.6B: 4.4 + 4.5 + 0.1 for the encoder, 11.5 for the prompt, 20.4 in all", () => {
  const window = encoderCost(small, 800);
  expect(gflop(window.stem / 8)).toBe(4.4);
  expect(gflop(window.layers / 8)).toBe(4.5);
  expect(gflop(window.attention / 8)).toBe(0.1);
  expect(gflop(flopsPerSecond(small))).toBe(20.4);
});

test("a prompt on the 0.6B: 13 tokens x 440 M multiply-adds, attention that grows with the square", () => {
  const whole = prefillCost(small, 1001).products - prefillCost(small, 1).products;
  // All layers but the last, of which only keys and values are computed: 27 / 28 and a little.
  expect(whole / 1000 * 13).toBeCloseTo(2 * 13 * (440.4e6 * 27 / 28 + 2.1e6), -7);
  const perSecond = (seconds: number) => prefillCost(small, 13 * seconds).attention / seconds;
  // The specification's 0.9 GFLOP at 45 s and 2.3 at 120 s count all layers.
  expect(gflop(perSecond(45) * 28 / 27)).toBe(0.9);
  expect(gflop(perSecond(120) * 28 / 27)).toBe(2.3);
});

test("a token reads 1.19 GB of bf16: 0.88 of layers, 0.31 of head", () => {
  expect(tokenBytes(small, "bf16") / 1e9).toBeCloseTo(1.19, 2);
  expect(tokenBytes(small, "bf16") - 2 * 151_936 * 1024).toBeCloseTo(0.881e9, -6);
  expect(tokenBytes(small, "int8") / tokenBytes(small, "bf16")).toBeCloseTo(0.53125, 5);
  expect(tokenBytes(small, "int4")).toBeLessThan(tokenBytes(small, "int8") * 0.8);
});

test("audio tokens: 13 a second, a rest by its own length", () => {
  expect([0, 1, 8, 9, 99, 100, 800, 1040].map(audioTokens)).toEqual([0, 1, 1, 2, 13, 13, 104, 135]);
});

test("a clip's cost is that of its chunks and windows", () => {
  const [one, two] = [encoderCost(small, 800), encoderCost(small, 1600)];
  expect(two).toEqual({
    stem: 2 * one.stem,
    layers: 2 * one.layers,
    attention: 2 * one.attention,
    projection: 2 * one.projection,
  });
  expect(encoderCost(small, 850).stem).toBeLessThan(one.stem * 850 / 800 * 1.02);
});

test("T0 adds arithmetic at the peak and reading at the bandwidth", () => {
  const machine = { sgemm: 20.4e9, read: 1.19e9 };
  expect(t0(small, { seconds: 10, tokens: 0 }, machine)).toBeCloseTo(10, 0);
  expect(t0(small, { seconds: 0, tokens: 5 }, machine)).toBeCloseTo(5, 1);
});
