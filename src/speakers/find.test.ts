import { expect, test } from "bun:test";
import { findSpeakers } from "./find.ts";
import { classesCount, embeddingFloats, type SpeakerNetworks, windowFrames, windowSamples } from "./networks.ts";
import { namedTurns } from "./timeline.ts";

/** A recording of tones: its samples have one value for as long as a voice speaks, and 0 where nobody does. */
const voices = [0, 0.25, 0.5, 0.75];

/**
 * Networks that hear which values there are: the first that occurs in a window is its speaker 1, and the embedding of
 * a value is a direction of its own.
 */
function fakeNetworks(asked: number[] = []): SpeakerNetworks {
  return {
    segmentation: (samples) => {
      const windows = samples.length / windowSamples;
      asked.push(windows);
      const logprobs = new Float32Array(windows * windowFrames * classesCount).fill(-20);
      for (let window = 0; window < windows; window++) {
        const order: number[] = [];
        for (let frame = 0; frame < windowFrames; frame++) {
          const value = samples[window * windowSamples + frame * 270 + 495]!;
          if (value !== 0 && !order.includes(value)) order.push(value);
          const local = value === 0 ? 0 : order.indexOf(value) + 1;
          logprobs[(window * windowFrames + frame) * classesCount + local] = 0;
        }
      }
      return Promise.resolve(logprobs);
    },
    embed: (samples, spans) => {
      const embeddings = new Float32Array(spans.length * embeddingFloats);
      for (const [index, [first]] of spans.entries()) {
        const middle = samples[Math.floor((first!.start + first!.end) / 2)]!;
        embeddings[index * embeddingFloats + voices.indexOf(middle)] = 3;
      }
      return Promise.resolve(embeddings);
    },
  };
}

/** `turns` are [voice, seconds]. */
function recordingOf(turns: readonly (readonly [number, number])[]) {
  const length = turns.reduce((sum, [, seconds]) => sum + seconds * 16_000, 0);
  const samples = new Float32Array(length);
  let at = 0;
  for (const [voice, seconds] of turns) samples.fill(voices[voice]!, at, at += seconds * 16_000);
  return { length, read: (start: number, end: number) => Promise.resolve(samples.slice(start, end)) };
}

test("in whatever window, a voice has one number, in order of first speech; turns have their times", async () => {
  const asked: number[] = [];
  const source = recordingOf([[0, 2], [2, 3], [1, 4], [0, 20], [2, 5], [3, 6], [1, 3], [0, 30], [1, 7.5]]);
  const { turns, centres } = await findSpeakers(source, fakeNetworks(asked));
  expect(centres.length).toBe(3);
  expect(
    namedTurns(turns).map(({ speaker, startMs, endMs }) => {
      return [speaker, Math.round(startMs / 100) / 10, Math.round(endMs / 100) / 10];
    }),
  ).toEqual([
    ["Speaker 1", 2, 5],
    ["Speaker 2", 5, 9],
    ["Speaker 1", 29, 34],
    ["Speaker 3", 34, 40],
    ["Speaker 2", 40, 43],
    ["Speaker 2", 73, 80.5],
  ]);
  expect(asked).toEqual([12, 4]);
});

test("silence has no speakers, an empty recording neither", async () => {
  expect((await findSpeakers(recordingOf([[0, 12]]), fakeNetworks())).turns).toEqual([]);
  expect((await findSpeakers(recordingOf([]), fakeNetworks())).turns).toEqual([]);
});

test("a number that is given is met as far as there are voices; a stop ends it", async () => {
  const source = recordingOf([[1, 8], [2, 8], [3, 8]]);
  expect((await findSpeakers(source, fakeNetworks(), { min: 2, max: 2 })).centres.length).toBe(2);
  const stop = AbortSignal.abort(new Error("stopped"));
  expect(findSpeakers(source, fakeNetworks(), { min: 1, max: 9 }, stop)).rejects.toThrow("stopped");
});
