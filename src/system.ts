/** Reads what the machine says about its memory and processors, and small files of the user, such as the prompt. */

import { exactArguments, onDisk } from "./path_bytes.ts";
import { createReadStream, readFileSync } from "node:fs";
import { access, constants, open, stat, statfs } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir, totalmem } from "node:os";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { InputError, systemReason, UsageError } from "./errors.ts";
import { printable } from "./writer.ts";

type ReadText = (path: string) => string | undefined;

/** The bytes that a process may still use: what is free, or what its control groups allow, whichever is less. */
export function availableMemory(read: ReadText = readText): number {
  const free = kibibytes(read("/proc/meminfo"), "MemAvailable") ?? totalmem();
  const { v2, v1 } = groupFolders(read, "memory");
  const left = [
    ...v2.map((path) => leftInGroup(read, path, v2Files)),
    ...v1.map((path) => leftInGroup(read, path, v1Files)),
  ];
  return Math.min(free, ...left.filter((bytes) => bytes !== undefined));
}

/**
 * The processors that this process may keep busy: those of its affinity mask (`allowed`), or what the quotas of its
 * control groups come to, rounded up, whichever is less. At least 1.
 */
export function usableProcessors(read: ReadText = readText, allowed: number = availableParallelism()): number {
  return Math.max(1, Math.min(allowed, ...processorQuotas(read).map(Math.ceil)));
}

/** In processors; none where nothing limits them. */
function processorQuotas(read: ReadText): number[] {
  const { v2, v1 } = groupFolders(read, "cpu");
  const quotas = [
    ...v2.map((folder) => read(`${folder}/cpu.max`)?.trim().split(" ") ?? []),
    ...v1.map((folder) => [read(`${folder}/cpu.cfs_quota_us`), read(`${folder}/cpu.cfs_period_us`)]),
  ];
  // "max", -1 and a missing file are no limit.
  return quotas.map(([quota, period]) => Number(quota) / Number(period)).filter((cores) => cores > 0);
}

/** What limits this process, as the system says it. */
export type MachineLimits = {
  /** As the maker calls it; "" where the system does not say. */
  readonly processor: string;
  /** Logical processors of the machine, those of the affinity mask, and what quotas of control groups come to. */
  readonly logical: number;
  readonly allowed: number;
  readonly quota: number | undefined;
  /** Bytes of the machine, and of the tightest control group. */
  readonly memory: number;
  readonly memoryLimit: number | undefined;
};

export function machineLimits(read: ReadText = readText, allowed: number = availableParallelism()): MachineLimits {
  const { v2, v1 } = groupFolders(read, "memory");
  const limits = [...v2.map((path) => `${path}/${v2Files.max}`), ...v1.map((path) => `${path}/${v1Files.max}`)]
    .map((path) => Number(read(path)?.trim() || NaN));
  const memory = kibibytes(read("/proc/meminfo"), "MemTotal") ?? totalmem();
  const limit = Math.min(...limits.filter((bytes) => bytes < memory)); // v1 says 2^63 for none.
  const quota = Math.min(...processorQuotas(read));
  return {
    processor: cpus()[0]?.model.trim() ?? "",
    logical: Math.max(cpus().length, allowed),
    allowed,
    quota: Number.isFinite(quota) ? quota : undefined,
    memory,
    memoryLimit: Number.isFinite(limit) ? limit : undefined,
  };
}

/** The machine as `qwen-asr doctor` asks for it. */
export const machineParts = {
  system: `${process.platform} ${process.arch}`,
  temporaryFolder: tmpdir(),
  limits: () => machineLimits(),
  freeBytes,
};

/** Bytes that can be written at a path, or at the nearest folder above it that there is; undefined: none may be. */
async function freeBytes(path: string): Promise<number | undefined> {
  try {
    await access(path, constants.W_OK);
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || path === dirname(path)) return undefined;
    return await freeBytes(dirname(path));
  }
}

/** The largest amount of memory that this process has had in use, in bytes. */
export function peakMemory(read: ReadText = readText): number {
  // resourceUsage counts in kilobytes, but on macOS in bytes; it includes what the process was before exec.
  return kibibytes(read("/proc/self/status"), "VmHWM") ??
    process.resourceUsage().maxRSS * (process.platform === "darwin" ? 1 : 1024);
}

const v2Files = { max: "memory.max", used: "memory.current", cache: "inactive_file" };
const v1Files = { max: "memory.limit_in_bytes", used: "memory.usage_in_bytes", cache: "total_inactive_file" };

