/** Tests of long recordings with a fake aligner that knows where the words are: pieces, seams, offsets, silence. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { AlignRequest, AlignResult } from "../engine/engine.ts";
import { samplesInMemory } from "../audio/sample_store.ts";
import { Recording } from "../segment/recording.ts";
import { alignPieces } from "./pieces.ts";
import type { TimeSpan } from "../units.ts";

const rate = 16_000;
const markerMs = 80;

/** Its reads are views, so that a request shows where it is from. */
function recordingOf(samples: Float32Array): Recording {
  const read = (start: number, end: number) => Promise.resolve(samples.subarray(start, end));
  return Recording.of({ ...samplesInMemory(samples), read });
}

/** Words at given times, as a square wave over faint noise. */
function recording(words: readonly TimeSpan[], seconds: number): Float32Array {
  const samples = Float32Array.from({ length: seconds * rate }, (_, i) => ((i * 7919) % 101 - 50) * 1e-6);
  for (const { startMs, endMs } of words) {
    for (let i = startMs * 16; i < endMs * 16; i++) samples[i] = i % 20 < 10 ? 0.3 : -0.3;
  }
  return samples;
}

/** Answers the true class of a word it can hear; words after its piece are at the end, or anywhere (`wild`). */
function oracle(truth: readonly TimeSpan[], requests: AlignRequest[] = [], wild = false) {
  return ({ samples, words }: AlignRequest): Promise<AlignResult> => {
    requests.push({ samples, words });
    const startMs = samples.byteOffset / 4 / 16;
    const lengthMs = samples.length / 16;
    const classes = words.flatMap((word, index) => {
      const place = truth[Number(word)]!;
      const isHeard = place.startMs >= startMs - markerMs && place.endMs <= startMs + lengthMs;
      const junkMs = wild ? (index * 7919) % lengthMs : lengthMs;
      const [from, to] = isHeard ? [place.startMs - startMs, place.endMs - startMs] : [junkMs, junkMs];
      return [from, to].map((ms) => Math.max(0, Math.round(ms / markerMs)));
    });
    const none = { promptTokens: 0, audioTokens: 0, encodeMs: 1, alignMs: 1 };
    return Promise.resolve({ stop: "end", classes, margins: classes.map(() => 1), ...none });
  };
}

/** Words of 200 to 500 ms, with a pause of `pauseMs` after every `every`-th. */
function speech(count: number, every: number, pauseMs: number, startMs = 0): TimeSpan[] {
  let at = startMs;
  return Array.from({ length: count }, (_, i) => {
    const place = { startMs: at, endMs: at + 200 + (i * 37) % 300 };
    at = place.endMs + (i % every === every - 1 ? pauseMs : 0);
    return place;
  });
}

async function run(truth: readonly TimeSpan[], seconds: number, pieceSec: number, wild = false) {
  const samples = recording(truth, seconds);
  const requests: AlignRequest[] = [];
  const names = truth.map((_, index) => String(index));
  const result = await alignPieces(recordingOf(samples), names, oracle(truth, requests, wild), { pieceSec, markerMs });
  return { requests, times: result.times!, result };
}

function expectTruth(times: readonly TimeSpan[], truth: readonly TimeSpan[]): void {
  expect(times.length).toBe(truth.length);
  const errors = times.map(({ startMs, endMs }, index) =>
    Math.max(Math.abs(startMs - truth[index]!.startMs), Math.abs(endMs - truth[index]!.endMs))
  );
  expect(Math.max(...errors)).toBeLessThanOrEqual(markerMs);
}

test("a short recording is one piece", async () => {
  const truth = speech(20, 5, 600);
  const { requests, times } = await run(truth, 12, 180);
  expect(requests.length).toBe(1);
  expectTruth(times, truth);
});

test("whole seconds of silence at the start are left out, and the times are those of the recording", async () => {
  const truth = speech(5, 5, 0, 7450);
  const { requests, times } = await run(truth, 12, 180);
  expect(requests[0]!.samples.length).toBe(5 * rate);
  expectTruth(times, truth);
});

test("ten minutes: pieces within the limit, cut in the pauses, every word where it is", async () => {
  const truth = speech(1400, 9, 700);
  const seconds = Math.ceil(truth.at(-1)!.endMs / 1000) + 1;
  expect(seconds).toBeGreaterThan(580);
  const { requests, times } = await run(truth, seconds, 180);
  expectTruth(times, truth);
  for (const { samples } of requests) expect(samples.length).toBeLessThanOrEqual(180 * rate);
  for (const { samples } of requests.slice(1)) {
    const startMs = samples.byteOffset / 4 / 16;
    expect(truth.some((place) => place.startMs < startMs && startMs < place.endMs)).toBe(false);
  }
  expect(requests.length).toBeLessThan(9);
});

