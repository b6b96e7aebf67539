/**
 * Measures what docs/speed.md draws, and draws it: `bun bench/curves.ts [--model DIR] [--rounds N] [--draw]`. In: a
 * model of the 0.6B's size, clips, hyperfine. Out: docs/speed.json and docs/speed-*.svg. `--draw` draws the JSON anew
 * without measuring.
 *
 * Whole runs take turns, as in scripts/bench. Beside wall time stands processor time (all threads), which other work
 * on the machine changes less. Delays of a stream are in its own time, whatever the machine does.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../scripts/commands.ts";
import { clip, clips, hasClip } from "../tests/fixtures.ts";
import { executable, folderIn } from "../tests/harness.ts";
import { type Curves, type Point, pointName, renderCurves } from "./curves_svg.ts";
import { findHyperfine, orderOf, quoted, type TimedRun, timeOnce } from "./hyperfine.ts";
import { benchModels } from "./models.ts";
import { best } from "./stats.ts";
import { commitDelays, type SpokenWord } from "./stream_report.ts";

const [data, docs] = [join(projectRoot, "docs", "speed.json"), join(projectRoot, "docs")];

type Kind = Pick<Point, "clip" | "weights" | "threads">;

/** All lengths at int8 with all threads; on the clip of 10 s every precision, and every number of threads. */
function kinds(threadsMax: number): Kind[] {
  const lengths = ["en-short", "en-weather", "en-45s", "en-120s"].filter(hasClip);
  const counts = [1, 2, 4, 8, 16, 32].filter((count) => count < threadsMax);
  return [
    ...lengths.map((name) => ({ clip: name, weights: "int8" as const, threads: threadsMax })),
    ...(["bf16", "int4"] as const).map((weights) => ({ clip: "en-weather", weights, threads: threadsMax })),
    ...counts.map((threads) => ({ clip: "en-weather", weights: "int8" as const, threads })),
  ];
}

function commandOf(model: string, { clip: name, weights, threads }: Kind): string {
  const flags = ["--weights", weights, "-t", String(threads), "-S", "30", "--silent", clip(name).wav];
  return [executable(), "-d", model, ...flags].map(quoted).join(" ");
}

async function measurePoints(model: string, rounds: number, home: string): Promise<Point[]> {
  const hyperfine = findHyperfine();
  const all = kinds(cpus().length);
  const runs: TimedRun[][] = all.map(() => []);
  for (const weights of ["bf16", "int8", "int4"] as const) { // Packs what is not packed yet.
    await timeOnce(hyperfine, commandOf(model, { clip: "en-short", weights, threads: cpus().length }), home);
  }
  for (let round = 0; round < rounds; round++) {
    for (const index of orderOf(round, all.length)) {
      process.stderr.write(`${round + 1}/${rounds} ${pointName(all[index]!)}\n`);
      runs[index]!.push(await timeOnce(hyperfine, commandOf(model, all[index]!), home));
    }
  }
  return all.map((kind, index) => ({
    ...kind,
    seconds: clip(kind.clip).seconds,
    wallMs: Math.round(best(runs[index]!.map(({ wallMs }) => wallMs))),
    cpuMs: Math.round(best(runs[index]!.map(({ timing }) => 1000 * (timing.user + timing.system)))),
    peakBytes: Math.max(...runs[index]!.map(({ peakBytes }) => peakBytes)),
  }));
}

/** Seconds from the end of each word to its commit, of the clips whose words have times. */
async function measureDelays(model: string, home: string): Promise<Curves["delays"]> {
  const hyperfine = findHyperfine();
  const wordsPath = (wav: string) => wav.replace(/\.wav$/, ".words.json");
  const timed = clips().filter(({ wav, language }) => language === "English" && existsSync(wordsPath(wav)));
  const delays = [];
  for (const rule of ["agreement", "rollback"]) {
    const seconds: number[] = [];
    for (const { wav, name } of timed) {
      process.stderr.write(`stream, ${rule}: ${name}\n`);
      const flags = ["--stream", "--commit", rule, "-f", "jsonl", "--silent", wav];
      const { text } = await timeOnce(hyperfine, [executable(), "-d", model, ...flags].map(quoted).join(" "), home);
      const { words } = JSON.parse(readFileSync(wordsPath(wav), "utf8")) as { words: SpokenWord[] };
      seconds.push(...commitDelays(text, words));
    }
    delays.push({ rule, seconds: seconds.map((value) => Number(value.toFixed(2))).sort((a, b) => a - b) });
  }
  return delays;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: "string", multiple: true, default: [] },
      rounds: { type: "string", default: "3" },
      draw: { type: "boolean", default: false },
    },
  });
  if (!values.draw) {
    const [model] = await benchModels(values.model, ["0.6B"]);
    const home = folderIn(join(projectRoot, ".cache", "bench"), "curves-home");
    const loadBefore = loadavg()[0]!;
    const points = await measurePoints(model!.folder, Number(values.rounds), home);
    const curves: Curves = {
      when: new Date().toISOString().slice(0, 10),
      machine: { cpu: cpus()[0]!.model.trim(), cores: cpus().length, load: Math.max(loadBefore, loadavg()[0]!) },
      model: model!.name,
      points,
      delays: await measureDelays(model!.folder, home),
    };
    writeFileSync(data, `${JSON.stringify(curves, undefined, 2)}\n`);
  }
  const curves = JSON.parse(readFileSync(data, "utf8")) as Curves;
  for (const [name, svg] of Object.entries(renderCurves(curves))) writeFileSync(join(docs, name), svg);
}

await main();
