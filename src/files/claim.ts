/**
 * Claims an output for one process, so that of two jobs into one folder one writes a file and the other says so.
 *
 * In: the output's path. Out: a hidden file beside it that names the process, until it is released. What a killed
 * process left is taken over.
 */

import { basename, dirname, join, onDisk } from "../path_bytes.ts";
import { open, readFile, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";

export type Claim = { release(): Promise<void> };

/** The owner on another machine, or one that could not sign, is believed for so long. */
const strangerMs = 24 * 3_600_000;
const unsignedMs = 10_000;

/** undefined: another process that runs has it. Where nothing can be created, the first write says why. */
export async function claim(path: string): Promise<Claim | undefined> {
  const lock = onDisk(join(dirname(path), `.${basename(path)}.lock`));
  const own = `${process.pid} ${hostname()}\n`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = await open(lock, "wx");
      await file.writeFile(own).catch(() => {}); // A full disk.
      await file.close();
      return { release: () => unlink(lock).catch(() => {}) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") return { release: () => Promise.resolve() };
    }
    if (await isHeld(lock)) return undefined;
    await unlink(lock).catch(() => {});
  }
  return undefined;
}

async function isHeld(lock: string): Promise<boolean> {
  const found = await stat(lock).catch(() => undefined);
  if (!found) return false;
  const ageMs = Date.now() - found.mtimeMs;
  const [, pid, host] = /^(\d+) (\S+)\n$/.exec(await readFile(lock, "utf8").catch(() => "")) ?? [];
  if (pid === undefined) return ageMs < unsignedMs;
  return host === hostname() ? isRunning(Number(pid)) : ageMs < strangerMs;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
