import { expect, test } from "bun:test";
import { Guesses } from "./guesses.ts";

test("an address that guesses waits a minute, and others do not", () => {
  let now = 0;
  const guesses = new Guesses(() => now);
  for (let count = 0; count < 10; count++) {
    guesses.check("a");
    guesses.failed("a");
  }
  expect(() => guesses.check("a")).toThrow("too many wrong keys");
  guesses.check("b");
  now = 60_000;
  guesses.check("a");
});
