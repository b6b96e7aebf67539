/** Tests of transcripts that are cut into their cues. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { TimedSegment } from "../document/document.ts";
import { acceptEdits } from "../document/edits.ts";
import { schemaErrors } from "../document/schema_fixture.ts";
import { segmentJson } from "../document/json.ts";
import { unalignedSegment } from "../document/unaligned.ts";
import { defaultRules } from "../subtitles/rules.ts";
import { cueSegments } from "./cue_segments.ts";
import { createWriter, type Format } from "./formats.ts";
import type { WriterOptions } from "./writer.ts";

const options: WriterOptions = {
  head: {
    ...{ version: 2, program: "qwen-asr 1.2.3", source: { name: "a.wav", durationMs: 75_000 }, options: {} },
    model: { name: "m", hash: "h", weights: "int8", isa: "avx2" },
  },
  rules: defaultRules,
  paragraphMs: 0,
};

function written(format: Format, segments: readonly TimedSegment[]): string {
  const writer = createWriter(format, options);
  return segments.map((segment) => writer.add(segment)).join("") + writer.rest(true);
}

function segmentOf(text: string, startMs: number, ms: number, speaker?: string): TimedSegment {
  const segment = unalignedSegment({ text, language: "English", tokens: [] }, [{ startMs, endMs: startMs + ms }]);
  return speaker === undefined ? segment : { ...segment, speaker };
}

const word = fc.constantFrom(
  "Hello",
  "there,",
  "so",
  "it",
  "was.",
  "And",
  "nobody",
  "knew",
  "why;",
  "3.5",
  "Donau\u00addampf",
);
const text = fc.array(word, { minLength: 1, maxLength: 40 }).map((words) => words.join(" "));
const transcript = fc.array(fc.record({ text, ms: fc.integer({ min: 200, max: 20_000 }), gapMs: fc.nat(4000) }), {
  minLength: 1,
  maxLength: 5,
}).map((parts) => {
  let endMs = 0;
  const segments = parts.map(({ text, ms, gapMs }) => {
    const segment = segmentOf(text, endMs + gapMs, ms);
    endMs = segment.endMs;
    return segment;
  });
  return acceptEdits(segments).segments;
});

test("subtitles of the cues are the subtitles of the transcript, and the text is the same", () => {
  fc.assert(
    fc.property(transcript, (segments) => {
      const cues = cueSegments(segments, defaultRules);
      for (const format of ["srt", "vtt", "vtt-words", "ass", "text"] as const) {
        expect(written(format, cues)).toBe(written(format, segments));
      }
      expect(cues.map((cue) => cue.text).join("")).toBe(segments.map((segment) => segment.text).join(""));
      for (const cue of cues) {
        expect(schemaErrors(segmentJson(cue), "segment")).toEqual([]);
        expect(cue.words!.map((each) => each.text).join("")).toBe(cue.text);
      }
      expect(cueSegments(cues, defaultRules)).toEqual(cues);
    }),
    { numRuns: 150, seed: 20_261_129 },
  );
});

test("a word wider than a line, Chinese, speakers, what is true of a segment's end", () => {
  const segments: TimedSegment[] = [
    { ...segmentOf("x".repeat(200), 0, 9000, "left"), isTruncated: true, isLooped: true },
    {
      ...segmentOf(
        " \u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u3002".repeat(6),
        10_000,
        18_000,
        "right",
      ),
      language: "Chinese",
    },
    { startMs: 30_000, endMs: 31_000, text: " No words.", language: "", speaker: "left" },
  ];
  const cues = cueSegments(segments, defaultRules);
  expect(cues.map((cue) => cue.text).join("")).toBe(segments.map((segment) => segment.text).join(""));
  expect(cues.map(({ speaker }) => speaker![0]).join("")).toMatch(/^l{2,}r{2,}l$/);
  expect(cues.filter(({ isTruncated }) => isTruncated).length).toBe(1);
  expect(cues.findLast(({ speaker, text }) => speaker === "left" && text.startsWith("x"))).toMatchObject({
    isTruncated: true,
    isLooped: true,
  });
  expect(written("srt", cues)).toBe(written("srt", segments));
});

test("a cue that somebody has laid out stays one: its times, all of its text, as many lines as it takes", () => {
  const long = { ...segmentOf("One two three four five six seven. ".repeat(8).trim(), 2000, 3000), isCue: true };
  const others = [segmentOf("Before it,", 0, 1500), long, segmentOf(" and after.", 5100, 900)];
  const blocks = written("srt", others).trim().split("\n\n");
  expect(blocks.length).toBe(3);
  const [, times, ...lines] = blocks[1]!.split("\n");
  expect(times).toBe("00:00:02,000 --> 00:00:05,000");
  expect(lines.join(" ")).toBe(long.text);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(42);
  expect(written("srt", [{ ...long, text: " ", words: [] }])).toBe("");
});
