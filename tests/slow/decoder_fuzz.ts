/**
 * Fuzzes our own decoders: `bun tests/slow/decoder_fuzz.ts [COUNT] [SEED]`, a hundred thousand inputs by default.
 *
 * Each input is a small file that ffmpeg made, cut and shuffled by a seeded generator, fed in pieces of random size.
 * Every one must give finite samples or one `InputError` line, soon, and in bounded memory. Prints the throughput;
 * exits 1 at the first input that breaks a rule, and leaves it in the temporary folder.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtinDecoder } from "../../src/audio/decoders/open.ts";
import { InputError } from "../../src/errors.ts";
import { seededRandom } from "../support/random.ts";

const COUNT = Number(process.argv[2] ?? 100_000);
const SEED = Number(process.argv[3] ?? 1);
const CASE_MS_MAX = 30_000;
const GROWTH_BYTES_MAX = 600e6;
/** So many samples are looked at: a hole on the time line can be hours long. */
const SAMPLES_MAX = 5_000_000;

const KINDS: readonly (readonly [string, string, readonly string[]])[] = [
  ["a.mp3", "MP3", ["-b:a", "48k"]],
  ["b.mp3", "MP3", ["-q:a", "5", "-ac", "2"]],
  ["a.flac", "FLAC", []],
  ["b.flac", "FLAC", ["-ac", "2", "-sample_fmt", "s32", "-ar", "44100"]],
  ["a.ogg", "Ogg", ["-c:a", "libvorbis"]],
  ["b.ogg", "Ogg", ["-c:a", "flac"]],
  ["a.opus", "Ogg", ["-c:a", "libopus", "-ar", "48000"]],
  ["a.webm", "Matroska or WebM", ["-c:a", "libopus", "-ar", "48000"]],
  ["b.webm", "Matroska or WebM", ["-c:a", "libvorbis"]],
  ["a.mka", "Matroska or WebM", ["-c:a", "mp3"]],
  ["b.mka", "Matroska or WebM", ["-c:a", "aac"]],
  ["a.aac", "AAC", ["-b:a", "48k"]],
  ["b.aac", "AAC", ["-ac", "2", "-ar", "44100"]],
  ["a.m4a", "MP4", ["-b:a", "48k"]],
  ["b.m4a", "MP4", ["-ac", "6", "-movflags", "+faststart"]],
  ["a.mp4", "MP4", ["-movflags", "frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "100000"]],
  ["b.mp4", "MP4", ["-c:a", "libopus", "-ar", "48000", "-movflags", "dash"]],
  ["a.mov", "QuickTime", ["-c:a", "aac"]],
];

const { random, pick } = seededRandom(SEED);

/** Cuts, repeats, zeros, flips bits in, and joins. */
function shuffle(seed: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  let bytes: Uint8Array = seed.slice();
  for (let left = 1 + random(4); left > 0 && bytes.length > 16; left--) {
    const reach = random(2) === 0 ? Math.min(bytes.length, 200) : bytes.length; // Headers are where damage hurts.
    const [from, to] = [random(reach), random(reach)].sort((a, b) => a - b) as [number, number];
    const other = pick(others);
    bytes = pick([
      () => bytes.subarray(0, to),
      () => bytes.subarray(from),
      () => Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]),
      () => Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]),
      () => Buffer.concat([bytes, other.subarray(random(other.length))]),
      () => bytes.fill(0, from, Math.min(to, from + 500)),
      () => bytes.fill(0xff, from, Math.min(to, from + 9)),
      () => bytes.map((byte, i) => i >= from && i < from + 64 && i % 7 === 0 ? byte ^ 1 << random(8) : byte),
    ])();
  }
  return bytes;
}

const counts = { read: 0, refused: 0, slowestMs: 0 };

function check(label: string, bytes: Uint8Array): void {
  const start = process.cpuUsage(); // Other programs do not count.
  const decoder = builtinDecoder(label, { name: "x", track: undefined, channel: undefined, isLast: true })!;
  let samplesCount = 0;
  const drain = (first: Float32Array) => {
    for (let block: Float32Array | undefined = first; block; block = decoder.more()) {
      samplesCount += block.length;
      if (!block.every(Number.isFinite)) throw new Error("a sample is not finite");
      if (samplesCount > SAMPLES_MAX) return;
    }
  };
  try {
    const jumps = random(3) > 0; // Else as from a pipe.
    for (let at = 0, chunks = 0; samplesCount < SAMPLES_MAX; chunks++) {
      const size = 1 + random(random(3) === 0 ? 100 : 50_000);
      at = (jumps ? decoder.jump() : undefined) ?? at;
      if (at >= bytes.length) break;
      if (chunks > 10 * bytes.length + 1000) throw new Error("reads without end");
      drain(decoder.push(bytes.subarray(at, at + size)));
      at += size;
    }
    if (samplesCount < SAMPLES_MAX) drain(decoder.end());
    const lines = [...decoder.warnings, decoder.lossLine ?? ""];
    if (lines.length > 4 || lines.some((line) => line.includes("\n"))) throw new Error(`says ${lines.join("|")}`);
    counts.read++;
  } catch (error) {
    if (!(error instanceof InputError) || error.message.includes("\n")) throw error;
    counts.refused++;
  }
  const { user, system } = process.cpuUsage(start);
  const tookMs = (user + system) / 1000;
  counts.slowestMs = Math.max(counts.slowestMs, tookMs);
  if (tookMs > CASE_MS_MAX) throw new Error(`took ${(tookMs / 1000).toFixed(1)} s`);
}

const folder = mkdtempSync(join(tmpdir(), "qwen-asr-decoder-fuzz-"));
const seeds = KINDS.map(([name, label, args]) => {
  const path = join(folder, name);
  const sound = ["-f", "lavfi", "-i", "aevalsrc='.3*sin(2*PI*t*(220+300*t))+.1*(random(0)-.5)':d=0.4:s=16000"];
  const { status, stderr } = spawnSync("ffmpeg", ["-v", "error", "-y", ...sound, ...args, path], { encoding: "utf8" });
  if (status !== 0) throw new Error(`ffmpeg: ${stderr}`);
  return { label, bytes: new Uint8Array(readFileSync(path)) };
});
const startMs = performance.now();
const startBytes = process.memoryUsage().rss;
for (let done = 0; done < COUNT; done++) {
  const seed = pick(seeds);
  const bytes = shuffle(seed.bytes, seeds.map(({ bytes }) => bytes));
  try {
    check(seed.label, bytes);
    const grown = process.memoryUsage().rss - startBytes;
    if (grown > GROWTH_BYTES_MAX) throw new Error(`memory grew by ${Math.round(grown / 1e6)} MB`);
  } catch (error) {
    const path = join(folder, `broken.${seed.label.split(" ")[0]}`);
    writeFileSync(path, bytes);
    console.error(`input ${done}, seed ${SEED}, ${seed.label}: ${path}:`, error);
    process.exit(1);
  }
  if (done % 5000 === 4999) console.log(`${done + 1}: ${JSON.stringify(counts)}`);
}
const seconds = (performance.now() - startMs) / 1000;
rmSync(folder, { recursive: true, force: true });
console.log(`${COUNT} inputs in ${seconds.toFixed(1)} s: ${JSON.stringify(counts)}`);
