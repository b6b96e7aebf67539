/** Tests of the stream's figures. */

import { expect, test } from "bun:test";
import { commitDelays, delayTable, firstCommit, quantile, speedTable, stepTimes } from "./stream_report.ts";

const step = `  Encoder: 26 tokens from 0.0-2.0 s (reused 0, 255 ms)
  Prefill: 41 tokens (0 prefix, reused 9) (172 ms)
  Verify: 8 of 10 draft tokens (38 ms)
  Decode: 20 tokens (410 ms, hit max_new)
  Commit: emitted_total=3
`;

const jsonLines = [
  { type: "partial", end_ms: 2000, text: "The number" },
  { type: "commit", end_ms: 1690, text: "The number" },
  { type: "partial", end_ms: 4000, text: " is near" },
  { type: "commit", end_ms: 2880, text: " is zero." },
  { type: "final", end_ms: 6000, text: "The number is zero." },
].map((event) => JSON.stringify(event)).join("\n");

test("times of all steps, as --debug says them", () => {
  expect(stepTimes(`Model loaded.\n${step}Language: English\n${step}`)).toEqual({
    steps: 2,
    ...{ encodeMs: 510, prefillMs: 344, verifyMs: 76, decodeMs: 820, draftTokens: 20, draftAccepted: 16 },
  });
});

test("delays of words, those that were heard otherwise left out", () => {
  const words = [["The", 1], ["number", 1.5], ["was", 2], ["zero", 3]] as const;
  expect(commitDelays(jsonLines, words.map(([text, end]) => ({ text, end })))).toEqual([3, 2.5, 3]);
  expect(firstCommit(jsonLines)).toBe(4);
  expect(firstCommit("")).toBeUndefined();
});

test("quantiles and tables", () => {
  expect(quantile([3, 1, 2, 4], 0.5)).toBe(3);
  expect(quantile([3, 1, 2, 4], 0.95)).toBe(4);
  const row = { name: "2 s", audioSec: 40, workSec: 8, offlineSec: 4, firstTextMs: 1234, times: stepTimes(step) };
  expect(speedTable([row])).toContain("| 2 s | 0.200 | 2.00 | 1 | 29 % | 20 % | 4 % | 47 % | 80 % | 1.2 s |");
  expect(delayTable([{ name: "agreement", delays: [1, 2, 3], firsts: [4] }])).toContain(
    "| agreement | 3 | 2.0 s | 3.0 s | 4.0 s |",
  );
});
