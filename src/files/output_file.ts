/**
 * The file of `-o`. In: pieces of text. Out: a file, a pipe or a device. Files of recordings are replaced as a whole,
 * those of streams and lines grow; pipes and devices are written directly.
 */

import { onDisk } from "../path_bytes.ts";
import { type FileHandle, lstat, open } from "node:fs/promises";
import type { AudioSource } from "../audio/input.ts";
import { InputError } from "../errors.ts";
import { FdWriter, type TextWriter } from "../writer.ts";
import { AppendedFile } from "./appended_file.ts";
import { claim } from "./claim.ts";

import type { Hardship } from "./rescue.ts";
import { checkOutput, type OutputError, type OutputFile, type OutputTarget, writeError } from "./target.ts";
import { WholeFile } from "./whole_file.ts";

export type OutputRequest = Hardship & {
  readonly force: boolean;
  readonly inputs: readonly AudioSource[];
  /** The file is of a stream or of lines: it grows under its own name. */
  readonly isAppended: boolean;
};

/** A file of text as it comes: it has what is known soon after it is known, and is no file where nothing is. */
export type TextFile = TextWriter & {
  /** Resolves to false where the text had to go elsewhere. Throws the OutputError of a device that failed. */
  close(isComplete: boolean): Promise<boolean>;
};

export async function openTextFile(path: string, request: OutputRequest): Promise<TextFile> {
  const output = await openOutput(path, request);
  let hasText = false;
  return {
    write: (text) => {
      hasText = true;
      output.write(text);
      output.keep(() => text.endsWith("\n") ? "" : "\n");
    },
    drained: () => output.drained(),
    close: (isComplete) => hasText ? output.finish("", isComplete) : output.discard().then(() => true),
  };
}

/** Checks and opens in one. */
export async function openOutput(path: string, request: OutputRequest): Promise<OutputFile> {
  return await openTarget(await checkOutput(path, request.force, request.inputs), request);
}

/**
 * Opens what was checked. A file appears when something of it is known. Throws InputError where another run has this
 * file: others can still be written.
 */
export async function openTarget(
  target: OutputTarget,
  { isAppended, ...hardship }: Pick<OutputRequest, "isAppended" | keyof Hardship>,
): Promise<OutputFile> {
  if (!target.isRegular) return await openDirect(target);
  const claimed = await claim(target.path);
  if (!claimed) throw new InputError(`${target.label}: another run is writing it`);
  if (!target.force && await lstat(onDisk(target.path)).catch(() => undefined)) {
    await claimed.release();
    throw new InputError(`${target.label}: has appeared meanwhile (--force overwrites)`);
  }
  return new (isAppended ? AppendedFile : WholeFile)(target, claimed, hardship);
}

async function openDirect(target: OutputTarget): Promise<OutputFile> {
  const handle = await open(onDisk(target.path), "w").catch((error) => {
    throw writeError(target.label, error);
  });
  const writer = new HandleWriter(handle, target.label);
  return {
    write: (text) => writer.write(text),
    drained: () => writer.drained(),
    keep: () => {},
    finish: async (rest) => {
      writer.write(rest);
      await writer.close();
      return true;
    },
    discard: () => writer.close(),
  };
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
