/**
 * `qwen-asr bench`: measures in about a minute how fast this machine is with a model, and which -t to choose. Prints a
 * small table. No recording is needed, since the work does not depend on what is said.
 */

import type { StageTimes } from "../../engine/measure.ts";
import type { ProgramParts } from "../parts.ts";
import { Stopped } from "../../stop.ts";
import { sampleRate } from "../../units.ts";

export type BenchParts = Pick<ProgramParts, "terminal" | "locateModel" | "stopwatch">;

/** The figures of one number of threads. */
export type BenchRow = {
  readonly threads: number;
  /** Time from samples to encoder rows. */
  readonly encodeMs: number;
  readonly prefillMs: number;
  readonly tokenMs: number;
  /** Seconds of work per second of speech. */
  readonly realTimeFactor: number;
};

const seconds = 10;
export const decodedTokens = 24;
/** Tokens that people speak per second: they decide the decoder's share of the work. */
const tokensPerSecond = 3.5;
/** After this time, no further number of threads is tried. */
const budgetMs = 40_000;
/** Additional threads that gain less than this are better left to other programs. */
const worthwhile = 1.05;

/** `model` is the value of -d. Returns the exit code. */
export async function benchModel(parts: BenchParts, model: string | undefined): Promise<number> {
  const { stdout, stderr, stop } = parts.terminal;
  const { now, peakMemory } = parts.stopwatch;
  const open = parts.stopwatch.opener(await parts.locateModel(model));
  const pause = async () => {
    await new Promise((resolve) => setTimeout(resolve, 0)); // Lets signals in.
    if (stop.drain.aborted) throw new Stopped();
  };
  const started = now();
  const rows: BenchRow[] = [];
  let title = "";
  let peakBytes = 0;
  let counts = [0];
  for (let index = 0; index < counts.length; index++) {
    if (index > 0 && now() - started > budgetMs) break;
    const opened = await open(counts[index]!);
    try {
      if (index === 0) {
        counts = threadCounts(opened.info.threads);
        title = `${opened.info.name}, ${opened.info.isa} kernels`;
        stderr.write(`Measuring ${title}: ${counts.join(", ")} threads\n`);
      }
      await pause();
      rows.push(rowOf(opened.info.threads, await opened.measure(syntheticSpeech(), decodedTokens, pause)));
    } finally {
      opened.close();
    }
    if (index === 0) peakBytes = peakMemory();
  }
  stdout.write(renderBench(title, rows, peakBytes));
  return 0;
}

/** The default number of threads, then half of it, and so on down to one. */
export function threadCounts(most: number): number[] {
  const counts = [];
  for (let count = most; count >= 1; count = Math.floor(count / 2)) counts.push(count);
  return counts;
}

/** The fewest threads that are as fast as the best, or nearly. */
export function chooseThreads(rows: readonly BenchRow[]): BenchRow {
  const fastest = Math.min(...rows.map(({ realTimeFactor }) => realTimeFactor));
  const good = rows.filter(({ realTimeFactor }) => realTimeFactor <= fastest * worthwhile);
  return good.reduce((least, row) => row.threads < least.threads ? row : least);
}

export function renderBench(title: string, rows: readonly BenchRow[], peakBytes: number): string {
  const line = (cells: readonly string[]) => `${cells.map((cell) => cell.padStart(12)).join("")}\n`;
  const { threads, realTimeFactor } = chooseThreads(rows);
  const advice = threads === rows[0]!.threads ? "the default" : `-t ${threads}`;
  return `${title}, ${seconds} s of synthetic speech\n\n` +
    line(["threads", "encoder s", "prefill s", "ms/token", "s per s"]) +
    rows.map((row) =>
      line([
        String(row.threads),
        (row.encodeMs / 1000).toFixed(2),
        (row.prefillMs / 1000).toFixed(2),
        row.tokenMs.toFixed(1),
        row.realTimeFactor.toFixed(3),
      ])
    ).join("") +
    `\nMemory at most: ${(peakBytes / 1e9).toFixed(2)} GB\n` +
    `Choose ${advice}: ${threads} thread${threads === 1 ? "" : "s"}, ` +
    `${(1 / realTimeFactor).toFixed(1)}x real time at ${tokensPerSecond} tokens a second\n`;
}

/** The figures of one measurement of `syntheticSpeech`. */
export function rowOf(threads: number, times: StageTimes): BenchRow {
  const tokens = [...times.tokenMs].sort((a, b) => a - b);
  const tokenMs = tokens[tokens.length >> 1]!;
  const encodeMs = times.melMs + times.encodeMs;
  const ms = encodeMs + times.prefillMs + tokensPerSecond * seconds * tokenMs;
  return { threads, encodeMs, prefillMs: times.prefillMs, tokenMs, realTimeFactor: ms / 1000 / seconds };
}

/** Makes a voice: harmonics in syllables, with a little noise. It is the same every time. */
export function syntheticSpeech(): Float32Array {
  let noise = 1;
  return Float32Array.from({ length: seconds * sampleRate }, (_, index) => {
    const time = index / sampleRate;
    noise = (noise * 1_103_515_245 + 12_345) % 2 ** 31;
    let voice = 0;
    for (let harmonic = 1; harmonic <= 8; harmonic++) voice += Math.sin(2 * Math.PI * 120 * harmonic * time) / harmonic;
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 2 * time));
    return 0.15 * syllable * voice + 0.01 * (noise / 2 ** 30 - 1);
  });
}
