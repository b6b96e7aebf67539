/** The report's parts: figures from the summary lines, tables that stay tables. */

import { expect, test } from "bun:test";
import { flatten, markdownTable, type Measured, readSummary, renderClips } from "./report.ts";

const stderr = `Loading model
Inference: 2000 ms, 40 text tokens (20.00 tok/s, encoding: 500ms, decoding: 1200ms)
Audio: 10.0 s processed in 2.0 s (5.00x realtime)
`;
const clip = (name: string, truth: string, said: string, failure = ""): Measured => ({
  name,
  truth,
  said,
  summary: failure ? undefined : readSummary(stderr),
  peakBytes: 123_400_000,
  failure,
});

test("summary lines are read, and only both together", () => {
  expect(readSummary(stderr)).toEqual({
    tokens: 40,
    encodeMs: 500,
    decodeMs: 1200,
    audioSeconds: 10,
    elapsedSeconds: 2,
  });
  expect(readSummary(stderr.split("Audio")[0]!)).toBeUndefined();
  expect(readSummary("")).toBeUndefined();
});

test("rows, the total weighed by length, and the clips that differ", () => {
  const text = renderClips([clip("a", "Hello there.", "hello there"), clip("b", "你好", "你坏")]);
  expect(text).toBe(`| clip | s | CER | WER | s per s of audio | encode ms | decode ms per token | peak MB |
| --- | --- | --- | --- | --- | --- | --- | --- |
| a | 10.0 | 0.0 % | 0.0 % | 0.200 | 500 | 30.0 | 123 |
| b | 10.0 | 50.0 % | 50.0 % | 0.200 | 500 | 30.0 | 123 |
| **all** | 20.0 | 8.3 % | 25.0 % | 0.200 | 1000 | 30.0 | 123 |

Not as the truth says:

- b
  - truth: 你好
  - said: 你坏
`);
});

test("a failed clip is shown as failed and counts as nothing said", () => {
  const text = renderClips([clip("a", "Hello", "", "exit 1: a|b\nc")]);
  expect(text).toContain("| a |  | failed: exit 1: a\\|b c |");
  expect(text).toContain("| **all** | 0.0 | 100.0 % |");
});

test("nested values become dotted names", () => {
  expect(flatten({ a: { b: 1 }, c: [1, "x"], d: null, e: [{ f: 2 }] })).toEqual([
    ["a.b", "1"],
    ["c", "1, x"],
    ["d", "null"],
    ["e", '{"f":2}'],
  ]);
  expect(markdownTable(["k"], [["v"]])).toBe("| k |\n| --- |\n| v |\n");
});
