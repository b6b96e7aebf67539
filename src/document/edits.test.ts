/** Tests of edited transcripts: the corrected text wins, and no edit of the JSON ends in a crash. */

import { expect, test } from "bun:test";
import { InputError } from "../errors.ts";
import { createWriter, formatNames } from "../output/formats.ts";
import { defaultRules } from "../subtitles/rules.ts";
import type { TimedSegment, TimedWord } from "./document.ts";
import { acceptEdits } from "./edits.ts";
import { readDocument } from "./json.ts";

/** "one:0-400 two:500-900", each word with the space before it. */
function segmentOf(written: string, text: string, separator = " "): TimedSegment {
  const words = written.split(" ").map((part, index): TimedWord => {
    const [, word, start, end] = /^(.*):(\d+)-(\d+)$/.exec(part)!;
    return {
      text: (index > 0 ? separator : "") + word,
      startMs: Number(start),
      endMs: Number(end),
      logprob: -1,
    };
  });
  return { startMs: words[0]!.startMs, endMs: words.at(-1)!.endMs, text, language: "English", words };
}

function shown({ words }: TimedSegment): string {
  return words!.map((word) => `${word.text}:${word.startMs}-${word.endMs}${word.flag ? "*" : ""}`).join("|");
}

function corrected(written: string, text: string, separator?: string): string {
  const { segments, corrected: count } = acceptEdits([segmentOf(written, text, separator)]);
  expect(count).toBe(1);
  expect(segments[0]!.words!.map((word) => word.text).join("")).toBe(segments[0]!.text);
  return shown(segments[0]!);
}

test("new words take the times of those they replace; the others keep theirs", () => {
  const date = "Sunday,:0-400 November:500-900 second.:1000-1300 Cold.:1400-1600";
  const cases: [string, string, string?][] = [
    ["Sunday, December third. Cold.", "Sunday,:0-400| December:500-900*| third.:1000-1300*| Cold.:1400-1600"],
    ["Sunday. NOVEMBER second. Cold.", "Sunday.:0-400| NOVEMBER:500-900| second.:1000-1300| Cold.:1400-1600"],
    ["Sunday, Cold.", "Sunday,:0-400| Cold.:1400-1600"],
    [
      "Sunday, November the second. Cold.",
      "Sunday,:0-400| November:500-791*| the:791-900*| second.:1000-1300| Cold.:1400-1600",
    ],
    [
      "On Sunday, November second. Cold.",
      "On:0-100*| Sunday,:100-400*| November:500-900| second.:1000-1300| Cold.:1400-1600",
    ],
    ["Sunday, November second.", "Sunday,:0-400| November:500-900| second.:1000-1300"],
  ];
  for (const [text, words] of cases) expect(corrected(date, text)).toBe(words);
  expect(
    corrected(
      "\u4f60:0-200 \u597d\uff0c:200-400 \u4e16:500-700 \u754c\u3002:700-900",
      "\u60a8\u597d\uff0c\u4e16\u754c\u3002",
      "",
    ),
  )
    .toBe("\u60a8\u597d\uff0c:0-400*|\u4e16:500-700|\u754c\u3002:700-900");
});

test("segments without text vanish, and disordered ones are sorted; what is unchanged stays as it is", () => {
  const [one, two] = [segmentOf("One.:0-400", "One."), segmentOf("Two.:500-900", "Two.")];
  const apart = { ...two, text: " Two.", words: [{ ...two.words![0]!, text: " Two." }] };
  expect(acceptEdits([one, apart])).toEqual({ segments: [one, apart], corrected: 0, wasDisordered: false });
  for (const text of ["", " ", "\n\u3000"]) expect(acceptEdits([{ ...one, text }, two]).segments).toEqual([two]);
  expect(acceptEdits([apart, one])).toEqual({ segments: [one, apart], corrected: 0, wasDisordered: true });
  const typed = acceptEdits([one, { ...two, text: "Three." }]).segments[1]!;
  expect([typed.text, shown(typed)]).toEqual([" Three.", " Three.:500-900*"]);
  expect(acceptEdits([{ ...one, words: [] }]).segments[0]).not.toHaveProperty("words");
});