/** The folders that may limit `controller` for this process, of both kinds of control groups. */
function groupFolders(read: ReadText, controller: "memory" | "cpu"): Record<"v2" | "v1", string[]> {
  const groups = read("/proc/self/cgroup")?.split("\n") ?? [];
  const v2 = groups.find((line) => line.startsWith("0::"))?.slice(3);
  const isOfController = new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`);
  const v1 = groups.map((line) => isOfController.exec(line)?.[1]).find(Boolean);
  return {
    v2: v2 === undefined ? [] : folders("/sys/fs/cgroup", v2),
    v1: v1 === undefined ? [] : folders(`/sys/fs/cgroup/${controller}`, v1),
  };
}

/** The folder of the group and those above it, since each may set a limit. In a container there is often just one. */
function folders(root: string, group: string): string[] {
  const parts = group.split("/").filter((part) => part !== "" && part !== "..");
  return [root, ...parts.map((_, index) => `${root}/${parts.slice(0, index + 1).join("/")}`)];
}

/** The limit minus what is used, not counting file cache that can be dropped; undefined without a limit. */
function leftInGroup(read: ReadText, folder: string, files: typeof v2Files): number | undefined {
  const max = Number(read(`${folder}/${files.max}`)?.trim() || NaN);
  const used = Number(read(`${folder}/${files.used}`)?.trim() || NaN);
  if (!Number.isFinite(max) || !Number.isFinite(used)) return undefined; // "max", or no such file.
  const cache = new RegExp(`^${files.cache} (\\d+)$`, "m").exec(read(`${folder}/memory.stat`) ?? "")?.[1];
  return Math.max(0, max - used + Number(cache ?? 0));
}

function kibibytes(meminfo: string | undefined, key: string): number | undefined {
  const match = new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(meminfo ?? "");
  return match ? Number(match[1]) * 1024 : undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code) return undefined; // Another kind of system.
    throw error;
  }
}

const promptBytesMax = 65_536;

/** The text of --prompt in NFC, as the tokenizer needs it. "@FILE" is read, and a leading "@@" stands for one "@". */
export async function loadPrompt(given: string): Promise<string> {
  if (!given.startsWith("@") || given.startsWith("@@")) return given.replace(/^@@/, "@").normalize("NFC");
  const path = given.slice(1);
  if (path === "") throw new UsageError("--prompt @ needs the name of a file after the @ (@@ for the character)");
  const bytes = await open(path).then((file) => readUpTo(promptBytesMax, file.createReadStream())).catch((error) => {
    const reason = systemReason(error, { ENOENT: "no such file", EISDIR: "is a folder" });
    throw new UsageError(`--prompt @${printable(path)}: ${reason}`);
  });
  if (bytes === undefined) {
    throw new UsageError(
      `--prompt @${printable(path)}: more than ${promptBytesMax} bytes, which no model makes use of`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/[\r\n]+$/, "").normalize("NFC");
  } catch (error) {
    throw new UsageError(`--prompt @${printable(path)}: not UTF-8 text (${(error as Error).message})`);
  }
}

/** All bytes of a file, or of a device or a pipe, which may have no end; undefined: there are more. */
async function readUpTo(bytesMax: number, source: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of source) {
    size += piece.length;
    if (size > bytesMax) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

const textBytesMax = 256 * 2 ** 20;

/** Reads a small file as text; "-" is standard input. Byte order marks of UTF-8 and UTF-16 are understood. */
export async function readTextFile(path: string): Promise<string> {
  const label = path === "-" ? "standard input" : printable(path);
  const bytes = await readBytes(path, label);
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe
    ? "utf-16le"
    : bytes[0] === 0xfe && bytes[1] === 0xff
    ? "utf-16be"
    : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new InputError(`${label}: is not text in UTF-8 or UTF-16`);
  }
}

async function readBytes(path: string, label: string): Promise<Uint8Array> {
  try {
    const isLarge = path !== "-" && (await stat(onDisk(path))).size > textBytesMax;
    const source = async () => path === "-" ? standardInput() : (await open(onDisk(path))).createReadStream();
    const bytes = isLarge ? undefined : await readUpTo(textBytesMax, await source());
    if (bytes === undefined) throw new InputError(`${label}: is larger than ${textBytesMax / 2 ** 20} MiB`);
    return bytes;
  } catch (error) {
    if (error instanceof InputError) throw error;
    const reason = systemReason(error, { ENOENT: "no such file", ENOTDIR: "no such file", EISDIR: "is a folder" });
    throw new InputError(`${label}: ${reason}`, undefined, { cause: error });
  }
}

/** Standard input as it comes. The runtime's own stream takes only some kinds of pipes on Windows. */
export function standardInput(): ReadableStream<Uint8Array> {
  if (process.platform !== "win32") return Bun.stdin.stream();
  return Readable.toWeb(createReadStream("", { fd: 0 })) as unknown as ReadableStream<Uint8Array>;
}

/** The process's arguments: byte for byte where the system tells (Linux), elsewhere as the runtime has them. */
export function ownArguments(): readonly string[] {
  const args = process.argv.slice(2);
  if (!args.some((arg) => arg.includes("\ufffd"))) return args;
  try {
    return exactArguments(args, readFileSync("/proc/self/cmdline"));
  } catch {
    return args;
  }
}
