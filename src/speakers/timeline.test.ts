import { expect, test } from "bun:test";
import { activityOf, windowStarts } from "./activity.ts";
import { classesCount, windowFrames, windowSamples } from "./networks.ts";
import { namedTurns, Timeline, type VoiceOwners } from "./timeline.ts";

const step = windowSamples / 2;

/** Sets of a window: `set` from second `from` to second `to`. */
function active(...parts: readonly { set: number; from: number; to: number }[]): Uint8Array {
  const sets = new Uint8Array(windowFrames);
  for (const { set, from, to } of parts) {
    for (let frame = 0; frame < windowFrames; frame++) {
      const second = (frame * 270 + 495) / 16_000;
      if (second >= from && second < to) sets[frame]! |= set;
    }
  }
  return sets;
}

/** Each voice of a window is one speaker all the time; -1: nobody. */
function owners(...speakers: readonly number[]): VoiceOwners[] {
  return speakers.map((speaker) => [{ end: 0, speaker }]);
}

test("the likeliest class of a frame is a set of speakers", () => {
  const logprobs = new Float32Array(windowFrames * classesCount).fill(-9);
  for (const [frame, most] of [0, 1, 2, 3, 4, 5, 6].entries()) logprobs[frame * classesCount + most] = -0.1;
  expect([...activityOf(logprobs).subarray(0, 8)]).toEqual([0, 1, 2, 4, 3, 5, 6, 0]);
});

test("windows reach the end of the recording, the last one beyond it", () => {
  expect(windowStarts(0, step)).toEqual([]);
  expect(windowStarts(100, step)).toEqual([0]);
  expect(windowStarts(windowSamples, step)).toEqual([0]);
  expect(windowStarts(windowSamples + 1, step)).toEqual([0, step]);
  expect(windowStarts(2 * windowSamples, step)).toEqual([0, step, 2 * step]);
});

test("windows that overlap make turns, by whose voice is whose; the first speaker is number 1", () => {
  const timeline = new Timeline(3);
  timeline.add(0, active({ set: 1, from: 1, to: 6 }, { set: 2, from: 5.5, to: 10 }), owners(2, 0), windowSamples);
  timeline.add(step, active({ set: 4, from: 0, to: 1 }, { set: 1, from: 0.5, to: 7 }), owners(0, -1, 2), windowSamples);
  const turns = namedTurns(timeline.end());
  expect(turns.map(({ speaker }) => speaker)).toEqual(["Speaker 1", "Speaker 2"]);
  expect(Math.abs(turns[0]!.startMs - 1000)).toBeLessThan(20);
  expect(Math.abs(turns[0]!.endMs - 6000)).toBeLessThan(20);
  expect(Math.abs(turns[1]!.startMs - 5500)).toBeLessThan(20);
  expect(Math.abs(turns[1]!.endMs - 12_000)).toBeLessThan(20);
});

test("one voice of a window may be several speakers, one after the other; one of nobody is none", () => {
  const timeline = new Timeline(2);
  const second = 16_000 / 270;
  const all = [[{ end: 3 * second, speaker: 1 }, { end: 6 * second, speaker: 0 }, { end: 9 * second, speaker: 1 }], []];
  timeline.add(0, active({ set: 1, from: 1, to: 10 }, { set: 2, from: 4, to: 5 }), all, windowSamples);
  expect(timeline.end().map(({ speaker, startMs, endMs }) => [speaker, ...[startMs, endMs].map((ms) => ms / 1000)]))
    .toEqual([[1, 1, 3], [0, 3, 6], [1, 6, 10]].map(([speaker, ...times]) => {
      return [speaker!, ...times.map((time) => expect.closeTo(time, 1))];
    }));
});

test("forty speakers, two at a time: none is taken for another", () => {
  const timeline = new Timeline(40);
  for (let first = 0; first < 40; first++) {
    const both = active({ set: 1, from: 1, to: 6 }, { set: 2, from: 4, to: 9 });
    timeline.add(first * windowSamples, both, owners(first, (first + 32) % 40), windowSamples);
  }
  const turns = timeline.end();
  expect(turns.map(({ speaker }) => speaker)).toEqual(
    Array.from({ length: 40 }, (_, at) => [at, (at + 32) % 40]).flat(),
  );
  for (const { startMs, endMs } of turns) expect(Math.abs(endMs - startMs - 5000)).toBeLessThan(40);
});

test("short pauses are part of a turn, what is very short is none, nothing is after the recording", () => {
  const timeline = new Timeline(1);
  const parts = [[1, 2], [2.15, 3], [4, 4.05], [5, 10]].map(([from, to]) => ({ set: 1, from: from!, to: to! }));
  timeline.add(0, active(...parts), owners(0), 6 * 16_000);
  const turns = timeline.end();
  expect(turns.length).toBe(2);
  expect(turns[0]!.startMs).toBeCloseTo(1000, -2);
  expect(turns[0]!.endMs).toBeCloseTo(3000, -2);
  expect(turns[1]!.endMs).toBeLessThan(6040);
});

test("a gap between windows ends what goes on", () => {
  const timeline = new Timeline(1);
  timeline.add(0, active({ set: 1, from: 8, to: 10 }), owners(0), windowSamples);
  timeline.add(4 * windowSamples, active({ set: 1, from: 0, to: 2 }), owners(0), windowSamples);
  expect(timeline.end().map(({ startMs }) => Math.round(startMs / 1000))).toEqual([8, 40]);
});
