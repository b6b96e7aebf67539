/** Tests of edits by hand: each alone, and any number of any of them. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Cues,
  insert,
  merge,
  openGaps,
  realigned,
  remove,
  retime,
  split,
  spokenBy,
  stretchOf,
  withText,
} from "./cue_edits.ts";
import type { TimedSegment, TimedWord } from "./document.ts";
import { acceptEdits } from "./edits.ts";
import { begun, changed, type History, redone, undone } from "./history.ts";
import { segmentJson } from "./json.ts";
import { schemaErrors } from "./schema_fixture.ts";
import { unalignedSegment } from "./unaligned.ts";

/** "It:0-400 was:500-900" */
function cueOf(text: string, changes: Partial<TimedSegment> = {}): TimedSegment {
  const words = text.split(/(?= )/).map((part): TimedWord => {
    const [, word, start, end] = /^(.*):(\d+)-(\d+)$/.exec(part)!;
    return { text: word!, startMs: Number(start), endMs: Number(end), logprob: -0.1 };
  });
  return {
    ...{ startMs: words[0]!.startMs, endMs: words.at(-1)!.endMs, text: words.map((word) => word.text).join("") },
    ...{ language: "English", isCue: true, words },
    ...changes,
  };
}

const cues: Cues = [
  cueOf("It:0-400 was:500-900"),
  cueOf(" late.:1000-1500"),
  cueOf(" So:3000-3200 we:3200-3300 left.:3400-4000"),
];

function shown(cues: Cues): string[] {
  return cues.map(({ startMs, endMs, text, words }) =>
    `${startMs}-${endMs}${text}|${words!.map((word) => `${word.startMs}-${word.endMs}`).join(" ")}`
  );
}

test("a text: words that stay keep their times, without text the cue goes", () => {
  expect(shown(withText(cues, 0, "It is"))).toEqual(["0-900It is|0-400 500-900", ...shown(cues).slice(1)]);
  expect(withText(cues, 1, " late. ")).toBe(cues);
  expect(withText(cues, 1, "  ").map(({ text }) => text)).toEqual(["It was", " So we left."]);
  expect(withText(cues, 0, "").map(({ text }) => text)).toEqual([" late.", " So we left."]);
  expect(withText(cues, 0, "It was")[1]).toBe(cues[1]!);
});

test("split between words, in a word, and nowhere", () => {
  expect(shown(split(cues, 2, 2)).slice(2)).toEqual([
    "3000-3200 So|3000-3200",
    "3200-4000 we left.|3200-3300 3400-4000",
  ]);
  expect(shown(split(cues, 2, 8)).slice(2)).toEqual([
    "3000-3640 So we le|3000-3200 3200-3300 3400-3640",
    "3640-4000 ft.|3640-4000",
  ]);
  expect(split(cues, 2, 0)).toBe(cues);
  expect(split(cues, 2, 11)).toBe(cues);
});

test("merge, but not of two speakers", () => {
  expect(shown(merge(cues, 0))).toEqual(["0-1500It was late.|0-400 500-900 1000-1500", shown(cues)[2]!]);
  expect(merge(cues, 2)).toBe(cues);
  const sides = [{ ...cues[0]!, speaker: "left" }, { ...cues[1]!, speaker: "right" }];
  expect(merge(sides, 0)).toBe(sides);
});

test("retime: the neighbours are the limits; words stay, or move where none could stay", () => {
  expect(shown(retime(cues, 1, { startMs: 1200, endMs: 2500 }))[1]).toBe("1200-2500 late.|1200-1500");
  expect(shown(retime(cues, 1, { startMs: 0, endMs: 9000 }))[1]).toBe("900-3000 late.|1000-1500");
  expect(shown(retime(cues, 1, { startMs: 2000, endMs: 2250 }))[1]).toBe("2000-2250 late.|2000-2250");
  expect(shown(retime(cues, 2, { startMs: 3000, endMs: 2000 }))[2]).toBe(
    "3000-3001 So we left.|3000-3001 3001-3001 3001-3001",
  );
  expect(retime(cues, 1, { startMs: 1000, endMs: 1500 })).toBe(cues);
});

