/**
 * Long and real-time streams, too slow for every run: `bun tests/slow/stream.ts [minutes|pace|stall]`, or all of them.
 *
 * minutes: ten minutes of clips with pauses between: every sentence is there, memory and the time of a step stay flat.
 * pace: clips at the speed of speech, one slower and one faster, with --live. stall: a pipe that is silent for 30 s.
 * Prints what it measured; exit 1 if a check failed.
 */

import { characterErrors, rate } from "../../bench/cer.ts";
import { type Clip, clips, modelDir } from "../fixtures.ts";
import { executable, fixedEnvironment, temporaryFolder } from "../harness.ts";
import { clipSamples } from "../native.ts";
import { memoryOf } from "../support/process_memory.ts";

const bytesPerSecond = 32_000;
const pieceBytes = 3200;
const pauseSec = 1.5;

/** Bytes of speech and the time to wait after them. */
type Piece = { readonly bytes: Uint8Array; readonly waitMs: number };

type Watched = {
  readonly text: string;
  readonly stderr: string;
  readonly code: number;
  /** Resident bytes, sampled after every `sampleEvery` pieces. */
  readonly memory: readonly number[];
};

function pcm(samples: Float32Array): Uint8Array {
  return new Uint8Array(Int16Array.from(samples, (value) => Math.round(value * 32_768)).buffer);
}

async function stream(pieces: AsyncIterable<Piece>, args: readonly string[], sampleEvery: number): Promise<Watched> {
  using folder = temporaryFolder();
  const child = Bun.spawn([executable(), "-d", modelDir(), "--stream", "--stdin", ...args], {
    env: fixedEnvironment(folder.path),
    ...{ stdin: "pipe", stdout: "pipe", stderr: "pipe" },
  });
  const [stdout, stderr] = [new Response(child.stdout).text(), new Response(child.stderr).text()];
  const memory: number[] = [];
  let count = 0;
  for await (const { bytes, waitMs } of pieces) {
    child.stdin.write(bytes);
    await child.stdin.flush();
    if (waitMs > 0) await Bun.sleep(waitMs);
    if (count++ % sampleEvery === 0) memory.push(memoryOf(child.pid));
  }
  await child.stdin.end();
  const code = await child.exited;
  return { text: (await stdout).trim().replaceAll("\n", " "), stderr: await stderr, code, memory };
}

async function* cut(bytes: Uint8Array, speed: number): AsyncIterable<Piece> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    yield await Promise.resolve({
      bytes: bytes.subarray(at, at + pieceBytes),
      waitMs: (1000 * pieceBytes) / bytesPerSecond / speed,
    });
  }
}

const problems: string[] = [];

function check(isRight: boolean, what: string): void {
  console.log(`${isRight ? "ok    " : "FAILED"} ${what}`);
  if (!isRight) problems.push(what);
}

/** Clips of up to 24 s whose text is right if they are decoded alone. */
function clearClips(): readonly Clip[] {
  return clips().filter(({ seconds, language, name }) =>
    seconds <= 24 && language !== "None" && !["words-zh-3", "words-en-2"].includes(name)
  );
}

async function minutes(): Promise<void> {
  const chosen = clearClips();
  const pause = new Uint8Array(pauseSec * bytesPerSecond);
  const texts: string[] = [];
  const parts = await Promise.all(chosen.map(async ({ wav }) => pcm(await clipSamples(wav))));
  let written = 0;
  async function* all(): AsyncIterable<Piece> {
    for (let i = 0; written < 600 * bytesPerSecond; i++) {
      const bytes = parts[i % parts.length]!;
      texts.push(chosen[i % chosen.length]!.text);
      written += bytes.length + pause.length;
      // Four times as fast as speech: the pipe never has to wait long, so memory is seen at even steps.
      for await (const piece of cut(bytes, 4)) yield piece;
      for await (const piece of cut(pause, 4)) yield piece;
    }
  }
  const { text, stderr, code, memory } = await stream(all(), ["--debug"], 100);
  check(code === 0, `${(written / bytesPerSecond / 60).toFixed(1)} minutes: exit ${code}`);
  const errors = rate(characterErrors(texts.join(" "), text));
  check(errors < 0.01, `character errors against the truth: ${(100 * errors).toFixed(2)} %`);
  const afterMinute = memory.slice(Math.ceil(memory.length / 10));
  const spread = (Math.max(...afterMinute) - Math.min(...afterMinute)) / 2 / 1e6;
  check(spread <= 20, `memory after the first minute: ±${spread.toFixed(1)} MB`);
  const steps = [
    ...stderr.matchAll(/Encoder: .* (\d+) ms\)\n.*\((\d+) ms\)\n.*\((\d+) ms\)\n {2}Decode: .*\((\d+) ms/g),
  ]
    .map((match) => match.slice(1).reduce((sum, ms) => sum + Number(ms), 0));
  const half = Math.floor(steps.length / 2);
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
  const [early, late] = [median(steps.slice(0, half)), median(steps.slice(half))];
  check(late <= 1.5 * early + 5, `${steps.length} steps: ${early} ms in the first half, ${late} ms in the second`);
}

async function pace(): Promise<void> {
  const chosen = clearClips().find(({ name }) => name === "en-weather")!;
  const bytes = pcm(await clipSamples(chosen.wav));
  for (const speed of [0.5, 1, 3]) {
    for (const args of [[], ["--live"]]) {
      const { text, code } = await stream(cut(bytes, speed), args, 1000);
      const errors = rate(characterErrors(chosen.text, text));
      check(
        code === 0 && errors === 0,
        `${speed} times real time ${args.join(" ")}: errors ${(100 * errors).toFixed(1)} %`,
      );
    }
  }
}

async function stall(): Promise<void> {
  const chosen = clearClips().find(({ name }) => name === "en-weather")!;
  const bytes = pcm(await clipSamples(chosen.wav));
  async function* stalling(): AsyncIterable<Piece> {
    yield { bytes: bytes.subarray(0, 150_001), waitMs: 30_000 };
    yield await Promise.resolve({ bytes: bytes.subarray(150_001), waitMs: 0 });
  }
  const { text, code } = await stream(stalling(), [], 1000);
  const errors = rate(characterErrors(chosen.text, text));
  check(code === 0 && errors === 0, `a pipe that stalls 30 s: errors ${(100 * errors).toFixed(1)} %`);
}

const all = { minutes, pace, stall };
const named = process.argv.slice(2);
for (const name of named.length > 0 ? named : Object.keys(all)) {
  const one = all[name as keyof typeof all];
  if (!one) throw new Error(`no test ${name}; there are: ${Object.keys(all).join(", ")}`);
  await one();
}
process.exitCode = problems.length > 0 ? 1 : 0;
