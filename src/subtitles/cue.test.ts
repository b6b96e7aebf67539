import { expect, test } from "bun:test";
import { srtBlock, timestamp, vttBlock } from "./cue.ts";

test("timestamps carry over and grow beyond 99 hours", () => {
  expect(timestamp(0, ",")).toBe("00:00:00,000");
  expect(timestamp(3_599_999.6, ".")).toBe("01:00:00.000");
  expect(timestamp(360_000_000 + 61_001, ",")).toBe("100:01:01,001");
});

test("text cannot be read as times or tags", () => {
  const cue = { startMs: 500, endMs: 1500, lines: ["a --> b", "<i> & c"] };
  expect(srtBlock(cue, 7)).toBe("7\n00:00:00,500 --> 00:00:01,500\na -> b\n<i> & c\n\n");
  expect(vttBlock(cue)).toBe("00:00:00.500 --> 00:00:01.500\na -> b\n&lt;i> &amp; c\n\n");
});
