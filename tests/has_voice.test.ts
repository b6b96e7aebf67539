/**
 * The library's rule of who speaks (qasr_vad_has_voice, and in the one-call functions) and the program's are one: the
 * same answers for every clip and made sound, at every level, and in as much noise.
 */

import { dlopen, type Pointer } from "bun:ffi";
import { describe, expect, test } from "bun:test";
import { hasVoice } from "../src/segment/has_voice.ts";
import { atLevel, changingSounds, noVoices } from "../src/segment/sounds_fixture.ts";
import { hum, joined, levelOf, madeVoice, mixed, noise } from "../src/segment/sounds_fixture.ts";
import { VoiceDoubt, type VoiceEvidence } from "../src/segment/voice.ts";
import { type Clip, clips } from "./fixtures.ts";
import { clipSamples, libraryPath, native } from "./native.ts";

const symbols = dlopen(libraryPath(), {
  qasr_vad_open: { args: ["ptr", "u32", "ptr"], returns: "i32" },
  qasr_vad_has_voice: { args: ["ptr", "ptr", "u32", "ptr"], returns: "i32" },
}).symbols;
const handle = new BigUint64Array(1);
symbols.qasr_vad_open(null, 0, handle);
const vad = Number(handle[0]) as Pointer;
const detector = native().openVad();

/** What the library says of samples. */
function library(samples: Float32Array): boolean {
  const answer = new Uint32Array([2]);
  expect(symbols.qasr_vad_has_voice(vad, samples.length > 0 ? samples : null, samples.length, answer)).toBe(0);
  expect(answer[0]).toBeLessThan(2);
  return answer[0] === 1;
}

function evidence(samples: Float32Array): VoiceEvidence {
  const doubt = new VoiceDoubt();
  for (const probability of native().vadRun(detector, samples, true)) doubt.push(probability);
  return doubt.evidence;
}

const answers = new Set<string>();

/** What both say. */
function heard(samples: Float32Array): boolean {
  const says = evidence(samples);
  const answer = hasVoice(samples, undefined, says);
  expect(library(samples)).toBe(answer);
  answers.add(`${says} ${answer}`);
  return answer;
}

describe("the library hears what the program hears", () => {
  test("made sounds without a voice", () => {
    for (const samples of Object.values(noVoices)) {
      for (const level of [-12, -45]) expect(heard(atLevel(samples, level))).toBeFalse();
    }
    for (const odd of [new Float32Array(0), new Float32Array(1), new Float32Array(16_000).fill(NaN)]) {
      expect(heard(odd)).toBeFalse();
    }
  });

  test("music and the like, which change as voices do", () => {
    for (const samples of Object.values(changingSounds)) {
      for (const level of [-12, -45]) expect(heard(atLevel(samples, level))).toBeFalse();
    }
  });

  const spoken = clips().filter(({ language, seconds }) => language !== "None" && seconds < 7);
  test.each(spoken)("$name, 30 dB quieter, in noise", async (clip: Clip) => {
    const samples = await clipSamples(clip.wav);
    const level = 20 * Math.log10(levelOf(samples));
    expect(heard(samples)).toBeTrue();
    expect(heard(atLevel(samples, level - 30))).toBeTrue();
    expect(heard(mixed(samples, atLevel(noise(5, 0, 3), level - 10)))).toBeTrue();
    for (const below of [5, 0, -5, -10, -20]) heard(mixed(samples, atLevel(noise(5, 0, 3), level - below)));
    for (const length of [100, 3000, 6000, 12_000]) heard(samples.slice(-length));
  });

  test("syllables that drown in noise or a hum, step by step, and of any length", () => {
    const voice = atLevel(madeVoice(3), -20);
    for (const background of [noise(3, 0, 5), noise(3, 0.97, 5), hum(3, 50, 20)]) {
      const both = Array.from({ length: 40 }, (_, i) => heard(mixed(voice, atLevel(background, 1.5 * i - 45))));
      expect([both.at(0), both.at(-1)]).toEqual([true, false]);
    }
    for (let length = 2000; length < 24_000; length += 777) heard(joined(noise(1), voice.subarray(0, length)));
  });

  test("each kind of evidence was there", () => {
    const none = ["none false", "perhaps false", "unlikely false"];
    const kinds = [...none, "perhaps true", "unlikely true", "voice true"].sort();
    expect([...answers].sort()).toEqual(kinds);
  });
});
