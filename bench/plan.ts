/** The command line of scripts/bench, and the measurements that it asks for. Pure. */

import { parseArgs } from "node:util";
import type { Precision } from "./cost.ts";
import { commandTemplate } from "./hyperfine.ts";

export type BenchOptions = {
  readonly quick: boolean;
  /** Measures streams and nothing else. */
  readonly stream: boolean;
  /** Folders; empty: the widened official sizes. */
  readonly models: readonly string[];
  /** Numbers of threads, the largest first: with that one all clips are measured. */
  readonly threads: readonly number[];
  /** Precisions; undefined: all that the executable has. */
  readonly weights: readonly Precision[] | undefined;
  /** Command templates of other programs (hyperfine.ts). */
  readonly against: readonly string[];
  readonly json: string | undefined;
  readonly svg: string | undefined;
  /** Where hyperfine's exports go, merged. */
  readonly export: string | undefined;
};

export const usage = `usage: scripts/bench [--quick] [--stream] [--model DIR]... [-t LIST] [--weights LIST]
                     [--against COMMAND]... [--json FILE] [--svg FILE] [--export FILE]
--against: another program, for example 'transcribe-cli -m {model} {clip}' ({threads}, {segment} and {weights}
are known too), or the path of one with our flags; --export: every run's times, in hyperfine's JSON
`;

const precisions: readonly string[] = ["bf16", "int8", "int4"] satisfies Precision[];

/** Throws an error of one line that says what is wrong. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      stream: { type: "boolean", default: false },
      model: { type: "string", multiple: true, default: [] },
      threads: { type: "string", short: "t", default: "2,1" },
      weights: { type: "string" },
      against: { type: "string", multiple: true, default: [] },
      json: { type: "string" },
      svg: { type: "string" },
      export: { type: "string" },
    },
  });
  const threads = values.threads.split(",").map(Number);
  if (threads.some((count) => !Number.isInteger(count) || count < 1)) {
    throw new Error(`-t ${values.threads}: numbers of threads from 1 on, with commas between`);
  }
  const weights = values.weights?.split(",");
  const unknown = weights?.find((name) => !precisions.includes(name));
  if (unknown !== undefined) throw new Error(`--weights ${unknown}: ${precisions.join(", ")} are known`);
  return {
    quick: values.quick,
    stream: values.stream,
    models: values.model,
    threads: [...new Set(threads)].sort((a, b) => b - a),
    weights: weights as Precision[] | undefined,
    against: values.against.map(commandTemplate),
    json: values.json,
    svg: values.svg,
    export: values.export,
  };
}

/** A clip, how it is cut in whole runs, and how often each is repeated. */
export type ClipPlan = {
  readonly name: string;
  /** -S of the whole program; the stages always take the whole clip. */
  readonly segmentSec: number;
  /** Runs of the stages; 0: only the whole program is measured. */
  readonly stageRuns: number;
  /** Runs of the whole program after one that is not counted; 0: that one counts. */
  readonly programRuns: number;
  /** If the model's text at bf16 is not known, its text may be compared with what is really said. */
  readonly isByTruth: boolean;
  /** The segments are also decoded one by one, in turns. */
  readonly comparesBatch: boolean;
};

/** One model, precision and number of threads, and what is measured with them. */
export type ConfigPlan = {
  /** Index in the given models. */
  readonly model: number;
  readonly weights: Precision;
  readonly threads: number;
  readonly clips: readonly ClipPlan[];
  /** Starts from the disk are measured as well. */
  readonly startsCold: boolean;
};

/**
 * A full run measures all combinations. A quick one leaves out what follows from the rest: fewer threads are measured
 * at one precision with the first model, other precisions on shorter clips.
 */
export function configPlans(
  { quick, threads }: Pick<BenchOptions, "quick" | "threads">,
  models: number,
  weights: readonly Precision[],
): ConfigPlan[] {
  const main = weights.includes("int8") ? "int8" : weights[0]!;
  const plans = [];
  for (let model = 0; model < models; model++) {
    for (const name of weights) {
      for (const count of threads) {
        const [isFirst, isMain, hasMost] = [model === 0, name === main, count === threads[0]];
        if (quick && !hasMost && !(isFirst && isMain)) continue;
        const clips = quick ? quickClips(isFirst && hasMost, isMain) : allClips;
        plans.push({ model, weights: name, threads: count, clips, startsCold: !quick || (isMain && hasMost) });
      }
    }
  }
  return plans;
}

const allClips: readonly ClipPlan[] = [
  { name: "en-weather", segmentSec: 0, stageRuns: 4, programRuns: 5, isByTruth: false, comparesBatch: false },
  { name: "en-45s", segmentSec: 30, stageRuns: 3, programRuns: 3, isByTruth: false, comparesBatch: true },
  { name: "en-120s", segmentSec: 30, stageRuns: 1, programRuns: 2, isByTruth: false, comparesBatch: true },
];

function quickClips(hasMiddle: boolean, isMain: boolean): ClipPlan[] {
  const [short, middle, long] = allClips as readonly [ClipPlan, ClipPlan, ClipPlan];
  const clips: ClipPlan[] = [{ ...short, stageRuns: isMain ? 2 : 1, programRuns: isMain ? 2 : 1 }];
  if (hasMiddle) clips.push({ ...middle, stageRuns: 1, programRuns: isMain ? 1 : 0, comparesBatch: false });
  if (hasMiddle && isMain) clips.push({ ...long, stageRuns: 0, programRuns: 0, isByTruth: true });
  return clips;
}

/** The precisions that an executable names in its --help, after "--weights NAME". */
export function weightsOf(help: string): Precision[] {
  if (!/--weights\b/.test(help)) return ["bf16"];
  const about = help.slice(help.indexOf("--weights"), help.indexOf("--weights") + 400);
  return precisions.filter((name) => about.includes(name)) as Precision[];
}
