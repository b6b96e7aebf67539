/**
 * Byte streams. In: a file, FIFO or standard input. Out: chunks, or an error of one line if reading fails.
 * Nothing is read ahead of the caller, so a recording is never in memory as bytes.
 */

import { onDisk } from "../path_bytes.ts";
import { accessSync, constants, type Stats, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { InputError, systemReason } from "../errors.ts";
import { standardInput } from "../system.ts";
import { printable } from "../writer.ts";
import { JoinedFinder } from "./joined.ts";
import type { Following } from "./joined_line.ts";
import { isBlank } from "./plausible.ts";

export interface ByteReader {
  /** The next bytes, never empty; undefined at the end. They are valid until the next call. */
  next(): Promise<Uint8Array | undefined>;
  /** From this byte on a file holds one byte value over and over, such as the zeros of a preallocated file. */
  readonly blankFrom?: number;
  /** Where bytes can be read from anywhere: the next ones then come from that place on. */
  readonly seek?: ((place: number) => void) | undefined;
  /** Lets the bytes end soon after `blankFrom`: for formats whose sound is not blank for so long. */
  skipBlankEnd?(): void;
  /** Closes the file or stream, whether or not it was read to the end. Safe to repeat. */
  close(): Promise<void>;
}

const CHUNK_BYTES = 1 << 18;
/** What is read of a file at first: it tells what the file is, before it is known whether blank bytes count. */
const FIRST_BYTES = 1 << 14;
/** How far a reader can be rewound: enough for whatever may precede the format chunk of a WAV. */
const REPLAY_BYTES_MAX = 1 << 22;
const STDIN_PATHS = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

export const STDIN_NAME = "standard input";

/** Whether a path is this process's standard input. Opening it again would fail if that is a socket. */
export function isStdinPath(path: string): boolean {
  return STDIN_PATHS.includes(path);
}

/** Throws an error of one line if the path cannot be read. Opens nothing. */
export function statReadable(path: string): Stats {
  try {
    const stats = statSync(onDisk(path));
    if (stats.isDirectory()) throw new InputError(`${printable(path)}: is a directory`);
    if (stats.isSocket()) throw new InputError(`${printable(path)}: is a socket`);
    accessSync(onDisk(path), constants.R_OK);
    return stats;
  } catch (error) {
    throw inputError(path, error);
  }
}

export async function openFile(path: string): Promise<ByteReader> {
  try {
    const handle = await open(onDisk(path), "r");
    return new FileReader(path, handle, await findBlankEnd(handle), (await handle.stat()).isFile());
  } catch (error) {
    throw inputError(path, error);
  }
}

const BLANK_STEP_BYTES = 1 << 20;
/** What is found behind a container, of a frame or a tag that ends in zeros, is read. */
const BLANK_KEPT_BYTES = 1 << 14;
const BLANK_SAMPLE_BYTES = 1 << 14;

/**
 * Where the blank end of a regular file begins; Infinity where it has none worth the search. Reads the end of each MiB,
 * from the last to the first: an island of sound shorter than that, a MiB or more behind all other, is not seen.
 */
async function findBlankEnd(handle: FileHandle): Promise<number> {
  const stats = await handle.stat();
  if (!stats.isFile() || stats.size <= BLANK_STEP_BYTES) return Infinity;
  const buffer = new Uint8Array(BLANK_STEP_BYTES);
  const read = async (from: number, to: number) => {
    const { bytesRead } = await handle.read(buffer, 0, to - from, from);
    return buffer.subarray(0, bytesRead);
  };
  const value = (await read(stats.size - 1, stats.size))[0];
  if (value === undefined) return Infinity; // It shrank meanwhile.
  let end = stats.size;
  while (end > 0 && isBlank(await read(Math.max(0, end - BLANK_SAMPLE_BYTES), end), value)) end -= BLANK_STEP_BYTES;
  if (end === stats.size) return Infinity;
  const step = await read(Math.max(0, end), end + BLANK_STEP_BYTES);
  return Math.max(0, end) + step.findLastIndex((byte) => byte !== value) + 1;
}

/** What is joined to a container in a file that another program reads. */
export async function findJoined(path: string): Promise<Following> {
  await using handle = await open(onDisk(path), "r");
  const finder = new JoinedFinder();
  const buffer = new Uint8Array(CHUNK_BYTES);
  while (!finder.isDone) {
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, finder.position);
    if (bytesRead === 0) finder.end();
    else {
      finder.skipped();
      finder.push(buffer.subarray(0, bytesRead));
    }
  }
  return finder;
}

class FileReader implements ByteReader {
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  #handle: FileHandle | undefined;
  /** Where reading goes on; null: where it stopped. */
  #place: number | null = null;
  readonly seek: ((place: number) => void) | undefined;
  #position = 0;
  #endAt = Infinity;

  constructor(readonly path: string, handle: FileHandle, readonly blankFrom: number, isFile: boolean) {
    this.#handle = handle;
    if (isFile) this.seek = (place) => this.#place = place;
  }

  async next(): Promise<Uint8Array | undefined> {
    const chunkBytes = this.#position === 0 ? FIRST_BYTES : CHUNK_BYTES;
    const wantedBytes = this.#place === null ? Math.min(chunkBytes, this.#endAt - this.#position) : CHUNK_BYTES;
    if (this.#handle === undefined || wantedBytes <= 0) return undefined;
    try {
      const { bytesRead } = await this.#handle.read(this.#buffer, 0, wantedBytes, this.#place);
      if (this.#place !== null) this.#place += bytesRead;
      this.#position += bytesRead;
      return bytesRead === 0 ? undefined : this.#buffer.subarray(0, bytesRead);
    } catch (error) {
      throw inputError(this.path, error);
    }
  }

  skipBlankEnd(): void {
    this.#endAt = this.blankFrom + BLANK_KEPT_BYTES;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

/** `name` begins error messages. */
export function openStdin(name = STDIN_NAME): ByteReader {
  try {
    return new StreamReader(name, standardInput());
  } catch (error) {
    throw inputError(name, error); // It is a folder.
  }
}

/** A web stream as a reader. */
export class StreamReader implements ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(readonly name: string, stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  async next(): Promise<Uint8Array | undefined> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) return undefined;
        if (value.length > 0) return value;
      }
    } catch (error) {
      throw inputError(this.name, error);
    }
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
  }
}

