/**
 * Made sounds for tests: many without a voice, by name, music and the like among them, and one with a voice. In:
 * nothing; the same samples each time. Out: 16 kHz mono at about -12 dB. Pure.
 */

import { sampleRate } from "../units.ts";

/** Numbers from 0 to 1. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** From the second of a sample to its value. */
type Wave = (second: number) => number;

export function sampled(seconds: number, wave: Wave): Float32Array {
  return Float32Array.from({ length: Math.round(seconds * sampleRate) }, (_, i) => wave(i / sampleRate));
}

export function levelOf(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

/** The same sound at this level in dB, a square of full scale being 0, and as 16-bit files hold it. */
export function atLevel(samples: Float32Array, decibels: number): Float32Array {
  const gain = 10 ** (decibels / 20) / (levelOf(samples) || 1);
  return samples.map((sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample * gain * 32_768))) / 32_768);
}

export function mixed(one: Float32Array, other: Float32Array, gain = 1): Float32Array {
  return one.map((sample, i) => sample + gain * other[i % other.length]!);
}

export function joined(...parts: Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

/** Noise of a colour: samples of normal distribution, `keep` of the sum before carried over. */
export function noise(seconds: number, keep = 0, seed = 1): Float32Array {
  const random = randomNumbers(seed);
  let sum = 0;
  return sampled(seconds, () => {
    sum = keep * sum + Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return sum;
  });
}

/** 3 dB less for every octave: noise of many colours in one. */
export function pinkNoise(seconds: number, seed = 1): Float32Array {
  const keeps = [0, 0.55, 0.866, 0.969, 0.993, 0.9988];
  return keeps.map((keep, i) => atUnit(noise(seconds, keep, seed + i))).reduce((sum, part) => mixed(sum, part));
}

function atUnit(samples: Float32Array): Float32Array {
  const level = levelOf(samples);
  return samples.map((sample) => sample / level);
}

const sine = (hertz: number): Wave => (second) => Math.sin(2 * Math.PI * hertz * second);
const sum = (...waves: Wave[]): Wave => (second) => waves.reduce((all, wave) => all + wave(second), 0);
const tones = (...hertz: number[]) => sampled(3, sum(...hertz.map(sine)));

export function hum(seconds: number, hertz: number, harmonics: number): Float32Array {
  const waves = Array.from({ length: harmonics }, (_, i): Wave => {
    return (second) => Math.sin(2 * Math.PI * hertz * (i + 1) * second + i * i) / (i + 1);
  });
  return sampled(seconds, sum(...waves));
}

function clicks(perSecond: number, samplesEach: number, isRegular: boolean): Float32Array {
  const random = randomNumbers(7);
  const result = new Float32Array(4 * sampleRate);
  for (let second = 0.3; second < 3.9;) {
    for (let i = 0; i < samplesEach; i++) {
      const sign = samplesEach < 4 ? 1 : 2 * random() - 1;
      result[Math.round(second * sampleRate) + i] = sign * Math.exp((-4 * i) / samplesEach);
    }
    second += isRegular ? 1 / perSecond : -Math.log(1 - random()) / perSecond;
  }
  return result;
}

const shaped = (samples: Float32Array, gain: Wave) => samples.map((sample, i) => sample * gain(i / sampleRate));
const silence = (seconds: number) => new Float32Array(Math.round(seconds * sampleRate));
const slow = (depth: number, hertz: number): Wave => (second) => 1 + depth * Math.sin(2 * Math.PI * hertz * second);

/** Sounds without a voice. */
export const noVoices: Readonly<Record<string, Float32Array>> = {
  "digital zero": silence(1),
  "one sample": Float32Array.of(0.5),
  "two hundred samples of noise": noise(0.0125),
  "tenth of a second of noise": noise(0.1),
  "half a second of noise": noise(0.5),
  "DC": sampled(2, () => 0.3),
  "DC that jumps": sampled(2, (second) => second < 1 ? 0.1 : -0.1),
  "dither": noise(3).map((sample) => Math.round(0.4 * sample) / 32_768),
  "white noise": noise(4),
  "a minute of white noise": noise(60, 0, 5),
  "pink noise": pinkNoise(4),
  "brown noise": noise(4, 0.999),
  "brown noise of a low kind": noise(4, 0.9999, 3),
  "noise of low passes": noise(4, 0.9),
  "blue noise": noise(4, -0.7),
  "hum of 50 Hz": hum(3, 50, 10),
  "hum of 60 Hz": hum(3, 60, 20),
  "hum of 50 Hz, 40 harmonics": hum(3, 50, 40),
  "buzz of 120 Hz": sampled(3, (second) => (second * 120) % 1 - 0.5),
  "tone of 100 Hz": tones(100),
  "tone of 440 Hz": tones(440),
  "tone of 1 kHz": tones(1000),
  "tone of 3.1 kHz": tones(3100),
  "two tones": tones(350, 440),
  "two tones that beat": tones(440, 443),
  "two tones that beat slowly": tones(1000, 1001),
  "one tone after the other": joined(tones(440), tones(880)),
  "chord": tones(262, 330, 392),
  "hum and hiss": mixed(hum(3, 50, 10), noise(3), 0.1),
  "tone and hiss": mixed(tones(1000), noise(3), 0.3),
  "white noise that fades in": shaped(noise(3), (second) => second / 3),
  "pink noise that fades in": shaped(pinkNoise(3), (second) => second / 3),
  "brown noise that fades in": shaped(noise(3, 0.999), (second) => second / 3),
  "noise that fades out": shaped(pinkNoise(3), (second) => 1 - second / 3),
  "hum that fades in": shaped(hum(4, 60, 10), (second) => second / 4),
  "white noise that drifts": shaped(noise(8), slow(0.7, 0.2)),
  "brown noise that drifts": shaped(noise(8, 0.999), slow(0.8, 0.3)),
  "hum that drifts": shaped(hum(8, 50, 10), slow(0.6, 0.25)),
  "hiss after silence": joined(silence(1), pinkNoise(2)),
  "hum after silence": joined(silence(1), hum(2, 50, 30)),
  "hiss with a gap": joined(pinkNoise(2), silence(0.5), pinkNoise(2, 9)),
  "hiss that becomes louder": joined(atLevel(noise(2), -30), atLevel(noise(2), -12)),
  "a click": clicks(0.1, 1, true),
  "three clicks a second": clicks(3, 1, true),
  "ten clicks a second": clicks(10, 1, true),
  "soft clicks": clicks(2, 160, true),
  "crackle": mixed(clicks(5, 8, false), noise(4), 0.001),
};

/** A wave whose pitch changes: `waveOf` gets the turns that it has made. */
function gliding(seconds: number, hertz: Wave, waveOf: (turns: number, second: number) => number): Float32Array {
  let turns = 0;
  return sampled(seconds, (second) => {
    turns += hertz(second) / sampleRate;
    return waveOf(turns, second);
  });
}

const overtones = (turns: number, count: number, fall = 1) =>
  Array.from({ length: count }, (_, i) => Math.sin(2 * Math.PI * (i + 1) * turns + i * i) / (i + 1) ** fall)
    .reduce((all, one) => all + one, 0);

/** Three notes of three or more overtones at a time, others after every `seconds`. */
export function chords(length: number, seconds = 1, count = 3): Float32Array {
  const notes = [220, 247, 262, 294, 330, 349, 392];
  return sampled(length, (second) => {
    const at = Math.floor(second / seconds);
    return [0, 2, 4].reduce((all, i) => all + overtones(notes[(at + i) % notes.length]! * second, count), 0);
  });
}

const rows = [941, 697, 697, 697, 770, 770, 770, 852];
const columns = [1336, 1209, 1336, 1477, 1209, 1336, 1477, 1209];

/** Keys of a telephone. */
function dial(keys: string, toneSec: number, pauseSec: number): Float32Array {
  return joined(
    ...[...keys].map(Number).flatMap((key) => [
      sampled(toneSec, sum(sine(rows[key]!), sine(columns[key]!))),
      silence(pauseSec),
    ]),
  );
}

function engine(hertz: Wave): Float32Array {
  return mixed(gliding(8, hertz, (turns) => overtones(turns, 30, 0.8)), noise(8), 0.1);
}

const clipped = (samples: Float32Array, gain: number) =>
  atUnit(samples).map((sample) => Math.max(-1, Math.min(1, gain * sample)));

/**
 * Sounds without a voice whose spectra change as much as those of a voice: what tells them apart is the detector, and
 * that they are made of pure tones.
 */
export const changingSounds: Readonly<Record<string, Float32Array>> = {
  "keys of a telephone": dial("5550123467", 0.1, 0.1),
  "keys in haste": dial("1005551234627", 0.08, 0.06),
  "keys held down": dial("0123456712", 0.2, 0.1),
  "sweep": gliding(5, (second) => 100 * 70 ** (second / 5), (turns) => overtones(turns, 1)),
  "sweep of 8 kHz": gliding(5, (second) => 20 + 1580 * second, (turns) => overtones(turns, 1)),
  "sweeps of a second": gliding(5, (second) => 200 + 3800 * (second % 1), (turns) => overtones(turns, 1)),
  "siren": gliding(8, (second) => 1000 - 500 * Math.cos(2 * second), (turns) => overtones(turns, 1)),
  "fast siren": gliding(6, (second) => 950 + 350 * Math.sin(19 * second), (turns) => overtones(turns, 1)),
  "chords": chords(6),
  "chords between silences": joined(silence(0.5), chords(5), silence(0.5)),
  "fast chords": chords(6, 0.35),
  "chords of an organ": chords(6, 0.7, 8),
  "clipped chords": clipped(chords(6), 3),
  "clipped chords between silences": joined(silence(0.5), clipped(chords(5), 10), silence(0.5)),
  "tones of a dial": shaped(tones(440, 480), (second) => second % 1 < 0.5 ? 1 : 0),
  "engine": engine((second) => 40 + 25 * Math.sin(second) + 10 * Math.sin(2.5 * second + 1)),
  "engine that is revved": engine((second) => 30 + 60 * Math.sin(1.5 * second) ** 2),
};

const vowels = [[700, 1200], [300, 2200], [320, 800], [500, 1800], [600, 1000]] as const;

/** Syllables of 120 ms or more: a buzz of a gliding pitch through two resonances, or a hiss. */
export function madeVoice(seconds: number): Float32Array {
  const random = randomNumbers(11);
  const result = silence(seconds);
  for (let start = 0.2, count = 0; start < seconds - 0.3; count++) {
    const length = 0.12 + 0.1 * random();
    const isHiss = count % 3 === 2;
    const pitch = 100 + 60 * random();
    const source = isHiss
      ? shaped(noise(length, -0.9, count + 1), () => 0.05)
      : sampled(length, (second) => ((second * (pitch - 30 * second)) % 1) - 0.5);
    const [first, second] = vowels[count % vowels.length]!;
    const sound = isHiss ? source : resonated(resonated(source, first), second);
    const at = Math.round(start * sampleRate);
    const unit = atUnit(sound);
    for (let i = 0; i < unit.length; i++) result[at + i]! += unit[i]! * Math.sin((Math.PI * i) / unit.length);
    start += length + (count % 5 === 4 ? 0.3 : 0.02);
  }
  return result;
}

function resonated(samples: Float32Array, hertz: number): Float32Array {
  const radius = Math.exp((-Math.PI * 90) / sampleRate);
  const turn = 2 * radius * Math.cos((2 * Math.PI * hertz) / sampleRate);
  let [last, before] = [0, 0];
  return samples.map((sample) => {
    const next = sample + turn * last - radius * radius * before;
    [before, last] = [last, next];
    return next;
  });
}
