/**
 * The file of `-o`. In: pieces of text. Out: a file that is valid at all times.
 *
 * The text so far goes to a temporary file beside the target, which then takes its name. After Ctrl-C or a kill there
 * is a complete file of what was known shortly before, never half a record and never a damaged old file. Text that is
 * in the file is copied from there to its next version and not kept in memory, except for the last of it. Pipes and
 * devices are written directly.
 */

import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, chmod, type FileHandle, link, lstat, open } from "node:fs/promises";
import { readdir, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import type { AudioSource } from "../audio/input.ts";
import { FdWriter, printable, type TextWriter, writeReason } from "../writer.ts";

/** The output cannot be had: unlike a bad input, this ends the run. Exit 1. */
export class OutputError extends UserError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, 1, hint, options);
  }
}

export type OutputFile = TextWriter & {
  /** Lets the file have what was written so far, ended by `rest()`: soon, and no more often than is cheap. */
  keep(rest: () => string): void;
  /** Everything written, then `rest`: the file is done. Throws the OutputError of a write that failed. */
  finish(rest?: string): Promise<void>;
  /** Nothing is known: no file, and an old one stays. */
  discard(): Promise<void>;
};

/** A file of text as it comes: it has what is known soon after it is known, and is no file where nothing is. */
export type TextFile = TextWriter & {
  /** Throws the OutputError of a write that failed. */
  close(): Promise<void>;
};

export async function openTextFile(path: string, force: boolean, inputs: readonly AudioSource[]): Promise<TextFile> {
  const output = await openOutput(path, force, inputs);
  let hasText = false;
  return {
    write: (text) => {
      hasText = true;
      output.write(text);
      output.keep(() => text.endsWith("\n") ? "" : "\n");
    },
    drained: () => output.drained(),
    close: () => hasText ? output.finish() : output.discard(),
  };
}

/** Where an output goes, looked at before any work is done. */
export type OutputTarget = {
  /** As it was named, for messages. */
  readonly label: string;
  readonly path: string;
  readonly exists: boolean;
  readonly isRegular: boolean;
  readonly mode: number;
  readonly force: boolean;
};

/** Finds every reason why `path` cannot be written, and creates nothing. Throws OutputError. */
export async function checkOutput(
  path: string,
  force: boolean,
  inputs: readonly AudioSource[],
): Promise<OutputTarget> {
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
  if (target.isRegular) {
    await access(`${dirname(target.path)}/.`, constants.W_OK).catch((error) => {
      throw writeError(label, error);
    });
  }
  return { ...target, label, force };
}

/** Opens what was checked. A file appears when something of it is known. */
export async function openTarget(target: OutputTarget): Promise<OutputFile> {
  try {
    if (!target.isRegular) return await openDirect(target);
    await removeStale(target);
    return new WholeFile(target);
  } catch (error) {
    throw writeError(target.label, error);
  }
}

/** Checks and opens in one. */
export async function openOutput(path: string, force: boolean, inputs: readonly AudioSource[]): Promise<OutputFile> {
  return await openTarget(await checkOutput(path, force, inputs));
}

