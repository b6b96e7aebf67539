/** Shared by the tests of `qwen-asr batch` under GNU parallel: shards as its jobs, some of them killed. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { modelDir } from "../fixtures.ts";
import { executable, fixedEnvironment, temporaryFolder } from "../harness.ts";
import { killAtRandom } from "./batches.ts";

export const parallel: string | null = Bun.which("parallel");

export type ParallelRun = {
  readonly code: number;
  readonly kills: number;
  readonly stderr: string;
  /** In the order of the shards. */
  readonly outputs: readonly string[];
};

/** Runs list.jsonl of `folder` in `shards` parts, two at a time, and kills up to `kills` processes on the way. */
export async function runParallel(folder: string, shards: number, kills: number): Promise<ParallelRun> {
  const command = [
    ...[executable(), "batch", join(folder, "list.jsonl"), "-d", modelDir(), "-t", "1", "--silent", "--shard"],
    ...[`{}/${shards}`, "-o", join(folder, "out-{}.jsonl")],
  ];
  const indexes = Array.from({ length: shards }, (_, index) => String(index));
  using home = temporaryFolder();
  // --ungroup: else nothing is seen of what a run has said that is killed and tried again.
  const how = ["--will-cite", "--ungroup", "-j2", "--retries", "100"];
  const child = Bun.spawn([parallel!, ...how, ...command, ":::", ...indexes], {
    env: { ...fixedEnvironment(home.path), SHELL: "/bin/sh" },
    stdout: "ignore",
    stderr: "pipe",
  });
  let isOver = false;
  child.exited.then(() => void (isOver = true));
  const [stderr, done] = await Promise.all([child.stderr.text(), killAtRandom(folder, kills, () => isOver)]);
  return { code: await child.exited, kills: done, stderr, outputs: indexes.map((index) => `out-${index}.jsonl`) };
}

/** What is in the folder but for recordings and outputs: nothing that a killed run has left. */
export function leftIn(folder: string, outputs: readonly string[]): string[] {
  return readdirSync(folder).filter((name) => !/\.wav$|^list\.jsonl$/.test(name) && !outputs.includes(name));
}
