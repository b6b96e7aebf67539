/**
 * Claims an output for one process, so that of two jobs into one folder one writes a file and the other says so.
 *
 * In: the output's path. Out: a hidden file beside it that names the process, until it is released. What a killed
 * process left is taken over: at once where it ran here, and where it may run on another machine or in another
 * container, after a while in which it gave no sign of life.
 */

import { basename, dirname, join, onDisk } from "../path_bytes.ts";
import { readFileSync, readlinkSync } from "node:fs";
import { open, readFile, stat, unlink, utimes } from "node:fs/promises";
import { hostname } from "node:os";

export type Claim = {
  /** Whether nobody has taken it over, as happens to a process that stood still for long. */
  isOwn(): Promise<boolean>;
  release(): Promise<void>;
};

/** An owner elsewhere shows so often that it is alive, and is given up after so long without that. */
const beatMs = 5000;
const silentMs = 3 * beatMs;
const watchMs = 250;
/** A file without content is being written, or is what a full disk left. */
const unsignedMs = 10_000;

/** The owner: where process numbers mean the same, it can be asked for; the start tells equal numbers apart. */
type Owner = { readonly pid: number; readonly place: string; readonly started: string };

/** undefined: another process that runs has it. Where nothing can be created, the first write says why. */
export async function claim(path: string): Promise<Claim | undefined> {
  const lock = onDisk(join(dirname(path), `.${basename(path)}.lock`));
  const own = signature();
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = await open(lock, "wx");
      await file.writeFile(own).catch(() => {}); // A full disk.
      await file.close();
      return held(lock, own);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") return unclaimed;
    }
    if (await isHeld(lock)) return undefined;
    await unlink(lock).catch(() => {});
  }
  return undefined;
}

const unclaimed: Claim = { isOwn: () => Promise.resolve(true), release: () => Promise.resolve() };

function held(lock: string, own: string): Claim {
  const beat = setInterval(() => {
    const now = new Date();
    utimes(lock, now, now).catch(() => {});
  }, beatMs);
  beat.unref();
  const isOwn = async () => {
    const content = await readFile(lock, "utf8").catch(() => undefined);
    return content === own || content === ""; // A full disk did not take the signature.
  };
  const release = async () => {
    clearInterval(beat);
    if (await isOwn()) await unlink(lock).catch(() => {});
  };
  return { isOwn, release };
}

async function isHeld(lock: string): Promise<boolean> {
  const found = await stat(lock).catch(() => undefined);
  if (!found) return false;
  const owner = ownerOf(await readFile(lock, "utf8").catch(() => ""));
  if (!owner) return Date.now() - found.mtimeMs < unsignedMs;
  return owner.place === thisPlace() ? isRunning(owner) : await isBeating(lock, found.mtimeMs);
}

/** Whether the file is touched while it is watched. Clocks of two machines are not compared. */
async function isBeating(lock: string, mtimeMs: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < silentMs; waitedMs += watchMs) {
    await new Promise((resolve) => setTimeout(resolve, watchMs));
    const found = await stat(lock).catch(() => undefined);
    if (!found) return false;
    if (found.mtimeMs !== mtimeMs) return true;
  }
  return false;
}

function isRunning({ pid, started }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return started === startOf(pid);
}

function signature(): string {
  return `${process.pid} ${thisPlace()} ${startOf(process.pid)}\n`;
}

function ownerOf(content: string): Owner | undefined {
  const [, pid, place, started] = /^(\d+) (\S+) (\S+)\n$/.exec(content) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), place: place!, started: started! };
}

/** Where process numbers mean the same: this machine since it was started, and on Linux this container. */
function thisPlace(): string {
  const boot = fact(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const space = fact(() => readlinkSync("/proc/self/ns/pid"));
  return [hostname(), boot, space].join("/").replaceAll(/\s/g, "");
}

/** When a process was started, in the system's own unit; "-" where it does not say. */
function startOf(pid: number): string {
  // The name in brackets may contain anything, so fields are counted from its end.
  return fact(() => readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ")[19]!);
}

function fact(read: () => string): string {
  try {
    return read();
  } catch {
    return "-"; // Systems without /proc.
  }
}
