/** Compares what is decoded here with what ffmpeg decodes, for tests. */

import { expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { hear, type Heard } from "../../src/audio/hear_fixture.ts";
import type { AudioInput } from "../../src/audio/input.ts";
import { builtinDecoder } from "../../src/audio/decoders/open.ts";
import { lazily } from "../../src/lazy.ts";

/** Float arithmetic in another order. */
export const ROUNDING = 3e-6;

/** 2.3 s that no codec finds easy: tones that move, with noise, and a pause. */
const SOUND = "aevalsrc='(.3*sin(2*PI*t*(220+300*t))+.1*sin(9000*t)+.05*(random(0)-.5))*lt(mod(t,1),.8)" +
  "|.3*sin(2*PI*t*330)+.1*sin(5000*t*t)':d=2.3:s=48000";

/** Its file: where all tests of a run have what is made once (tests/support/tools.ts). */
const soundFile = lazily(() => {
  const path = join(process.env.QWEN_ASR_TEST_CACHE!, "sound.wav");
  if (existsSync(path)) return path;
  const own = `${path}.${process.pid}.wav`;
  run("-f", "lavfi", "-i", SOUND, "-c:a", "pcm_f32le", own);
  renameSync(own, path);
  return path;
});

/** Runs ffmpeg on that sound. */
export function encode(...args: readonly string[]): void {
  run("-i", soundFile(), ...args);
}

/** Runs ffmpeg. */
export function run(...args: readonly string[]): void {
  const { status, stderr } = spawnSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

/** The largest difference between samples of the same number. */
export function worst(samples: Float32Array, expected: Float32Array): number {
  expect(samples.length).toBe(expected.length);
  return samples.reduce((most, sample, at) => Math.max(most, Math.abs(sample - expected[at]!)), 0);
}

export async function sameAsFfmpeg(path: string, bound: number, input: Partial<AudioInput> = {}): Promise<Heard> {
  const builtin = await hear(path, { ...input, decoder: "builtin" });
  const ffmpeg = await hear(path, { ...input, decoder: "ffmpeg" });
  expect(ffmpeg.format).toEndWith("through ffmpeg");
  expect(builtin.warnings).toEqual([]);
  expect(worst(builtin.samples, ffmpeg.samples)).toBeLessThanOrEqual(bound);
  return builtin;
}

const LABELS: Readonly<Record<string, string>> = {
  ...{ mp3: "MP3", flac: "FLAC", ogg: "Ogg", webm: "Matroska or WebM", aac: "AAC", m4a: "MP4", mp4: "MP4" },
};

/** Samples of bytes that come in pieces of that size, in order, as from a pipe. */
export function decode(name: string, bytes: Uint8Array, size: number): Float32Array {
  const source = { name, track: undefined, channel: undefined, isLast: true };
  const decoder = builtinDecoder(LABELS[name.split(".").at(-1)!]!, source)!;
  const blocks: Float32Array[] = [];
  const drain = (first: Float32Array) => {
    for (let block: Float32Array | undefined = first; block; block = decoder.more()) blocks.push(block);
  };
  for (let at = 0; at < bytes.length; at += size) drain(decoder.push(bytes.subarray(at, at + size)));
  drain(decoder.end());
  return Float32Array.from(blocks.flatMap((block) => Array.from(block)));
}
