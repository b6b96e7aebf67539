/**
 * Half an hour of speech in one run: does it get slower or larger over time? In: a model, minutes. Out: CPU time per
 * second of audio and resident memory, minute by minute, and their trend; exit 1 if it is too much.
 *
 *     bun bench/long.ts [--minutes N] [-t N] [--weights NAME] [DIR]
 *
 * The recording repeats the English clips and is cut as by `-S 30`. The process is watched through /proc, so this runs
 * on Linux only. With a full-size model it takes some minutes of all cores, so scripts/test does not run it.
 */

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { clips, projectRoot } from "../tests/fixtures.ts";
import { executable, fixedEnvironment, folderIn } from "../tests/harness.ts";
import { clipSamples } from "../tests/native.ts";
import { rate, wordErrors } from "./cer.ts";
import { isSteady, renderTrend, type Sample, trend } from "./long_report.ts";
import { benchModels } from "./models.ts";
import { sampleRate } from "../src/units.ts";

const pauseSec = 0.6;
const sampleMs = 200;
/** Largest share of wrong words: the model's errors on single clips and at cuts. */
const wordErrorMax = 0.15;
/** Longest clip used: the unevenness of a longer one would show in the minutes. */
const clipSecMax = 60;

type Recording = { readonly path: string; readonly seconds: number; readonly text: string };

/** The 16-bit samples of the recording, without a header. */
async function makeRecording(folder: string, minutes: number): Promise<Recording> {
  const spoken = clips().filter(({ language, seconds }) => language === "English" && seconds < clipSecMax);
  const pause = new Float32Array(pauseSec * sampleRate);
  const period = [];
  for (const { wav } of spoken) period.push(await clipSamples(wav), pause);
  const texts = [];
  const path = join(folder, "long.raw");
  const file = Bun.file(path).writer();
  let samples = 0;
  for (let i = 0; samples < minutes * 60 * sampleRate; i++) {
    const part = period[i % period.length]!;
    file.write(Int16Array.from(part, (value) => Math.round(value * 32_767)));
    samples += part.length;
    if (i % 2 === 0) texts.push(spoken[(i / 2) % spoken.length]!.text);
  }
  await file.end();
  return { path, seconds: samples / sampleRate, text: texts.join(" ") };
}

/** The state of a running process; undefined once it has ended. */
function look(pid: number, audioSec: number): Sample | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13).map(Number);
    const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    if (!resident) return undefined; // It has ended and was not yet waited for.
    const ticksPerSec = 100; // The unit in which Linux reports, whatever its own clock.
    return { audioSec, cpuSec: (user! + system!) / ticksPerSec, residentBytes: Number(resident[1]) * 1024 };
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

async function watch(args: readonly string[], home: string) {
  const child = Bun.spawn([executable(), ...args], {
    env: fixedEnvironment(home),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const samples: Sample[] = [];
  let [audioSec, isLoaded, stderr] = [0, false, ""];
  const add = () => {
    const sample = isLoaded && look(child.pid, audioSec);
    if (sample) samples.push(sample);
  };
  const timer = setInterval(add, sampleMs);
  const follow = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) {
      stderr += decoder.decode(chunk, { stream: true });
      isLoaded ||= stderr.includes("Model loaded.");
      // This segment is the current one: all before it are done.
      const turns = [...stderr.matchAll(/^Segment \d+\/\d+: core ([\d.]+)-/gm)];
      const reached = Number(turns.at(-1)?.[1] ?? 0);
      if (reached === audioSec) continue;
      audioSec = reached;
      add();
    }
  };
  const [text] = await Promise.all([new Response(child.stdout).text(), follow()]);
  clearInterval(timer);
  if (await child.exited !== 0) throw new Error(`exit ${child.signalCode ?? child.exitCode}\n${stderr.slice(-2000)}`);
  return { samples, text };
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      minutes: { type: "string", default: "30" },
      threads: { type: "string", short: "t", default: "0" },
      weights: { type: "string", default: "int8" },
    },
    allowPositionals: true,
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes}: more than 0`);
  if (process.platform !== "linux") throw new Error("processes are watched through /proc, which this system lacks");
  const [model] = await benchModels(positionals, ["0.6B"]);
  const folder = folderIn(join(projectRoot, ".cache", "bench"), "long");
  try {
    const recording = await makeRecording(folder, minutes);
    const home = folderIn(folder, "home");
    const flags = ["-d", model!.folder, "--weights", values.weights, "-t", values.threads, "-S", "30", "--debug"];
    const { samples, text } = await watch([...flags, "--raw", recording.path], home);
    const found = trend(samples, recording.seconds);
    const errors = rate(wordErrors(recording.text, text));
    process.stdout.write(
      `${model!.name} ${values.weights}, ${(recording.seconds / 60).toFixed(1)} minutes, -S 30\n\n` +
        `${renderTrend(found)}Words wrong: ${(errors * 100).toFixed(1)} %` +
        `${errors > wordErrorMax ? `: TOO MANY, at most ${wordErrorMax * 100} %` : ""}\n`,
    );
    return isSteady(found) && errors <= wordErrorMax ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench/long.ts: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
