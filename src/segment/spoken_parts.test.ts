/** Tests of what is left out of a segment: seconds in which neither the detector nor the spectrum finds a voice. */

import { expect, test } from "bun:test";
import { sampleRate, type Span } from "../units.ts";
import { SpectralJudge } from "./has_voice.ts";
import { atLevel, joined, madeVoice, noise } from "./sounds_fixture.ts";
import { joinedSamples, spokenParts } from "./spoken_parts.ts";

const second = (from: number, to: number): Span => ({ start: from * sampleRate, end: to * sampleRate });
const [voice, hiss, silence] = [atLevel(madeVoice(3), -20), atLevel(noise(4), -30), new Float32Array(4 * sampleRate)];
const parts = (samples: Float32Array, start: number, unvoiced: readonly Span[]) =>
  spokenParts(samples, start * sampleRate, unvoiced, () => new SpectralJudge());

test("hiss and silence go, in the middle and at the ends, and what is left is joined", () => {
  const samples = joined(hiss, voice, silence, voice, hiss);
  const unvoiced = [second(100, 103.7), second(107.3, 110.7), second(114.3, 130)];
  const kept = parts(samples, 100, unvoiced);
  expect(kept).toEqual([second(103.7, 107.3), second(110.7, 114.3)]);
  const heard = joinedSamples(samples, 100 * sampleRate, kept);
  expect(heard).toEqual(
    joined(samples.subarray(3.7 * sampleRate, 7.3 * sampleRate), samples.subarray(171_200, 228_800)),
  );
});

test("a voice that the detector misses stays, and so does what is short or of another segment", () => {
  const samples = joined(voice, voice, hiss);
  const whole = [second(0, 10)];
  expect(parts(samples, 0, [second(3.2, 6)])).toEqual(whole);
  expect(parts(samples, 0, [second(6.5, 6.9)])).toEqual(whole);
  expect(parts(samples, 0, [second(20, 30)])).toEqual(whole);
  expect(parts(samples, 0, [])).toEqual(whole);
});

test("of a segment in which nothing may be a voice all stays: others decide whether it is heard", () => {
  expect(parts(hiss, 0, [second(0, 4)])).toEqual([second(0, 4)]);
});
