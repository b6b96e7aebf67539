/**
 * Recognises samples that are not 16-bit little-endian, which headerless input is taken for. In: its first bytes. Out:
 * their format where there is no doubt; undefined for all that could be 16-bit samples. Pure.
 *
 * The bytes of a format stand in lanes, byte i of every sample. Coarse lanes are smooth and fine ones are noise; which
 * is which, and after how many bytes they come again, tells formats apart. 16-bit sound would need an absurd wave to
 * look like that.
 */

import { readSamples, sampleBytes, type SampleFormat } from "./pcm.ts";

/** Fewer bytes that are not blank do not decide. */
const BYTES_MIN = 2048;
const BYTES_MAX = 1 << 15;
/** Neighbours of sound resemble each other this much, and those of noise less than that. */
const SMOOTH_MIN = 0.6;
const NOISE_MAX = 0.2;

export function certainFormat(head: Uint8Array): SampleFormat | undefined {
  const bytes = trimBlank(head);
  if (bytes.length < BYTES_MIN) return undefined;
  if (areFloats(bytes)) return "f32le";
  if (isSmoothAs("s16le", bytes)) return certainByte(bytes);
  return certainByte(bytes) ?? (["s32le", "s24le", "s16be"] as const).find((format) => areIntegers(format, bytes));
}

/** From the first sample that differs from the very first, at a place where samples of 1 to 4 bytes begin. */
function trimBlank(head: Uint8Array): Uint8Array {
  const blankBytes = head.findIndex((byte) => byte !== head[0]);
  const from = Math.max(0, blankBytes - blankBytes % 12);
  return head.subarray(from, from + BYTES_MAX);
}

const FLOAT_MIN = 2 ** -40;
const FLOAT_MAX = 4;

/** Nearly all words are floats of sound: many exponents, both signs. As 16 bits, every second sample would be huge. */
function areFloats(bytes: Uint8Array): boolean {
  const words = Math.floor(bytes.length / 4);
  const samples = readSamples("f32le", bytes, words);
  const halves = readSamples("s16le", bytes, words * 2);
  const exponents = new Set<number>();
  let [some, sane, negative, alike] = [0, 0, 0, 0];
  for (const [i, sample] of samples.entries()) {
    const size = Math.abs(sample);
    if (size === 0) continue;
    some++;
    if (size < FLOAT_MIN || !(size <= FLOAT_MAX)) continue;
    sane++;
    exponents.add(Math.floor(Math.log2(size)));
    if (sample < 0) negative++;
    if (Math.abs(halves[2 * i]! - halves[2 * i + 1]!) < 0.1) alike++;
  }
  return some > BYTES_MIN / 8 && sane > 0.995 * some && exponents.size >= 6 && alike < 0.4 * some &&
    negative > 0.1 * some && negative < 0.9 * some;
}

/** Smooth as that format, with noise in its finest lanes; read as 16 bits, it is noise. */
function areIntegers(format: "s16be" | "s24le" | "s32le", bytes: Uint8Array): boolean {
  const width = sampleBytes(format);
  if (!isSmoothAs(format, bytes)) return false;
  if (Math.abs(likeness("s16le", bytes)) > NOISE_MAX && format !== "s32le") return false;
  const coarse = format === "s16be" ? 0 : width - 1;
  const fine = format === "s16be" ? 1 : width - 2;
  if (varietyOf(bytes, coarse, width) > 0.85 * varietyOf(bytes, fine, width) || varietyOf(bytes, fine, width) < 100) {
    return false;
  }
  if (format !== "s32le") return true;
  if (varietyOf(bytes, 1, width) < 200) return false;
  const low = Float64Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => (bytes[4 * i + 1]! << 24 >> 24));
  return Math.abs(correlation(low)) < NOISE_MAX;
}

/** One byte a sample: both halves of a 16-bit sample are then of one kind, and no 16-bit sound has that. */
function certainByte(bytes: Uint8Array): SampleFormat | undefined {
  if (varietyOf(bytes, 0, 2) < 24 || laneDistance(bytes) > 0.1) return undefined;
  const pair = likeness("s16le", bytes);
  const found = (["u8", "mulaw", "alaw"] as const)
    .map((format) => ({ format, likeness: likeness(format, bytes) }))
    .sort((a, b) => b.likeness - a.likeness)[0]!;
  return found.likeness > SMOOTH_MIN && found.likeness > pair ? found.format : undefined;
}

/** Values that are not rare, of 256: how wide a lane's bytes are spread. */
function varietyOf(bytes: Uint8Array, lane: number, width: number): number {
  const counts = countsOf(bytes, lane, width);
  const total = Math.floor(bytes.length / width);
  const bits = counts.reduce((sum, count) => count === 0 ? sum : sum - count / total * Math.log2(count / total), 0);
  return 2 ** bits;
}

function countsOf(bytes: Uint8Array, lane: number, width: number): Float64Array {
  const counts = new Float64Array(256);
  for (let at = lane; at < bytes.length; at += width) counts[bytes[at]!]!++;
  return counts;
}

/** Of the distributions of even and odd bytes, in 32 steps: 0 if they are one, 1 if they share no value. */
function laneDistance(bytes: Uint8Array): number {
  const step = (counts: Float64Array) =>
    Array.from({ length: 32 }, (_, i) => counts.subarray(8 * i, 8 * i + 8).reduce((sum, count) => sum + count, 0));
  const [even, odd] = [step(countsOf(bytes, 0, 2)), step(countsOf(bytes, 1, 2))];
  return even.reduce((sum, count, i) => sum + Math.abs(count - odd[i]!), 0) / bytes.length;
}

function isSmoothAs(format: SampleFormat, bytes: Uint8Array): boolean {
  return likeness(format, bytes) > SMOOTH_MIN;
}

/** Of neighbouring samples: 1 if they are the same, 0 if they have nothing in common. */
function likeness(format: SampleFormat, bytes: Uint8Array): number {
  return correlation(readSamples(format, bytes, Math.floor(bytes.length / sampleBytes(format))));
}

function correlation(samples: Float64Array): number {
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  let [cross, power] = [0, 0];
  for (let i = 1; i < samples.length; i++) {
    cross += (samples[i]! - mean) * (samples[i - 1]! - mean);
    power += (samples[i]! - mean) ** 2;
  }
  return power === 0 ? 1 : cross / power;
}
