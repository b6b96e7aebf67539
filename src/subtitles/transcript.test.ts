/** Tests of subtitles as transcripts. */

import { expect, test } from "bun:test";
import { parseSubtitles } from "./parse.ts";
import { cueTexts, transcriptOf } from "./transcript.ts";

const [first, last] = ["00:00:01,000 --> 00:00:02,000", "00:00:05,000 --> 00:00:06,000"];
const files: readonly string[] = [
  `1\n${first}\n<i>Hello,</i>\nworld.\n\n2\n00:00:03,000 --> 00:00:04,000\n\n\n3\n${last}\nBye.\n`,
  `\ufeff1\r\n${first}\r\nHello,\r\nworld.\r\n2\r\n${last}\r\n{\\an8}Bye.\r\n`,
  "WEBVTT\n\nNOTE no text\n\nintro\n00:01.000 --> 00:02.000 line:0\n<v Ann>Hello, <00:01.500>world.</v>\n\n" +
  "00:05.000 --> 00:06.000\nBye.\n",
  `2\n${last}\nBye.\n\n1\n${first}\nHello, world.\n`,
];

test("cues are segments in order of time, with words that share the cue's time", () => {
  for (const file of files) {
    const subtitles = parseSubtitles(file)!;
    expect(cueTexts(subtitles).toSorted()).toEqual(["Bye.", "Hello, world."]);
    const { segments, source } = transcriptOf(subtitles, "x");
    expect(source).toEqual({ name: "x", durationMs: 6000 });
    expect(segments.map(({ startMs, endMs, text }) => [startMs, endMs, text])).toEqual([
      [1000, 2000, "Hello, world."],
      [5000, 6000, " Bye."],
    ]);
    const isVoiced = file.includes("<v Ann>");
    expect(segments.map(({ speaker }) => speaker)).toEqual([isVoiced ? "Ann" : undefined, undefined]);
    expect(segments[0]!.words!.map(({ text, startMs, flag }) => [text, startMs, flag])).toEqual([
      ["Hello,", 1000, "unaligned"],
      [" world.", 1500, "unaligned"],
    ]);
  }
  const chinese = parseSubtitles("1\n00:00:01,000 --> 00:00:00,500\n\u4f60\u597d\uff0c\n\u4e16\u754c\u3002\n")!;
  expect(cueTexts(chinese)).toEqual(["\u4f60\u597d\uff0c\u4e16\u754c\u3002"]);
  expect(transcriptOf(chinese, "x").segments[0]).toMatchObject({ startMs: 1000, endMs: 1000 });
});
