/** Tests of token budgets and of context text. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { audioRowsMaxFor, textTail, tokensEstimate, tokensMaxFor } from "./budget.ts";

test("token budget: 64 at least, 16 a second and a header above", () => {
  expect([0, 0.5, 1, 10, 120].map(tokensMaxFor)).toEqual([64, 64, 64, 208, 1968]);
});

test("audio rows: 13 a second, half a second at least", () => {
  expect([0, 1, 1.1, 60].map(audioRowsMaxFor)).toEqual([13, 13, 26, 780]);
});

test("textTail starts at a word, or at a character where there are no words", () => {
  expect(textTail("one two three four", 100)).toBe("one two three four");
  expect(textTail("one two three four", 2)).toBe("four");
  expect(textTail("one two three four", 2.25)).toBe("four");
  expect(textTail("一二三四五六", 3)).toBe("五六");
  expect(textTail("", 5)).toBe("");
});

test("textTail is an end of the text within its budget", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), fc.integer({ min: 0, max: 60 }), (text, tokensMax) => {
      const tail = textTail(text, tokensMax);
      expect(text.endsWith(tail)).toBe(true);
      expect(tokensEstimate(tail)).toBeLessThanOrEqual(Math.max(tokensMax, 0));
    }),
  );
});
