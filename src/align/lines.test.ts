/** Tests of aligned lines: where those lie that nobody speaks. */

import { expect, test } from "bun:test";
import { lineSegments } from "./lines.ts";

/** Times of the lines; those of letters are spoken for a second, every two seconds. */
function times(...lines: string[]): string {
  let count = 0;
  const words = lines.map((text) => {
    const startMs = 1000 + 2000 * count;
    return /\p{L}/u.test(text) ? (count++, [{ text, startMs, endMs: startMs + 1000 }]) : [];
  });
  const segments = lineSegments({ lines, words, language: "", recording: { startMs: 500, endMs: 9000 } });
  for (const { text, startMs, endMs, words: own } of segments) {
    expect(own!.map((word) => word.text).join("")).toBe(text);
    expect([own![0]!.startMs, own!.at(-1)!.endMs]).toEqual([startMs, endMs]);
  }
  return segments.map(({ startMs, endMs }) => `${startMs}-${endMs}`).join(" ");
}

test("a line of marks lies between its neighbours, and several share the time", () => {
  expect(times("a", "...", "b")).toBe("1000-2000 2000-3000 3000-4000");
  expect(times("\u2014", "a")).toBe("500-1000 1000-2000");
  expect(times("a", "\u266a \u266a")).toBe("1000-2000 2000-9000");
  expect(times("a", "!", "\u3002", "b", "?", "c")).toBe("1000-2000 2000-2500 2500-3000 3000-4000 4000-5000 5000-6000");
  expect(times("a", "b")).toBe("1000-2000 3000-4000");
});