test("an aligner's times, between the neighbours; of another text, none", () => {
  const found = ["So", "we", "left."].map((text, at) => ({ text, startMs: 1200 + at * 500, endMs: 1600 + at * 500 }));
  expect(shown(realigned(cues, 2, found)!)[2]).toBe("1500-4000 So we left.|1500-1600 1700-2100 2200-2600");
  expect(realigned(cues, 2, found)![2]!.words![0]).toMatchObject({ text: " So", logprob: -0.1 });
  expect(realigned(cues, 2, found.slice(1))).toBeUndefined();
  expect(realigned(cues, 2, [])).toBeUndefined();
});

test("what nobody had heard is put where there is room, and its gap is closed", () => {
  const gap = { startMs: 1400, endMs: 2900 };
  const more = insert(cues, gap, " You are  late. ", "English");
  expect(more.map(({ startMs, endMs, text }) => `${startMs}-${endMs}${text}`)).toEqual([
    ...["0-900It was", "1000-1500 late.", "1500-2900 You are late.", "3000-4000 So we left."],
  ]);
  expect(more[2]).toMatchObject({ isCue: true, language: "English", words: [{}, {}, {}] });
  expect([openGaps([gap], cues), openGaps([gap], more)]).toEqual([[gap], []]);
  const left = { ...gap, speaker: "left" };
  expect(insert(cues, left, "x", "")[2]!.speaker).toBe("left");
  expect(openGaps([left], more)).toEqual([left]);
  expect(insert(cues, gap, "  ", "")).toBe(cues);
  expect(insert(cues, { startMs: 1000, endMs: 1400 }, "x", "")).toBe(cues);
  expect(insert([], gap, "Alone.", "").map(({ text }) => text)).toEqual(["Alone."]);
});

test("a cue goes to another speaker with its words, and with half of the pauses around it", () => {
  const given = spokenBy(cues, 1, "Ann");
  expect(given.map(({ speaker }) => speaker)).toEqual([undefined, "Ann", undefined]);
  expect(given[1]!.words!.map(({ speaker }) => speaker)).toEqual(["Ann"]);
  expect([given[0], given[2]]).toEqual([cues[0], cues[2]]);
  expect(spokenBy(given, 1, "Ann")).toBe(given);
  const shownLonger = cues.map((cue) => ({ ...cue, endMs: cue.endMs + 400 }));
  expect(stretchOf(shownLonger, 1)).toEqual({
    ...{ span: { startMs: 1000, endMs: 1500 }, stretch: { startMs: 950, endMs: 2250 } },
  });
  expect(stretchOf(cues, 0).stretch.startMs).toBe(0);
  expect(stretchOf(cues, 2).stretch.endMs).toBe(Infinity);
});

test("a cue goes, and the last one too", () => {
  expect(remove(remove(remove(cues, 0), 0), 0)).toEqual([]);
});

test("history forgets the oldest of many states", () => {
  let history: History<number> = begun(0);
  for (let state = 1; state <= 600; state++) history = changed(history, state);
  for (let back = 0; back < 600; back++) history = undone(history);
  expect(history.present).toBe(100);
  expect(changed(history, 100)).toBe(history);
  expect(redone(changed(history, -1)).present).toBe(-1);
});

