/**
 * Are two threads beside a busy process at least as fast as one thread beside it? In: a model. Out: wall times of both
 * beside it and alone, and their ratios; exit 1 if two threads have less than 0.85 of the speed of one.
 *
 *     bun bench/busy.ts [--runs N] [--weights NAME] [DIR]
 *
 * Two threads of a pool wait for each other after every product. If one has lost its core, the other must not spend the
 * time spinning, and work must go to the thread that has a core. Runs are made in turns, and ratios are of neighbours.
 * On more than two CPUs all of it is bound to two. It takes minutes, so scripts/test does not run it.
 */

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { clip, projectRoot } from "../tests/fixtures.ts";
import { executable, folderIn } from "../tests/harness.ts";
import { execute } from "./execute.ts";
import { benchModels } from "./models.ts";
import { markdownTable } from "./report.ts";
import { best, pairedRatio } from "./stats.ts";

/** Required speed of two threads, as a share of the speed of one. */
const leastRatio = 0.85;

type Walls = { readonly one: number[]; readonly two: number[] };

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { runs: { type: "string", default: "5" }, weights: { type: "string", default: "int8" } },
    allowPositionals: true,
  });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs ${values.runs}: a number from 1 on`);
  const cpus = availableParallelism();
  if (cpus < 2) throw new Error("one CPU: there is nothing to compare");
  const bound = cpus > 2 ? ["taskset", "-c", "0,1"] : [];
  const [model] = await benchModels(positionals, ["0.6B"]);
  const home = folderIn(join(projectRoot, ".cache", "bench"), "busy-home");
  const measure = (threads: number) => wallMs(bound, model!.folder, values.weights, threads, home);
  await measure(2); // Packs the weights and brings them into the system's cache.
  const beside = await withBusyProcess(bound, () => inTurns(runs, measure));
  const alone = await inTurns(Math.min(runs, 2), measure);
  const ratio = pairedRatio(beside.two, beside.one);
  process.stdout.write(
    `${model!.name} ${values.weights}, ${clip("en-weather").seconds.toFixed(1)} s clip, best of runs in turns\n\n` +
      table({ "beside one busy process": beside, alone }) +
      `\nBeside it two threads have ${ratio.toFixed(2)}x the speed of one: ` +
      `${ratio >= leastRatio ? "enough" : "TOO LITTLE"}, ${leastRatio} is wanted\n`,
  );
  return ratio >= leastRatio ? 0 : 1;
}

async function inTurns(runs: number, measure: (threads: number) => Promise<number>): Promise<Walls> {
  const walls: Walls = { one: [], two: [] };
  for (let run = 0; run < runs; run++) {
    walls.one.push(await measure(1));
    walls.two.push(await measure(2));
  }
  return walls;
}

let text: string | undefined;

/** The number of threads must not change the text. */
async function wallMs(
  bound: readonly string[],
  folder: string,
  weights: string,
  threads: number,
  home: string,
): Promise<number> {
  const flags = ["-d", folder, "--weights", weights, "-t", String(threads), clip("en-weather").wav];
  const [command, ...args] = [...bound, executable(), ...flags];
  const result = await execute(command!, args, home);
  text ??= result.text;
  if (result.text !== text) throw new Error(`-t ${threads} says: ${result.text}\nbefore it was: ${text}`);
  return result.wallMs;
}

async function withBusyProcess<T>(bound: readonly string[], work: () => Promise<T>): Promise<T> {
  const busy = Bun.spawn([...bound, "sh", "-c", "while :; do :; done"], { stdin: "ignore", stdout: "ignore" });
  const end = () => (busy.kill("SIGKILL"), process.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, end);
  try {
    const result = await work();
    if (busy.exitCode !== null) throw new Error("the busy process has ended early");
    return result;
  } finally {
    busy.kill("SIGKILL");
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, end);
  }
}

function table(all: Readonly<Record<string, Walls>>): string {
  const seconds = (ms: number) => (ms / 1000).toFixed(2);
  return markdownTable(
    ["", "-t 1, s", "-t 2, s", "speed of 2 to that of 1"],
    Object.entries(all).map(([name, { one, two }]) => [
      name,
      seconds(best(one)),
      seconds(best(two)),
      `${pairedRatio(two, one).toFixed(2)}x`,
    ]),
  );
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench/busy.ts: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
