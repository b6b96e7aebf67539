/**
 * `qwen-asr cache list|clear|verify`: manages the files of packed weights. Answers go to standard output, remarks to
 * standard error. It touches only files whose names zig/packing/cache_folder.zig makes. Throws UserErrors.
 */

import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { InputError, systemReason } from "../../errors.ts";
import { cacheFolder } from "../../model/cache_folder.ts";
import { folderOnDisk } from "../../path_bytes.ts";
import { formatBytes } from "../../model/hub/progress.ts";
import { printable } from "../../writer.ts";
import type { CacheOptions } from "../parse.ts";
import type { ProgramParts } from "../parts.ts";
import { exitCode } from "../terminal.ts";

export type CacheParts = Pick<ProgramParts, "terminal" | "env" | "packed" | "now">;

/** A file of the cache: packed weights, the temporary file of a running or interrupted packing, or a lock. */
type CacheFile = {
  readonly name: string;
  /** Shared by the files that belong together. */
  readonly stem: string;
  readonly kind: "packed" | "tmp" | "lock";
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  /** A process is writing it. */
  readonly isLive: boolean;
};

/** Returns the exit code: 1 if something is damaged, 130 or 143 if a signal stopped it. */
export async function manageCache(parts: CacheParts, { action, names }: CacheOptions): Promise<number> {
  const folder = cacheFolder(parts.env);
  if (folder === undefined) throw new InputError("no place for a cache: set QWEN_ASR_CACHE");
  const found = chosen(await filesOf(folder, parts.now()), names, folder);
  if (found.length === 0) {
    parts.terminal.stderr.write(`nothing in ${printable(folder)}\n`);
    return 0;
  }
  switch (action) {
    case "list":
      return await list(found, folder, parts);
    case "clear":
      return await clear(found, folder, parts);
    case "verify":
      return await verify(found, parts);
  }
}

const fileName = /^([0-9a-f]{16})\.(?:(packed|lock)|(\d+)\.(tmp))$/;

async function filesOf(folder: string, nowMs: number): Promise<CacheFile[]> {
  const names = await local(folder, () => readdir(folderOnDisk(folder))) ?? [];
  const files: CacheFile[] = [];
  for (const name of names.sort()) {
    const [, stem, plainKind, pid, temporaryKind] = fileName.exec(name) ?? [];
    if (stem === undefined) continue;
    const path = join(folder, name);
    const status = await local(path, () => lstat(path));
    if (!status?.isFile()) continue;
    const isLive = pid !== undefined && isPacking(Number(pid), nowMs - status.mtimeMs);
    const kind = (plainKind ?? temporaryKind) as CacheFile["kind"];
    files.push({ name, stem, kind, path, bytes: status.size, modifiedMs: status.mtimeMs, isLive });
  }
  return files;
}

/** A process that packs writes all the time. After a longer silence its number may belong to another process. */
const silenceMsMax = 10 * 60_000;

function isPacking(pid: number, silentMs: number): boolean {
  if (silentMs > silenceMsMax) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function chosen(files: readonly CacheFile[], names: readonly string[], folder: string): readonly CacheFile[] {
  if (names.length === 0) return files;
  const stems = new Set(names.map((name) => name.replace(/\.packed$/, "")));
  for (const stem of stems) {
    if (files.some((file) => file.stem === stem)) continue;
    throw new InputError(`${printable(folder)}: no ${printable(stem)} in the cache`, "qwen-asr cache list");
  }
  return files.filter((file) => stems.has(file.stem));
}

async function list(files: readonly CacheFile[], folder: string, parts: CacheParts): Promise<number> {
  const { stdout, stderr } = parts.terminal;
  const shown = files.filter((file) => file.kind !== "lock");
  const rows: string[][] = [];
  for (const file of shown) {
    const header = file.kind === "packed" ? await parts.packed.info(file.path) : undefined;
    const state = file.kind === "packed" ? header?.layout ?? "damaged" : file.isLive ? "underway" : "unfinished";
    const age = formatAge(parts.now() - file.modifiedMs);
    rows.push([file.stem, printable(state), formatBytes(file.bytes), age, printable(header?.model ?? "-")]);
  }
  stdout.write(table(rows));
  const total = shown.reduce((sum, file) => sum + file.bytes, 0);
  stderr.write(
    `${shown.length === 1 ? "1 file" : `${shown.length} files`}, ${formatBytes(total)} in ${printable(folder)}\n`,
  );
  return 0;
}

async function clear(files: readonly CacheFile[], folder: string, { terminal }: CacheParts): Promise<number> {
  const { stderr } = terminal;
  const live = new Set(files.filter((file) => file.isLive).map((file) => file.stem));
  let bytes = 0;
  let count = 0;
  for (const file of files) {
    if (file.isLive) stderr.write(`${file.name} stays: a process is packing it\n`);
    if (file.isLive || (file.kind === "lock" && live.has(file.stem))) continue;
    await local(file.path, () => rm(file.path, { force: true }));
    if (file.kind === "lock") continue;
    bytes += file.bytes;
    count++;
  }
  stderr.write(`${count === 1 ? "1 file" : `${count} files`} removed, ${formatBytes(bytes)} in ${printable(folder)}\n`);
  return 0;
}

async function verify(files: readonly CacheFile[], { terminal, packed }: CacheParts): Promise<number> {
  const { drain } = terminal.stop;
  const damaged: string[] = [];
  try {
    for (const file of files.filter(({ kind }) => kind === "packed")) {
      const problem = await packed.verify(file.path, drain);
      if (problem !== undefined) damaged.push(file.stem);
      terminal.stdout.write(`${file.stem}  ${printable(problem ?? "undamaged")}\n`);
    }
  } catch (error) {
    if (!drain.aborted || error !== drain.reason) throw error;
    return exitCode(terminal, false);
  }
  if (damaged.length === 0) return 0;
  terminal.stderr.write(`hint: qwen-asr cache clear ${damaged.join(" ")}; the next run packs anew\n`);
  return 1;
}

/** Undefined if the file does not exist (any more). Other refusals of the system become InputErrors with the path. */
async function local<T>(path: string, operation: () => Promise<T>): Promise<T | undefined> {
  try {
    return await operation();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    if (code === "ENOENT") return undefined;
    const reason = systemReason(error, { ENOTDIR: "not a folder" });
    throw new InputError(`${printable(path)}: ${reason}`, undefined, { cause: error });
  }
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]!.length))) ?? [];
  return rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()}\n`).join(
    "",
  );
}

/** A duration in its largest unit: "3 h". */
export function formatAge(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h`;
  return `${Math.floor(minutes / 60 / 24)} days`;
}
