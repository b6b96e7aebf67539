/** Tests of transcripts as JSON: what is written is read, matches the published schema, and faults are named. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createWriter } from "../output/formats.ts";
import { defaultRules } from "../subtitles/rules.ts";
import { whoSpeaks } from "../speakers/turns.ts";
import type { TranscriptDocument } from "./document.ts";
import { readDocument, segmentJson } from "./json.ts";
import { readerErrors, schemaErrors } from "./schema_fixture.ts";
import { splitWords, unalignedSegment } from "./unaligned.ts";

const document: TranscriptDocument = {
  version: 2,
  program: "qwen-asr 1.2.3",
  source: { name: 'a "b".wav', durationMs: 12_345 },
  model: { name: "Qwen3-ASR-0.6B", hash: "0123456789abcdef", weights: "int8", isa: "avx2" },
  aligner: { name: "Qwen3-ForcedAligner-0.6B", hash: "fedcba9876543210", weights: "int4", isa: "avx2" },
  options: { language: "detect", "segment-sec": 15, "skip-silence": false },
  isComplete: true,
  segments: [
    {
      startMs: 120,
      endMs: 2001,
      text: "Hello, world.",
      language: "English",
      words: [
        { text: "Hello,", startMs: 120, endMs: 1000, logprob: -0.25 },
        { text: " world.", startMs: 1000, endMs: 2001, logprob: -1.5, flag: "spread" },
      ],
    },
    { startMs: 3000, endMs: 4000, text: " \u4f60\u597d\u3002", language: "" },
  ],
};

function written(format: "json" | "jsonl", from: TranscriptDocument = document): string {
  const { segments, isComplete, ...head } = from;
  const writer = createWriter(format, { head, rules: defaultRules, paragraphMs: 0 });
  return segments.map((segment) => writer.add(segment)).join("") + writer.rest(isComplete, from);
}

test("what is written is read again, whole and cut short", () => {
  for (const format of ["json", "jsonl"] as const) {
    for (const from of [document, { ...document, isComplete: false }, { ...document, segments: [] }]) {
      expect(readDocument(written(format, from), "x.json")).toEqual(from);
    }
  }
});

test("both match docs/transcript.schema.json, and what does not is refused by it", () => {
  for (const from of [document, { ...document, isComplete: false, segments: [] }]) {
    expect(schemaErrors(JSON.parse(written("json", from)))).toEqual([]);
    const lines = written("jsonl", from).trimEnd().split("\n").map((line) => JSON.parse(line));
    for (const line of lines) expect(schemaErrors(line, `${line.type}Line`)).toEqual([]);
  }
  const value = JSON.parse(written("json"));
  expect(schemaErrors({ ...value, extra: 1 })).not.toEqual([]);
  for (const bad of [{ ...value, version: 3 }, { ...value, complete: "yes" }, { ...value, gaps: [{ start: 1 }] }]) {
    expect(readerErrors(bad)).not.toEqual([]);
  }
  value.segments[0].words[0].logprob = 1;
  expect(readerErrors(value)).not.toEqual([]);
});

const stored = (name: string) => readFileSync(join(import.meta.dir, "../../tests/documents", name), "utf8");

test("version 1, as earlier programs wrote it, is read as well, and matches the schema", () => {
  const [json, lines] = [stored("transcript_v1.json"), stored("transcript_v1.jsonl")];
  expect(JSON.parse(json).version).toBe(1);
  expect(schemaErrors(JSON.parse(json))).toEqual([]);
  for (const line of lines.trimEnd().split("\n").map((text) => JSON.parse(text))) {
    expect(schemaErrors(line, `${line.type}Line`)).toEqual([]);
  }
  const read = readDocument(json, "v1.json");
  expect(read).toEqual(readDocument(lines, "v1.jsonl"));
  expect(read).toMatchObject({ version: 2, isComplete: true, source: { durationMs: 10_426 } });
  expect(read.segments[0]!.words!.length).toBe(27);
});

test("fields of later programs are no obstacle: readers ignore them, the reserved ones too", () => {
  const value = JSON.parse(written("json"));
  const [segment] = value.segments;
  const later = {
    ...{ ...value, gaps: [{ start: 5, end: 7.5 }], mood: "good" },
    segments: [{
      ...{ ...segment, no_speech: 0.1, truncated: true, loop: false, mood: 1 },
      words: [{ ...segment.words[0], mood: [] }, segment.words[1]],
    }],
  };
  expect(readerErrors(later)).toEqual([]);
  expect(readDocument(JSON.stringify(later), "x.json")).toEqual({
    ...document,
    segments: [{ ...document.segments[0]!, noSpeech: 0.1, isTruncated: true }],
    gaps: [{ startMs: 5000, endMs: 7500 }],
  });
  const lines = written("jsonl").trimEnd().split("\n");
  const inserted = [...lines.slice(0, 2), '{"type":"mood","of":"all"}', ...lines.slice(2)].join("\n");
  expect(readDocument(inserted, "x.jsonl")).toEqual(document);
});

test("what is missing or in doubt is written, as the schema has it, and read", () => {
  const [segment] = document.segments;
  const gaps = [{ startMs: 5000, endMs: 7500 }, { startMs: 9000, endMs: 10_000, speaker: "left" }];
  const segments = [
    { ...segment!, isTruncated: true, languageProbability: 0.9876 },
    { ...segment!, isLooped: true, repaired: "context" as const, isCue: true, languageProbability: 1, noSpeech: 0.25 },
  ];
  const from = { ...document, segments, gaps };
  const [json, lines] = [written("json", from), written("jsonl", from)];
  expect(schemaErrors(JSON.parse(json))).toEqual([]);
  for (const line of lines.trimEnd().split("\n").map((text) => JSON.parse(text))) {
    expect(schemaErrors(line, `${line.type}Line`)).toEqual([]);
  }
  expect(readDocument(json, "x.json")).toEqual(from);
  expect(readDocument(lines, "x.jsonl")).toEqual(from);
  expect(JSON.parse(written("json", { ...document, gaps: [] })).gaps).toEqual([]);
});

test("who speaks is written, as the schema has it, and read", () => {
  const [segment] = document.segments;
  const words = segment!.words!.map((word) => ({ ...word, speaker: "left" }));
  const from = { ...document, segments: [{ ...segment!, speaker: "left", words }] };
  expect(JSON.parse(written("json", from)).segments[0]).toMatchObject({
    speaker: "left",
    words: [{ speaker: "left" }, {}],
  });
  expect(schemaErrors(JSON.parse(written("json", from)))).toEqual([]);
  for (const format of ["json", "jsonl"] as const) expect(readDocument(written(format, from), "x")).toEqual(from);
});

test("speakers and turns are written, as the schema has them, and read", () => {
  const turns = [
    { speaker: "Anna", startMs: 120, endMs: 1500 },
    { speaker: "Speaker 2", startMs: 1200, endMs: 2001 },
  ];
  const from = { ...document, ...whoSpeaks(turns, new Map([["Anna", 0.75]])) };
  const [json, lines] = [written("json", from), written("jsonl", from)];
  expect(JSON.parse(json)).toMatchObject({
    speakers: [{ name: "Anna", speech: 1.38, turns: 1, similarity: 0.75 }, { name: "Speaker 2", speech: 0.801 }],
    turns: [{ speaker: "Anna", start: 0.12, end: 1.5 }, { start: 1.2, end: 2.001 }],
  });
  expect(schemaErrors(JSON.parse(json))).toEqual([]);
  expect(schemaErrors(JSON.parse(lines.trimEnd().split("\n").at(-1)!), "endLine")).toEqual([]);
  for (const text of [json, lines]) expect(readDocument(text, "x")).toEqual(from);
  const nobody = { ...document, speakers: [], turns: [] };
  for (const format of ["json", "jsonl"] as const) expect(readDocument(written(format, nobody), "x")).toEqual(nobody);
});

test("what was spoken is written and read where the text says it another way", () => {
  const [segment] = document.segments;
  const [word, ...rest] = segment!.words!;
  const spoken = { ...segment!, spoken: "hullo world", words: [{ ...word!, spoken: "hullo" }, ...rest] };
  const json = JSON.parse(written("json"));
  json.segments[0] = JSON.parse(JSON.stringify(segmentJson(spoken)));
  expect(schemaErrors(json)).toEqual([]);
  expect(readDocument(JSON.stringify(json), "x.json").segments[0]).toEqual(spoken);
  json.segments[0].words[0].spoken = 1;
  expect(() => readDocument(JSON.stringify(json), "x.json")).toThrow("segments[0].words[0].spoken is 1, not a text");
});

test("speakers are names on one line", () => {
  for (const speaker of ["", " ", "a\nb", "\u001b[31m"]) {
    const json = JSON.parse(written("json"));
    json.segments[0].speaker = speaker;
    const wanted = `segments[0].speaker is ${JSON.stringify(speaker)}, not a name on one line`;
    expect(() => readDocument(JSON.stringify(json), "x.json")).toThrow(wanted);
  }
  const json = { ...JSON.parse(written("json")), turns: [{ start: 0, end: 1, speaker: "Jose\u0301 " }] };
  expect(readDocument(JSON.stringify(json), "x.json").turns![0]!.speaker).toBe("José");
});

test("a segment that was added by hand has the language of its neighbour", () => {
  const json = JSON.parse(written("json"));
  const { language } = json.segments[0];
  json.segments.splice(1, 0, { start: 2, end: 3, text: "Added." });
  delete json.segments[0].language;
  json.segments[2].language = "Klingon";
  const read = readDocument(JSON.stringify(json), "x.json").segments.map((segment) => segment.language);
  expect(language).not.toBe("Klingon");
  expect(read).toEqual(["Klingon", "Klingon", "Klingon"]);
});

test("what is wrong is named with its place", () => {
  const fault = (change: (value: Record<string, never>) => unknown) => {
    const value = JSON.parse(written("json"));
    change(value);
    return fails(JSON.stringify(value));
  };
  const fails = (text: string): string => {
    try {
      readDocument(text, "x.json");
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error("was read");
  };
  const set = (value: unknown, path: (string | number)[], to: unknown) => {
    const [last, ...front] = path.toReversed();
    const holder = front.toReversed().reduce((at, key) => (at as Record<string, unknown>)[key], value);
    (holder as Record<string, unknown>)[last!] = to;
  };
  expect(
    [
      fault((value) => set(value, ["version"], 3)),
      fault((value) => set(value, ["segments", 0, "words", 1, "start"], "1")),
      fault((value) => set(value, ["segments", 1, "end"], 1)),
      fault((value) => set(value, ["segments"], {})),
      fault((value) => set(value, ["turns"], [{ start: 1, end: 2 }])),
      fault((value) => set(value, ["turns"], [{ start: 2, end: 1, speaker: "a" }])),
      fault((value) => set(value, ["speakers"], [{ name: "a", speech: 1, turns: 0.5 }])),
      fault((value) => set(value, ["model", "weights"], "int3")),
      fault((value) => set(value, ["options", "x"], [])),
      fault((value) => set(value, ["program"], undefined)),
      fails("[]"),
      fails('{"a": 1}'),
      fault((value) => set(value, ["version"], undefined)),
      fails("null"),
      fails("{"),
      fails(""),
      fails(written("jsonl").repeat(2)),
      fails(`${written("jsonl").split("\n")[0]}\n{"type`),
    ].join("\n"),
  ).toMatchInlineSnapshot(`
    "x.json: version is 3, not 1 or 2, the versions known here
    x.json: segments[0].words[1].start is "1", not a number
    x.json: segments[1].end is 1, before its start, 3
    x.json: segments is {}, not a list
    x.json: turns[0].speaker is missing
    x.json: turns[0].end is 1, before its start, 2
    x.json: speakers[0].turns is 0.5, not a count
    x.json: model.weights is "int3", not a precision
    x.json: options.x is [], not a plain value
    x.json: program is missing
    x.json: is JSON, but no transcript
    x.json: is JSON, but no transcript
    x.json: version is missing
    x.json: the document is null, not an object
    x.json: is not JSON: line 1, column 2: a name in quotes or } is expected
    x.json: is no transcript
    x.json: holds several transcripts
    x.json: is not JSON: line 2, column 2: a name in quotes or } is expected"
  `);
});

test("without an aligner, words share the time of speech", () => {
  const speech = [{ startMs: 0, endMs: 1000 }, { startMs: 5000, endMs: 6000 }];
  const tokens = ["ab", " cd", "."].map((text) => ({ text, logprob: -1 }));
  expect(unalignedSegment({ text: "ab cd.", language: "English", tokens }, speech)).toEqual({
    startMs: 0,
    endMs: 6000,
    text: "ab cd.",
    language: "English",
    words: [
      { text: "ab", startMs: 0, endMs: 1000, logprob: -1, flag: "unaligned" },
      { text: " cd.", startMs: 5000, endMs: 6000, logprob: -2, flag: "unaligned" },
    ],
  });
});

test("a segment without text has no words", () => {
  const segment = unalignedSegment({ text: "", language: "", tokens: [] }, [{ startMs: 0, endMs: 1000 }]);
  expect(segment.words).toEqual([]);
});

test("words of a text: with their marks; joined they are the text", () => {
  const cases: [string, string][] = [
    ["It's 3.5 km (or so), isn't it?", "It's| 3.5| km| (or| so),| isn't| it?"],
    ["well-known \u2013 e.g. this", "well-known| \u2013| e.g.| this"],
    ["\u4f60\u597d\uff0c\u4e16\u754c\u3002", "\u4f60\u597d\uff0c|\u4e16\u754c\u3002"],
    ["\u201cHello\u201d  \u2026", "\u201cHello\u201d|  \u2026"],
    ["...", "..."],
    ["", ""],
  ];
  for (const [text, words] of cases) {
    expect(splitWords(text).join("|")).toBe(words);
    expect(splitWords(text).join("")).toBe(text);
  }
});

test("pauses fall on punctuation, near to where the lengths say", () => {
  const speech = [[0, 1000], [2000, 4300], [5000, 5600]].map(([startMs, endMs]) => ({
    startMs: startMs!,
    endMs: endMs!,
  }));
  const text = "One two three, four five six seven eight nine ten. Eleven.";
  const { words } = unalignedSegment({ text, language: "English", tokens: [] }, speech);
  const groups = speech.map(({ startMs, endMs }) =>
    words!.filter((word) => word.startMs >= startMs && word.endMs <= endMs).map((word) => word.text).join("")
  );
  expect(groups).toEqual(["One two three,", " four five six seven eight nine ten.", " Eleven."]);
});

test("a sentence that is said slowly keeps its last word before the pause", () => {
  const speech = [[250, 2610], [3030, 5120], [5580, 7840], [8280, 9920]].map(([startMs, endMs]) => ({
    startMs: startMs!,
    endMs: endMs!,
  }));
  const text =
    "Today is Sunday, November second. It will be cloudy and cold in the north. The train to Berlin leaves at " +
    "eight twenty. Please close the old window.";
  const { words } = unalignedSegment({ text, language: "English", tokens: [] }, speech);
  const starts = ["Today", " It", " The", " Please"].map((first) => words!.find(({ text }) => text === first)!.startMs);
  expect(starts).toEqual([250, 3030, 5580, 8280]);
});

test("ten thousand words and a thousand pauses take no time; every word has its place", () => {
  const speech = Array.from(
    { length: 1000 },
    (_, i) => ({ startMs: i * 4000, endMs: i * 4000 + 500 + (i * 37) % 3000 }),
  );
  const text = Array.from({ length: 10_000 }, (_, i) => `w${i}${i % 9 === 0 ? "." : ""}`).join(" ");
  const start = process.cpuUsage();
  const { words } = unalignedSegment({ text, language: "", tokens: [] }, speech);
  expect(process.cpuUsage(start).user / 1000).toBeLessThan(3000);
  expect(words!.map((word) => word.text).join("")).toBe(text);
  for (const [index, word] of words!.entries()) {
    expect(word.endMs).toBeGreaterThanOrEqual(word.startMs);
    expect(word.startMs).toBeGreaterThanOrEqual(words![index - 1]?.endMs ?? 0);
  }
});
