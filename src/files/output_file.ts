/**
 * The file of `-o`: text pieces in, a file that is whole at every moment out.
 *
 * What is known goes to a temporary file beside the target, which then takes its name: whoever looks, after Ctrl-C or
 * after a kill, finds a complete file of what was known shortly before, never half a record, and no damaged old file.
 * Pipes and devices are written directly.
 */

import { randomBytes } from "node:crypto";
import { chmod, type FileHandle, link, lstat, open, readdir, realpath, rename, stat, unlink } from "node:fs/promises";
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

type Target = { readonly path: string; readonly exists: boolean; readonly isRegular: boolean; readonly mode: number };

/** Opens `path`, early: every reason not to is found before any work is done. */
export async function openOutput(path: string, force: boolean, inputs: readonly AudioSource[]): Promise<OutputFile> {
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
    return await (target.isRegular ? WholeFile.open(target, force, label) : openDirect(target, label));
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
/** A temporary file this old is what a killed run left. */
const staleMs = 60_000;

/** A file that takes its name with its first snapshot and is replaced as a whole by every later one. */
class WholeFile implements OutputFile {
  #text = "";
  #rest: (() => string) | undefined;
  #isOurs = false;
  #failure: OutputError | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> | undefined;
  #nextMs = 0;

  private constructor(readonly target: Target, readonly force: boolean, readonly label: string) {}

  /** Tries at once whether a file can be made there. */
  static async open(target: Target, force: boolean, label: string): Promise<WholeFile> {
    const file = new WholeFile(target, force, label);
    await removeStale(target);
    const temporary = file.#temporaryName();
    await (await open(temporary, "wx")).close();
    await unlink(temporary);
    return file;
  }

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
    await this.#save(this.#text + rest);
  }

  async discard(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#saving;
  }

  async #snapshot(): Promise<void> {
    const started = performance.now();
    const rest = this.#rest!;
    this.#rest = undefined;
    try {
      await this.#save(this.#text + rest());
    } catch (error) {
      if (!(error instanceof OutputError)) throw error;
      this.#failure = error;
    }
    const now = performance.now();
    this.#nextMs = now + Math.max(snapshotMsMin, (now - started) * snapshotCostFactor);
    this.#saving = undefined;
    if (this.#rest) this.keep(this.#rest); // More came meanwhile.
  }

  async #save(content: string): Promise<void> {
    const temporary = this.#temporaryName();
    const { path, exists, mode } = this.target;
    try {
      const handle = await open(temporary, "wx");
      try {
        await handle.writeFile(content);
        await handle.sync();
      } finally {
        await handle.close();
      }
      if (exists) await chmod(temporary, mode);
      await (this.force || this.#isOurs ? rename(temporary, path) : renameNew(temporary, path));
      this.#isOurs = true;
    } catch (error) {
      await unlink(temporary).catch(() => {});
      throw writeError(this.label, error);
    }
  }

  #temporaryName(): string {
    const { path } = this.target;
    return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.part`);
  }
}

async function removeStale({ path }: Target): Promise<void> {
  const [folder, front] = [dirname(path), `.${basename(path)}.`];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(front) || !/^[0-9a-f]{12}\.part$/.test(name.slice(front.length))) continue;
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > staleMs) await unlink(join(folder, name)).catch(() => {});
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