test("any speech, also where words past a piece come out anywhere", async () => {
  const text = fc.tuple(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 2, max: 20 }), fc.integer({ max: 3000 }));
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 8, max: 30 }), async ([count, every, pause], pieceSec) => {
      const truth = speech(count, every, Math.max(0, pause));
      const seconds = Math.ceil(truth.at(-1)!.endMs / 1000) + 1;
      expectTruth((await run(truth, seconds, pieceSec)).times, truth);
      const { times } = await run(truth, seconds, pieceSec, true);
      const found = times.filter(({ startMs }, index) => Math.abs(startMs - truth[index]!.startMs) <= markerMs);
      expect(found.length).toBeGreaterThanOrEqual(0.5 * count);
      expect(times.length).toBe(count);
    }),
    { numRuns: 40, seed: 7 },
  );
});

test("no speech at all, more words than audio, no audio: it ends, with a time for every word", async () => {
  const silent = await alignPieces(recordingOf(new Float32Array(60 * rate)), ["0", "1"], oracle(speech(2, 2, 0)), {
    pieceSec: 8,
    markerMs,
  });
  expect(silent.times!.length).toBe(2);
  expect(silent.speech).toEqual([]);
  const many = speech(500, 5, 100);
  const names = many.map((_, index) => String(index));
  const crowded = await alignPieces(recordingOf(recording(many.slice(0, 5), 2)), names, oracle(many), {
    pieceSec: 8,
    markerMs,
  });
  expect(crowded.times!.length).toBe(500);
  const empty = await alignPieces(recordingOf(new Float32Array(0)), ["0"], oracle(many), { pieceSec: 8, markerMs });
  expect(empty.times!.length).toBe(1);
});

/** As the oracle, but lost in pieces of more than `limitSec`: every word is at their start. */
function lostBeyond(limitSec: number, truth: readonly TimeSpan[], requests: AlignRequest[] = []) {
  const says = oracle(truth, requests);
  return async (request: AlignRequest): Promise<AlignResult> => {
    const result = await says(request);
    return request.samples.length <= limitSec * rate ? result : { ...result, classes: result.classes.map(() => 0) };
  };
}

test("an aligner that fails is given shorter pieces, and longer ones again", async () => {
  const truth = speech(200, 9, 700);
  const requests: AlignRequest[] = [];
  const names = truth.map((_, index) => String(index));
  const samples = recording(truth, Math.ceil(truth.at(-1)!.endMs / 1000) + 1);
  const options = { pieceSec: 60, markerMs };
  const { times } = await alignPieces(recordingOf(samples), names, lostBeyond(20, truth, requests), options);
  expectTruth(times!, truth);
  expect(times!.filter(({ flag }) => flag)).toEqual([]);
  const seconds = requests.map(({ samples }) => samples.length / rate);
  expect(seconds.slice(0, 4)).toEqual([60, 30, 15, 30]);
});

test("where it fails at any length, words take estimated times: sentences begin after pauses", async () => {
  const truth = speech(120, 6, 700);
  const names = truth.map((_, index) => String(index % 10));
  const texts = names.map((name, index) => name + (index % 6 === 5 ? "." : ""));
  const samples = recording(truth, Math.ceil(truth.at(-1)!.endMs / 1000) + 1);
  for (const pieceSec of [12, 180]) {
    const { times, pieces } = await alignPieces(recordingOf(samples), names, lostBeyond(0, truth), {
      ...{ pieceSec, markerMs, texts },
    });
    expect(times!.length).toBe(truth.length);
    expect(new Set(times!.map(({ flag }) => flag))).toEqual(new Set(["unaligned"]));
    const starts = times!.filter((_, index) => index % 6 === 0).map(({ startMs }) => startMs);
    starts.forEach((start, index) => expect(Math.abs(start - truth[6 * index]!.startMs)).toBeLessThanOrEqual(100));
    times!.forEach(({ startMs }, index) => expect(startMs).toBeGreaterThanOrEqual(times![index - 1]?.endMs ?? 0));
    expect(pieces).toBeGreaterThan(1);
  }
});

test("a cancelled piece ends it", async () => {
  const truth = speech(100, 5, 500);
  const requests: AlignRequest[] = [];
  const says = oracle(truth, requests);
  const cancelled = async (request: AlignRequest): Promise<AlignResult> => {
    const result = await says(request);
    return requests.length < 2 ? result : { ...result, stop: "cancelled" };
  };
  const names = truth.map((_, index) => String(index));
  const samples = recording(truth, 60);
  const { times } = await alignPieces(recordingOf(samples), names, cancelled, { pieceSec: 10, markerMs });
  expect(times).toBeUndefined();
  expect(requests.length).toBe(2);
});
