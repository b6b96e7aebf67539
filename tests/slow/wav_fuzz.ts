/**
 * Fuzzes the WAV reader: `bun tests/slow/wav_fuzz.ts [COUNT] [SEED]`, one million inputs by default.
 *
 * Each input is a well-formed WAV, damaged by a seeded generator, and is read whole and in random pieces. It must
 * quickly give finite samples, no more than it has bytes and the same both ways, or an `InputError` of one line. Some
 * inputs also go through the resampler. Prints the throughput; exits 1 at the first input that breaks a rule, with its
 * hex.
 */

import { InputError } from "../../src/errors.ts";
import { Resampler } from "../../src/audio/resample.ts";
import { sniff } from "../../src/audio/sniff.ts";
import { WavDecoder } from "../../src/audio/wav.ts";
import {
  chunk,
  extensible,
  floats,
  formatBody,
  le,
  riff,
  s16,
  w64,
  w64Chunk,
  wav,
} from "../../src/audio/wav_fixture.ts";
import { sampleRate } from "../../src/units.ts";
import { seededRandom } from "../support/random.ts";

const COUNT = Number(process.argv[2] ?? 1_000_000);
const SEED = Number(process.argv[3] ?? 1);
const CASE_MS_MAX = 2000;
const GROWTH_BYTES_MAX = 400e6;
/** One in so many samples outputs also runs through the resampler, whose filter is costly to design. */
const RESAMPLE_EVERY = 500;

const { random, pick } = seededRandom(SEED);

const FMT = chunk("fmt ", formatBody());
const DS64 = chunk("ds64", [...le(100, 8), ...le(20, 8), ...le(10, 8), ...le(0, 4)]);
const DATA = chunk("data", s16(1, -2, 3, -4, 5, 6, 7, 8, 9, -32768));
const SEEDS: readonly Uint8Array[] = [
  riff([...FMT, ...DATA]),
  riff([...chunk("LIST", [1, 2, 3]), ...FMT, ...chunk("JUNK", new Array(37).fill(7)), ...DATA, ...chunk("id3 ", [1])]),
  riff([...FMT, ...chunk("data", s16(1, 2, 3, 4), 0)]),
  riff([...FMT, ...chunk("data", s16(1, 2, 3, 4), 0xffff_ffff)]),
  riff([...DS64, ...FMT, ...chunk("data", s16(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 0xffff_ffff)], "RF64"),
  wav([0, 64, 128, 255, 1], { bits: 8 }),
  wav(new Array(36).fill(0x91), { bits: 24, channels: 3, rate: 44_100 }),
  wav(new Array(32).fill(0x7f), { bits: 32, channels: 2, rate: 8000 }),
  wav(floats([0.5, NaN, -Infinity, 1e30, -0.25], 32), { tag: 3, bits: 32, rate: 48_000 }),
  wav(floats([0.5, NaN, 1e300], 64), { tag: 3, bits: 64 }),
  wav([0, 1, 2, 3], { tag: 6, bits: 8 }),
  wav([0, 1, 2, 3], { tag: 7, bits: 8 }),
  wav(s16(1, 2, 3, 4), { tag: 0xfffe, channels: 2, extra: extensible(1, 16) }),
  wav([1, 2, 3], { tag: 0x11, bits: 4 }),
  w64([...w64Chunk("fmt ", formatBody()), ...w64Chunk("junk", [1, 2, 3]), ...w64Chunk("data", s16(1, 2, 3, 4, 5))]),
];
const NUMBERS = [
  0,
  1,
  2,
  3,
  7,
  8,
  15,
  16,
  17,
  24,
  40,
  255,
  1000,
  65_535,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_fffe,
  0xffff_ffff,
];

function mutate(seed: Uint8Array): Uint8Array {
  let bytes: Uint8Array = seed.slice();
  for (let left = Math.min(random(6), random(6)); left > 0 && bytes.length > 0; left--) bytes = mutateOnce(bytes);
  return bytes;
}

function mutateOnce(bytes: Uint8Array): Uint8Array {
  const at = random(bytes.length);
  switch (random(7)) {
    case 0:
      bytes[at] ^= 1 << random(8);
      return bytes;
    case 1:
      bytes[at] = random(256);
      return bytes;
    case 2:
      return bytes.subarray(0, at);
    case 3:
      bytes.set(le(pick(NUMBERS), pick([1, 2, 4])).slice(0, bytes.length - at), at);
      return bytes;
    case 4: // Some bytes are repeated or removed.
      return splice(bytes, at, bytes.subarray(random(bytes.length)).subarray(0, random(40)), random(40));
    case 5:
      return splice(bytes, at, pick(SEEDS).subarray(random(60)), 0);
    default:
      return splice(
        bytes,
        at & ~1,
        Uint8Array.from(pick([FMT, DATA, DS64, chunk("JUNK", new Array(random(99)).fill(0))])),
        0,
      );
  }
}

function splice(bytes: Uint8Array, at: number, insert: Uint8Array, drop: number): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, at), ...insert, ...bytes.subarray(at + drop)]).subarray(0, 4096);
}

