import { expect, test } from "bun:test";
import type { Measured, StageTimes } from "../../engine/measure.ts";
import { benchModel, type BenchParts, chooseThreads, renderBench, syntheticSpeech, threadCounts } from "./bench.ts";
import { fakeTerminal, memoryWriter } from "../../../tests/support/fake_parts.ts";
import { Stopped } from "../../stop.ts";

/** A machine of four cores on which decoding gains nothing from the last two. */
function fakeBench(options: { readonly slow?: boolean; readonly stopAfter?: number } = {}) {
  const [stdout, stderr] = [memoryWriter(), memoryWriter()];
  const { terminal, interrupt } = fakeTerminal(stdout, stderr);
  const opened: number[] = [];
  let [open, now, measured] = [0, 0, 0];
  const times = (threads: number): StageTimes => ({
    melMs: 0,
    encodeMs: 4000 / threads,
    prefillMs: 100,
    tokenMs: [1, 100 / Math.min(threads, 2), 900],
    audioTokens: 130,
    promptTokens: 145,
  });
  const openModel = (threads: number): Promise<Measured> => {
    opened.push(threads);
    open++;
    const info = { name: "Qwen3-ASR-0.6B", isa: "avx2", threads: threads || 4 };
    const measure: Measured["measure"] = async (samples, tokens, pause) => {
      expect([samples.length, tokens]).toEqual([160_000, 24]);
      if (++measured === options.stopAfter) interrupt(130);
      await pause();
      now += options.slow ? 30_000 : 5000;
      return times(info.threads);
    };
    return Promise.resolve({ info, measure, close: () => void open-- });
  };
  const parts: BenchParts = {
    terminal,
    locateModel: () => Promise.resolve({ kind: "demo" }),
    stopwatch: { opener: () => openModel, peakMemory: () => 1.5e9, now: () => now },
  };
  return { parts, out: stdout.text, err: stderr.text, opened, stillOpen: () => open };
}

test("the default number of threads, then fewer; every model closed again", async () => {
  const { parts, out, err, opened, stillOpen } = fakeBench();
  expect(await benchModel(parts, undefined)).toBe(0);
  expect(opened).toEqual([0, 2, 1]);
  expect(stillOpen()).toBe(0);
  expect(err()).toBe("Measuring Qwen3-ASR-0.6B, avx2 kernels: 4, 2, 1 threads\n");
  expect(out()).toMatchInlineSnapshot(`
    "Qwen3-ASR-0.6B, avx2 kernels, 10 s of synthetic speech

         threads   encoder s   prefill s    ms/token     s per s
               4        1.00        0.10        50.0       0.285
               2        2.00        0.10        50.0       0.385
               1        4.00        0.10       100.0       0.760

    Memory at most: 1.50 GB
    Choose the default: 4 threads, 3.5x real time at 3.5 tokens a second
    "
  `);
});

test("a slow machine measures less", async () => {
  const { parts, opened } = fakeBench({ slow: true });
  await benchModel(parts, undefined);
  expect(opened).toEqual([0, 2]);
});

test("a signal ends it, the model is closed, nothing is printed", async () => {
  const { parts, out, stillOpen } = fakeBench({ stopAfter: 2 });
  await expect(benchModel(parts, undefined)).rejects.toBeInstanceOf(Stopped);
  expect({ out: out(), open: stillOpen() }).toEqual({ out: "", open: 0 });
});

test("counts are halved down to one", () => {
  expect(threadCounts(12)).toEqual([12, 6, 3, 1]);
  expect(threadCounts(1)).toEqual([1]);
});

test("threads that gain nothing are left to others", () => {
  const row = (threads: number, realTimeFactor: number) => ({
    threads,
    encodeMs: 1,
    prefillMs: 1,
    tokenMs: 1,
    realTimeFactor,
  });
  expect(chooseThreads([row(8, 0.5), row(4, 0.52), row(2, 0.9)]).threads).toBe(4);
  expect(renderBench("x", [row(8, 0.5), row(4, 0.52)], 1)).toContain("Choose -t 4: 4 threads, 1.9x real time");
});

test("the signal is loud enough to be speech, and never clips", () => {
  const samples = syntheticSpeech();
  expect(Math.max(...samples)).toBeLessThan(0.9);
  expect(samples.filter((sample) => Math.abs(sample) > 0.1).length).toBeGreaterThan(20_000);
  expect(samples).toEqual(syntheticSpeech());
});
