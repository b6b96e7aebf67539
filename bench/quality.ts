/**
 * What do weights of fewer bits change in full-size models? In: folders of the nano widened to official sizes, or sizes
 * to widen to. Out: a table per model; exit 1 if a sure clip has another text or encoder rows differ too much.
 *
 *     bun bench/quality.ts [-t N] [--clips LIST] [--weights LIST] [--outliers SIZE]... [DIR]...
 *
 * --outliers widens with channels of unlike scales, as real checkpoints have them, and removes the model afterwards:
 * it computes the same function, but other blocks are rounded. A clip is sure if the nano's two best logits are 0.1
 * apart at every step. Times do not matter, so the machine may be busy. It takes gigabytes: scripts/test leaves it out.
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cacheFolder } from "../src/model/cache_folder.ts";
import { type Clip, clip, clips, golden, projectRoot, spokenText } from "../tests/fixtures.ts";
import { executable, fixedEnvironment, folderIn } from "../tests/harness.ts";
import { clipSamples, encode, native, smallestCosine } from "../tests/native.ts";
import { characterErrors, rate, sum, wordErrors } from "./cer.ts";
import type { Precision } from "./cost.ts";
import { execute } from "./execute.ts";
import { margin } from "./expected.ts";
import { type BenchModel, benchModels, widen } from "./models.ts";
import { markdownTable } from "./report.ts";

const cosineMin = 0.999;
/** Largest share of words that may differ at int8. */
const wordsMax = 0.01;

type Choice = {
  readonly threads: string;
  readonly weights: readonly Precision[];
  readonly clips: readonly Clip[];
  readonly home: string;
};

type Texts = ReadonlyMap<string, string>;

/** The text of every clip, decoded whole. */
async function textsOf(model: BenchModel, weights: Precision, { threads, clips, home }: Choice): Promise<Texts> {
  const flags = ["-d", model.folder, "-t", threads, "--weights", weights, "-S", "0", "--silent"];
  const { text } = await execute(executable(), [...flags, ...clips.map(({ wav }) => wav)], home);
  const lines = text.split("\n");
  if (lines.length !== clips.length) throw new Error(`${lines.length} texts of ${clips.length} clips:\n${text}`);
  return new Map(clips.map(({ name }, i) => [name, lines[i]!]));
}

/** For each clip, the smallest cosine between an encoder row at int8 and the same row at bf16. */
async function cosines({ folder }: BenchModel, { threads, clips, home }: Choice): Promise<ReadonlyMap<string, number>> {
  const lib = native();
  const samples = new Map<string, Float32Array>();
  for (const { name, wav } of clips) samples.set(name, await clipSamples(wav));
  const [exact, rounded] = (["bf16", "int8"] as const).map((weights) => {
    const model = lib.openFolder(folder, Math.max(1, Number(threads)), weights, cacheFolder(fixedEnvironment(home)));
    const { hidden } = lib.info(model);
    const rows = new Map([...samples].map(([name, own]) => [name, encode(model, own, 0, hidden)]));
    lib.closeModel(model);
    return { rows, hidden };
  });
  return new Map(
    [...exact!.rows].map(([name, rows]) => [name, smallestCosine(rows, rounded!.rows.get(name)!, exact!.hidden)]),
  );
}

type Row = {
  readonly weights: Precision;
  readonly sureChanged: readonly string[];
  readonly othersChanged: readonly string[];
  /** Words that differ from the golden's text. */
  readonly wordErrorRate: number;
  readonly characterErrorRate: number;
  /** Words that differ from what the same model says at bf16. */
  readonly wordsChanged: number | undefined;
};

