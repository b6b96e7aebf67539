/**
 * scripts/bench --stream: how much a stream costs beside a whole recording, and how late its text is.
 *
 * In: a model, threads. Out: two tables. Speed is measured on the clip of 41 s (or that of 10 s if it is missing),
 * delays on the clips whose words all have known times.
 */

import { existsSync, readFileSync } from "node:fs";
import { type Clip, clip, clips, hasClip } from "../tests/fixtures.ts";
import { executable } from "../tests/harness.ts";
import { execute } from "./execute.ts";
import type { BenchModel } from "./models.ts";
import { readSummary } from "./report.ts";
import {
  commitDelays,
  delayTable,
  firstCommit,
  speedTable,
  type SpokenWord,
  stepTimes,
  type StreamRow,
} from "./stream_report.ts";

const speeds: readonly (readonly string[])[] = [
  ["--stream-chunk-sec", "2"],
  ["--stream-chunk-sec", "2", "--endpoint-ms", "0"],
  ["--stream-chunk-sec", "1"],
  ["--stream-chunk-sec", "0.5"],
  ["--stream-chunk-sec", "2", "--commit", "rollback"],
];

/** Each run is made twice and the faster counts: other work on the machine makes none faster. */
const runs = 2;

export async function streamTables(model: BenchModel, threads: number, weights: string, home: string): Promise<string> {
  const flags = ["-d", model.folder, "-t", String(threads), "--weights", weights];
  const measured = clip(hasClip("en-45s") ? "en-45s" : "en-weather");
  const offlineSec = (await fastest([...flags, "-S", "30", measured.wav], home)).workSec;
  const rows: StreamRow[] = [];
  for (const args of speeds) {
    const best = await fastest([...flags, "--stream", "--debug", ...args, measured.wav], home);
    const name = args.join(" ").replace("--stream-chunk-sec ", "").replace(/^(\S+)/, "$1 s");
    rows.push({ name, offlineSec, audioSec: measured.seconds, ...best });
  }
  const title = `${model.name} ${weights} -t ${threads}, stream of ${measured.seconds.toFixed(1)} s`;
  return `\n### ${title}\n\n${speedTable(rows)}\n${await delays(flags, home)}`;
}

async function fastest(args: readonly string[], home: string) {
  let best: { workSec: number; firstTextMs: number; times: ReturnType<typeof stepTimes> } | undefined;
  for (let run = 0; run < runs; run++) {
    const { stderr, firstTextMs } = await execute(executable(), args, home);
    const workSec = readSummary(stderr)?.elapsedSeconds;
    if (workSec === undefined) throw new Error(`${args.join(" ")}: no summary`);
    if (!best || workSec < best.workSec) best = { workSec, firstTextMs, times: stepTimes(stderr) };
  }
  return best!;
}

async function delays(flags: readonly string[], home: string): Promise<string> {
  const timed = clips().filter(({ wav, language }) => language === "English" && existsSync(wordsPath(wav)));
  if (timed.length === 0) return "No clips with times of words: set QWEN_ASR_FIXTURES to the whole fixtures.\n";
  const rows = [];
  for (const name of ["agreement", "rollback"]) {
    const row = { name, delays: [] as number[], firsts: [] as number[] };
    for (const one of timed) {
      const args = [...flags, "--stream", "--commit", name, "-f", "jsonl", one.wav];
      const { text } = await execute(executable(), args, home);
      row.delays.push(...commitDelays(text, wordsOf(one)));
      const first = firstCommit(text);
      if (first !== undefined) row.firsts.push(first);
    }
    rows.push(row);
  }
  return delayTable(rows);
}

function wordsPath(wav: string): string {
  return wav.replace(/\.wav$/, ".words.json");
}

function wordsOf({ wav }: Clip): readonly SpokenWord[] {
  return (JSON.parse(readFileSync(wordsPath(wav), "utf8")) as { words: SpokenWord[] }).words;
}
