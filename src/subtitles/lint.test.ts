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

test("a missing empty line is told for every cue it is missing before, and all cues are checked", () => {
  const cue = (number: number, text = "text") => `${number}\n00:00:0${number},000 --> 00:00:0${number},900\n${text}\n`;
  const missing = (text: string) => findings(text).filter((line) => line.includes("no empty line"));
  const all = [1, 2, 3, 4].map((number) => cue(number)).join("");
  expect(missing(all)).toEqual([5, 8, 11].map((line) => `${line}: no empty line before this cue`));
  expect(parseSubtitles(all)!.cues).toMatchObject([1, 2, 3, 4].map((number) => ({ number, lines: ["text"] })));
  expect(missing(cue(1) + "\n" + cue(2) + cue(3) + "\n" + cue(4))).toEqual(["9: no empty line before this cue"]);
  const unnumbered = all.replace(/^\d\n/gm, "");
  expect(missing(unnumbered)).toEqual([3, 5, 7].map((line) => `${line}: no empty line before this cue`));
  const vtt = `WEBVTT\n\n${all.replaceAll(",", ".")}`;
  expect(missing(vtt)).toEqual([7, 10, 13].map((line) => `${line}: no empty line before this cue`));
  expect(findings("1\n00:00:01,000 --> 00:00:02,900\n\ntext\n2\n00:00:03,000 --> 00:00:04,900\ntext\n")).toEqual([
    "2: cue 1: has no text",
    "4: text without times",
    "6: no empty line before this cue",
  ]);
});

test("an arrow in a text is text", () => {
  for (const text of ["A --> B", "--> go on", "12 --> 13", "so: \u2192 and -->"]) {
    const srt = `1\n00:00:01,000 --> 00:00:03,000\nfirst\n${text}\n\n2\n00:00:03,100 --> 00:00:05,000\n${text}\n`;
    expect(findings(srt)).toEqual([]);
    expect(parseSubtitles(srt)!.cues.map((cue) => cue.lines)).toEqual([["first", text], [text]]);
  }
  expect(findings("WEBVTT\n\n00:01.000 --> 00:03.000\nA --> B\n")).toEqual([
    "4: --> in a text ends the cue: write --&gt;",
  ]);
  expect(parseSubtitles("A --> B\n")).toBeUndefined();
});

test("what is no subtitle file is said to be none", () => {
  expect(parseSubtitles("just text\n")).toBeUndefined();
  expect(parseSubtitles("")).toBeUndefined();
  expect(parseSubtitles("WEBVTT\n")).toEqual({ format: "vtt", cues: [], faults: [] });
});