function compare(weights: Precision, said: Texts, exact: Texts | undefined, clips: readonly Clip[]): Row {
  const runs = clips.map(({ name }) => ({ name, run: golden(name)!.plain, said: said.get(name)! }));
  const changed = runs.filter(({ run, said }) => said !== spokenText(run));
  const isSure = ({ run }: typeof runs[number]) => margin(run) > 0.1;
  return {
    weights,
    sureChanged: changed.filter(isSure).map(({ name }) => name),
    othersChanged: changed.filter((one) => !isSure(one)).map(({ name }) => name),
    wordErrorRate: rate(sum(runs.map(({ run, said }) => wordErrors(spokenText(run), said)))),
    characterErrorRate: rate(sum(runs.map(({ run, said }) => characterErrors(spokenText(run), said)))),
    wordsChanged: exact && rate(sum(runs.map(({ name, said }) => wordErrors(exact.get(name)!, said)))),
  };
}

function render(name: string, count: number, rows: readonly Row[], cosine: ReadonlyMap<string, number>): string {
  const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
  const listed = (names: readonly string[]) => names.length === 0 ? "0" : `${names.length} (${names.join(", ")})`;
  const head = ["weights", "sure clips changed", "other clips changed", "WER", "CER", "words not as at bf16"];
  const [worst, smallest] = [...cosine].reduce((least, one) => one[1] < least[1] ? one : least);
  const int8 = rows.find(({ weights }) => weights === "int8");
  const words = int8?.wordsChanged !== undefined && int8.wordsChanged > wordsMax
    ? `int8 changes ${percent(int8.wordsChanged)} of the words: more than the ${percent(wordsMax)} wanted\n`
    : "";
  return `\n### ${name}, ${count} clips, against the goldens\n\n` +
    markdownTable(
      head,
      rows.map((row) => [
        row.weights,
        listed(row.sureChanged),
        listed(row.othersChanged),
        percent(row.wordErrorRate),
        percent(row.characterErrorRate),
        row.wordsChanged === undefined ? "" : percent(row.wordsChanged),
      ]),
    ) + `\nEncoder rows at int8: cosine ${smallest.toFixed(5)} at least (${worst}), ${cosineMin} wanted\n${words}`;
}

/** Whether every bound holds. */
async function judge(model: BenchModel, choice: Choice): Promise<boolean> {
  const withGolden = choice.clips.filter(({ name }) => golden(name) !== undefined);
  const cosine = await cosines(model, choice);
  const rows: Row[] = [];
  let exact: Texts | undefined;
  for (const weights of choice.weights) {
    process.stderr.write(`${model.name} ${weights}\n`);
    const said = await textsOf(model, weights, { ...choice, clips: withGolden });
    if (weights === "bf16") exact = said;
    rows.push(compare(weights, said, exact, withGolden));
  }
  process.stdout.write(render(model.name, withGolden.length, rows, cosine));
  const isClose = [...cosine.values()].every((value) => value >= cosineMin);
  return isClose && rows.every(({ weights, sureChanged }) => weights === "int4" || sureChanged.length === 0);
}

/** Makes the model in .cache/bench, and removes it afterwards. */
async function withOutliers(size: string, use: (model: BenchModel) => Promise<boolean>): Promise<boolean> {
  const folder = join(projectRoot, ".cache", "bench", `${size}-outliers`);
  try {
    rmSync(folder, { recursive: true, force: true });
    await widen(size, folder, ["--outliers"]);
    return await use({ name: `${size} with outliers`, folder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      threads: { type: "string", short: "t", default: "2" },
      clips: { type: "string" },
      weights: { type: "string", default: "bf16,int8,int4" },
      outliers: { type: "string", multiple: true, default: [] },
    },
    allowPositionals: true,
  });
  const home = folderIn(join(projectRoot, ".cache", "bench"), "quality-home");
  const choice: Choice = {
    threads: values.threads,
    weights: values.weights.split(",") as Precision[],
    clips: values.clips?.split(",").map(clip) ?? clips(),
    home,
  };
  let isGood = true;
  try {
    const given = positionals.length > 0 || values.outliers.length === 0 ? await benchModels(positionals) : [];
    for (const model of given) isGood = await judge(model, choice) && isGood;
    for (const size of values.outliers) {
      isGood = await withOutliers(size, (model) => judge(model, choice)) && isGood;
    }
  } finally {
    rmSync(home, { recursive: true });
  }
  return isGood ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench/quality.ts: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
