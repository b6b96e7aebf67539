import { expect, test } from "bun:test";
import { parsePreciseTime, preciseTime } from "./times.ts";

test.each([
  [0, "0:00.000"],
  [62_345, "1:02.345"],
  [3_723_004, "1:02:03.004"],
  [36_000_000, "10:00:00.000"],
])("%p ms is %p, and back", (ms, text) => {
  expect(preciseTime(ms)).toBe(text);
  expect(parsePreciseTime(text)).toBe(ms);
});

test.each([["12", 12_000], [" 12,5 ", 12_500], ["90:00", 5_400_000], ["0:00:01.0009", 1001]])(
  "%p is %p ms",
  (text, ms) => {
    expect(parsePreciseTime(text)).toBe(ms);
  },
);

test.each(["", "1:", ":1", "-1", "1e3", "a", "1:2:3:4", "1.2.3", "1::2"])("%p is no time", (text) => {
  expect(parsePreciseTime(text)).toBeUndefined();
});
