/** A benchmark's result as Markdown tables. Pure. */

import { markdownTable } from "./report.ts";
import type { BenchResult, ConfigFigures, ProgramFigures, StageFigures, StartTimes } from "./result.ts";

export function renderTables(result: BenchResult): string {
  const { machine, configs } = result;
  const memory = (machine.memoryBytes / 1e9).toFixed(0);
  return `${result.when}, ${result.commit}: ${machine.cpu}, ${machine.cores} CPUs, ${memory} GB, ` +
    `load before ${machine.loadBefore.toFixed(1)}\n\n    ${result.command}\n\n` +
    `The machine's limits, measured in the same run (attention: of the f32 product peak)\n\n${rooflines(configs)}\n` +
    `Stages (in brackets: of f32 products right before and after, or for decode of reading)\n\n${stages(configs)}\n` +
    `Products at the model's precision, rounding of activations included, and steps in lock-step\n\n` +
    `${products(configs)}\n` +
    `Program (T0: what perfect f32 code would need, by limits right before and after)\n\n` +
    `${programs(configs)}\n` +
    others(configs) + batches(configs) +
    `From process start to the model loaded / to the first token of a 2 s clip, in seconds\n\n${starts(configs)}` +
    (result.problems.length > 0
      ? `\nWRONG TEXTS\n\n${result.problems.map((problem) => `- ${problem}\n`).join("")}`
      : "");
}

function rooflines(configs: readonly ConfigFigures[]): string {
  const head = [
    "model",
    "weights",
    "threads",
    "isa",
    "read GB/s",
    "f32 products GFLOP/s",
    "int8 kernel Gop/s",
    "attention",
  ];
  return markdownTable(
    head,
    configs.map(({ model, weights, threads, isa, roofline }) => [
      model,
      weights,
      String(threads),
      isa,
      giga(roofline.read),
      roofline.products.map(({ m, speed }) => `${giga(speed)} (${m} rows)`).join(", "),
      giga(roofline.int8),
      percent(roofline.attention / roofline.sgemm),
    ]),
  );
}

function stages(configs: readonly ConfigFigures[]): string {
  const head = ["model", "weights", "threads", "clip s", "mel ms", "encoder ms", "prefill ms", "first token ms"];
  return markdownTable(
    [...head, "decode ms/token"],
    configs.flatMap((config) => config.stages.map((figures) => [...name(config), ...stageCells(figures)])),
  );
}

function stageCells(s: StageFigures): string[] {
  return [
    s.seconds.toFixed(1),
    s.melMs.toFixed(0),
    `${s.encodeMs.toFixed(0)} (${percent(s.encodeOfPeak)})`,
    `${s.prefillMs.toFixed(0)} (${percent(s.prefillOfPeak)})`,
    s.firstTokenMs.toFixed(0),
    `${s.tokenMs.toFixed(1)} (${percent(s.tokenOfRead)})`,
  ];
}

function products(configs: readonly ConfigFigures[]): string {
  const head = ["model", "weights", "threads", "own product against f32 BLAS", "step, of reads in turns", "step of 4"];
  return markdownTable(
    head,
    configs.map((config) => [
      ...name(config),
      config.roofline.products.map(({ m, speed, own }) => `${(own / speed).toFixed(2)}x (${m} rows)`).join(", "),
      `${config.stepMs.one.toFixed(1)} ms (${percent(config.stepOfRead)})`,
      `${(config.stepMs.four / config.stepMs.one).toFixed(2)}x`,
    ]),
  );
}

function programs(configs: readonly ConfigFigures[]): string {
  const head = ["model", "weights", "threads", "clip s", "-S", "wall s", "T0 s", "in T0", "peak GB", "CER", "voice ms"];
  return markdownTable(
    head,
    configs.flatMap((config) => config.programs.map((figures) => [...name(config), ...programCells(figures)])),
  );
}

function programCells(p: ProgramFigures): string[] {
  return [
    p.seconds.toFixed(1),
    String(p.segmentSec),
    (p.wallMs / 1000).toFixed(2),
    (p.t0Ms / 1000).toFixed(2),
    p.inT0.toFixed(2),
    giga(p.peakBytes, 2),
    p.characterErrorRate.toFixed(3),
    `${p.voiceMs.toFixed(0)} (${((100 * p.voiceMs) / p.wallMs).toFixed(1)} %)`,
  ];
}

/** Returns "" if there are no others. */
function others(configs: readonly ConfigFigures[]): string {
  const rows = configs.flatMap((config) =>
    config.programs.flatMap((p) =>
      (p.against ?? []).map(({ program, wallMs, peakBytes, ratio, sameText }) => [
        ...[...name(config), p.seconds.toFixed(1), String(p.segmentSec), program],
        ...[(wallMs / 1000).toFixed(2), giga(peakBytes, 2), ratio.toFixed(2), sameText ? "same" : "another"],
      ])
    )
  );
  if (rows.length === 0) return "";
  const head = ["model", "weights", "threads", "clip s", "-S", "program", "wall s", "peak GB", "theirs / ours", "text"];
  return `Other programs, in turns with this one\n\n${markdownTable(head, rows)}\n`;
}

/** Returns "" if nothing was compared. */
function batches(configs: readonly ConfigFigures[]): string {
  const rows = configs.flatMap((config) =>
    config.programs.flatMap((p) =>
      p.oneByOne
        ? [[
          ...name(config),
          p.seconds.toFixed(1),
          String(p.segmentSec),
          (p.wallMs / 1000).toFixed(2),
          (p.oneByOne.wallMs / 1000).toFixed(2),
          `${p.oneByOne.ratio.toFixed(2)}x`,
        ]]
        : []
    )
  );
  if (rows.length === 0) return "";
  const head = ["model", "weights", "threads", "clip s", "-S", "in step, s", "one by one, s", "one by one / in step"];
  return `Segments in lock-step against one by one (--batch 1), same text\n\n${markdownTable(head, rows)}\n`;
}

function starts(configs: readonly ConfigFigures[]): string {
  const seconds = (ms: number) => (ms / 1000).toFixed(2);
  const both = ({ loadedMs, firstTokenMs }: StartTimes) => `${seconds(loadedMs)} / ${seconds(firstTokenMs)}`;
  const cold = configs.find(({ start }) => typeof start.cold === "string")?.start.cold;
  const note = cold === undefined ? "" : `\nNo cold start could be had: ${cold as string}\n`;
  return markdownTable(
    [
      ...["model", "weights", "threads", "first start ever", "packed, files not in the system's cache"],
      "warm",
      "opening",
    ],
    configs.map((config) => [
      ...name(config),
      both(config.start.first),
      typeof config.start.cold === "string" ? "not possible" : config.start.cold ? both(config.start.cold) : "",
      both(config.start.warm),
      seconds(config.openMs),
    ]),
  ) + note;
}

function name({ model, weights, threads }: ConfigFigures): string[] {
  return [model, weights, String(threads)];
}

function percent(part: number): string {
  return `${(part * 100).toFixed(0)} %`;
}

function giga(value: number, digits = 0): string {
  return (value / 1e9).toFixed(digits);
}
