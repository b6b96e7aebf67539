import { expect, test } from "bun:test";
import { activityOf, localVoices, windowStarts } from "./activity.ts";
import { classesCount, windowFrames, windowSamples } from "./networks.ts";
import { namedTurns, Timeline } from "./timeline.ts";

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

test("a voice is embedded where it is alone, up to a limit; mixed where that is too little", () => {
  const rules = { secondsMax: 2, aloneSecondsMin: 0.5, secondsMin: 0.25 };
  const sets = active({ set: 1, from: 1, to: 4 }, { set: 2, from: 3.8, to: 5 }, { set: 4, from: 4, to: 4.7 });
  const [first, second, third, ...more] = localVoices(sets, windowSamples, rules);
  expect(more).toEqual([]);
  expect(first).toMatchObject({ local: 0, isMixed: false });
  expect(first!.seconds).toBeCloseTo(2, 3);
  expect(first!.spans.every(({ start, end }) => start >= 16_000 - 300 && end <= 3.8 * 16_000 + 300)).toBe(true);
  expect(second).toMatchObject({ local: 1, isMixed: true });
  expect(third).toMatchObject({ local: 2, isMixed: true });
  expect(localVoices(active({ set: 1, from: 2, to: 2.1 }), windowSamples, rules)).toEqual([]);
  expect(localVoices(active({ set: 1, from: 5, to: 9 }), 16_000, rules)).toEqual([]);
});

test("windows that overlap make turns, by whose voice is whose; the first speaker is number 1", () => {
  const timeline = new Timeline(3);
  timeline.add(0, active({ set: 1, from: 1, to: 6 }, { set: 2, from: 5.5, to: 10 }), [2, 0], windowSamples);
  timeline.add(step, active({ set: 4, from: 0, to: 1 }, { set: 1, from: 0.5, to: 7 }), [0, -1, 2], windowSamples);
  const turns = namedTurns(timeline.end());
  expect(turns.map(({ speaker }) => speaker)).toEqual(["Speaker 1", "Speaker 2"]);
  expect(Math.abs(turns[0]!.startMs - 1000)).toBeLessThan(20);
  expect(Math.abs(turns[0]!.endMs - 6000)).toBeLessThan(20);
  expect(Math.abs(turns[1]!.startMs - 5500)).toBeLessThan(20);
  expect(Math.abs(turns[1]!.endMs - 12_000)).toBeLessThan(20);
});

test("forty speakers, two at a time: none is taken for another", () => {
  const timeline = new Timeline(40);
  for (let first = 0; first < 40; first++) {
    const both = active({ set: 1, from: 1, to: 6 }, { set: 2, from: 4, to: 9 });
    timeline.add(first * windowSamples, both, [first, (first + 32) % 40], windowSamples);
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
  timeline.add(0, active(...parts), [0], 6 * 16_000);
  const turns = timeline.end();
  expect(turns.length).toBe(2);
  expect(turns[0]!.startMs).toBeCloseTo(1000, -2);
  expect(turns[0]!.endMs).toBeCloseTo(3000, -2);
  expect(turns[1]!.endMs).toBeLessThan(6040);
});

test("a gap between windows ends what goes on", () => {
  const timeline = new Timeline(1);
  timeline.add(0, active({ set: 1, from: 8, to: 10 }), [0], windowSamples);
  timeline.add(4 * windowSamples, active({ set: 1, from: 0, to: 2 }), [0], windowSamples);
  expect(timeline.end().map(({ startMs }) => Math.round(startMs / 1000))).toEqual([8, 40]);
});
