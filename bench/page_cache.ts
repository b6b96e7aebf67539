/**
 * Drops files from the system's cache, so that the next reader has to fetch them: a cold start. In: files and folders.
 * Out: undefined, or the reason why it could not be done.
 *
 * It needs Linux and GNU dd, which calls posix_fadvise; the right to read the files is enough. Pages that another
 * process has mapped stay, so fincore is asked afterwards. Caches below it (a host's, a disk's) are not reached.
 */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../scripts/commands.ts";

const commandMsMax = 60_000;

/** The share that may stay: pages at the end of a file, or pages being read ahead. */
const leftMax = 0.02;

export async function dropFromCache(paths: readonly string[]): Promise<string | undefined> {
  const files = paths.flatMap(filesIn).filter((path) => statSync(path).size > 0);
  for (const file of files) {
    const steps = [["sync", "-d", file], ["dd", `if=${file}`, "iflag=nocache", "count=0", "status=none"]];
    for (const step of steps) {
      const { code, output } = await attempt(step);
      if (code !== 0) return `${step[0]} failed: ${output.trim().split("\n")[0]}`;
    }
  }
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  const { code, output } = await attempt(["fincore", "--noheadings", "--bytes", "--output", "RES", ...files]);
  if (code !== 0) return `fincore failed: ${output.trim().split("\n")[0]}`;
  const left = output.trim().split(/\s+/).reduce((sum, number) => sum + Number(number), 0);
  return left <= bytes * leftMax ? undefined : `${(left / 1e6).toFixed(0)} MB stayed`;
}

/** Reads the files to the end, so that they are in the cache. */
export async function bringIntoCache(paths: readonly string[]): Promise<void> {
  for (const file of paths.flatMap(filesIn)) {
    for await (const _ of Bun.file(file).stream());
  }
}

async function attempt(command: string[]): Promise<{ code: number; output: string }> {
  try {
    return await runCommand(command, commandMsMax);
  } catch (error) {
    return { code: -1, output: (error as Error).message };
  }
}

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesIn(join(path, name)));
}
