/**
 * A file while it is downloaded: NAME.part, and the hash of what is in it so far. Bytes go to disk and into the hash as
 * they arrive, so memory stays flat. Only verified bytes get the final name, in one step. Failures of this machine are
 * InputErrors.
 */

import { createHash, type Hash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { InputError, systemReason } from "../../errors.ts";
import type { Digest } from "./file_list.ts";

export type ExpectedFile = { readonly size: number; readonly digest: Digest };

export class PartFile {
  #hash: Hash;
  #offset = 0;
  #isResumed = false;

  private constructor(readonly path: string, readonly expected: ExpectedFile, readonly handle: FileHandle) {
    this.#hash = newHash(expected);
  }

  /** Opens or creates the file and takes over what an earlier run left in it. */
  static async open(path: string, expected: ExpectedFile, stop: AbortSignal): Promise<PartFile> {
    // Links are not followed: their targets are not ours to overwrite.
    const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
    const handle = await local(path, () => open(path, flags, 0o644));
    const part = new PartFile(path, expected, handle);
    try {
      await part.#takeOver(stop);
      return part;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Number of bytes so far, where the next ones belong. */
  get offset(): number {
    return this.#offset;
  }

  /** Whether some of the bytes come from an earlier run or another source. */
  get isResumed(): boolean {
    return this.#isResumed;
  }

  async append(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      const { bytesWritten } = await local(this.path, () => this.handle.write(rest, 0, rest.length, this.#offset));
      this.#hash.update(rest.subarray(0, bytesWritten));
      this.#offset += bytesWritten;
      rest = rest.subarray(bytesWritten);
    }
  }

  /** Discards all bytes. */
  async restart(): Promise<void> {
    await local(this.path, () => this.handle.truncate(0));
    this.#hash = newHash(this.expected);
    this.#offset = 0;
    this.#isResumed = false;
  }

  /** The hash of the bytes so far. */
  hex(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Gives the file its final name, replacing any file that has it. */
  async publish(path: string): Promise<void> {
    await local(this.path, () => this.handle.sync());
    await local(path, () => rename(this.path, path));
  }

  async remove(): Promise<void> {
    await local(this.path, () => rm(this.path, { force: true }));
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  async #takeOver(stop: AbortSignal): Promise<void> {
    const stat = await local(this.path, () => this.handle.stat());
    if (!stat.isFile()) throw new InputError(`${this.path}: in the way, and not a file`);
    if (stat.size > this.expected.size) await this.restart(); // Of another version.
    else if (stat.size > 0) {
      this.#offset = await hashFile(this.path, this.#hash, stop);
      this.#isResumed = true;
    }
  }
}

/** Whether a finished file has the expected bytes. */
export async function fileMatches(path: string, expected: ExpectedFile, stop: AbortSignal): Promise<boolean> {
  const hash = newHash(expected);
  const size = await hashFile(path, hash, stop);
  return size === expected.size && hash.digest("hex") === expected.digest.hex;
}

/** Adds a file's bytes to a hash; returns how many they were. */
async function hashFile(path: string, hash: Hash, stop: AbortSignal): Promise<number> {
  return await local(path, async () => {
    let size = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      stop.throwIfAborted();
      hash.update(chunk);
      size += chunk.length;
    }
    return size;
  });
}

function newHash(expected: ExpectedFile): Hash {
  if (expected.digest.algorithm === "sha256") return createHash("sha256");
  return createHash("sha1").update(`blob ${expected.size}\0`);
}

/** Runs a file operation; its failure becomes an InputError that names the file. */
export async function local<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined || error instanceof InputError) throw error;
    const reason = systemReason(error, {
      ENOTDIR: "part of the path is not a folder",
      EEXIST: "in the way, and not a folder",
      ELOOP: "in the way, and a link",
      EISDIR: "in the way, and a folder",
      EFBIG: "the filesystem does not take files of this size",
    });
    throw new InputError(`${path}: ${reason}`, undefined, { cause: error });
  }
}
