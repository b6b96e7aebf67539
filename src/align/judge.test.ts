/** Tests of what an aligner's times are believed to be. */

import { expect, test } from "bun:test";
import { isBelievable } from "./judge.ts";

const span = (startMs: number, endMs: number) => ({ startMs, endMs });
const texts = ["One", " two.", " Three", " four.", " Five", " six."];
const speech = [span(0, 1000), span(1600, 2600), span(3200, 4200)];
const good = [span(0, 500), span(500, 1000), span(1600, 2100), span(2100, 2600), span(3200, 3700), span(3700, 4200)];
/** Every word has the time of the next. */
const late = [...good.slice(1), span(4200, 4400)];

test("times are believed that agree with the estimate, or differ from it a little", () => {
  expect(isBelievable(texts, good, good, speech, 2)).toBe(true);
  const near = good.map(({ startMs, endMs }) => span(startMs + 80, endMs + 80));
  expect(isBelievable(texts, near, good, speech, 2)).toBe(true);
  expect(isBelievable([], [], [], speech, 1)).toBe(true);
});

test("words without length, too fast, and in silence are not; one or two of them are", () => {
  const at = (...places: number[]) => good.map((place, index) => places.includes(index) ? span(1200, 1200) : place);
  expect(isBelievable(texts, at(2, 3), good, speech, 2)).toBe(true);
  expect(isBelievable(texts, at(2, 3, 4), good, speech, 2)).toBe(false);
  const silent = good.map((place, index) =>
    [2, 3, 4].includes(index) ? span(900 + 100 * index, 1000 + 100 * index) : place
  );
  expect(isBelievable(texts, silent, good, speech, 2)).toBe(false);
  const fast = good.map((_, index) => span(index * 10, index * 10 + 10));
  expect(isBelievable(texts, fast, good, speech, 2)).toBe(false);
});

test("sentences that end in mid-speech are not, where an estimate explains every pause", () => {
  expect(isBelievable(texts, late, good, speech, 2)).toBe(false);
  // Half of the sentences end in a pause, but most pauses are elsewhere.
  const wide = [
    span(0, 1000),
    span(1600, 2600),
    span(3200, 4200),
    span(4800, 5100),
    span(5100, 5500),
    span(5500, 5800),
  ];
  expect(isBelievable(texts, wide, good, [...speech, span(4800, 5800)], 2)).toBe(false);
  // Two pauses are too few to say so, if three are wanted.
  expect(isBelievable(texts, late, good, speech, 3)).toBe(true);
  // The estimate has a pause inside a sentence: the speaker pauses anywhere.
  expect(isBelievable(texts, good, late, speech, 1)).toBe(true);
});
