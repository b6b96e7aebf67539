/**
 * Decides whether bytes of unknown origin can be samples. In: a window of bytes, a sample format. Out: a verdict. Pure.
 *
 * It rejects only what no recorder writes: text, and data as dense as a compressed or encrypted file. Silence and very
 * quiet, clipped or noisy sound are accepted; when in doubt, the bytes are samples.
 */

import { readSamples, sampleBytes, type SampleFormat } from "./pcm.ts";

/** "blank": one byte value over and over, such as the zeros of a preallocated file. */
export type Verdict = "samples" | "blank" | "text" | "dense";

/** Fewer samples than this are not enough for a verdict. */
const SAMPLES_MIN = 128;
const SAMPLES_MAX = 8192;
/** Of the 4 bits that a nibble can carry. Gaussian noise at -10 dBFS has 3.3, an MP3 or a ZIP archive 3.9 and more. */
const DENSE_NIBBLE_BITS = 3.75;
/** Samples of sound resemble their neighbours, or at least their high bytes differ from their low ones. */
const DENSE_CORRELATION_MAX = 0.15;
const DENSE_LANE_DISTANCE_MAX = 3;
/** A float of sound lies in here, or is 0; most patterns of four random bytes do not. */
const FLOAT_MIN = 1e-12;
const FLOAT_MAX = 2 ** 31;
const FLOAT_SHARE_MIN = 0.9;

/** The window begins with a whole sample; `channels` are interleaved. A blank beginning is left out of account. */
export function judgeBytes(window: Uint8Array, format: SampleFormat, channels: number): Verdict {
  const width = sampleBytes(format);
  const blankBytes = window.findIndex((byte) => byte !== window[0]);
  if (blankBytes < 0 && window.length > 0) return "blank";
  const bytes = window.subarray(Math.max(0, blankBytes - blankBytes % width));
  const count = Math.min(SAMPLES_MAX, Math.floor(bytes.length / width));
  if (count < SAMPLES_MIN) return "samples";
  if (looksLikeText(bytes)) return "text";
  const samples = readSamples(format, bytes, count);
  const hasRange = format.startsWith("f") && width > 2; // Half floats have no room for absurd values.
  if (hasRange) return shareOfSaneFloats(samples) < FLOAT_SHARE_MIN ? "dense" : "samples";
  const high = format.endsWith("be") ? 0 : width - 1;
  const highNibbles = nibbleCounts(bytes, high, width, count);
  if (entropyBits(highNibbles) < DENSE_NIBBLE_BITS) return "samples";
  if (Math.abs(correlation(samples, channels)) > DENSE_CORRELATION_MAX) return "samples";
  if (width === 1) return "dense";
  const lowNibbles = nibbleCounts(bytes, width - 1 - high, width, count);
  return laneDistance(highNibbles, lowNibbles) < DENSE_LANE_DISTANCE_MAX ? "dense" : "samples";
}

/** Whether every byte is `value`, at the speed of memory. */
export function isBlank(bytes: Uint8Array, value: number): boolean {
  if (bytes.length < 1024) return bytes.every((byte) => byte === value);
  const words = blankBlock(value);
  for (let at = 0; at < bytes.length; at += words.length) {
    const part = bytes.subarray(at, at + words.length);
    if (Buffer.compare(part, words.subarray(0, part.length)) !== 0) return false;
  }
  return true;
}

let block = new Uint8Array(1 << 16);
function blankBlock(value: number): Uint8Array {
  if (block[0] !== value) block = new Uint8Array(1 << 16).fill(value);
  return block;
}

/** Letters and white space in the shares that prose, source code and markup have; any encoding that extends ASCII. */
function looksLikeText(bytes: Uint8Array): boolean {
  let letters = 0;
  let spaces = 0;
  let controls = 0;
  for (const byte of bytes) {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) spaces++;
    else if ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) letters++;
    else if (byte < 0x20 || byte === 0x7f) controls++;
    else if (byte >= 0x80) controls += 0.25; // Latin-1 has few of them; UTF-8 in other scripts is sniffed as such.
  }
  return letters > 0.25 * bytes.length && spaces > 0.01 * bytes.length && controls < 0.03 * bytes.length;
}

function shareOfSaneFloats(samples: Float64Array): number {
  let sane = 0;
  for (const sample of samples) {
    const size = Math.abs(sample);
    if (size === 0 || (size >= FLOAT_MIN && size <= FLOAT_MAX)) sane++;
  }
  return sane / samples.length;
}

/** How often each high nibble occurs among bytes `lane`, `lane + width`, ... */
function nibbleCounts(bytes: Uint8Array, lane: number, width: number, count: number): Float64Array {
  const counts = new Float64Array(16);
  for (let i = 0, at = lane; i < count; i++, at += width) counts[bytes[at]! >> 4]!++;
  return counts;
}

function entropyBits(counts: Float64Array): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce((bits, count) => count === 0 ? bits : bits - (count / total) * Math.log2(count / total), 0);
}

/** Two-sample chi-square per degree of freedom: near 1 where both lanes follow one distribution. */
function laneDistance(first: Float64Array, second: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < 16; i++) {
    const both = first[i]! + second[i]!;
    if (both > 0) sum += (first[i]! - second[i]!) ** 2 / both;
  }
  return sum / 15;
}

/** Of each sample with the one before it in its channel. */
function correlation(samples: Float64Array, channels: number): number {
  let cross = 0;
  let power = 0;
  for (let i = channels; i < samples.length; i++) {
    cross += samples[i]! * samples[i - channels]!;
    power += samples[i]! ** 2;
  }
  return power === 0 ? 1 : cross / power;
}
