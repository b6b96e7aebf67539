/** Tests of the map by a detector: what is speech, what is left out, where cuts belong, and the maps of parts. */

import { describe, expect, test } from "bun:test";
import { samplesInMemory } from "../audio/sample_store.ts";
import { atOnce } from "../steps.ts";
import { sampleRate, type Span } from "../units.ts";
import { planSegments } from "./plan.ts";
import { NeuralMap } from "./neural.ts";
import { allSpeech } from "./speech.ts";
import { splitAtPauses } from "./split.ts";
import { defaultVoiceRule, VoiceDoubt } from "./voice.ts";

type Stretch = readonly [seconds: number, probability: number, level?: number];

const frameSamples = 512;

/** Stretches of a second or more, each with one probability and one level. */
function recording(...stretches: readonly Stretch[]) {
  const samples = new Float32Array(sampleRate * stretches.reduce((sum, [seconds]) => sum + seconds, 0));
  const probabilities = new Float32Array(Math.ceil(samples.length / frameSamples));
  let at = 0;
  for (const [seconds, probability, level = probability >= 0.5 ? 0.1 : 0] of stretches) {
    const end = at + seconds * sampleRate;
    for (let i = at; i < end; i++) samples[i] = i % 2 === 0 ? level : -level;
    probabilities.fill(probability, Math.floor(at / frameSamples), Math.ceil(end / frameSamples));
    at = end;
  }
  const audio = samplesInMemory(samples);
  const found = { probabilities, frameSamples };
  const map = atOnce(NeuralMap.of(found, audio.levels, samples.length, defaultVoiceRule));
  return { audio, map };
}

const seconds = (ranges: readonly Span[]) =>
  ranges.map(({ start, end }) => [start, end].map((place) => Math.round((place * 10) / sampleRate) / 10));

describe("what is left out", () => {
  test("silence without a voice: of it 600 ms stay", () => {
    const { map } = recording([1, 0], [2, 0.9], [3, 0], [2, 0.9]);
    expect(seconds(map.stretches)).toEqual([[0.9, 3.1], [5.9, 8]]);
    expect(seconds(map.withoutSilence)).toEqual([[0, 0.6], [0.8, 4], [5.8, 8]]); // Levels are smoothed.
  });

  test("nothing that sounds, and nothing that may be a voice, however low its level", () => {
    const singing = recording([2, 0.9], [5, 0.05, 0.05], [3, 0], [2, 0.9]).map;
    expect(seconds(singing.stretches)).toEqual([[0, 2.1], [9.9, 12]]);
    expect(seconds(singing.withoutSilence)[0]).toEqual([0, 7.9]);
    expect(seconds(recording([2, 0.9], [5, 0.2], [3, 0], [2, 0.9]).map.withoutSilence)[0]).toEqual([0, 7.7]);
  });

  test("noise that never ends is the floor", () => {
    const { map } = recording([5, 0.05, 0.02], [2, 0.9], [5, 0.05, 0.02]);
    expect(seconds(map.withoutSilence)).toEqual([[0, 0.6], [4.8, 7.8]]);
  });

  test("silence at the ends of a segment: half a second before it, whole seconds after it, and no sound", () => {
    const { map } = recording([5, 0], [2, 0.9], [5, 0.05, 0.05], [5, 0]);
    const ends = (start: number, end: number) =>
      seconds([map.withoutSilentEnds({ start: start * sampleRate, end: end * sampleRate })])[0]!;
    expect(ends(0, 17)).toEqual([4.3, 14]); // Sound begins at 4.8 s.
    expect(ends(4, 17)).toEqual([4, 14]); // No more than a second: as it is.
    expect(ends(5, 12)).toEqual([5, 12]);
    expect(ends(0, 4)).toEqual([0, 4]); // Nothing sounds: somebody else decides.
  });
});