/** A generator of numbers in [0, 1) that is the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const values: Json[] = [
  null,
  "",
  " ",
  "...",
  "new words, here.",
  "\u4f60\u597d\u3002",
  0,
  -1,
  1e300,
  3.25,
  true,
  [],
  {},
];

/** Does what a person can do at one place: delete, insert, empty, swap, or write something else. */
function edit(value: Json, random: () => number): Json {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
  const keys = value !== null && typeof value === "object" ? Object.keys(value) : [];
  if (keys.length === 0 || random() < 0.1) return pick(values);
  const key = pick(keys);
  const copy = structuredClone(value) as Record<string, Json> & Json[];
  const action = random();
  if (action < 0.6) copy[key] = edit(copy[key]!, random);
  else if (action < 0.7) Array.isArray(copy) ? copy.splice(Number(key), 1) : delete copy[key];
  else if (action < 0.8) {
    Array.isArray(copy)
      ? copy.splice(Number(key), 0, structuredClone(pick(copy)))
      : (copy as Record<string, Json>)["new"] = 1;
  } else {
    const other = pick(keys);
    [copy[key], copy[other]] = [copy[other]!, copy[key]!];
  }
  return copy;
}

test("any edit of a transcript gives an output in every format, or one clear line", () => {
  const segment = (start: number, text: string) => ({
    ...{ start, end: start + 2, text, language: "English" },
    words: text.split(/(?= )/).map((word, index) => ({
      text: word,
      start: start + index / 2,
      end: start + index / 2 + 0.4,
    })),
  });
  const document: Json = {
    ...{ version: 2, program: "p", source: { name: "x", duration: 9 }, options: { a: 1 }, complete: true },
    model: { name: "m", hash: "h", weights: "int8", isa: "i" },
    segments: [segment(0, "Hello there, you."), segment(3, " Please go."), segment(6, " Yes \u2026")],
  };
  const random = seeded(20_261_128);
  const counts = { written: 0, refused: 0 };
  for (let round = 0; round < 3000; round++) {
    let edited: Json = document;
    for (let edits = 1 + Math.floor(random() * 3); edits > 0; edits--) edited = edit(edited, random);
    try {
      const { segments: given, isComplete, ...head } = readDocument(JSON.stringify(edited), "x.json");
      const { segments } = acceptEdits(given);
      for (const format of formatNames) {
        const writer = createWriter(format, { head, rules: defaultRules, paragraphMs: 1000 });
        const text = segments.map((each) => writer.add(each)).join("") + writer.rest(isComplete);
        expect(text).not.toMatch(/NaN|undefined|Infinity/);
      }
      counts.written++;
    } catch (error) {
      if (!(error instanceof InputError)) throw new Error(JSON.stringify(edited), { cause: error });
      expect(error.message).toMatch(/^x\.json: [^\n]+$/);
      counts.refused++;
    }
  }
  expect(counts.written).toBeGreaterThan(300);
  expect(counts.refused).toBeGreaterThan(500);
});

test("what was spoken stays beside the words that a person leaves alone", () => {
  const given = segmentOf("It:0-400 was:500-900 25.:1000-1300", "It was 25.");
  const words = given.words!.map((word) => word.text === " 25." ? { ...word, spoken: " twenty five." } : word);
  const written = { ...given, words, spoken: "It was twenty five." };
  expect(acceptEdits([written]).segments).toEqual([written]);
  const [segment] = acceptEdits([{ ...written, text: "It is 25." }]).segments;
  expect(segment).toMatchObject({ text: "It is 25.", spoken: "It is twenty five." });
  const [other] = acceptEdits([{ ...written, text: "It was 26." }]).segments;
  expect(other!.spoken).toBeUndefined();
});

test("a segment that is put before another stands apart from it", () => {
  const inserted: TimedSegment = { startMs: 0, endMs: 100, text: "Intro", language: "English" };
  const first = segmentOf("Today:200-400 is:500-900", "Today is");
  const { segments, corrected: count } = acceptEdits([inserted, first]);
  expect(count).toBe(0);
  expect(segments.map(({ text }) => text).join("")).toBe("Intro Today is");
  expect(shown(segments[1]!)).toBe(" Today:200-400| is:500-900");
  const chinese = segmentOf("今:200-400 天:500-900", "今天", "");
  expect(acceptEdits([{ ...inserted, text: "你好" }, chinese]).segments[1]!.text).toBe("今天");
  const written = { ...segmentOf("21:200-900", "21"), spoken: "twenty-one" };
  const known = { ...written, words: written.words!.map((word) => ({ ...word, spoken: "twenty-one" })) };
  expect(acceptEdits([inserted, known]).segments[1]).toMatchObject({
    text: " 21",
    spoken: " twenty-one",
    words: [{ text: " 21", spoken: " twenty-one" }],
  });
});
