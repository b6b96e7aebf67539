/**
 * scripts/bench: how fast is the program, and how far from what this machine can do? In: models of the official sizes,
 * clips. Out: tables on standard output, JSON and a chart on request; exit 1 if a text was wrong.
 *
 * For every model, precision and number of threads it measures the stages in a process of their own (probe.ts), with
 * the machine's limits, then the executable as a user starts it, in turns with another one. Every text is checked.
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { runCommand, tool } from "../scripts/commands.ts";
import { cacheFolder } from "../src/model/cache_folder.ts";
import { clip, hasClip, projectRoot } from "../tests/fixtures.ts";
import { executable, fixedEnvironment, folderIn } from "../tests/harness.ts";
import { clipSamples, libraryPath, native } from "../tests/native.ts";
import { characterErrors, rate } from "./cer.ts";
import type { Precision } from "./cost.ts";
import { execute, type Execution } from "./execute.ts";
import { between, Gauge, type Moment } from "./gauge.ts";
import { firmText, problemOf, problemOfReference } from "./expected.ts";
import {
  fillTemplate,
  findHyperfine,
  mergeExports,
  orderOf,
  quoted,
  type TimedRun,
  timeOnce,
  type Timing,
} from "./hyperfine.ts";
import { type BenchModel, benchModels } from "./models.ts";
import { bringIntoCache, dropFromCache } from "./page_cache.ts";
import { type BenchOptions, type ClipPlan, configPlans, parseOptions, usage, weightsOf } from "./plan.ts";
import type { Probe, Probed } from "./probe.ts";
import { readSummary } from "./report.ts";
import {
  type BenchResult,
  type ConfigFigures,
  configFigures,
  type ConfigTimes,
  type ProgramTimes,
  segmentsOf,
  type StartFigures,
  type StartTimes,
} from "./result.ts";
import { streamTables } from "./stream.ts";
import { best, pairedRatio } from "./stats.ts";
import { type Bar, renderSvg } from "./svg.ts";
import { renderTables } from "./tables.ts";

type Config = { readonly model: BenchModel; readonly weights: Precision; readonly threads: number };

/** The name of this executable with --batch 1. */
const oneByOne = "one by one";

class Bench {
  readonly problems: string[] = [];
  readonly gauge = new Gauge();
  /** Every run by hyperfine. */
  readonly timings: Timing[] = [];
  /** The text of each model at bf16, for clips without a firm text. */
  readonly #references = new Map<string, string>();
  readonly #precisions: readonly Precision[];
  readonly #hasBatch: boolean;

  constructor(readonly options: BenchOptions, readonly home: string, help: string, readonly hyperfine: string) {
    this.#precisions = weightsOf(help);
    this.#hasBatch = help.includes("--batch ");
  }

