import { expect, test } from "bun:test";
import { firstIndex } from "./search.ts";

test("the first that is reached, at both ends and in between, or how many there are", () => {
  for (let count = 0; count <= 9; count++) {
    for (let first = 0; first <= count; first++) expect(firstIndex(count, (index) => index >= first)).toBe(first);
  }
});
