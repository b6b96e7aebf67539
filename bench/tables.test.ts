/** Figures from measurements, and how tables and chart show them. */

import { expect, test } from "bun:test";
import type { Probed } from "./probe.ts";
import { type BenchResult, configFigures, segmentsOf, stageFigures } from "./result.ts";
import { small } from "./small_model.ts";
import { renderSvg } from "./svg.ts";
import { renderTables } from "./tables.ts";

const limits = { read: 40e9, sgemm: 100e9 };
const counts = { audioTokens: 104, promptTokens: 119 };
const run = { melMs: 10, encodeMs: 1000, prefillMs: 1000, tokenMs: [50, 40, 60], ...counts, limits };
/** A machine that gives less, on which everything takes longer. */
const slow = { read: 20e9, sgemm: 50e9 };
const slowRun = { ...run, encodeMs: 2000, prefillMs: 2000, tokenMs: [90, 100, 110], limits: slow };
const roofline = {
  read: 40e9,
  products: [{ m: 104, speed: 100e9, own: 250e9 }],
  sgemm: 100e9,
  int8: 500e9,
  attention: 80e9,
};
const probed: Probed = {
  dimensions: small,
  openMs: 300,
  stepMs: { one: 30, four: 45 },
  turns: [{ stepMs: 50, read: 40e9 }, { stepMs: 90, read: 20e9 }, { stepMs: 55, read: 40e9 }],
  roofline,
  stages: [{ clip: "en-8s", samples: 128_000, runs: [run, slowRun] }],
};

test("stages: the best run, and the parts of what the machine gave to each", () => {
  const [figures] = stageFigures(probed, "bf16");
  expect(figures).toMatchObject({ seconds: 8, encodeMs: 1000, prefillMs: 1000, tokenMs: 50, firstTokenMs: 2010 });
  expect(figures!.encodeOfPeak).toBeCloseTo(0.72, 1); // 72 GFLOP in 1 s at 100 GFLOP/s.
  expect(figures!.prefillOfPeak).toBeCloseTo(1.02, 1);
  expect(figures!.tokenOfRead).toBeCloseTo(1.19 / 0.05 / 40, 2);
});

test("segments of a cut recording", () => {
  expect([segmentsOf(10, 30), segmentsOf(32, 30), segmentsOf(40.8, 30), segmentsOf(109, 30)]).toEqual([1, 1, 2, 4]);
  expect(segmentsOf(500, 0)).toBe(1);
});

const start = {
  first: { loadedMs: 700, firstTokenMs: 900 },
  cold: { loadedMs: 800, firstTokenMs: 1100 },
  warm: { loadedMs: 100, firstTokenMs: 500 },
};
const program = {
  clip: "en-8s",
  seconds: 8,
  segmentSec: 0,
  wallMs: 3000,
  t0Ms: 2000,
  inT0: 1.5,
  peakBytes: 1.5e9,
  voiceMs: 15,
};
const result: BenchResult = {
  when: "2026-01-01",
  commit: "abc",
  machine: { cpu: "CPU", cores: 2, memoryBytes: 8e9, loadBefore: 0.5 },
  command: "scripts/bench",
  configs: [{
    model: "0.6B",
    weights: "bf16",
    threads: 2,
    isa: "avx2",
    blas: "openblas",
    roofline,
    openMs: 300,
    stepMs: { one: 30, four: 45 },
    stepOfRead: 0.6,
    stages: stageFigures(probed, "bf16"),
    programs: [{ ...program, characterErrorRate: 0.01 }],
    start,
  }],
  problems: [],
};

test("tables: every figure with its part of the limit", () => {
  const text = renderTables(result);
  expect(text).toContain("| 0.6B | bf16 | 2 | avx2 | 40 | 100 (104 rows) | 500 | 80 % |");
  expect(text).toContain("| 0.6B | bf16 | 2 | 8.0 | 10 | 1000 (");
  expect(text).toContain("| 50.0 (60 %) |");
  expect(text).toContain("| 8.0 | 0 | 3.00 | 2.00 | 1.50 | 1.50 | 0.010 | 15 (0.5 %) |\n");
  expect(text).toContain("| 0.6B | bf16 | 2 | 0.70 / 0.90 | 0.80 / 1.10 | 0.10 / 0.50 | 0.30 |");
  expect(text).toContain("| 2.50x (104 rows) | 30.0 ms (60 %) | 1.50x |");
  expect(text).not.toContain("WRONG");
  expect(renderTables({ ...result, problems: ["en-8s: bad"] })).toContain("WRONG TEXTS\n\n- en-8s: bad\n");
});

