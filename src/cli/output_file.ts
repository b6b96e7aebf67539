/**
 * The file of `-o`: text pieces in, one complete file out.
 *
 * Text goes to a temporary file beside the target, which takes its name only at the end: a run that fails or is killed
 * leaves neither half a transcript nor a damaged old one. Pipes and devices are written directly.
 */

import { randomBytes } from "node:crypto";
import { chmod, type FileHandle, link, lstat, open, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import type { InputSource } from "./parse.ts";
import { FdWriter, printable, type TextWriter, writeReason } from "./terminal.ts";

/** The output cannot be had: unlike a bad input, this ends the run. Exit 1. */
export class OutputError extends UserError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, 1, hint, options);
  }
}

export type OutputFile = TextWriter & {
  /** Everything written: the file gets its name. Throws the OutputError of a write that failed. */
  finish(): Promise<void>;
  /** Nothing is known: no file, and an old one stays. */
  discard(): Promise<void>;
};

type Target = { readonly path: string; readonly exists: boolean; readonly isRegular: boolean; readonly mode: number };

/** Opens `path`, early: every reason not to is found before any work is done. */
export async function openOutput(path: string, force: boolean, inputs: readonly InputSource[]): Promise<OutputFile> {
  const label = printable(path);
  const target = await inspect(path, label);
  if (target.exists && target.isRegular) {
    for (const input of inputs) {
      if (input.kind === "file" && await samePath(input.path, target.path)) {
        throw new OutputError(`${label}: is an input of this run`);
      }
    }
    if (!force) throw new OutputError(`${label}: exists already`, "--force replaces it");
  }
  try {
    return await (target.isRegular ? openTemporary(target, force, label) : openDirect(target, label));
  } catch (error) {
    throw writeError(label, error);
  }
}

async function inspect(path: string, label: string): Promise<Target> {
  const own = await lstat(path).catch(() => undefined);
  if (!own) return { path, exists: false, isRegular: true, mode: 0 };
  const found = await stat(path).catch(() => {
    throw new OutputError(`${label}: is a link to nothing`);
  });
  if (found.isDirectory()) throw new OutputError(`${label}: is a folder`);
  // Only files are replaced by name; /dev/stdout may lead to a pipe, whose "name" opens nothing.
  const isRegular = found.isFile();
  return { path: isRegular ? await realpath(path) : path, exists: true, isRegular, mode: found.mode & 0o7777 };
}

async function samePath(left: string, right: string): Promise<boolean> {
  const [a, b] = await Promise.all([left, right].map((path) => realpath(path).catch(() => undefined)));
  return a !== undefined && a === b;
}

async function openDirect(target: Target, label: string): Promise<OutputFile> {
  const writer = new HandleWriter(await open(target.path, "w"), label);
  return {
    write: (text) => writer.write(text),
    drained: () => writer.drained(),
    finish: () => writer.close(),
    discard: () => writer.close(),
  };
}

async function openTemporary(target: Target, force: boolean, label: string): Promise<OutputFile> {
  const name = `.${basename(target.path)}.${randomBytes(6).toString("hex")}.part`;
  const temporary = join(dirname(target.path), name);
  const handle = await open(temporary, "wx");
  const writer = new HandleWriter(handle, label);
  return {
    write: (text) => writer.write(text),
    drained: () => writer.drained(),
    finish: async () => {
      try {
        await writer.close();
        if (target.exists) await chmod(temporary, target.mode);
        await (force ? rename(temporary, target.path) : renameNew(temporary, target.path));
      } catch (error) {
        await unlink(temporary).catch(() => {});
        throw error instanceof OutputError ? error : writeError(label, error);
      }
    },
    discard: async () => {
      await writer.close().catch(() => {});
      await unlink(temporary).catch(() => {});
    },
  };
}

/** Like rename, but fails where `to` has appeared meanwhile. Filesystems without links get a plain rename. */
async function renameNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw error;
    if (await lstat(to).catch(() => undefined)) throw error;
    return await rename(from, to);
  }
  await unlink(from);
}

/** Remembers the first failure and throws it on close. */
class HandleWriter implements TextWriter {
  #failure: OutputError | undefined;
  readonly #writer: FdWriter;

  constructor(readonly handle: FileHandle, label: string) {
    this.#writer = new FdWriter(handle.fd, (error) => {
      this.#failure = writeError(label, error);
    });
  }

  write(text: string): void {
    this.#writer.write(text);
  }

  async drained(): Promise<void> {
    await this.#writer.drained();
    if (this.#failure) throw this.#failure;
  }

  async close(): Promise<void> {
    await this.#writer.drained();
    await this.handle.close();
    if (this.#failure) throw this.#failure;
  }
}

function writeError(label: string, cause: unknown): OutputError {
  const reason = cause instanceof Error ? writeReason(cause) : String(cause);
  return new OutputError(`${label}: cannot write: ${reason}`, undefined, { cause });
}
