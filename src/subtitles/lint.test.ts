/** Tests of reading and checking subtitle files. */

import { expect, test } from "bun:test";
import { lintSubtitles } from "./lint.ts";
import { parseSubtitles } from "./parse.ts";
import { defaultRules } from "./rules.ts";

function findings(text: string): string[] {
  return lintSubtitles(parseSubtitles(text)!, defaultRules).map(({ line, message }) => `${line}: ${message}`);
}

test("a good file has no findings, whatever its line ends", () => {
  const srt = "1\n00:00:01,000 --> 00:00:03,000\nHello,\nworld.\n\n2\n00:00:03,100 --> 00:00:05,000\n- Yes.\n";
  expect(findings(srt)).toEqual([]);
  expect(findings(`\ufeff${srt.replaceAll("\n", "\r\n")}`)).toEqual([]);
  const vtt =
    "WEBVTT - title\nKind: captions\n\nNOTE --> no cue\n\nSTYLE\n::cue {}\n\nintro\n00:01.000 --> 00:03.000 line:0\n" +
    "<v Ann>Ca&amp;fe <i>now</i></v>\n\n01:00:00.000 --> 01:00:02.000\nlater\n";
  expect(findings(vtt)).toEqual([]);
  expect(parseSubtitles(vtt)!.cues[0]).toMatchObject({ startMs: 1000, endMs: 3000, lines: ["Ca&fe now"] });
});

test("every rule has its finding, with the line of the times", () => {
  const srt = [
    "1",
    "00:00:01,000 --> 00:00:01,400",
    "Far too much text for so little time",
    "",
    "3",
    "00:00:01,300 --> 00:00:09,000",
    "one",
    "two",
    "three",
    "",
    "00:00:09,010 --> 00:00:11,000",
    "x".repeat(43),
    ", and (",
    "",
    "4",
    "0:00:12.5 --> 00:00:11,000",
    "",
    "5",
    "00:00:13,00x --> 00:00:14,000",
    "bad",
    "",
    "stray",
    "",
  ].join("\n");
  expect(findings(srt).join("\n")).toMatchInlineSnapshot(`
    "2: cue 1: 0.4 s long, under 1
    2: cue 1: 90.0 columns a second, over 20
    2: cue 1: overlaps the next cue by 100 ms
    6: cue 2: has number 3
    6: cue 2: 7.7 s long, over 7
    6: cue 2: 10 ms before the next cue, under 83
    6: cue 2: 3 lines, over 2
    11: cue 3: has no number
    11: cue 3: 25.6 columns a second, over 20
    11: cue 3: 43 columns, over 42: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    11: cue 3: a line begins with ,
    11: cue 3: a line ends with (
    16: times are not hh:mm:ss,mmm: 0:00:12.5 --> 00:00:11,000
    16: cue 4: ends before it starts
    16: cue 4: has no text
    19: times cannot be read: 00:00:13,00x --> 00:00:14,000
    22: text without times"
  `);
});

test("what is no subtitle file is said to be none", () => {
  expect(parseSubtitles("just text\n")).toBeUndefined();
  expect(parseSubtitles("")).toBeUndefined();
  expect(parseSubtitles("WEBVTT\n")).toEqual({ format: "vtt", cues: [], faults: [] });
});
