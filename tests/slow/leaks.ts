/**
 * Does a program that opens and closes models again and again hold more and more? On Linux.
 *
 *     bun tests/slow/leaks.ts [LOOP...] [--cycles 200] [--minutes 30] [--out FOLDER]
 *         [--small DIR] [--large DIR] [--aligner DIR] [--cache FOLDER] [--pause 100] [--brief]
 *
 * LOOP is one of those of tests/support/leak_loops.ts, by default each; the models are the nano (at bf16 for the large
 * one) where no folders are given, and full-size ones are packed once into --cache. --brief takes shorter clips. Every
 * cycle prints memory before and after each load and unload, descriptors, time to the first token, tokens a second and
 * errors; --out gets a table and a plot for each loop. A loop of which --minutes are over ends there. Exit 1 where one
 * does not end as it should: memory grows by more than 10 MB after the warm-up, of 80 cycles and more above the highest
 * of the first 20, or by 0.06 MB a cycle in the second half; or descriptors or errors change.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { modelDir } from "../fixtures.ts";
import { type Growth, growthOf, warmUp } from "../support/held.ts";
import {
  type Cycle,
  type CycleOptions,
  loopClips,
  type LoopModels,
  loopNames,
  runCycle,
} from "../support/leak_loops.ts";
import { linePlot } from "../support/line_plot.ts";

const megabytesMax = 10;
/** A cycle. Memory that swings by 16 MB has a slope of 0.016 by chance, in 100 cycles. */
const slopeMbMax = 0.06;

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    cycles: { type: "string", default: "200" },
    minutes: { type: "string", default: "30" },
    pause: { type: "string", default: "100" },
    brief: { type: "boolean", default: false },
    out: { type: "string" },
    small: { type: "string" },
    large: { type: "string" },
    aligner: { type: "string" },
    cache: { type: "string" },
  },
});

const models: LoopModels = {
  small: { folder: values.small ?? modelDir(), weights: "int8" },
  large: values.large ? { folder: values.large, weights: "int8" } : { folder: modelDir(), weights: "bf16" },
  aligner: { folder: values.aligner ?? modelDir("nano-aligner"), weights: "int8" },
};

async function run(name: string, options: CycleOptions): Promise<boolean> {
  const all: Cycle[] = [];
  const end = performance.now() + Number(values.minutes) * 60_000;
  while (all.length < Number(values.cycles) && performance.now() < end) {
    const cycle = await runCycle(name, options);
    all.push(cycle);
    console.log(`${name} ${all.length}: ${lineOf(cycle)}`);
  }
  if (values.out) save(name, all, values.out);
  const growth = growthOf(all);
  const fault = faultOf(growth, all);
  console.log(`${fault ? "WRONG " : "ok    "} ${name}: ${summary(all, growth)}${fault ? `: ${fault}` : ""}`);
  return fault === undefined;
}

function lineOf(
  { steps, megabytes, descriptors, firstMs, tokensPerSec, errorPercent, elsewherePercent }: Cycle,
): string {
  const around = steps.map(({ what, before, after }) => `${what} ${before.toFixed(0)}>${after.toFixed(0)}`).join(", ");
  const figures = [
    `${megabytes.toFixed(1)} MB and ${descriptors} descriptors at the end`,
    `first ${firstMs.toFixed(0)} ms`,
    ...Number.isNaN(tokensPerSec) ? [] : [`${tokensPerSec.toFixed(1)} tok/s`, `WER ${errorPercent.toFixed(1)} %`],
    ...Number.isNaN(elsewherePercent) ? [] : [`${elsewherePercent.toFixed(1)} % of words elsewhere`],
  ];
  return `${around}; ${figures.join(", ")}`;
}

/** What is wrong; undefined where nothing is. */
function faultOf({ worstMb, slopeMb, sameDescriptors }: Growth, all: readonly Cycle[]): string | undefined {
  if (Number.isNaN(worstMb)) return `too few cycles to tell (${warmUp + 5} are needed)`;
  if (worstMb > megabytesMax) return `more than ${megabytesMax} MB`;
  if (slopeMb > slopeMbMax) return `more than ${slopeMbMax} MB a cycle`;
  if (!sameDescriptors) return "descriptors change";
  const texts = new Set(all.map(({ errorPercent, elsewherePercent }) => `${errorPercent} ${elsewherePercent}`));
  return texts.size === 1 ? undefined : "not the same words in each cycle";
}

function summary(all: readonly Cycle[], { worstMb, lastMb, slopeMb, sameDescriptors }: Growth): string {
  const [first, last] = [all[0]!, all.at(-1)!];
  return `${all.length} cycles, memory ${signed(lastMb)} MB after the warm-up (at worst ${signed(worstMb)} MB, ${
    signed(slopeMb, 3)
  } a cycle), ` +
    `descriptors ${sameDescriptors ? "stay" : "change"} (${last.descriptors}), ` +
    `mappings ${first.mappings} to ${last.mappings}`;
}

function signed(value: number, digits = 1): string {
  return `${value >= 0 ? "+" : ""}${value.toFixed(digits)}`;
}

function save(name: string, all: readonly Cycle[], folder: string): void {
  mkdirSync(folder, { recursive: true });
  const steps = all[0]!.steps.map(({ what }, index) => ({ what, index }));
  const columns: readonly (readonly [string, string, (cycle: Cycle) => number])[] = [
    ...steps.flatMap(({ what, index }) =>
      (["before", "after"] as const).map((when) =>
        [`${when} ${what}`, "MB", (cycle: Cycle) => cycle.steps[index]![when]] as const
      )
    ),
    ["at rest", "MB", ({ megabytes }) => megabytes],
    ["descriptors", "", ({ descriptors }) => descriptors],
    ["mappings", "", ({ mappings }) => mappings],
    ["first token", "ms", ({ firstMs }) => firstMs],
    ["tokens a second", "", ({ tokensPerSec }) => tokensPerSec],
    ["words wrong", "%", ({ errorPercent }) => errorPercent],
    ["words elsewhere", "%", ({ elsewherePercent }) => elsewherePercent],
  ];
  const head = ["cycle", ...columns.map(([label, unit]) => unit ? `${label} (${unit})` : label)];
  const rows = all.map((cycle, index) => [index + 1, ...columns.map(([, , value]) => shown(value(cycle)))]);
  writeFileSync(join(folder, `${name}.tsv`), [head, ...rows].map((row) => `${row.join("\t")}\n`).join(""));
  const curves = columns.map(([label, unit, value]) => ({ label, unit, values: all.map(value) }))
    .filter((curve) => curve.values.some(Number.isFinite));
  writeFileSync(join(folder, `${name}.svg`), linePlot(`${name}, ${all.length} cycles`, curves));
}

function shown(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toFixed(2))) : "";
}

const unknown = positionals.find((name) => !loopNames.includes(name));
if (unknown !== undefined) throw new Error(`no loop ${unknown}: there are ${loopNames.join(", ")}`);
const options = { models, clips: await loopClips(values.brief), cache: values.cache, pauseMs: Number(values.pause) };
let isRight = true;
for (const name of positionals.length > 0 ? positionals : loopNames) isRight = await run(name, options) && isRight;
process.exitCode = isRight ? 0 : 1;
