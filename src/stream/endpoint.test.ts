/** Tests of where a stream is cut. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Cut, Cutter, type CutterOptions, quietestPlace, type Stretch } from "./endpoint.ts";
import type { VoiceDetector } from "../segment/voice.ts";
import { speech, spoken } from "./fake_speech.ts";

const options: CutterOptions = { chunkSamples: 32_000, endpointSamples: 12_800 };

function cutsOf(samples: Float32Array, given: Partial<CutterOptions> = {}, sizes: readonly number[] = [5000]) {
  const cutter = new Cutter({ ...options, ...given });
  const cuts: Cut[] = [];
  for (let at = 0, i = 0; at < samples.length; i++) {
    let rest = samples.subarray(at, at + sizes[i % sizes.length]!);
    at += rest.length;
    while (rest.length > 0) {
      const { count, cuts: found } = cutter.read(rest);
      cuts.push(...found);
      rest = rest.subarray(count);
    }
  }
  return { cuts, cutter };
}

const noise = (count: number, level: number, seed = 1) => {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return (state / 0x40000000 - 1) * level;
  });
};

function join(...parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

test("an utterance begins before its first voice and ends with the pause", () => {
  const samples = join(spoken(-1, 32_000), spoken(3, 1600), spoken(-1, 32_000));
  const cuts = cutsOf(samples).cuts.filter(({ kind }) => kind !== "hear");
  expect(cuts.map(({ kind }) => kind)).toEqual(["start", "close"]);
  expect(cuts[0]!.at).toBeWithin(14_000, 17_000);
  expect(cuts[1]!.at).toBeWithin(33_600 + 12_800, 33_600 + 16_000);
});

test("it is heard every chunk, from its own start", () => {
  const { cuts } = cutsOf(join(spoken(-1, 16_000), noise(100_000, 0.2)), { endpointSamples: 0 });
  expect(cuts).toEqual([
    { kind: "start", at: 0 },
    ...[1, 2, 3].map((n) => ({ kind: "hear" as const, at: n * 32_000 })),
  ]);
  const late = cutsOf(join(spoken(-1, 16_000), spoken(3, 40_000))).cuts;
  expect(late.map(({ kind }) => kind)).toEqual(["start", "hear"]);
  expect(late[1]!.at - late[0]!.at).toBe(32_000);
});

test("silence, and noise that stays as it is, begin nothing for long", () => {
  expect(cutsOf(spoken(-1, 160_000)).cuts).toEqual([]);
  const { cuts } = cutsOf(noise(1_600_000, 0.01));
  expect(cuts.map(({ kind }) => kind)).toEqual(["start", "close"]);
  expect(cuts[1]!.at).toBeLessThan(48_000);
});

test("speech over noise is found, however soft both are", () => {
  for (const level of [0.2, 0.01, 0.0008]) {
    const voiced = join(noise(64_000, level / 4), noise(16_000, level, 5), noise(64_000, level / 4, 9));
    const { cuts } = cutsOf(voiced);
    const closes = cuts.filter(({ kind }) => kind === "close").map(({ at }) => at);
    expect(closes.at(-1)!).toBeWithin(64_000 + 16_000 + 12_000, 64_000 + 16_000 + 20_000);
  }
});

test("a faint voice right after a loud one is not dropped", () => {
  const faint = noise(32_000, 0.001).map((value, i) => i % 4800 < 3200 ? value : 0);
  const { cuts } = cutsOf(join(spoken(100, 48_000), spoken(-1, 3200), faint, spoken(-1, 32_000)));
  const [first, second] = cuts.filter(({ kind }) => kind === "start");
  expect(first!.at).toBe(0);
  expect(second!.at).toBeWithin(51_200, 51_200 + 16_000);
});

test("stretches of voice, between any two places", () => {
  const samples = join(spoken(-1, 32_000), spoken(100, 16_000), spoken(-1, 8000), spoken(3, 8000), spoken(-1, 800));
  const { cutter } = cutsOf(join(samples, spoken(7, 8000), spoken(-1, 16_000)));
  const near = (stretches: readonly Stretch[]) =>
    stretches.map(({ start, end }) => [start, end].map((at) => Math.round(at / 1600)));
  // A gap of 50 ms is part of the words; a loud sound seems to last a little longer than it does.
  expect(near(cutter.speech(0, Infinity))).toEqual([[20, 31], [35, 46]]);
  expect(near(cutter.speech(40_000, 60_000))).toEqual([[25, 31], [35, 38]]);
  expect(cutter.speech(0, 16_000)).toEqual([]);
});

test("damaged samples make no difference to what follows", () => {
  const samples = join(spoken(-1, 16_000), Float32Array.of(NaN, Infinity), spoken(-1, 15_998), spoken(3, 8000));
  expect(cutsOf(samples).cuts.map(({ kind }) => kind)).toEqual(["start"]);
});

test("the cuts are the same whatever pieces the samples come in", () => {
  const words = fc.array(fc.record({ word: fc.nat(199), gap: fc.integer({ min: 800, max: 40_000 }) }), {
    maxLength: 8,
  });
  const sizes = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(words, sizes, fc.constantFrom(0, 4800, 12_800), (said, pieces, endpointSamples) => {
      const samples = speech(said, 20_000);
      const whole = cutsOf(samples, { endpointSamples }, [samples.length]);
      expect(cutsOf(samples, { endpointSamples }, pieces).cuts).toEqual(whole.cuts);
      // Utterances do not overlap in what is not silence, and every word lies in one.
      expect(whole.cuts.every(({ at }) => at % 160 === 0)).toBe(true);
      const edges = whole.cuts.filter(({ kind }) => kind !== "hear").map(({ at }) => at);
      const inside = (at: number) =>
        edges.some((edge, i) => i % 2 === 0 && edge <= at && at < (edges[i + 1] ?? Infinity));
      let at = 0;
      for (const { word, gap } of said) {
        at += gap;
        expect(inside(at)).toBe(true);
        at += spoken(word).length;
        expect(inside(at - 1)).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});

test("the quietest place, the last of equals", () => {
  const samples = noise(32_000, 0.1);
  samples.fill(0, 12_000, 15_000);
  expect(quietestPlace(samples, 0, samples.length)).toBeWithin(12_000, 15_001);
  expect(quietestPlace(new Float32Array(16_000), 0, 16_000)).toBe(15_200);
  expect(quietestPlace(new Float32Array(1000), 0, 1000)).toBe(500);
});
describe("with a detector", () => {
  /** Finds a voice where samples are above 0.25, half of one above 0.2. */
  function fakeDetector(): VoiceDetector {
    let held: number[] = [];
    const run = (samples: Float32Array) => {
      held.push(...samples);
      const found: number[] = [];
      for (; held.length >= 512; held = held.slice(512)) {
        const peak = Math.max(...held.slice(0, 512));
        found.push(peak > 0.25 ? 0.9 : peak > 0.2 ? 0.4 : 0.02);
      }
      return Float32Array.from(found);
    };
    return { frameSamples: 512, run, close: () => {} };
  }

  const voice = () => ({ voice: { detector: fakeDetector(), threshold: 0.5 } });
  /** Sound that comes and goes, so that it is never taken for the noise of the place. */
  const music = (seconds: number, level: number) =>
    Float32Array.from(
      { length: seconds * 16_000 },
      (_, i) => (i % 2 === 0 ? level : -level) * (Math.floor(i / 4000) % 2 === 0 ? 1 : 0.1),
    );

  test("an utterance ends with the voice, though other sound goes on", () => {
    const samples = join(noise(16_000, 0.001), music(2, 0.3), music(4, 0.1));
    const ends = cutsOf(samples, voice()).cuts.filter(({ kind }) => kind === "close");
    expect(ends[0]!.at).toBeWithin(48_000 + 8_000, 48_000 + 20_000);
    expect(cutsOf(samples).cuts.filter(({ kind }) => kind === "close")).toEqual([]);
  });

  test("what only sounds is an utterance too, a doubtful one", () => {
    const samples = join(noise(16_000, 0.001), music(3, 0.1), noise(32_000, 0.001));
    const { cuts, cutter } = cutsOf(samples, voice());
    expect(cuts.map(({ kind }) => kind)).toEqual(cutsOf(samples).cuts.map(({ kind }) => kind));
    expect(cutter.noSpeech(16_000, 64_000)).toBe(0.98);
    expect(cutter.evidence(16_000, 64_000)).toBe("none");
    const spoken = cutsOf(join(samples, music(2, 0.3)), voice()).cutter;
    expect(spoken.noSpeech(samples.length, samples.length + 32_000)).toBe(0.1);
    expect(spoken.evidence(0, samples.length + 32_000)).toBe("voice");
    expect(cutsOf(samples).cutter.noSpeech(0, samples.length)).toBeUndefined();
  });

  test("the soft onset of a word at the end of a pause goes on with the utterance", () => {
    const onset = noise(2000, 0.05);
    const samples = join(noise(16_000, 0.3), spoken(-1, 12_000), onset, noise(16_000, 0.3));
    expect(cutsOf(samples, voice()).cuts.map(({ kind }) => kind)).toEqual(["start", "hear"]);
  });

  test("the pieces in which samples come make no difference", () => {
    const samples = join(
      noise(9_000, 0.001),
      music(2, 0.3),
      music(3, 0.1),
      music(1, 0.22),
      music(1, 0.3),
      spoken(-1, 40_000),
    );
    const whole = cutsOf(samples, voice(), [samples.length]);
    for (const sizes of [[1000], [160], [7, 511, 6000]]) {
      const pieces = cutsOf(samples, voice(), sizes);
      expect(pieces.cuts).toEqual(whole.cuts);
      expect(pieces.cutter.speech(0, samples.length)).toEqual(whole.cutter.speech(0, samples.length));
    }
  });
});
