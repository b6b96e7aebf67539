import { expect, test } from "bun:test";
import { diarizationRate, diarizationScore, jaccardRate } from "./diarization.ts";
import type { SpeakerTurn } from "../speakers/turns.ts";

const turn = (speaker: string, startMs: number, endMs: number): SpeakerTurn => ({ speaker, startMs, endMs });

test("missed, falsely found and confused time; names do not matter", () => {
  const reference = [turn("a", 0, 4000), turn("b", 4000, 8000)];
  const hypothesis = [turn("y", 500, 4500), turn("x", 4500, 9000)];
  const score = diarizationScore(reference, hypothesis, 0);
  expect(score).toMatchObject({ total: 8000, missed: 500, falseAlarm: 1000, confused: 500 });
  expect(diarizationRate(score)).toBe(0.25);
  expect(Object.fromEntries(score.pairs)).toEqual({ y: "a", x: "b" });
  expect(jaccardRate(score)).toBeCloseTo((1 - 3500 / 4500 + 1 - 3500 / 5000) / 2, 12);
  expect(score.speakers).toEqual({ reference: 2, hypothesis: 2 });
});

test("a collar leaves out time around starts and ends in the reference", () => {
  const reference = [turn("a", 1000, 4000)];
  const score = diarizationScore(reference, [turn("x", 800, 4400)], 250);
  expect(score).toMatchObject({ total: 2500, missed: 0, falseAlarm: 150, confused: 0 });
});

test("overlapping speech counts for each speaker; turns of one speaker that overlap are one", () => {
  const reference = [turn("a", 0, 3000), turn("a", 2000, 4000), turn("b", 3000, 4000)];
  const score = diarizationScore(reference, [turn("x", 0, 4000)], 0);
  expect(score).toMatchObject({ total: 5000, missed: 1000, falseAlarm: 0, confused: 0 });
  expect(score.jaccard).toEqual([0, 1]);
});

test("a turn without a length is nobody's, and time around it counts", () => {
  const [reference, hypothesis] = [[turn("a", 0, 4000), turn("b", 2000, 2000)], [turn("x", 0, 3000), turn("y", 9, 9)]];
  const score = diarizationScore(reference, hypothesis, 250);
  expect(score).toMatchObject({ total: 3500, missed: 750, falseAlarm: 0, confused: 0 });
  expect(score.speakers).toEqual({ reference: 1, hypothesis: 1 });
});

test("nobody speaks; nobody is found", () => {
  expect(diarizationRate(diarizationScore([], [turn("x", 0, 10)], 0))).toBeUndefined();
  expect(diarizationRate(diarizationScore([turn("a", 0, 10)], [], 0))).toBe(1);
});

test("a swarm of found speakers: each is one time confused, and one is right", () => {
  const hypothesis = Array.from({ length: 10 }, (_, index) => turn(`x${index}`, index * 100, index * 100 + 100));
  const score = diarizationScore([turn("a", 0, 1000)], hypothesis, 0);
  expect(score).toMatchObject({ total: 1000, missed: 0, falseAlarm: 0, confused: 900 });
});
