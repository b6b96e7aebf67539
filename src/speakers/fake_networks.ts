/** Stand-ins for tests: recordings whose speakers can be read off their samples, and networks that do so. */

import { classesCount, embeddingFloats, type SpeakerNetworks, windowFrames, windowSamples } from "./networks.ts";

/** A recording of tones: its samples have one value for as long as a voice speaks, and 0 where nobody does. */
const voices = [0, 0.25, 0.5, 0.75];

/**
 * Networks that hear which values there are: the first that occurs in a window is its speaker 1, and the embedding of
 * a value is a direction of its own.
 */
export function fakeNetworks(asked: number[] = []): SpeakerNetworks {
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
export function recordingOf(turns: readonly (readonly [number, number])[]) {
  const length = turns.reduce((sum, [, seconds]) => sum + seconds * 16_000, 0);
  const samples = new Float32Array(length);
  let at = 0;
  for (const [voice, seconds] of turns) samples.fill(voices[voice]!, at, at += seconds * 16_000);
  return { length, read: (start: number, end: number) => Promise.resolve(samples.slice(start, end)) };
}