async function inspect(path: string, label: string): Promise<Omit<OutputTarget, "label" | "force">> {
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

async function openDirect(target: OutputTarget): Promise<OutputFile> {
  const writer = new HandleWriter(await open(target.path, "w"), target.label);
  return {
    write: (text) => writer.write(text),
    drained: () => writer.drained(),
    keep: () => {},
    finish: async (rest = "") => {
      writer.write(rest);
      await writer.close();
    },
    discard: () => writer.close(),
  };
}

/** Between two snapshots of a file: a moment, more where writing one takes long. */
const snapshotMsMin = 1000;
const snapshotCostFactor = 20;
/** So much text, in UTF-16 units, is kept in memory though it is in the file. */
const keptMax = 1 << 18;
const copyBytes = 1 << 20;
/** A temporary file this old is what a killed run left. */
const staleMs = 60_000;

/** A file that takes its name with its first snapshot and is replaced as a whole by every later one. */
class WholeFile implements OutputFile {
  /** What follows the settled bytes. */
  #text = "";
  /** The last file that was saved: its first bytes are written for good. */
  #settled: { readonly handle: FileHandle; readonly bytes: number } | undefined;
  #rest: (() => string) | undefined;
  #isOurs = false;
  #failure: OutputError | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> | undefined;
  #nextMs = 0;

  constructor(readonly target: OutputTarget) {}

  write(text: string): void {
    this.#text += text;
  }

  keep(rest: () => string): void {
    this.#rest = rest;
    if (this.#timer || this.#saving || this.#failure) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#saving = this.#snapshot();
    }, Math.max(0, this.#nextMs - performance.now()));
  }

  async drained(): Promise<void> {
    await this.#saving;
    if (this.#failure) throw this.#failure;
  }

  async finish(rest = ""): Promise<void> {
    clearTimeout(this.#timer);
    await this.drained();
    await this.#save(rest);
    await this.#settle(undefined);
  }

  async discard(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#saving;
    await this.#settle(undefined);
  }

  async #snapshot(): Promise<void> {
    const started = performance.now();
    const rest = this.#rest!;
    this.#rest = undefined;
    try {
      await this.#save(rest());
    } catch (error) {
      if (!(error instanceof OutputError)) throw error;
      this.#failure = error;
    }
    const now = performance.now();
    this.#nextMs = now + Math.max(snapshotMsMin, (now - started) * snapshotCostFactor);
    this.#saving = undefined;
    if (this.#rest) this.keep(this.#rest); // More came meanwhile.
  }

  async #save(rest: string): Promise<void> {
    const text = this.#text;
    const temporary = this.#temporaryName();
    const { path, exists, mode, force, label } = this.target;
    let handle: FileHandle | undefined;
    try {
      handle = await open(temporary, "wx+");
      const settledBytes = this.#settled?.bytes ?? 0;
      if (this.#settled) await copyStart(this.#settled.handle, handle, settledBytes);
      await writeAt(handle, Buffer.from(text + rest), settledBytes);
      await handle.sync();
      if (exists) await chmod(temporary, mode);
      await (force || this.#isOurs ? rename(temporary, path) : renameNew(temporary, path));
      this.#isOurs = true;
      if (text.length <= keptMax) return await handle.close();
      await this.#settle({ handle, bytes: settledBytes + Buffer.byteLength(text) });
      this.#text = this.#text.slice(text.length); // More may have come meanwhile.
    } catch (error) {
      await handle?.close();
      await unlink(temporary).catch(() => {});
      throw writeError(label, error);
    }
  }

  async #settle(settled: { readonly handle: FileHandle; readonly bytes: number } | undefined): Promise<void> {
    const before = this.#settled;
    this.#settled = settled;
    await before?.handle.close();
  }

  #temporaryName(): string {
    const { path } = this.target;
    return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.part`);
  }
}

async function removeStale({ path }: OutputTarget): Promise<void> {
  const [folder, front] = [dirname(path), `.${basename(path)}.`];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(front) || !/^[0-9a-f]{12}\.part$/.test(name.slice(front.length))) continue;
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > staleMs) await unlink(join(folder, name)).catch(() => {});
  }
}

/** Copies the first bytes of a file to another one, which is empty. */
async function copyStart(from: FileHandle, to: FileHandle, bytes: number): Promise<void> {
  const buffer = new Uint8Array(Math.min(bytes, copyBytes));
  for (let at = 0; at < bytes;) {
    const { bytesRead } = await from.read(buffer, 0, Math.min(buffer.length, bytes - at), at);
    if (bytesRead === 0) throw new Error("it was changed meanwhile");
    await writeAt(to, buffer.subarray(0, bytesRead), at);
    at += bytesRead;
  }
}

async function writeAt(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }
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