test("what could not be had is said; steps in turn with one by one stand apart", () => {
  const oneByOne = { wallMs: 4500, ratio: 1.5 };
  const config = {
    ...result.configs[0]!,
    programs: [{ ...program, characterErrorRate: 0, oneByOne }],
    start: { ...start, cold: "no dd" },
  };
  const text = renderTables({ ...result, configs: [config] });
  expect(text).toContain("| 0.70 / 0.90 | not possible | 0.10 / 0.50 |");
  expect(text).toContain("No cold start could be had: no dd\n");
  expect(text).toContain("| 8.0 | 0 | 3.00 | 4.50 | 1.50x |");
  expect(renderTables(result)).not.toContain("lock-step against");
});

test("other programs have a table of their own", () => {
  const other = { wallMs: 6000, peakBytes: 2e9, ratio: 2, sameText: false };
  const against = [{ ...other, program: "old" }, { ...other, program: "peer", ratio: 3, sameText: true }];
  const config = { ...result.configs[0]!, programs: [{ ...program, characterErrorRate: 0, against }] };
  const text = renderTables({ ...result, configs: [config] });
  expect(text).toContain("| program | wall s | peak GB | theirs / ours | text |");
  expect(text).toContain("| 8.0 | 0 | old | 6.00 | 2.00 | 2.00 | another |\n");
  expect(text).toContain("| peer | 6.00 | 2.00 | 3.00 | same |\n");
  expect(renderTables(result)).not.toContain("Other programs");
});

test("chart: bars in proportion, the limit drawn, labels escaped", () => {
  const svg = renderSvg("a < b", [
    { label: "decode", value: 0.5, group: "x" },
    { label: "encoder", value: 1.1, group: "y" },
  ]);
  expect(svg).toStartWith('<svg xmlns="http://www.w3.org/2000/svg"');
  expect(svg).toEndWith("</svg>\n");
  expect(svg).toContain("a &lt; b");
  // The axis ends at 125 %: 420 points wide, half of the limit is 168.
  expect(svg).toContain('width="168" height="16" fill="#3b6ea5"');
  expect(svg).toContain('width="369.6" height="16" fill="#c0713a"');
  expect(svg.match(/stroke="black"/g)).toHaveLength(1);
  expect(renderSvg("none", [])).toContain("100 %");
});

test("whole runs count in units of their moment; the machine's limits are the best that were seen", () => {
  const { t0Ms: _, inT0: __, wallMs: ___, ...times } = { ...program, characterErrorRate: 0, tokens: 30 };
  const runs = [{ wallMs: 3000, limits }, { wallMs: 6000, limits: slow }, { wallMs: 3600, limits }];
  const one = { model: "0.6B", weights: "bf16" as const, start, programs: [{ ...times, runs }] };
  const slower = { ...probed, roofline: { ...roofline, read: 10e9, sgemm: 50e9 } };
  const figures = configFigures([
    { ...one, threads: 2, probed },
    { ...one, threads: 2, probed: slower },
    { ...one, threads: 1, probed: slower },
  ]);
  expect(figures.map((config) => config.roofline.sgemm)).toEqual([100e9, 100e9, 50e9]);
  const t0Ms = 8 * 204.3 + 30 * 29.8;
  const [first] = figures[0]!.programs;
  expect(first!.t0Ms).toBeCloseTo(t0Ms, -1);
  expect(first!.wallMs).toBe(3000);
  expect(figures[0]!.stepOfRead).toBeCloseTo(1.19 / 0.05 / 40, 2);
  expect(first!.inT0).toBeCloseTo(3000 / t0Ms, 2);
});
