/** The result of a benchmark run: the shape of its JSON, and how figures follow from measurements. Pure. */

import { encoderCost, type Precision, prefillCost, t0, tokenBytes } from "./cost.ts";
import type { Moment } from "./gauge.ts";
import type { Probed, Roofline, StageRun } from "./probe.ts";
import { best, median } from "./stats.ts";
import { sampleRate } from "../src/units.ts";

/** The best times of a clip's stages, and their median share of the machine's limits at that moment. */
export type StageFigures = {
  readonly clip: string;
  readonly seconds: number;
  readonly melMs: number;
  readonly encodeMs: number;
  readonly prefillMs: number;
  /** Median of the tokens. */
  readonly tokenMs: number;
  /** Time from samples to the first token. */
  readonly firstTokenMs: number;
  /** Share of the f32 product peak; more than 1 is possible at int8. */
  readonly encodeOfPeak: number;
  readonly prefillOfPeak: number;
  /** Share of the read bandwidth. */
  readonly tokenOfRead: number;
};

export type ProgramFigures = {
  readonly clip: string;
  readonly seconds: number;
  /** The value of -S. */
  readonly segmentSec: number;
  readonly wallMs: number;
  /** The time that perfect f32 code would need by the limits around each run: the median. */
  readonly t0Ms: number;
  /** Wall time in units of that: the median. */
  readonly inT0: number;
  readonly peakBytes: number;
  readonly characterErrorRate: number;
  /** The voice detector's part of it, on one thread. */
  readonly voiceMs: number;
  /** Wall time with segments one by one, and the median ratio of one by one to lock-step, of runs in turns. */
  readonly oneByOne?: { readonly wallMs: number; readonly ratio: number };
  /** Other programs' wall times, and the median ratio of their time to ours, of runs in turns. */
  readonly against?: readonly {
    readonly program: string;
    readonly wallMs: number;
    readonly peakBytes: number;
    readonly ratio: number;
    readonly sameText: boolean;
  }[];
};

/** Every run with the limits of its moment. */
export type ProgramTimes = Omit<ProgramFigures, "t0Ms" | "inT0" | "wallMs"> & {
  readonly tokens: number;
  readonly runs: readonly { readonly wallMs: number; readonly limits: Moment }[];
};

export type ConfigTimes = {
  readonly model: string;
  readonly weights: Precision;
  readonly threads: number;
  readonly probed: Probed;
  readonly programs: readonly ProgramTimes[];
  readonly start: StartFigures;
};

/** Times from process start to the first token of a short clip. */
export type StartTimes = { readonly loadedMs: number; readonly firstTokenMs: number };

export type StartFigures = {
  /** Nothing is packed; the checkpoint is in the system's cache of files. */
  readonly first: StartTimes;
  /** Packed, but not in the system's cache; or why that could not be done. A quick run leaves some out. */
  readonly cold?: StartTimes | string;
  /** Packed and in the system's cache. */
  readonly warm: StartTimes;
};

export type ConfigFigures = {
  readonly model: string;
  readonly weights: Precision;
  readonly threads: number;
  readonly isa: string;
  readonly blas: string;
  readonly roofline: Roofline;
  readonly openMs: number;
  readonly stepMs: Probed["stepMs"];
  /** Bytes of weights that a step of one sequence reads, as a share of reads right before and after it (median). */
  readonly stepOfRead: number;
  readonly stages: readonly StageFigures[];
  readonly programs: readonly ProgramFigures[];
  readonly start: StartFigures;
};

export type BenchResult = {
  readonly when: string;
  readonly commit: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
    readonly loadBefore: number;
  };
  readonly command: string;
  readonly configs: readonly ConfigFigures[];
  /** Wrong texts; a single one fails the run. */
  readonly problems: readonly string[];
};

const samplesPerFrame = 160;

/** One set of limits for each number of threads: the best of all its measurements in this run. */
export function configFigures(all: readonly ConfigTimes[]): ConfigFigures[] {
  return all.map(({ model, weights, threads, probed, programs, start }) => {
    const { dimensions, openMs, stepMs, turns } = probed;
    const roofline = all.filter((other) => other.threads === threads)
      .map((other) => other.probed.roofline)
      .reduce((limits, other) => sharedLimits(limits, other), probed.roofline);
    return {
      model,
      weights,
      threads,
      isa: dimensions.isa,
      blas: dimensions.blas,
      roofline,
      openMs,
      stepMs,
      stepOfRead: median(turns.map(({ stepMs, read }) => tokenBytes(dimensions, weights) / (stepMs / 1000) / read)),
      stages: stageFigures(probed, weights),
      programs: programs.map((times) => programFigures(dimensions, times)),
      start,
    };
  });
}

function programFigures(dimensions: Probed["dimensions"], { tokens, runs, ...times }: ProgramTimes): ProgramFigures {
  const t0Ms = runs.map(({ limits }) => 1000 * t0(dimensions, { seconds: times.seconds, tokens }, limits));
  return {
    ...times,
    wallMs: best(runs.map(({ wallMs }) => wallMs)),
    t0Ms: median(t0Ms),
    inT0: median(runs.map(({ wallMs }, run) => wallMs / t0Ms[run]!)),
  };
}

/** The limits that do not depend on the model; products are compared at the model's own shapes. */
function sharedLimits(ours: Roofline, other: Roofline): Roofline {
  return {
    ...ours,
    read: Math.max(ours.read, other.read),
    sgemm: Math.max(ours.sgemm, other.sgemm),
    int8: Math.max(ours.int8, other.int8),
  };
}

export function stageFigures(probed: Probed, weights: Precision): StageFigures[] {
  const { dimensions } = probed;
  return probed.stages.map(({ clip, samples, runs }) => {
    const fastest = (of: (run: StageRun) => number) => best(runs.map(of));
    const [melMs, encodeMs] = [fastest((run) => run.melMs), fastest((run) => run.encodeMs)];
    const prefillMs = fastest((run) => run.prefillMs);
    const tokenMs = fastest((run) => median(run.tokenMs));
    const encoder = encoderCost(dimensions, Math.floor(samples / samplesPerFrame));
    const encoderFlops = encoder.stem + encoder.layers + encoder.attention + encoder.projection;
    const prefill = prefillCost(dimensions, runs[0]!.promptTokens);
    const ofPeak = (flops: number, ms: (run: StageRun) => number) =>
      median(runs.map((run) => flops / (ms(run) / 1000) / run.limits.sgemm));
    const bytes = tokenBytes(dimensions, weights);
    return {
      clip,
      seconds: samples / sampleRate,
      melMs,
      encodeMs,
      prefillMs,
      tokenMs,
      firstTokenMs: fastest((run) => run.melMs + run.encodeMs + run.prefillMs),
      encodeOfPeak: ofPeak(encoderFlops, (run) => run.encodeMs),
      prefillOfPeak: ofPeak(prefill.products + prefill.attention, (run) => run.prefillMs),
      tokenOfRead: median(runs.map((run) => bytes / (median(run.tokenMs) / 1000) / run.limits.read)),
    };
  });
}

/** The number of segments of a recording that is cut about every `segmentSec`: the last may be 3 s longer. */
export function segmentsOf(seconds: number, segmentSec: number): number {
  return segmentSec === 0 ? 1 : Math.max(1, Math.ceil((seconds - 3) / segmentSec));
}
