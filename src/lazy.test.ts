import { expect, test } from "bun:test";
import { lazily } from "./lazy.ts";

test("a value is made once, when it is first asked for, also where it is undefined", () => {
  let made = 0;
  const value = lazily(() => {
    made++;
    return undefined;
  });
  expect(made).toBe(0);
  expect([value(), value(), made]).toEqual([undefined, undefined, 1]);
});
