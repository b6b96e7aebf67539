/**
 * Does a full-size aligner find words where the nano does? How much time and memory does it take beside transcription?
 * In: a full-size aligner that is the nano widened, and optionally a full-size transcriber made likewise. Out: a line
 * per clip, then a table of whole runs; exit 1 if fewer than 95 % of the times are within one bin of the nano's.
 *
 *     python ../shared/tools/widen.py ../shared/fixtures/nano-aligner aligner DIR     (numpy; also nano-asr 0.6B)
 *     bun bench/align.ts [-t N] [--weights int8] --aligner DIR [-d ASR_DIR]
 *
 * It takes minutes and gigabytes, so scripts/test does not run it.
 */

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { clip, fixturesRoot, hasClip, modelDir } from "../tests/fixtures.ts";
import { executable } from "../tests/harness.ts";
import { execute, type Execution } from "./execute.ts";

const binMs = 80;
const shareMin = 0.95;
const home = mkdtempSync(join(tmpdir(), "qwen-asr-bench-"));

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    threads: { type: "string", short: "t", default: "2" },
    weights: { type: "string", default: "int8" },
    aligner: { type: "string" },
    model: { type: "string", short: "d" },
    runs: { type: "string", default: "2" },
  },
});
if (!values.aligner) throw new Error("usage: bun bench/align.ts [-t N] [--weights NAME] --aligner DIR [-d ASR_DIR]");
const common = ["-t", values.threads, "--weights", values.weights];

/** Start and end of every word, in milliseconds. */
function timesOf({ text }: Execution): number[] {
  return text.split("\n").flatMap((line) =>
    line.split("\t").slice(0, 2).map((time) => Math.round(Number(time) * 1000))
  );
}

async function align(aligner: string, name: string): Promise<Execution> {
  const text = join(home, `${name}.txt`);
  writeFileSync(text, clip(name).text);
  return await execute(executable(), ["align", ...common, "--aligner", aligner, clip(name).wav, "--text", text], home);
}

/** Whether enough times agree with the nano's. */
async function compare(aligner: string): Promise<boolean> {
  const names = readdirSync(join(fixturesRoot(), "goldens", "aligner")).map((file) => file.replace(".json", ""))
    .filter(hasClip).sort();
  let [near, count] = [0, 0];
  for (const name of names) {
    const own = timesOf(await align(modelDir("nano-aligner"), name));
    const result = await align(aligner, name);
    const off = timesOf(result).map((time, index) => Math.abs(time - own[index]!));
    const inBin = off.filter((ms) => ms <= binMs).length;
    near += inBin;
    count += own.length;
    const seconds = Number(/in ([\d.]+) s \(/.exec(result.stderr)?.[1] ?? NaN);
    console.log(
      `${name.padEnd(14)} ${inBin} of ${own.length} times within a bin, at most ${Math.max(...off)} ms off; ` +
        `${seconds.toFixed(1)} s for ${clip(name).seconds.toFixed(1)} s of audio`,
    );
  }
  console.log(`${near} of ${count} (${((100 * near) / count).toFixed(1)} %) within one bin of the nano\n`);
  return near >= shareMin * count;
}

/** The best of several runs of the whole program. */
async function measure(label: string, args: readonly string[], audioSec: number): Promise<void> {
  const results: Execution[] = [];
  for (let run = 0; run < Number(values.runs); run++) results.push(await execute(executable(), args, home));
  const best = results.reduce((fastest, one) => one.wallMs < fastest.wallMs ? one : fastest);
  const stage = (name: string) =>
    Number(new RegExp(`${name}: (\\d+) ms`).exec(best.stderr)?.[1] ?? 0) / 1000 / audioSec;
  console.log(
    `${label.padEnd(30)} ${(best.wallMs / 1000).toFixed(1).padStart(6)} s  ` +
      `RTF ${(best.wallMs / 1000 / audioSec).toFixed(3)} (text ${stage("Inference").toFixed(3)}, ` +
      `words ${stage("Alignment").toFixed(3)})  peak ${(best.peakBytes / 1e9).toFixed(2)} GB`,
  );
}

async function measureAll(aligner: string, model: string): Promise<void> {
  for (const name of ["words-en-7", "en-45s", "en-120s"].filter(hasClip)) {
    const { wav, seconds } = clip(name);
    const args = ["-d", model, ...common, ...(seconds > 45 ? ["-S", "30"] : []), wav];
    await measure(`${name} text`, args, seconds);
    await measure(`${name} text, words`, ["--aligner", aligner, ...args], seconds);
    await measure(`${name} text, words, low`, ["--low-memory", "--aligner", aligner, ...args], seconds);
  }
}

try {
  if (!await compare(values.aligner)) process.exitCode = 1;
  if (values.model) await measureAll(values.aligner, values.model);
} finally {
  rmSync(home, { recursive: true, force: true });
}
