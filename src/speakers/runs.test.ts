import { expect, test } from "bun:test";
import { framesPerSecond, windowFrames } from "./networks.ts";
import { localNumber, mixedRuns, ownersOf, Runs, type VoiceRun } from "./runs.ts";

const half = (windowFrames - 1) / 2;

/** Sets of a window: `set` from second `from` to second `to`. */
function active(...parts: readonly (readonly [set: number, from: number, to: number])[]): Uint8Array {
  const sets = new Uint8Array(windowFrames);
  for (const [set, from, to] of parts) {
    for (let at = Math.round(from * framesPerSecond); at < Math.min(windowFrames, to * framesPerSecond); at++) {
      sets[at]! |= set;
    }
  }
  return sets;
}

const seconds = (frames: number) => Math.round(frames / framesPerSecond * 10) / 10;
const ranges = (runs: readonly VoiceRun[]) => runs.map(({ start, end }) => [seconds(start), seconds(end)]);

function runsOf(...windows: readonly Uint8Array[]): VoiceRun[] {
  const runs = new Runs();
  for (const [at, activity] of windows.entries()) runs.add(at * half, activity);
  return runs.takeTo((windows.length + 1) * half + 1);
}

test("a run ends at a pause, at another voice of any window, and where somebody else speaks, too", () => {
  const first = active([1, 1, 3], [1, 3.2, 4], [1, 4.5, 6], [2, 6, 9.9]);
  const runs = runsOf(first, active([4, 0, 1.04], [1, 1.04, 3], [2, 3, 4.94], [1, 5, 7], [4, 6.5, 9]));
  // In the first window 6 to 9.9 s is one voice; in the second, which begins at 4.96 s, it is two.
  expect(ranges(runs)).toEqual([[1, 4], [4.5, 6], [6, 8], [8, 9.9], [10, 11.5], [12, 14]]);
  expect(runs.map(({ locals }) => locals)).toEqual([
    ...[[localNumber(0, 0)], [localNumber(0, 0), localNumber(1, 2)], [localNumber(0, 1), localNumber(1, 0)]],
    ...[[localNumber(0, 1), localNumber(1, 1)], [localNumber(1, 0)], [localNumber(1, 2)]],
  ]);
  expect(runs.some(({ isMixed }) => isMixed)).toBe(false);
});

test("of a run, up to 2 s are embedded, without its pauses; of a moment, nothing", () => {
  const [run, long, ...more] = runsOf(active([1, 0.5, 1], [1, 1.2, 1.8], [2, 4, 9.5], [1, 9.8, 9.95]));
  expect(more).toEqual([]);
  expect(run!.seconds).toBeCloseTo(1.1, 1);
  expect(ranges([run!])).toEqual([[0.5, 1.8]]);
  expect(run!.heard.map(({ start, end }) => [seconds(start), seconds(end)])).toEqual([[0.5, 1], [1.2, 1.8]]);
  expect(ranges([long!])).toEqual([[4, 9.5]]);
  expect(long!.seconds).toBeCloseTo(2, 1);
});

test("what is taken ends there, and goes on as another run", () => {
  const runs = new Runs();
  runs.add(0, active([1, 2, 9]));
  expect(ranges(runs.takeTo(half))).toEqual([[2, 5]]);
  runs.add(half, active([2, 0, 4]));
  const [rest] = runs.takeTo(2 * half + windowFrames);
  expect([seconds(rest!.start), seconds(rest!.end)]).toEqual([5, 9]);
  expect(rest!.locals).toEqual([localNumber(0, 0), localNumber(1, 1)]);
  expect(runs.takeTo(9 * half)).toEqual([]);
});

test("windows that only meet do not say that a voice goes on; and a run has eight seconds at most", () => {
  const runs = new Runs();
  for (const first of [0, 2 * half]) runs.add(first, active([1, 0, 10]));
  expect(ranges(runs.takeTo(2 * half + windowFrames))).toEqual([[0, 8], [8, 9.9], [9.9, 18], [18, 19.9]]);
  for (let at = 5; at < 9; at++) runs.add(at * half, active([1, 0, 10]));
  expect(ranges(runs.takeTo(10 * half)).map(([start, end]) => Math.round(end! - start!))).toEqual([8, 8, 8, 1]);
});

test("nobody ends a run: hours of silence and gaps between windows are none", () => {
  const runs = new Runs();
  runs.add(0, active());
  runs.add(100_000, active([1, 1, 2]));
  expect(ranges(runs.takeTo(200_000)).map(([from]) => from)).toEqual([seconds(100_000 + framesPerSecond)]);
});

test("a voice that is never alone in a window is heard with others, in the middle of it", () => {
  const activity = active([1, 1, 9], [2, 1.5, 3.5], [4, 8, 9]);
  const [run, ...more] = mixedRuns({ number: 7, first: 1000, activity });
  expect(more).toEqual([]);
  expect(run).toMatchObject({ isMixed: true, locals: [localNumber(7, 1)] });
  expect([run!.start, run!.end].map((at) => seconds(at - 1000))).toEqual([2.5, 3.5]);
  expect(mixedRuns({ number: 7, first: 0, activity: active([1, 1, 9], [2, 4, 4.2]) })).toEqual([]);
});

test("between two runs of a window's voice, either one's speaker has what is nearer", () => {
  const [a, b] = [4, 9];
  const run = (start: number, end: number, locals: number[]) => ({
    start,
    end,
    locals,
    heard: [],
    seconds: 1,
    isMixed: false,
  });
  const owners = ownersOf([run(10, 20, [a]), run(60, 80, [b]), run(30, 50, [a, b])], Int32Array.of(2, 0, 1));
  expect([...owners.keys()]).toEqual([a, b]);
  expect(owners.get(a)!.map(({ end, speaker }) => [end, speaker])).toEqual([[25, 2], [50, 1]]);
  expect(owners.get(b)!.map(({ end, speaker }) => [end, speaker])).toEqual([[55, 1], [80, 0]]);
});
