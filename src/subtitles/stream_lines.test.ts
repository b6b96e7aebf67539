import { expect, test } from "bun:test";
import { readStreamLines } from "./stream_lines.ts";

const line = (type: string, id: number, text: string, start_ms: number, end_ms: number) =>
  `${JSON.stringify({ type, file: "a.wav", id, start_ms, end_ms, language: "English", text })}\n`;

test("finals, and the commits of an utterance that has none", () => {
  const text = line("partial", 1, "We ar", 0, 900) + line("commit", 1, "We are ", 0, 1200) +
    line("commit", 1, "here.", 1200, 2000) +
    line("final", 1, "We are here.", 0, 2000) + line("commit", 2, " And", 2500, 2800) +
    line("commit", 2, " go", 2800, 3000) +
    line("partial", 2, " on", 2500, 3300);
  const expected = [
    { text: "We are here.", language: "English", startMs: 0, endMs: 2000 },
    { text: "And go", language: "English", startMs: 2500, endMs: 3000 },
  ];
  expect(readStreamLines(text)).toEqual(expected);
  expect(readStreamLines(`${text}{"type":"gap","file":"a.wav","start_ms":1,"end_ms":2}\n`)).toEqual(expected);
  expect(readStreamLines(`${text}{"type":"comm`)).toEqual(expected);
  expect(readStreamLines(line("partial", 1, "We", 0, 900))).toEqual([]);
});

test("who speaks: an utterance for each turn of one", () => {
  const turns = [
    { speaker: "Ann", start_ms: 0, end_ms: 900, text: "Ready?" },
    { speaker: "Ben", start_ms: 1000, end_ms: 2000, text: "Yes." },
  ];
  const final = (more: unknown) =>
    JSON.stringify({ ...JSON.parse(line("final", 1, "Ready? Yes.", 0, 2000)), ...more as object });
  expect(readStreamLines(final({ speaker: "Ben", turns }))).toEqual([
    { text: "Ready?", language: "English", startMs: 0, endMs: 900, speaker: "Ann" },
    { text: "Yes.", language: "English", startMs: 1000, endMs: 2000, speaker: "Ben" },
  ]);
  const whole = { text: "Ready? Yes.", language: "English", startMs: 0, endMs: 2000 };
  expect(readStreamLines(final({ speaker: "Ben", turns: [{ speaker: "Ann" }] }))).toEqual([{
    ...whole,
    speaker: "Ben",
  }]);
  expect(readStreamLines(final({ turns: 3 }))).toEqual([whole]);
});

test.each([
  "",
  "1\n00:00:01,000 --> 00:00:02,000\nHello\n",
  '{"type":"document"}\n{"type":"segment"}\n',
  '{"type":"commit","text":3}\n',
  '{\n  "version": 2\n}',
  "[1]\n",
  '{"type":"error","file":"a.wav","message":"no such file"}\n',
])("other files: %j", (text) => {
  expect(readStreamLines(text)).toBeUndefined();
});
