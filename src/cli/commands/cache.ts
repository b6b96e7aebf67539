/**
 * `qwen-asr cache list|clear|verify`: command line -> the answer on standard output, remarks on standard error, and
 * the exit code. Touches only files with the names zig/packing/cache.zig gives. Throws UserErrors; the caller prints
 * them.
 */

import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { InputError, systemReason, UsageError } from "../../errors.ts";
import { printable } from "../../writer.ts";
import type { PackedFiles } from "../../engine/packed_files.ts";
import { cacheFolder } from "../../model/cache_folder.ts";
import { type DownloadIo, systemIo } from "../../model/hub/download_io.ts";
import { formatBytes } from "../../model/hub/progress.ts";

export type CacheIo = Pick<DownloadIo, "env" | "stdout" | "stderr" | "onInterrupt"> & {
  /** Milliseconds since 1970. */
  readonly now?: () => number;
};

type Action = "list" | "clear" | "verify";
type Command = { readonly action: Action | "help"; readonly names: readonly string[] };

/** A file of ours: weights, what a packer is writing or left, or a lock. */
type CacheFile = {
  readonly name: string;
  /** What belongs together has it in common. */
  readonly stem: string;
  readonly kind: "packed" | "tmp" | "lock";
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  /** A packer is at work on it. */
  readonly isLive: boolean;
};

/** `args` is what follows the word cache. Returns 0, 1 where something is damaged or stays, 130 or 143 if stopped. */
export async function runCache(
  args: readonly string[],
  packed: PackedFiles,
  io: CacheIo = systemIo(),
): Promise<number> {
  const command = parseCache(args);
  if (command.action === "help") {
    io.stdout(helpText());
    return 0;
  }
  const folder = cacheFolder(io.env);
  if (folder === undefined) throw new InputError("no place for a cache: set QWEN_ASR_CACHE");
  const found = chosen(await filesOf(folder, io.now?.() ?? Date.now()), command.names, folder);
  if (found.length === 0) {
    io.stderr(`nothing in ${printable(folder)}\n`);
    return 0;
  }
  if (command.action === "list") return await list(found, folder, packed, io);
  return command.action === "clear" ? await clear(found, folder, io) : await verify(found, packed, io);
}

function parseCache(args: readonly string[]): Command {
  const { values, positionals } = parsedArguments(args);
  if (values.help) return { action: "help", names: [] };
  const [action, ...names] = positionals;
  if (action === "list" || action === "clear" || action === "verify") return { action, names };
  throw new UsageError(action === undefined ? "cache: list, clear or verify?" : `cache: no '${printable(action)}'`);
}

function parsedArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { help: { type: "boolean", short: "h" } },
      allowPositionals: true,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(/[.\n]/, 1)[0] : String(error);
    throw new UsageError(`cache: ${printable(reason ?? "")}`);
  }
}

const fileName = /^([0-9a-f]{16})\.(?:(packed|lock)|(\d+)\.(tmp))$/;

async function filesOf(folder: string, nowMs: number): Promise<CacheFile[]> {
  const names = await local(folder, () => readdir(folder)) ?? [];
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

/** Who packs writes all the time; a number alone may belong to another process by now. */
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

async function list(files: readonly CacheFile[], folder: string, packed: PackedFiles, io: CacheIo): Promise<number> {
  const shown = files.filter((file) => file.kind !== "lock");
  const rows: string[][] = [];
  for (const file of shown) {
    const header = file.kind === "packed" ? await packed.info(file.path) : undefined;
    const state = file.kind === "packed" ? header?.layout ?? "damaged" : file.isLive ? "underway" : "unfinished";
    const age = formatAge((io.now?.() ?? Date.now()) - file.modifiedMs);
    rows.push([file.stem, printable(state), formatBytes(file.bytes), age, printable(header?.model ?? "-")]);
  }
  io.stdout(table(rows));
  const total = shown.reduce((sum, file) => sum + file.bytes, 0);
  io.stderr(
    `${shown.length === 1 ? "1 file" : `${shown.length} files`}, ${formatBytes(total)} in ${printable(folder)}\n`,
  );
  return 0;
}

async function clear(files: readonly CacheFile[], folder: string, io: CacheIo): Promise<number> {
  const live = new Set(files.filter((file) => file.isLive).map((file) => file.stem));
  let bytes = 0;
  let count = 0;
  for (const file of files) {
    if (file.isLive) io.stderr(`${file.name} stays: a process is packing it\n`);
    if (file.isLive || (file.kind === "lock" && live.has(file.stem))) continue;
    await local(file.path, () => rm(file.path, { force: true }));
    if (file.kind === "lock") continue;
    bytes += file.bytes;
    count++;
  }
  io.stderr(`${count === 1 ? "1 file" : `${count} files`} removed, ${formatBytes(bytes)} in ${printable(folder)}\n`);
  return 0;
}

class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super("interrupted");
  }
}

async function verify(files: readonly CacheFile[], packed: PackedFiles, io: CacheIo): Promise<number> {
  const controller = new AbortController();
  const release = io.onInterrupt((exitCode) => controller.abort(new Interrupted(exitCode)));
  const damaged: string[] = [];
  try {
    for (const file of files.filter(({ kind }) => kind === "packed")) {
      const problem = await packed.verify(file.path, controller.signal);
      if (problem !== undefined) damaged.push(file.stem);
      io.stdout(`${file.stem}  ${printable(problem ?? "undamaged")}\n`);
    }
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    throw error;
  } finally {
    release();
  }
  if (damaged.length === 0) return 0;
  io.stderr(`hint: qwen-asr cache clear ${damaged.join(" ")}; the next run packs anew\n`);
  return 1;
}

/** Undefined for what is not there (any more); other refusals of the system as an InputError that names the path. */
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

/** How long ago, in its largest unit. */
export function formatAge(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h`;
  return `${Math.floor(minutes / 60 / 24)} days`;
}

function helpText(): string {
  return `Usage: qwen-asr cache list|clear|verify [NAME...]

Weights are packed once per model and precision, into files that later runs
only map. They can be made again at any time.

  list     the files: name, precision and arrangement, size, age, model
  clear    removes them, or only those named; a program that is running keeps
           what it has, and the space is free when it ends
  verify   reads them against their checksums

Environment:
  QWEN_ASR_CACHE   the folder (else $XDG_CACHE_HOME/qwen-asr, else
                   ~/.cache/qwen-asr, on macOS ~/Library/Caches/qwen-asr)

Exit codes: 0 done, 1 something is damaged or cannot be read or removed,
2 wrong command line, 130 interrupted.
`;
}