  get weights(): readonly Precision[] {
    const asked = this.options.weights ?? this.#precisions;
    const missing = asked.find((name) => !this.#precisions.includes(name));
    if (missing) throw new Error(`--weights ${missing}: this build has ${this.#precisions.join(", ")}`);
    return asked;
  }

  async config(config: Config, asked: readonly ClipPlan[], startsCold: boolean): Promise<ConfigTimes> {
    const { model, weights, threads } = config;
    // The committed subset of the fixtures lacks the long clips.
    const plans = asked.filter(({ name }) => hasClip(name));
    if (plans.length < asked.length) note("long clips are left out: set QWEN_ASR_FIXTURES to the whole fixtures");
    note(`${model.name} ${weights} -t ${threads}: starting`);
    const start = await this.#start(config, startsCold);
    note(`${model.name} ${weights} -t ${threads}: stages`);
    const probed = await probe(config, plans, this.options.quick ? 16 : 48, this.home);
    const programs = [];
    for (const plan of plans) {
      note(`${model.name} ${weights} -t ${threads}: ${plan.name} -S ${plan.segmentSec}`);
      programs.push(await this.#program(config, plan, probed.dimensions.text));
    }
    return { model: model.name, weights, threads, probed, programs, start };
  }

  /** Leaves everything packed and in the system's cache. The language is forced: the first text is the first token. */
  async #start(config: Config, startsCold: boolean): Promise<StartFigures> {
    const { folder } = config.model;
    const home = emptyHome("home");
    const run = async (): Promise<StartTimes> => {
      const flags = [...this.#flags(config), "--language", "English", "-S", "0", clip("en-short").wav];
      const { loadedMs, firstTextMs } = await execute(executable(), flags, home);
      return { loadedMs: loadedMs ?? Infinity, firstTokenMs: firstTextMs };
    };
    await bringIntoCache([folder]);
    const first = await run();
    const cold = startsCold ? await dropFromCache([folder, home]) ?? await run() : undefined;
    await bringIntoCache([folder, home]);
    const tries = [await run(), await run()];
    const [warm] = tries.sort((a, b) => a.firstTokenMs - b.firstTokenMs);
    return { first, warm: warm!, ...(cold !== undefined && { cold }) };
  }

  async #program(config: Config, plan: ClipPlan, shape: { ffn: number; hidden: number }): Promise<ProgramTimes> {
    const { seconds, text: truth } = clip(plan.name);
    const first = await this.#checked(config, plan);
    const programs = this.#programs(config, plan);
    // Others may have to prepare things.
    for (const { name, command } of programs.slice(1)) if (name !== oneByOne) await this.#timed(command);
    const runs: TimedRun[][] = programs.map(() => []);
    const limits: Moment[] = [];
    for (let round = 0; round < Math.max(1, plan.programRuns); round++) {
      for (const index of orderOf(round, programs.length)) {
        const before = index === 0 ? this.gauge.now(config.threads, shape) : undefined;
        runs[index]!.push(await this.#timed(programs[index]!.command));
        if (before) limits.push(between(before, this.gauge.now(config.threads, shape)));
      }
    }
    const where = `${config.model.name} ${config.weights} -t ${config.threads} ${plan.name}`;
    const ours = runs[0]!.map(({ wallMs }) => wallMs);
    const others = programs.map(({ name }, index) => {
      const sameText = runs[index]!.every(({ text }) => text === first.text);
      if (!sameText && (index === 0 || name === oneByOne)) {
        const said = runs[index]!.find(({ text }) => text !== first.text)!.text;
        this.#report(`${where}, ${name}: another text than before\n  said:   ${said}\n  before: ${first.text}`);
      }
      const walls = runs[index]!.map(({ wallMs }) => wallMs);
      const peakBytes = Math.max(...runs[index]!.map(({ peakBytes }) => peakBytes));
      return { program: name, wallMs: best(walls), peakBytes, ratio: pairedRatio(ours, walls), sameText };
    });
    const singles = others.find(({ program }) => program === oneByOne);
    const against = others.slice(1).filter(({ program }) => program !== oneByOne);
    const headerTokens = 3 * segmentsOf(seconds, plan.segmentSec); // "language", its name, "<asr_text>"
    return {
      clip: plan.name,
      seconds,
      segmentSec: plan.segmentSec,
      runs: ours.map((wallMs, run) => ({ wallMs, limits: limits[run]! })),
      tokens: (readSummary(first.stderr)?.tokens ?? 0) + headerTokens,
      peakBytes: Math.max(first.peakBytes, others[0]!.peakBytes),
      characterErrorRate: rate(characterErrors(truth, first.text)),
      voiceMs: await voiceMs(plan.name),
      ...(singles && { oneByOne: { wallMs: singles.wallMs, ratio: singles.ratio } }),
      ...(against.length > 0 && { against }),
    };
  }

  /** What takes turns: this executable, perhaps with segments one by one, and the others. */
  #programs(config: Config, plan: ClipPlan): { readonly name: string; readonly command: string }[] {
    const { model, weights, threads } = config;
    const line = (flags: readonly string[]) =>
      [executable(), ...this.#flags(config), ...flags, ...clipFlags(plan)].map(quoted).join(" ");
    const places = { model: model.folder, clip: clip(plan.name).wav, threads: String(threads), weights };
    return [
      { name: "this", command: line([]) },
      ...(plan.comparesBatch && this.#hasBatch ? [{ name: oneByOne, command: line(["--batch", "1"]) }] : []),
      ...this.options.against.map((template) => ({
        name: template.split(" ")[0]!.split("/").at(-1)!,
        command: fillTemplate(template, { ...places, segment: String(plan.segmentSec) }),
      })),
    ];
  }

  async #timed(command: string): Promise<TimedRun> {
    const run = await timeOnce(this.hyperfine, command, this.home);
    this.timings.push(run.timing);
    return run;
  }

  /** Runs our executable and checks the text. */
  async #checked(config: Config, plan: ClipPlan): Promise<Execution> {
    const result = await this.#ours(config, plan);
    const problem = await this.#problemOf(config, plan, result.text);
    if (problem) {
      this.#report(`${config.model.name} ${config.weights} -t ${config.threads} ${plan.name}: ${problem}`);
    }
    return result;
  }

  /**
   * The expected text is the golden if the nano is sure, else what this model says at bf16, which itself must be near
   * the truth. If a run for that alone would take too long, it is the truth.
   */
  async #problemOf(config: Config, plan: ClipPlan, said: string): Promise<string | undefined> {
    const { model, weights } = config;
    const firm = plan.segmentSec === 0 ? firmText(clip(plan.name)) : undefined;
    if (firm !== undefined) return problemOf(said, { text: firm, isFirm: true }, weights);
    const key = `${model.folder} ${plan.name}`;
    const isReference = weights === "bf16" && !this.#references.has(key);
    if (isReference) this.#references.set(key, said);
    if (isReference || (plan.isByTruth && !this.#references.has(key))) {
      return problemOfReference(said, clip(plan.name).text);
    }
    if (!this.#references.has(key)) await this.#checked({ ...config, weights: "bf16" }, plan);
    return problemOf(said, { text: this.#references.get(key)!, isFirm: false }, weights);
  }

  #ours(config: Config, plan: ClipPlan): Promise<Execution> {
    return execute(executable(), [...this.#flags(config), ...clipFlags(plan)], this.home);
  }

  #flags({ model, weights, threads }: Config): string[] {
    const precision = this.#precisions.length > 1 ? ["--weights", weights] : [];
    return ["-d", model.folder, "-t", String(threads), ...precision];
  }

  #report(problem: string): void {
    note(`WRONG TEXT ${problem}`);
    this.problems.push(problem);
  }
}

/** What finding speech in a clip takes: the best of three. */
async function voiceMs(name: string): Promise<number> {
  const samples = await clipSamples(clip(name).wav);
  const detector = native().openVad();
  const runs = [1, 2, 3].map(() => {
    const started = performance.now();
    native().vadRun(detector, samples, true);
    return performance.now() - started;
  });
  native().closeVad(detector);
  return best(runs);
}

function clipFlags(plan: ClipPlan): string[] {
  return ["-S", String(plan.segmentSec), "-i", clip(plan.name).wav];
}

async function probe(
  { model, weights, threads }: Config,
  plans: readonly ClipPlan[],
  tokens: number,
  home: string,
): Promise<Probed> {
  const staged = plans.filter(({ stageRuns }) => stageRuns > 0);
  const clips = staged.map(({ name, stageRuns }) => ({ name, wav: clip(name).wav, runs: stageRuns }));
  const order: Probe = {
    library: libraryPath(),
    folder: model.folder,
    threads,
    weights,
    cacheFolder: cacheFolder(fixedEnvironment(home)) ?? "",
    clips,
    tokens,
  };
  const command = [tool("bun"), join(projectRoot, "bench", "probe.ts"), JSON.stringify(order)];
  const { code, output } = await runCommand(command, 20 * 60_000);
  if (code !== 0) throw new Error(`bench/probe.ts failed:\n${output}`);
  return JSON.parse(output) as Probed;
}

/** The folder for gigabytes of packed weights: not in /tmp; the next run removes what an interrupted one left. */
const homes = join(projectRoot, ".cache", "bench", "homes");

function emptyHome(name: string): string {
  const path = join(homes, name);
  rmSync(path, { recursive: true, force: true });
  return folderIn(homes, name);
}

/** Prints a line with the seconds since the start in front. */
function note(message: string): void {
  process.stderr.write(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${message}\n`);
}

async function commit(): Promise<string> {
  const { output, code } = await runCommand(["git", "describe", "--always", "--dirty"], 10_000);
  return code === 0 ? output.trim() : "unknown version";
}

function bars(configs: readonly ConfigFigures[]): Bar[] {
  return configs.flatMap(({ model, weights, threads, stages }) =>
    stages.flatMap((stage) => {
      const group = `${model} ${weights} -t ${threads}`;
      const bar = (what: string, value: number) => ({
        label: `${group}, ${stage.seconds.toFixed(0)} s: ${what}`,
        value,
        group,
      });
      return [
        bar("encoder", stage.encodeOfPeak),
        bar("prefill", stage.prefillOfPeak),
        bar("decode", stage.tokenOfRead),
      ];
    })
  );
}

async function run(options: BenchOptions, command: string): Promise<BenchResult> {
  const hyperfine = findHyperfine();
  const loadBefore = loadavg()[0]!;
  const { output: help } = await runCommand([executable(), "--help"], 10_000);
  const bench = new Bench(options, emptyHome("home"), help, hyperfine);
  const models = await benchModels(options.models);
  const configs = [];
  for (const { model: index, clips, startsCold, ...rest } of configPlans(options, models.length, bench.weights)) {
    configs.push(await bench.config({ model: models[index]!, ...rest }, clips, startsCold));
  }
  bench.gauge.close();
  if (options.export) write(options.export, `${JSON.stringify(mergeExports(bench.timings), undefined, 2)}\n`);
  rmSync(homes, { recursive: true });
  return {
    when: new Date().toISOString().slice(0, 16).replace("T", " "),
    commit: await commit(),
    machine: { cpu: cpus()[0]!.model, cores: cpus().length, memoryBytes: totalmem(), loadBefore },
    command,
    configs: configFigures(configs),
    problems: bench.problems,
  };
}

/** The result with the most threads, at int8 or the precision that was asked for. */
async function streams(options: BenchOptions): Promise<number> {
  const home = emptyHome("home");
  for (const model of await benchModels(options.models)) {
    for (const weights of options.weights ?? ["int8"]) {
      process.stdout.write(await streamTables(model, options.threads[0]!, weights, home));
    }
  }
  rmSync(homes, { recursive: true });
  return 0;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(resolve(path)), { recursive: true });
  writeFileSync(path, text);
}

async function main(args: readonly string[]): Promise<number> {
  let options: BenchOptions;
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`scripts/bench: ${(error as Error).message}\n${usage}`);
    return 2;
  }
  try {
    if (options.stream) return await streams(options);
    const result = await run(options, ["scripts/bench", ...args].join(" "));
    process.stdout.write(renderTables(result));
    if (options.json) write(options.json, `${JSON.stringify(result, undefined, 2)}\n`);
    if (options.svg) write(options.svg, renderSvg("Parts of this machine's limits", bars(result.configs)));
    return result.problems.length > 0 ? 1 : 0;
  } catch (error) {
    process.stderr.write(`scripts/bench: ${(error as Error).message}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
