/**
 * A process of its own that measures one model with one number of threads and does nothing else. In: a `Probe` as JSON,
 * as argument. Out: a `Probed` as JSON. The machine's limits are measured before and after each run of the stages.
 */

import { clipSamples } from "../tests/native.ts";
import { type Dimensions, type StageTimes, Stopwatch } from "../src/engine/measure.ts";
import { type ModelHandle, Native } from "../src/engine/native.ts";
import type { Precision } from "./cost.ts";
import { between, type Moment, momentOf } from "./gauge.ts";
import { best, median } from "./stats.ts";

export type Probe = {
  readonly library: string;
  readonly folder: string;
  readonly threads: number;
  readonly weights: Precision;
  /** The folder for packed weights. */
  readonly cacheFolder: string;
  readonly clips: readonly { readonly name: string; readonly wav: string; readonly runs: number }[];
  /** Tokens to decode after each prompt. */
  readonly tokens: number;
};

/** The best that the machine can do with this many threads. */
export type Roofline = {
  /** Bytes a second. */
  readonly read: number;
  /** FLOP a second of f32 products of m rows with a matrix [ffn][hidden], and of the engine's own at its precision. */
  readonly products: readonly { readonly m: number; readonly speed: number; readonly own: number }[];
  /** The best product. */
  readonly sgemm: number;
  /** Operations a second of the int8 kernel, memory apart. */
  readonly int8: number;
  /** FLOP a second of causal attention at 1,575 positions. */
  readonly attention: number;
};

export type Probed = {
  /** Duration of a step of one sequence, and of four in lock-step, in ms. */
  readonly stepMs: { readonly one: number; readonly four: number };
  /** Steps of one sequence between two reads, several times: the median step, and the better read's bytes a second. */
  readonly turns: readonly { readonly stepMs: number; readonly read: number }[];
  readonly dimensions: Dimensions;
  readonly openMs: number;
  readonly roofline: Roofline;
  readonly stages: readonly { readonly clip: string; readonly samples: number; readonly runs: readonly StageRun[] }[];
};

/** `limits` are the better ones of the moments before and after. */
export type StageRun = StageTimes & { readonly limits: Moment };

/** Several times the size of any last-level cache of a current CPU. */
const mebibytes = 512;

async function probe(order: Probe): Promise<Probed> {
  const native = new Native(order.library);
  const start = performance.now();
  const model = openModel(native, order);
  const openMs = performance.now() - start;
  const stopwatch = new Stopwatch(native, model);
  const dimensions = stopwatch.dimensions();
  const moment = () => momentOf(native, model, dimensions.text);
  let before = moment();
  const stages = [];
  for (const { name, wav, runs } of order.clips) {
    const samples = await clipSamples(wav);
    const times: StageRun[] = [];
    while (times.length < runs) {
      const run = await stopwatch.measure(samples, order.tokens);
      const after = moment();
      times.push({ ...run, limits: between(before, after) });
      before = after;
    }
    stages.push({ clip: name, samples: samples.length, runs: times });
  }
  const turns = stepsInTurns(native, model, stopwatch, order.tokens);
  const stepMs = { one: best(stopwatch.steps(1, order.tokens)), four: best(stopwatch.steps(4, order.tokens)) };
  const limits = roofline(native, model, dimensions);
  stopwatch.close();
  native.closeModel(model);
  return { dimensions, openMs, roofline: limits, stages, stepMs, turns };
}

/** Memory's speed changes within seconds: reads and steps take turns. */
function stepsInTurns(native: Native, model: ModelHandle, stopwatch: Stopwatch, count: number): Probed["turns"] {
  const turns = [];
  let before = native.readSpeed(model, mebibytes / 2);
  for (let turn = 0; turn < 4; turn++) {
    const stepMs = median(stopwatch.steps(1, count));
    const after = native.readSpeed(model, mebibytes / 2);
    turns.push({ stepMs, read: Math.max(before, after) });
    before = after;
  }
  return turns;
}

function openModel(native: Native, { folder, threads, weights, cacheFolder }: Probe): ModelHandle {
  return native.openFolder(folder, threads, weights, cacheFolder);
}

function roofline(native: Native, model: ModelHandle, { text }: Dimensions): Roofline {
  const products = [104, 143, 585].map((m) => ({
    m,
    speed: native.sgemmSpeed(model, m, text.ffn, text.hidden),
    own: native.linearSpeed(model, m),
  }));
  return {
    read: native.readSpeed(model, mebibytes),
    products,
    sgemm: Math.max(...products.map(({ speed }) => speed)),
    int8: native.int8Speed(model),
    attention: native.attentionSpeed(model, 1575),
  };
}

console.log(JSON.stringify(await probe(JSON.parse(process.argv[2]!))));