type Outcome = { readonly samples: Float32Array; readonly rate: number } | { readonly error: InputError };

function read(bytes: Uint8Array, cut: () => number): Outcome {
  const decoder = new WavDecoder("x.wav");
  const runs: Float32Array[] = [];
  try {
    for (let at = 0; at < bytes.length;) runs.push(decoder.push(bytes.subarray(at, at += cut())));
    runs.push(decoder.end());
  } catch (error) {
    if (error instanceof InputError) return { error };
    throw error;
  }
  const samples = new Float32Array(runs.reduce((sum, run) => sum + run.length, 0));
  let at = 0;
  for (const run of runs) samples.set(run, (at += run.length) - run.length);
  return { samples, rate: decoder.info!.rate };
}

const counts = { read: 0, refused: 0, resampled: 0 };

function check(bytes: Uint8Array, index: number): void {
  sniff(bytes);
  const whole = read(bytes, () => bytes.length);
  const pieces = read(bytes, () => 1 + random(random(4) === 0 ? 3 : 64));
  if ("error" in whole) {
    counts.refused++;
    if (!("error" in pieces) || pieces.error.message !== whole.error.message) throw new Error("cuts change the error");
    if (!/^x\.wav: [ -~]{5,200}$/.test(whole.error.message)) throw new Error(`not one line: ${whole.error.message}`);
    return;
  }
  counts.read++;
  if ("error" in pieces) throw new Error(`cuts make an error: ${pieces.error.message}`);
  if (whole.samples.length > bytes.length) {
    throw new Error(`${whole.samples.length} samples from ${bytes.length} bytes`);
  }
  if (!whole.samples.every(Number.isFinite)) throw new Error("a sample is not finite");
  if (Buffer.compare(new Uint8Array(whole.samples.buffer), new Uint8Array(pieces.samples.buffer)) !== 0) {
    throw new Error("cuts change the samples");
  }
  if (index % RESAMPLE_EVERY === 0) checkResampled(whole.samples, whole.rate);
}

function checkResampled(samples: Float32Array, rate: number): void {
  counts.resampled++;
  const resampler = new Resampler(rate);
  const out = [resampler.push(samples), resampler.flush()];
  const length = out[0].length + out[1].length;
  if (length !== Math.floor(samples.length * sampleRate / rate)) throw new Error(`${length} samples at 16 kHz`);
  if (!out.every((run) => run.every(Number.isFinite))) throw new Error("a resampled sample is not finite");
}

function main(): number {
  if (!Number.isInteger(COUNT) || COUNT < 1) throw new Error(`not a count: ${process.argv[2]}`);
  const startMs = performance.now();
  const startBytes = process.memoryUsage.rss();
  let slowestMs = 0;
  for (let index = 0; index < COUNT; index++) {
    const bytes = mutate(pick(SEEDS));
    const caseMs = performance.now();
    try {
      check(bytes, index);
    } catch (error) {
      console.error(`input ${index} of seed ${SEED}: ${error}\n${Buffer.from(bytes).toString("hex")}`);
      return 1;
    }
    slowestMs = Math.max(slowestMs, performance.now() - caseMs);
    if (slowestMs > CASE_MS_MAX) throw new Error(`input ${index} of seed ${SEED} took ${slowestMs} ms`);
  }
  const seconds = (performance.now() - startMs) / 1000;
  const growthBytes = process.memoryUsage.rss() - startBytes;
  if (growthBytes > GROWTH_BYTES_MAX) throw new Error(`memory grew by ${growthBytes} bytes`);
  console.log(
    `wav_fuzz: ${COUNT} inputs in ${seconds.toFixed(1)} s (${Math.round(COUNT / seconds)}/s), ${counts.read} read, ` +
      `${counts.refused} refused, ${counts.resampled} resampled, slowest ${slowestMs.toFixed(0)} ms, ` +
      `memory +${Math.round(growthBytes / 1e6)} MB`,
  );
  return counts.read > 0 && counts.refused > 0 ? 0 : 1;
}

process.exitCode = main();
