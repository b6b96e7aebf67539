/**
 * Fuzzes what goes through ffmpeg: `bun tests/slow/container_fuzz.ts [COUNT] [SEED]`, ten thousand inputs by default.
 *
 * Each input is a container that ffmpeg made, cut and shuffled by a seeded generator, read as a file. Every one must
 * give finite samples, no more than its codec could hold, or one `InputError` line; soon, and in bounded memory. An
 * input that takes long, on a busy machine perhaps, is read again alone, and what counts is the processor's time.
 * Prints the throughput; exits 1 at the first input that breaks a rule, and leaves it in the temporary folder.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAudio } from "../../src/audio/input.ts";
import { InputError } from "../../src/errors.ts";
import { sampleRate } from "../../src/units.ts";
import { seededRandom } from "../support/random.ts";

const COUNT = Number(process.argv[2] ?? 10_000);
const SEED = Number(process.argv[3] ?? 1);
const CASE_MS_MAX = 30_000;
const HANG_MS = 300_000;
const GROWTH_BYTES_MAX = 600e6;
/** Holes on the time line are filled, up to what the program allows. */
const SECONDS_MAX = 8 * 3600;
const AT_A_TIME = 4;

const KINDS: readonly (readonly [string, readonly string[]])[] = [
  ["mp3", []],
  ["ogg", ["-c:a", "flac"]],
  ["flac", []],
  ["m4a", ["-c:a", "aac"]],
  ["mka", ["-c:a", "aac"]],
  ["ts", ["-c:a", "mp2"]],
  ["aac", []],
  ["ac3", []],
  ["avi", ["-c:a", "mp3"]],
  ["aiff", []],
];

const { random, pick } = seededRandom(SEED);

/** Cuts, repeats, swaps, zeros, flips bits in, and joins. */
function shuffle(seed: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  let bytes: Uint8Array = seed.slice();
  for (let left = 1 + random(4); left > 0 && bytes.length > 16; left--) {
    const [from, to] = [random(bytes.length), random(bytes.length)].sort((a, b) => a - b) as [number, number];
    const part = bytes.slice(from, Math.min(to, from + 20_000));
    const other = pick(others);
    bytes = pick([
      () => bytes.subarray(0, to),
      () => bytes.subarray(from),
      () => Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]),
      () => Buffer.concat([bytes.subarray(0, from), part, bytes.subarray(from)]),
      () => Buffer.concat([bytes, other.subarray(random(other.length))]),
      () => bytes.fill(0, from, Math.min(to, from + 500)),
      () => bytes.map((byte, i) => i >= from && i < from + 64 && i % 7 === 0 ? byte ^ 1 << random(8) : byte),
    ])();
  }
  return bytes;
}

const counts = { read: 0, refused: 0, again: 0, slowestMs: 0 };

/** Reads one input, and says how long that took. */
async function check(path: string): Promise<number> {
  const startMs = performance.now();
  try {
    const stream = await openAudio({ kind: "file", path });
    try {
      let samplesCount = 0;
      for (let block = await stream.next(); block !== undefined; block = await stream.next()) {
        samplesCount += block.length;
        if (!block.every(Number.isFinite)) throw new Error("a sample is not finite");
        if (samplesCount > SECONDS_MAX * sampleRate) throw new Error("longer than any hole that is filled");
      }
      counts.read++;
    } finally {
      await stream.close();
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    if (/[\r\n]/.test(error.message) || error.message.length > 400) throw new Error(`not one line: ${error.message}`);
    counts.refused++;
  }
  return performance.now() - startMs;
}

async function checkAlone(path: string): Promise<void> {
  counts.again++;
  const startMs = processorMs();
  const tookMs = await check(path);
  const usedMs = processorMs() - startMs;
  counts.slowestMs = Math.max(counts.slowestMs, usedMs);
  if (usedMs > CASE_MS_MAX || tookMs > HANG_MS) {
    throw new Error(`took ${Math.round(usedMs)} ms of the processor and ${Math.round(tookMs)} ms in all`);
  }
}

/** What this process and its children that have ended used, where the system says so; else the time that passed. */
function processorMs(): number {
  if (!existsSync("/proc/self/stat")) return performance.now();
  const fields = readFileSync("/proc/self/stat", "utf8").replace(/^.*\) /s, "").split(" ");
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks * 10; // Of 1/100 s each.
}

/** Reads several inputs at a time. Returns what is wrong with the first that breaks a rule. */
async function checkAll(paths: readonly string[]): Promise<string | undefined> {
  const outcomes = await Promise.allSettled(paths.map(check));
  for (const [i, outcome] of outcomes.entries()) {
    try {
      if (outcome.status === "rejected") throw outcome.reason;
      if (outcome.value > CASE_MS_MAX) await checkAlone(paths[i]!);
      else counts.slowestMs = Math.max(counts.slowestMs, outcome.value);
    } catch (error) {
      return `${error}\n${paths[i]}`;
    }
  }
  return undefined;
}

function makeSeeds(folder: string): Uint8Array[] {
  return KINDS.map(([kind, codec]) => {
    const path = join(folder, `seed.${kind}`);
    const tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2:sample_rate=32000"];
    const { status, stderr } = spawnSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...tone, ...codec, path]);
    if (status !== 0) throw new Error(String(stderr));
    return readFileSync(path);
  });
}

async function main(): Promise<number> {
  if (!Number.isInteger(COUNT) || COUNT < 1) throw new Error(`not a count: ${process.argv[2]}`);
  const folder = mkdtempSync(join(tmpdir(), "container-fuzz-"));
  const seeds = makeSeeds(folder);
  const startMs = performance.now();
  const startBytes = process.memoryUsage.rss();
  for (let index = 0; index < COUNT; index += AT_A_TIME) {
    const paths = Array.from(
      { length: Math.min(AT_A_TIME, COUNT - index) },
      (_, i) => join(folder, `${index + i}.bin`),
    );
    for (const path of paths) writeFileSync(path, shuffle(pick(seeds), seeds));
    const wrong = await checkAll(paths);
    if (wrong !== undefined) {
      console.error(`among inputs ${index} to ${index + paths.length - 1} of seed ${SEED}: ${wrong}`);
      return 1;
    }
    for (const path of paths) rmSync(path);
  }
  rmSync(folder, { recursive: true });
  const seconds = (performance.now() - startMs) / 1000;
  const growthBytes = process.memoryUsage.rss() - startBytes;
  if (growthBytes > GROWTH_BYTES_MAX) throw new Error(`memory grew by ${growthBytes} bytes`);
  console.log(
    `container_fuzz: ${COUNT} inputs in ${seconds.toFixed(1)} s, ${counts.read} read, ${counts.refused} refused, ` +
      `${counts.again} again alone, slowest ${counts.slowestMs.toFixed(0)} ms, memory +${
        Math.round(growthBytes / 1e6)
      } MB`,
  );
  return counts.read > 0 && counts.refused > 0 ? 0 : 1;
}

process.exitCode = await main();