describe("cuts", () => {
  const rule = { targetSec: 10, searchSec: 3 };
  const ends = (segments: readonly Span[]) => seconds(segments).slice(0, -1).map(([, end]) => end!);

  test("a real pause wins over a moment that is quieter", async () => {
    const { audio, map } = recording([8, 0.9], [1, 0.05, 0.02], [3, 0.9], [1, 0.9, 0], [7, 0.9]);
    expect(ends(await splitAtPauses(audio, rule))).toEqual([12.1]);
    const [cut] = ends(await splitAtPauses(audio, { ...rule, pauses: map.pauses }));
    expect(cut).toBeGreaterThan(8);
    expect(cut).toBeLessThan(9);
  });

  test("auto looks for one from two thirds on, -S N only within -W of it", async () => {
    const { audio, map } = recording([22, 0.9], [1, 0], [17, 0.9]);
    const limits = { wholeSecMax: 35, cutSec: 30, positionsMax: 65_536, positionBytes: 1, memoryBytes: undefined };
    const order = { searchSec: 3, promptTokens: 15, pauses: map.pauses };
    const cuts = async (segmentSec: number | "auto") =>
      ends((await planSegments(audio, { ...order, segmentSec }, limits)).segments);
    expect((await cuts("auto"))[0]).toBeWithin(22, 23);
    expect((await cuts(30))[0]).toBeWithin(27, 33);
    expect(await cuts(0)).toEqual([]);
  });
});

test("the map of a part is the map where the part is", () => {
  const { map } = recording([1, 0], [2, 0.9], [3, 0], [2, 0.9], [1, 0.2]);
  const second = (from: number, to: number) => ({ start: from * sampleRate, end: to * sampleRate });
  const part = map.part([second(2, 4), second(6, 9)]);
  expect(seconds(part.stretches)).toEqual([[0, 1.1], [2, 4.1]]);
  expect(seconds(part.part([second(1, 3)]).stretches)).toEqual([[0, 0.1], [1, 2]]);
  expect(seconds(map.unvoiced)).toEqual([[3.3, 5.7]]);
  expect(seconds(part.unvoiced)).toEqual([[1.3, 2]]);
  expect(part.noSpeech([second(4, 5)])).toBeCloseTo(0.8, 1);
  expect(part.evidence([second(0, 1)])).toBe("voice");
  expect(part.evidence([second(1.2, 1.9)])).toBe("none");
  expect(part.evidence([second(4.2, 5)])).toBe("perhaps");
  expect([part.length, part.withoutSilence.at(-1)!.end]).toEqual([5 * sampleRate, 5 * sampleRate]);
});

test("doubt is what the best quarter of a second lacks", () => {
  const doubtOf = (...probabilities: readonly number[]) => {
    const doubt = new VoiceDoubt();
    for (const probability of probabilities) doubt.push(probability);
    return [doubt.noSpeech, doubt.evidence];
  };
  const second = (probability: number) => new Array(31).fill(probability);
  expect(doubtOf(...second(0.9))).toEqual([0.1, "voice"]);
  expect(doubtOf(...second(0), 0.8, ...second(0))).toEqual([0.9, "none"]);
  expect(doubtOf(...second(0), 0.8, 0.2, ...second(0))).toEqual([0.88, "perhaps"]);
  expect(doubtOf(...second(0.15))).toEqual([0.85, "unlikely"]);
  expect(doubtOf(...second(0.05))).toEqual([0.95, "none"]);
  expect(doubtOf(0.9, 0.9)).toEqual([0.1, "voice"]);
  expect(doubtOf()).toEqual([1, "none"]);
});

test("where nothing is looked for, all is speech and nothing is left out", () => {
  const all = { start: 0, end: 100 };
  expect(allSpeech(100)).toMatchObject({ voice: [all], speech: [all], withoutSilence: [all] });
  expect(allSpeech(100).part([{ start: 10, end: 20 }, { start: 30, end: 40 }]).voice).toEqual([{ start: 0, end: 20 }]);
  expect(allSpeech(0).voice).toEqual([]);
  const told = { ...allSpeech(100), speech: [{ start: 20, end: 30 }] };
  expect(allSpeech(100, told)).toMatchObject({ voice: [all], speech: told.speech, withoutSilence: [all] });
});

test("no samples", () => {
  const found = { probabilities: new Float32Array(0), frameSamples };
  const none = atOnce(NeuralMap.of(found, new Float64Array(0), 0, defaultVoiceRule));
  expect([none.voice, none.speech, none.withoutSilence, none.pauses]).toEqual([[], [], [], []]);
  expect(none.noSpeech([])).toBe(1);
});

expect.extend({
  toBeWithin(received, low: number, high: number) {
    const pass = typeof received === "number" && received >= low && received <= high;
    return { pass, message: () => `${received} is not within ${low} to ${high}` };
  },
});
