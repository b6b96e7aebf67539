/** The native measurements on the nano: every kind gives a speed, stages have the counts that the formulas say. */

import { expect, test } from "bun:test";
import { Stopwatch } from "../src/engine/measure.ts";
import { clip } from "../tests/fixtures.ts";
import { clipSamples, nanoModel, native } from "../tests/native.ts";
import { audioTokens } from "./cost.ts";

test("the machine's limits are numbers a machine can have", () => {
  const model = nanoModel();
  const speeds = [
    native().readSpeed(model, 64),
    native().sgemmSpeed(model, 104, 384, 128),
    native().linearSpeed(model, 104),
    native().attentionSpeed(model, 600),
    native().int8Speed(model),
  ];
  for (const speed of speeds) {
    expect(speed).toBeGreaterThan(1e7);
    expect(speed).toBeLessThan(1e15);
  }
});

test("a measurement over nothing, or too much, is refused", () => {
  const model = nanoModel();
  expect(() => native().readSpeed(model, 0)).toThrow("must be 1 to");
  expect(() => native().readSpeed(model, 2 ** 30)).toThrow("must be 1 to");
  expect(() => native().sgemmSpeed(model, 0, 1, 1)).toThrow("must be 1 to");
  expect(() => native().attentionSpeed(model, 0)).toThrow("must be 1 to");
  expect(() => native().linearSpeed(model, 0)).toThrow("must be 1 to");
});

test("stages: counts as the formulas say, as many tokens as asked for", async () => {
  const samples = await clipSamples(clip("en-short").wav);
  const stopwatch = new Stopwatch(native(), nanoModel());
  const times = await stopwatch.measure(samples, 40);
  expect(times.audioTokens).toBe(audioTokens(Math.floor(samples.length / 160)));
  expect(times.promptTokens).toBe(times.audioTokens + 15);
  expect(times.tokenMs).toHaveLength(40); // The nano itself would have ended after nine.
  expect(Math.min(...times.tokenMs, times.melMs, times.prefillMs)).toBeGreaterThan(0);
  expect(stopwatch.steps(3, 5)).toHaveLength(5);
  const stop = () => Promise.reject(new Error("stopped"));
  await expect(stopwatch.measure(samples, 1, stop)).rejects.toThrow("stopped");
  expect((await stopwatch.measure(samples, 1)).audioTokens).toBe(times.audioTokens);
  stopwatch.close();
});
