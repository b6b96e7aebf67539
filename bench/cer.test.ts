/** Error rates: distances known by hand, and laws any distance obeys. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { characterErrors, distance, normalise, rate, sum, wordErrors } from "./cer.ts";

describe("normalise", () => {
  const cases: readonly [string, string][] = [
    ["Hello,  World!", "hello world"],
    ["don't — Don’t", "dont dont"],
    ["今天，多云。", "今天 多云"],
    ["ＡＢＣ１２", "abc12"],
    ["\u0065\u0301", "é"],
    ["  ", ""],
  ];
  for (const [text, expected] of cases) {
    test(JSON.stringify(text), () => {
      expect(normalise(text)).toBe(expected);
    });
  }
});

describe("distance", () => {
  test("known ones", () => {
    expect(distance([..."kitten"], [..."sitting"])).toBe(3);
    expect(distance([], [..."abc"])).toBe(3);
    expect(distance([..."abc"], [])).toBe(3);
    expect(distance([], [])).toBe(0);
  });

  test("is a metric: zero only for equals, symmetric, at most the longer length", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 12 });
    fc.assert(fc.property(text, text, text, (a, b, c) => {
      const ab = distance(a, b);
      expect(ab === 0).toBe(a.join("") === b.join(""));
      expect(ab).toBe(distance(b, a));
      expect(ab).toBeLessThanOrEqual(Math.max(a.length, b.length));
      expect(ab).toBeLessThanOrEqual(distance(a, c) + distance(c, b));
    }));
  });
});

describe("rates", () => {
  test("case, punctuation and spacing are no errors", () => {
    expect(characterErrors("Close the door.", "close the  door")).toEqual({ edits: 0, length: 12 });
    expect(characterErrors("今天多云。", "今天 多云")).toEqual({ edits: 0, length: 4 });
  });

  test("a character outside the basic plane is one", () => {
    expect(characterErrors("𠮷野家", "吉野家")).toEqual({ edits: 1, length: 3 });
  });

  test("words: each Chinese character is one", () => {
    expect(wordErrors("ask not what", "ask what")).toEqual({ edits: 1, length: 3 });
    expect(wordErrors("我在 London", "我 London")).toEqual({ edits: 1, length: 3 });
  });

  test("sums weigh by length; nothing said for nothing is right", () => {
    const total = sum([{ edits: 1, length: 10 }, { edits: 0, length: 30 }]);
    expect(rate(total)).toBe(0.025);
    expect(rate(characterErrors("", ""))).toBe(0);
    expect(rate(characterErrors("", "hey"))).toBe(3);
  });
});