/**
 * A reader whose beginning can be read again, until `commit` is called or the beginning is too long to keep, and looked
 * at ahead of reading.
 */
export class ReplayReader implements ByteReader {
  readonly #source: ByteReader;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #replayAt = 0;
  #keeping = true;
  #hasEnded = false;
  #fetching: Promise<void> | undefined;

  constructor(source: ByteReader) {
    this.#source = source;
  }

  get blankFrom(): number | undefined {
    return this.#source.blankFrom;
  }

  get seek(): ((place: number) => void) | undefined {
    const seek = this.#source.seek;
    return seek && ((place) => {
      this.#kept = [];
      this.#replayAt = 0;
      this.#keeping = false;
      this.#hasEnded = false;
      seek(place);
    });
  }

  skipBlankEnd(): void {
    this.#source.skipBlankEnd?.();
  }

  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      await this.#fetching;
      const again = this.#kept[this.#replayAt];
      if (again !== undefined) {
        if (this.#keeping) this.#replayAt++;
        else this.#kept.shift();
        return again;
      }
      if (this.#hasEnded) return undefined;
      if (!this.#keeping) return await this.#source.next();
      if (this.#keptBytes > REPLAY_BYTES_MAX) this.commit();
      else await this.#fetchOnce();
    }
  }

  /** The chunk of that index, wherever reading is; undefined after the last and where no more is kept. */
  async chunkAt(index: number): Promise<Uint8Array | undefined> {
    while (this.#kept.length <= index && !this.#hasEnded && this.#keeping) {
      if (this.#keptBytes > REPLAY_BYTES_MAX) return undefined;
      await this.#fetchOnce();
    }
    return this.#kept[index];
  }

  /** The first `bytesMax` bytes, or what of them has come `waitMs` after the first. */
  async peek(bytesMax: number, waitMs = Infinity): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    const late = Promise.withResolvers<undefined>();
    let timer: Timer | undefined;
    for (let index = 0, bytes = 0; bytes < bytesMax; index++) {
      const chunk = await Promise.race([this.chunkAt(index), late.promise]);
      if (chunk === undefined) break;
      if (Number.isFinite(waitMs)) timer ??= setTimeout(() => late.resolve(undefined), waitMs);
      parts.push(chunk);
      bytes += chunk.length;
    }
    clearTimeout(timer);
    return new Uint8Array(Buffer.concat(parts).subarray(0, bytesMax));
  }

  /** Goes back to the first byte. Returns false if that is gone. */
  rewind(): boolean {
    this.#replayAt = 0;
    if (!this.#keeping && this.seek) {
      this.seek(0);
      this.#keeping = true;
      this.#keptBytes = 0;
    }
    return this.#keeping;
  }

  /** Ends rewinding: bytes that were kept and already read are released. */
  commit(): void {
    this.#kept.splice(0, this.#replayAt);
    this.#replayAt = 0;
    this.#keeping = false;
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  #fetchOnce(): Promise<void> {
    return this.#fetching ??= this.#fetch();
  }

  async #fetch(): Promise<void> {
    try {
      const chunk = await this.#source.next();
      if (chunk === undefined) this.#hasEnded = true;
      else this.#keep(chunk);
    } finally {
      this.#fetching = undefined;
    }
  }

  #keep(chunk: Uint8Array): void {
    this.#kept.push(chunk.slice());
    this.#keptBytes += chunk.length;
  }
}

/** A reader whose bytes a finder sees pass. */
export class WatchedReader implements ByteReader {
  readonly #source: ByteReader;
  readonly #finder = new JoinedFinder();
  #isInOrder = true;
  /** All bytes were seen. */
  hasEnded = false;

  constructor(source: ByteReader) {
    this.#source = source;
  }

  get blankFrom(): number | undefined {
    return this.#source.blankFrom;
  }

  /** The finder then sees no more. */
  get seek(): ((place: number) => void) | undefined {
    const seek = this.#source.seek;
    return seek && ((place) => {
      this.#isInOrder = false;
      seek(place);
    });
  }

  skipBlankEnd(): void {
    this.#source.skipBlankEnd?.();
  }

  get following(): Following {
    return this.#finder;
  }

  async next(): Promise<Uint8Array | undefined> {
    const bytes = await this.#source.next();
    if (!this.#isInOrder) return bytes;
    if (bytes !== undefined) this.#finder.push(bytes);
    else if (!this.hasEnded) {
      this.#finder.end();
      this.hasEnded = true;
    }
    return bytes;
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

function inputError(path: string, error: unknown): InputError {
  if (error instanceof InputError) return error;
  const code = (error as NodeJS.ErrnoException)?.code ?? String(error);
  const reason = systemReason({ code, message: `cannot read it (${code})` }, errorTexts);
  return new InputError(`${printable(path)}: ${reason}`, undefined, { cause: error });
}

const errorTexts: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EISDIR: "is a directory",
  ENAMETOOLONG: "file name too long",
  ELOOP: "too many symbolic links",
  ERR_INVALID_ARG_VALUE: "not a valid file name",
};
