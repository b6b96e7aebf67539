import { expect, test } from "bun:test";
import { stretchesOf } from "./stretches.ts";
import { unalignedSegment } from "./unaligned.ts";

const span = (startMs: number, endMs: number) => ({ startMs, endMs });
const turn = (speaker: string, startMs: number, endMs: number) => ({ speaker, startMs, endMs });
const shown = (...args: Parameters<typeof stretchesOf>) =>
  stretchesOf(...args).map(({ speaker = "?", startMs, endMs }) => `${speaker} ${startMs}-${endMs}`);

test("without turns, stretches stay as they are", () => {
  expect(shown([span(0, 1000), span(2000, 3000)], [])).toEqual(["? 0-1000", "? 2000-3000"]);
});

test("a stretch is cut where another begins in it, and not near its ends", () => {
  const speech = [span(0, 3000), span(3200, 6000)];
  expect(shown(speech, [turn("a", 50, 1500), turn("b", 1600, 6000)])).toEqual([
    "a 0-1600",
    "b 1600-3000",
    "b 3200-6000",
  ]);
  expect(shown(speech, [turn("b", 2600, 6000), turn("a", 50, 2500)])).toEqual(["a 0-3000", "b 3200-6000"]);
  expect(shown(speech, [turn("a", 50, 3700), turn("b", 3710, 6000)])).toEqual(["a 0-3000", "b 3200-6000"]);
});

test("a pause between turns is a change, wherever in it sound begins or ends", () => {
  const turns = [turn("a", 0, 1000), turn("b", 4000, 6000)];
  expect(shown([span(0, 2000), span(2500, 6000)], turns)).toEqual(["a 0-2000", "b 2500-6000"]);
  expect(shown([span(0, 6000)], turns)).toEqual(["a 0-4000", "b 4000-6000"]);
});

test("where two speak at once, words of both may be anywhere; who speaks within another's turn changes nothing", () => {
  const speech = [span(0, 1000), span(1100, 5000), span(5200, 6000)];
  expect(shown(speech, [turn("a", 0, 3000), turn("b", 2500, 6000)])).toEqual([
    "a 0-1000",
    "? 1100-5000",
    "b 5200-6000",
  ]);
  expect(shown(speech, [turn("a", 0, 6000), turn("b", 2000, 3000)])).toEqual([
    "a 0-1000",
    "a 1100-5000",
    "a 5200-6000",
  ]);
});

test("words keep to the turn of who says them: sentences end where another begins", () => {
  const text = "Can you find my car now? The boat near the door is big.";
  const speech = [span(4940, 6720), span(6940, 8340)];
  const startOf = (turns: Parameters<typeof stretchesOf>[1]) =>
    unalignedSegment({ text, language: "English", tokens: [] }, speech, turns).words!
      .find((word) => word.text === " The")!.startMs;
  expect(startOf([])).toBeLessThan(6587);
  expect(startOf([turn("a", 4916, 6587), turn("b", 6924, 8241)])).toBe(6940);
});
