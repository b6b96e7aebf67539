/** Tests of the decision between voice and no voice, on made sounds and, where they are, on clips of speech. */

import { describe, expect, test } from "bun:test";
import { type Clip, clip, clips, hasClip } from "../../tests/fixtures.ts";
import { clipSamples } from "../../tests/native.ts";
import { sampleRate } from "../units.ts";
import { atLevel, changingSounds, chords, hum, joined, levelOf, madeVoice } from "./sounds_fixture.ts";
import { mixed, noise, noVoices, pinkNoise } from "./sounds_fixture.ts";
import { frameSamples, hopSamples, Spectrum, transform } from "./spectrum.ts";
import { hasVoice, SpectralJudge } from "./has_voice.ts";

describe("what has no voice", () => {
  for (const [name, samples] of Object.entries(noVoices)) {
    test(name, () => {
      expect(hasVoice(samples)).toBeFalse();
      for (const level of [-12, -30, -55]) expect(hasVoice(atLevel(samples, level))).toBeFalse();
    });
  }

  test("no samples, and samples that are no numbers", () => {
    expect(hasVoice(new Float32Array(0))).toBeFalse();
    expect(hasVoice(new Float32Array(sampleRate).fill(NaN))).toBeFalse();
  });
});

describe("what changes as a voice does, where a detector finds none", () => {
  const isOfTones = (name: string) => !/engine|clipped|organ/.test(name);
  for (const [name, samples] of Object.entries(changingSounds)) {
    test(name, () => {
      expect(hasVoice(samples, undefined, "none")).toBeFalse();
      if (isOfTones(name)) expect(hasVoice(samples, undefined, "perhaps")).toBeFalse();
    });
  }

  test("a voice is one all the same, alone, between chords and above them", () => {
    const voice = atLevel(madeVoice(3), -20);
    const music = atLevel(chords(3), -20);
    for (const sound of [voice, joined(music, voice, music), mixed(voice, music, 0.1)]) {
      for (const evidence of ["none", "unlikely", "perhaps"] as const) {
        expect(hasVoice(sound, undefined, evidence)).toBeTrue();
      }
    }
  });

  test("without a detector, it counts as a voice", () => {
    expect(hasVoice(changingSounds["siren"]!)).toBeTrue();
  });
});

const backgrounds = { "white noise": noise(5, 0, 3), "pink noise": pinkNoise(5, 3), "hum": hum(5, 50, 20) };

describe("what has a voice", () => {
  test("made syllables, however quiet, and with noise 10 dB below", () => {
    const voice = madeVoice(3);
    expect(hasVoice(voice)).toBeTrue();
    for (const level of [-10, -30, -60]) expect(hasVoice(atLevel(voice, level))).toBeTrue();
    for (const background of Object.values(backgrounds)) {
      expect(hasVoice(mixed(atLevel(voice, -20), atLevel(background, -30)))).toBeTrue();
    }
  });

  test("a word in a minute of hiss", () => {
    const hiss = atLevel(noise(30, 0, 8), -40);
    const samples = joined(hiss, mixed(atLevel(madeVoice(1), -25), hiss), hiss);
    expect(hasVoice(samples)).toBeTrue();
  });

  const deep = ["words-en-2", "words-en-5", "words-zh-6"].filter(hasClip);
  test.each(deep)("%s: single words between seconds of hiss", async (name) => {
    const path = clip(name).wav;
    const samples = await clipSamples(path);
    const { words } = await Bun.file(path.replace(".wav", ".words.json")).json();
    const at = (second: number) => Math.round(second * sampleRate);
    for (const { text, start, end } of words as { text: string; start: number; end: number }[]) {
      if (end - start < 0.25) continue;
      const word = samples.slice(at(start - 0.03), at(end + 0.03));
      const level = 20 * Math.log10(levelOf(word));
      const alone = joined(new Float32Array(sampleRate), word, new Float32Array(sampleRate));
      for (const below of [60, 20, 10]) {
        expect([text, hasVoice(mixed(alone, atLevel(noise(3, 0, 2), level - below)))]).toEqual([text, true]);
      }
    }
  });

  const spoken = clips().filter(({ language, seconds }) => language !== "None" && seconds < 7);
  test.each(spoken)("$name, 30 dB quieter, and with noise 10 dB below", async (clip: Clip) => {
    const samples = await clipSamples(clip.wav);
    const level = 20 * Math.log10(levelOf(samples));
    expect(hasVoice(samples)).toBeTrue();
    expect(hasVoice(atLevel(samples, level - 30))).toBeTrue();
    for (const background of Object.values(backgrounds)) {
      expect(hasVoice(mixed(samples, atLevel(background, level - 10)))).toBeTrue();
    }
  });
});

test("the pieces in which samples come make no difference", () => {
  const samples = mixed(madeVoice(2), noise(2), 0.2);
  const moves = [1, 100, 511, 512, 7000, samples.length].map((size) => {
    const judge = new SpectralJudge();
    for (let at = 0; at < samples.length; at += size) judge.push(samples.subarray(at, at + size));
    return judge.movesDb;
  });
  expect(new Set(moves).size).toBe(1);
});

test("once there is a voice, what follows does not take it back", () => {
  const judge = new SpectralJudge();
  judge.push(madeVoice(2));
  expect(judge.hasVoice("unknown")).toBeTrue();
  judge.push(new Float32Array(10 * sampleRate));
  judge.push(noise(10));
  expect(judge.hasVoice("unknown")).toBeTrue();
});

test("the transform is the sum that defines it", () => {
  const [real, imaginary] = [noise(0.032), noise(0.032, 0, 2)].map((part) => Float64Array.from(part)) as [
    Float64Array,
    Float64Array,
  ];
  const [re, im] = [real.slice(), imaginary.slice()];
  transform(re, im);
  for (const k of [0, 1, 17, 255, 256, 511]) {
    let [sumRe, sumIm] = [0, 0];
    for (let i = 0; i < frameSamples; i++) {
      const angle = (-2 * Math.PI * k * i) / frameSamples;
      sumRe += real[i]! * Math.cos(angle) - imaginary[i]! * Math.sin(angle);
      sumIm += real[i]! * Math.sin(angle) + imaginary[i]! * Math.cos(angle);
    }
    expect(re[k]).toBeCloseTo(sumRe, 8);
    expect(im[k]).toBeCloseTo(sumIm, 8);
  }
});

test("a tone is in its band, a row comes every 16 ms", () => {
  const samples = Float32Array.from({ length: frameSamples + 9 * hopSamples }, (_, i) => Math.sin((i * Math.PI) / 8));
  const spectrum = new Spectrum();
  const rows: Float64Array[] = [];
  for (let rest = samples; rest.length > 0;) {
    const { count, row } = spectrum.read(rest);
    if (row) rows.push(row.levels);
    rest = rest.subarray(count);
  }
  expect(rows.length).toBe(10);
  for (const row of rows) expect(row.indexOf(Math.max(...row))).toBe(4); // 1 kHz lies in 850 to 1150 Hz.
});
