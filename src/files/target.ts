/**
 * Where an output goes: looked at before any work is done, so that a typo costs no time. Creates nothing. And what
 * can be done with an output of any kind.
 */

import { dirname, nameOfBytes, onDisk } from "../path_bytes.ts";
import { constants } from "node:fs";
import { access, lstat, realpath, stat, statfs } from "node:fs/promises";
import type { AudioSource } from "../audio/input.ts";
import { UserError } from "../errors.ts";
import { printable, type TextWriter, writeReason } from "../writer.ts";
import { partName } from "./names.ts";

/** The output cannot be had. Exit 1. */
export class OutputError extends UserError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, 1, hint, options);
  }
}

export function writeError(label: string, cause: unknown): OutputError {
  const reason = cause instanceof Error ? writeReason(cause) : String(cause);
  return new OutputError(`${label}: cannot write: ${reason}`, undefined, { cause });
}

/** Of bytes: so much takes the outputs of a recording of hours. */
const roomMin = 2 ** 20;

/** Whether a folder is there and its disk has room for outputs. */
export async function hasRoom(folder: string): Promise<boolean> {
  const found = await statfs(onDisk(folder)).catch(() => undefined);
  return found !== undefined && found.bavail * found.bsize >= roomMin;
}

export type OutputTarget = {
  /** As it was named, for messages. */
  readonly label: string;
  readonly path: string;
  readonly exists: boolean;
  readonly isRegular: boolean;
  readonly mode: number;
  readonly force: boolean;
};

export type OutputFile = TextWriter & {
  /** Lets the file have what was written so far, ended by `rest()`: soon, and no more often than is cheap. */
  keep(rest: () => string): void;
  /**
   * Everything written, then `rest`: the file is done. `isComplete`: it holds the whole recording, and gets its name.
   * Resolves to false where its text had to go elsewhere, which was told.
   */
  finish(rest: string, isComplete: boolean): Promise<boolean>;
  /** Nothing is known: no file, and an old one stays. */
  discard(): Promise<void>;
};

/** Finds every reason why `path` cannot be written, and creates nothing. Throws OutputError. */
export async function checkOutput(
  path: string,
  force: boolean,
  inputs: readonly AudioSource[],
): Promise<OutputTarget> {
  const label = printable(path);
  const target = await inspect(path, label);
  if (target.isRegular) await refuseInputs(target.path, label, inputs);
  if (target.exists && target.isRegular && !force) {
    throw new OutputError(`${label}: already exists (--force overwrites)`);
  }
  if (target.isRegular) {
    await access(onDisk(`${dirname(target.path)}/.`), constants.W_OK).catch((error) => {
      throw writeError(label, error);
    });
  }
  return { ...target, label, force };
}

async function inspect(path: string, label: string): Promise<Omit<OutputTarget, "label" | "force">> {
  const own = await lstat(onDisk(path)).catch(() => undefined);
  if (!own) return { path, exists: false, isRegular: true, mode: 0 };
  const found = await stat(onDisk(path)).catch(() => {
    throw new OutputError(`${label}: is a link to nothing`);
  });
  if (found.isDirectory()) throw new OutputError(`${label}: is a folder`);
  // Only files are replaced by name; /dev/stdout may lead to a pipe, whose "name" opens nothing.
  const isRegular = found.isFile();
  return { path: isRegular ? await realPath(path) : path, exists: true, isRegular, mode: found.mode & 0o7777 };
}

/** An input is never written over, neither by the output nor by its file on the way. */
async function refuseInputs(path: string, label: string, inputs: readonly AudioSource[]): Promise<void> {
  for (const input of inputs) {
    if (input.kind !== "file") continue;
    if (await samePath(input.path, path)) throw new OutputError(`${label}: is an input of this run`);
    const part = partName(path);
    if (await samePath(input.path, part)) throw new OutputError(`${printable(part)}: is an input of this run`);
  }
}

async function realPath(path: string): Promise<string> {
  return nameOfBytes(await realpath(onDisk(path), { encoding: "buffer" }));
}

async function samePath(left: string, right: string): Promise<boolean> {
  const [a, b] = await Promise.all([left, right].map((path) => realPath(path).catch(() => undefined)));
  return a !== undefined && a === b;
}
