/** Tests of breaking text between words. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { columnsOf } from "../subtitles/width.ts";
import { Wrapper } from "./wrap.ts";

function wrap(text: string, columns: number, pieces: readonly string[] = [text]): string {
  const wrapper = new Wrapper(() => columns);
  return pieces.map((piece) => wrapper.push(piece)).join("") + wrapper.end();
}

describe("rows", () => {
  const cases: readonly (readonly [string, number, string])[] = [
    ["The train to Berlin leaves at eight.", 14, "The train to\nBerlin leaves\nat eight."],
    ["exactly ten", 11, "exactly ten"],
    ["exactly ten", 10, "exactly\nten"],
    ["a well-known man's 3.50 euros", 10, "a\nwell-known\nman's 3.50\neuros"],
    ["one\n\ntwo three", 5, "one\n\ntwo\nthree"],
    ["Donaudampfschifffahrt is long", 10, "Donaudampf\nschifffahr\nt is long"],
    [
      "\u6211\u4eec\u5750\u98de\u673a\u53bb\u5317\u4eac\u3002",
      9,
      "\u6211\u4eec\u5750\n\u98de\u673a\u53bb\n\u5317\u4eac\u3002",
    ],
    ["\u4f60\u597d\uff0c\u4e16\u754c\u3002Hello there", 8, "\u4f60\u597d\uff0c\n\u4e16\u754c\u3002\nHello\nthere"],
    [
      "\uc624\ub298\uc740 \uc77c\uc694\uc77c\uc785\ub2c8\ub2e4",
      12,
      "\uc624\ub298\uc740\n\uc77c\uc694\uc77c\uc785\ub2c8\ub2e4",
    ],
    ["cafe\u0301 cafe\u0301 cafe\u0301", 9, "cafe\u0301 cafe\u0301\ncafe\u0301"],
  ];
  for (const [text, columns, rows] of cases) {
    test(`${text}, ${columns} columns`, () => expect(wrap(text, columns)).toBe(rows));
  }
});

test("the same rows whatever pieces the text comes in; no row too wide, nothing lost", () => {
  const word = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "b", "\u00e9", "-", "."), minLength: 1, maxLength: 12 }),
    fc.string({ unit: fc.constantFrom("\ud55c", "\uae00"), minLength: 1, maxLength: 4 }),
  );
  const texts = fc.array(word, { minLength: 1, maxLength: 30 }).map((words) => words.join(" "));
  fc.assert(
    fc.property(texts, fc.integer({ min: 2, max: 40 }), fc.array(fc.nat(30)), (text, columns, places) => {
      const cuts = [0, ...places.toSorted((a, b) => a - b).filter((place) => place < text.length), text.length];
      const pieces = cuts.slice(1).map((to, index) => text.slice(cuts[index], to));
      const rows = wrap(text, columns);
      expect(wrap(text, columns, pieces)).toBe(rows);
      for (const row of rows.split("\n")) expect(columnsOf(row)).toBeLessThanOrEqual(columns);
      expect(rows.replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
    }),
  );
});

test("the last word is held back, and shown by a preview that changes nothing", () => {
  const wrapper = new Wrapper(() => 12);
  expect(wrapper.push("We go to Ber")).toBe("We go to");
  expect(wrapper.preview("lin on")).toBe("\nBerlin on");
  expect(wrapper.preview("")).toBe(" Ber");
  expect(wrapper.row).toBe("We go to");
  expect(wrapper.push("n.")).toBe("");
  expect(wrapper.push("\n")).toBe("\nBern.\n");
  expect(wrapper.row).toBe("");
});

test("a narrower terminal counts from the next word on", () => {
  let columns = 20;
  const wrapper = new Wrapper(() => columns);
  expect(wrapper.push("one two three ")).toBe("one two three");
  columns = 10;
  expect(wrapper.push("four five six\n")).toBe("\nfour five\nsix\n");
});