const text = fc.oneof(
  fc.array(
    fc.constantFrom(
      "Hello",
      "so",
      "it's",
      "3.5",
      "\u4f60\u597d",
      "\u3002",
      "\u0645\u0631\u062d\u0628\u0627",
      "</b>",
      "\u{1f600}",
      "-",
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  ).map((words) => words.join(" ")),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
);
const filled = text.filter((each) => each.trim() !== "");
const given = fc.array(
  fc.record({
    text: filled,
    ms: fc.nat(4000),
    gapMs: fc.nat(900),
    speaker: fc.constantFrom(undefined, "left", "right"),
    timed: fc.boolean(),
  }),
  { minLength: 1, maxLength: 6 },
).map((parts): Cues => {
  let endMs = 0;
  const segments = parts.map(({ text, ms, gapMs, speaker, timed }): TimedSegment => {
    const span = { startMs: endMs + gapMs, endMs: endMs + gapMs + ms };
    endMs = span.endMs;
    const segment = unalignedSegment({ text, language: "English", tokens: [] }, [span]);
    const { words, ...untimed } = segment;
    return { ...untimed, isCue: true, ...(timed && { words: words! }), ...(speaker && { speaker }) };
  });
  return acceptEdits(segments).segments;
});
const edit = fc.record({
  kind: fc.constantFrom("text", "split", "merge", "retime", "speaker", "realign", "remove", "insert", "undo", "redo"),
  at: fc.nat(20),
  text,
  offset: fc.integer({ min: -2, max: 30 }),
  startMs: fc.integer({ min: -500, max: 20_000 }),
  ms: fc.integer({ min: -100, max: 5000 }),
});
type Edit = typeof edit extends fc.Arbitrary<infer Each> ? Each : never;

const letters = (cues: Cues) => cues.map((cue) => cue.text).join("").replace(/\s/gu, "");

function applied(cues: Cues, { kind, at, text, offset, startMs, ms }: Edit): Cues {
  const index = at % cues.length;
  if (kind === "text") return withText(cues, index, text);
  if (kind === "split") return split(cues, index, offset);
  if (kind === "merge") return merge(cues, index);
  if (kind === "retime") return retime(cues, index, { startMs, endMs: startMs + ms });
  if (kind === "speaker") return spokenBy(cues, index, at < 10 ? "left" : "Ann");
  if (kind === "remove") return remove(cues, index);
  if (kind === "insert") return insert(cues, { startMs: Math.max(0, startMs), endMs: startMs + ms }, text, "English");
  const words = cues[index]!.text.trim().split(/\s+/u).map((word, order) => (
    { text: word, startMs: startMs + order * offset, endMs: startMs + ms }
  ));
  return realigned(cues, index, words) ?? cues;
}

function expectWhole(cues: Cues): void {
  let lastMs = 0;
  for (const cue of cues) {
    expect(schemaErrors(segmentJson(cue), "segment")).toEqual([]);
    expect(cue.startMs).toBeGreaterThanOrEqual(lastMs);
    expect(cue.endMs).toBeGreaterThanOrEqual(cue.startMs);
    lastMs = cue.endMs;
    let wordMs = 0;
    for (const word of cue.words ?? []) {
      expect(word.startMs).toBeGreaterThanOrEqual(wordMs);
      expect(word.endMs).toBeGreaterThanOrEqual(word.startMs);
      wordMs = word.startMs;
    }
    if (cue.words) expect(cue.words.map((word) => word.text).join("")).toBe(cue.text);
    expect(cue.text.trim()).not.toBe("");
  }
}

test("any edits: nothing is lost, times stay in order, undo restores exactly", () => {
  fc.assert(
    fc.property(given, fc.array(edit, { maxLength: 12 }), (start, edits) => {
      let history = begun(start);
      for (const each of edits) {
        const before = history.present;
        if (each.kind === "undo") history = undone(history);
        else if (each.kind === "redo") history = redone(history);
        else if (before.length > 0) {
          const after = applied(before, each);
          if (["split", "merge", "retime", "speaker", "realign"].includes(each.kind)) {
            expect(letters(after)).toBe(letters(before));
          }
          if (each.kind === "text") {
            const index = each.at % before.length;
            expect(letters(after)).toBe(
              letters(before.slice(0, index)) + each.text.replace(/\s/gu, "") + letters(before.slice(index + 1)),
            );
          }
          history = changed(history, after);
        }
        expectWhole(history.present);
      }
      const end = history.present;
      const steps = history.past.length;
      for (let step = 0; step < steps; step++) history = undone(history);
      expect(history.present).toBe(start);
      for (let step = 0; step < steps; step++) history = redone(history);
      expect(history.present).toBe(end);
    }),
    { numRuns: 400, seed: 20_261_129 },
  );
});
