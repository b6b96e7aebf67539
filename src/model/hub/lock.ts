/**
 * Allows one download per folder at a time, by a file with the id of the process at work. A lock whose process is gone,
 * or whose id now belongs to a younger process, is taken over.
 *
 * There is no flock() without native code. A lock is removed by its owner or, if that is dead, by the holder of a
 * second lock that is held for a moment only, so that nobody removes the fresh lock of a quicker process.
 */

import { readFileSync, rmSync } from "node:fs";
import { open, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../errors.ts";
import { local } from "./part_file.ts";

export const lockName = ".lock";

export type FolderLock = { release(): void };

type Owner = { readonly pid: number; readonly started: string };

/** A lock without content is being written, or was left by a crash between two calls. */
const emptyLockMs = 5000;
const attemptsMax = 20;
const attemptMs = 50;

/** Throws an InputError if another process is at work in the folder. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = join(folder, lockName);
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (await create(path)) return { release: () => release(path) };
    const content = await readFile(path, "utf8").catch(() => undefined);
    if (content === undefined) continue; // It was released in the meantime.
    const owner = parseOwner(content);
    if (owner ? isAlive(owner) : await isFresh(path)) throw busy(folder, path, owner);
    if (!(await removeStale(path, content))) await Bun.sleep(attemptMs);
  }
  throw busy(folder, path, undefined);
}

function release(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // If it is left behind, it is stale as soon as this process is gone.
  }
}

async function create(path: string): Promise<boolean> {
  return await local(path, async () => {
    const handle = await open(path, "wx").catch((error) => {
      if (error.code === "EEXIST") return undefined;
      throw error;
    });
    if (handle === undefined) return false;
    try {
      await handle.writeFile(JSON.stringify({ pid: process.pid, started: startTime(process.pid) ?? "" }));
    } finally {
      await handle.close();
    }
    return true;
  });
}

/** Returns whether this process was the one to remove the dead lock, which is then gone unless another was quicker. */
async function removeStale(path: string, content: string): Promise<boolean> {
  const breaker = `${path}.break`;
  if (!(await create(breaker))) return false;
  try {
    const found = await readFile(path, "utf8").catch(() => undefined);
    if (found === content) await local(path, () => rm(path, { force: true }));
  } finally {
    release(breaker);
  }
  return true;
}

function busy(folder: string, path: string, owner: Owner | undefined): InputError {
  const who = owner ? `process ${owner.pid}` : "another process";
  return new InputError(`${folder}: ${who} is downloading into it`, `if that is no download, delete ${path}*`);
}

function parseOwner(content: string): Owner | undefined {
  try {
    const value = JSON.parse(content);
    const isOwner = Number.isSafeInteger(value?.pid) && value.pid > 0 && typeof value.started === "string";
    return isOwner ? value : undefined;
  } catch {
    return undefined;
  }
}

async function isFresh(path: string): Promise<boolean> {
  const modified = await stat(path).then((entry) => entry.mtimeMs, () => 0);
  return Date.now() - modified < emptyLockMs;
}

function isAlive(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  // In containers every run has the same few process ids: the start time tells them apart.
  const started = startTime(owner.pid);
  return started === undefined || owner.started === "" || started === owner.started;
}

/** The start time of a process, in the system's own unit; undefined if it does not say. */
function startTime(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in brackets may contain anything, so fields are counted from its end.
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
