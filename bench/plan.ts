/** The command line of scripts/bench, and what it asks to be measured. Pure. */

import { parseArgs } from "node:util";
import type { Precision } from "./cost.ts";

export type BenchOptions = {
  readonly quick: boolean;
  /** Only streams. */
  readonly stream: boolean;
  /** Empty: the widened official sizes. */
  readonly models: readonly string[];
  /** Most first: the first is where all clips are measured. */
  readonly threads: readonly number[];
  /** Undefined: all that the executable has. */
  readonly weights: readonly Precision[] | undefined;
  readonly against: string | undefined;
  readonly json: string | undefined;
  readonly svg: string | undefined;
};

export const usage = `usage: scripts/bench [--quick] [--stream] [--model DIR]... [-t LIST] [--weights LIST]
                     [--against PATH] [--json FILE] [--svg FILE]
`;

const precisions: readonly string[] = ["bf16", "int8", "int4"] satisfies Precision[];

/** Throws with one line about what is wrong. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      stream: { type: "boolean", default: false },
      model: { type: "string", multiple: true, default: [] },
      threads: { type: "string", short: "t", default: "2,1" },
      weights: { type: "string" },
      against: { type: "string" },
      json: { type: "string" },
      svg: { type: "string" },
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
    against: values.against,
    json: values.json,
    svg: values.svg,
  };
}

/** A clip, how it is cut in whole runs, and how often each is repeated. */
export type ClipPlan = {
  readonly name: string;
  /** -S of the whole program; the stages always take the clip whole. */
  readonly segmentSec: number;
  /** 0: no stages, only the whole program. */
  readonly stageRuns: number;
  /** After one that is not counted; 0: that one counts. */
  readonly programRuns: number;
};

/**
 * The clips for one combination. Every clip with the most threads; fewer threads show their effect on the short one.
 * Quick leaves the long ones to the first model.
 */
export function clipPlans(quick: boolean, isFirstModel: boolean, hasMostThreads: boolean): ClipPlan[] {
  const short = { name: "en-weather", segmentSec: 0, stageRuns: quick ? 2 : 4, programRuns: quick ? 2 : 5 };
  const middle = { name: "en-45s", segmentSec: 30, stageRuns: quick ? 1 : 3, programRuns: quick ? 1 : 3 };
  const long = { name: "en-120s", segmentSec: 30, stageRuns: quick ? 0 : 1, programRuns: quick ? 0 : 2 };
  if (!quick) return [short, middle, long];
  if (!hasMostThreads) return [short];
  return isFirstModel ? [short, middle, long] : [short];
}

/** What an executable's --help says it can do: "--weights NAME", and the names that stand after it. */
export function weightsOf(help: string): Precision[] {
  if (!/--weights\b/.test(help)) return ["bf16"];
  const about = help.slice(help.indexOf("--weights"), help.indexOf("--weights") + 400);
  return precisions.filter((name) => about.includes(name)) as Precision[];
}
