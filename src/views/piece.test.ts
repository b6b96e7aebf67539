import { expect, test } from "bun:test";
import { tile, written } from "./piece.ts";

test("what no replacement covers stays, and the pieces tile the source", () => {
  const source = "twenty cats and ten dogs";
  const pieces = tile(source, [{ from: 0, to: 6, text: "20" }, { from: 16, to: 19, text: "10" }]);
  expect(written(pieces)).toBe("20 cats and 10 dogs");
  expect(pieces.map(({ from, to }) => [from, to])).toEqual([[0, 6], [6, 16], [16, 19], [19, 24]]);
});

test("without replacements the source is one piece, and an empty source none", () => {
  expect(tile("a b", [])).toEqual([{ from: 0, to: 3, text: "a b" }]);
  expect(tile("", [])).toEqual([]);
});

test("replacements that overlap or run past the end are our mistake", () => {
  expect(() => tile("abc", [{ from: 0, to: 2, text: "x" }, { from: 1, to: 3, text: "y" }])).toThrow();
  expect(() => tile("abc", [{ from: 2, to: 4, text: "x" }])).toThrow();
});
