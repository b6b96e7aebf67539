import { expect, test } from "bun:test";
import { joinedTurns, whoSpeaks, whoSpeaksGiven, whoSpeaksRenamed } from "./turns.ts";

const turn = (speaker: string, startMs: number, endMs: number) => ({ speaker, startMs, endMs });

test("whoSpeaks: speakers by their first turns, and the sums of each; overlaps stay", () => {
  const turns = [turn("b", 0, 1000), turn("a", 800, 2000), turn("b", 2500, 3000)];
  expect(whoSpeaks(turns.toReversed(), new Map([["a", 0.7]]))).toEqual({
    speakers: [
      { name: "b", speechMs: 1500, turnsCount: 2 },
      { name: "a", speechMs: 1200, turnsCount: 1, similarity: 0.7 },
    ],
    turns,
  });
  expect(whoSpeaks([])).toEqual({ speakers: [], turns: [] });
});

test("two that get one name are one speaker: what both said at once counts once", () => {
  const given = whoSpeaks([turn("a", 0, 1000), turn("b", 800, 2000), turn("c", 3000, 4000)], new Map([["b", 0.6]]));
  const { speakers, turns } = whoSpeaksRenamed(given, new Map([["a", "Anna"], ["b", "Anna"]]));
  expect(turns).toEqual([turn("Anna", 0, 2000), turn("c", 3000, 4000)]);
  expect(speakers[0]).toEqual({ name: "Anna", speechMs: 2000, turnsCount: 1, similarity: 0.6 });
});

test("a stretch is given to another: turns are cut at its ends, others' stay, and what touches is one", () => {
  const given = whoSpeaks([turn("a", 0, 3000), turn("b", 2500, 4000), turn("c", 900, 1200)], new Map([["b", 0.6]]));
  const [stretch, span] = [{ startMs: 1000, endMs: 2500 }, { startMs: 1100, endMs: 2000 }];
  expect(whoSpeaksGiven(given, { stretch, span, from: "a", to: "b" })).toEqual({
    speakers: [
      { name: "a", speechMs: 1500, turnsCount: 2 },
      { name: "c", speechMs: 300, turnsCount: 1 },
      { name: "b", speechMs: 3000, turnsCount: 1, similarity: 0.6 },
    ],
    turns: [turn("a", 0, 1000), turn("c", 900, 1200), turn("b", 1000, 4000), turn("a", 2500, 3000)],
  });
  // Nobody of that name speaks there.
  for (const from of ["x", undefined]) {
    expect(whoSpeaksGiven(given, { stretch, span, from, to: "New" }).turns).toContainEqual(turn("New", 1100, 2000));
  }
  const whole = { startMs: 0, endMs: Infinity };
  expect(whoSpeaksGiven(given, { stretch: whole, span, from: "a", to: "Ann" }).turns[0]).toEqual(turn("Ann", 0, 3000));
});

test("joinedTurns: over short pauses, whoever speaks in them", () => {
  const turns = [turn("a", 0, 1000), turn("b", 900, 950), turn("a", 1500, 2000), turn("a", 2501, 3000)];
  expect(joinedTurns(turns, 500)).toEqual([turn("a", 0, 2000), turn("b", 900, 950), turn("a", 2501, 3000)]);
});
