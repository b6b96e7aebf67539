import { expect, test } from "bun:test";
import { folded } from "./fold.ts";

test("rows break between words and go on below the last column that leaves room", () => {
  expect(folded("  -i, --input FILE   the same as FILE\n", 32)).toBe("  -i, --input FILE\n      the same as FILE\n");
  expect(folded("  -i, --input FILE  the same as FILE; may be repeated", 41)).toBe(
    "  -i, --input FILE  the same as FILE; may\n                    be repeated",
  );
  expect(folded("a message of so many words", 12)).toBe("a message of\nso many\nwords");
  expect(folded("Usage: align|render|text", 15)).toBe("Usage: align|\nrender|text");
  expect(folded("\u4eca\u5929 \u5929\u6c14 is so", 7)).toBe("\u4eca\u5929\n\u5929\u6c14 is\nso");
});

test("what fits stays, and words that are too long for any row, and all where the width is unknown", () => {
  const long = `${"x".repeat(30)} y\n\n  z`;
  expect(folded(long, 32)).toBe(long);
  expect(folded(long, undefined)).toBe(long);
  expect(folded(`a ${"x".repeat(30)} y`, 20)).toBe(`a\n${"x".repeat(30)}\ny`);
});
