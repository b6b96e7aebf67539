/**
 * A pipe in which reading can go back. In: a reader. Out: its bytes, from any place that was read or is still to come.
 *
 * What was read is kept in a file without a name, so that nothing is left behind however the process ends.
 */

import type { FileHandle } from "node:fs/promises";
import { assert, InputError } from "../errors.ts";
import type { ByteReader } from "./bytes.ts";
import { openTemporary } from "./sample_store.ts";

const CHUNK_BYTES = 1 << 18;

export class SpooledReader implements ByteReader {
  readonly #name: string;
  readonly #source: ByteReader;
  readonly #openFile: () => Promise<FileHandle>;
  #file: FileHandle | undefined;
  #isKeeping = true;
  /** Bytes that came out of the source: those from 0 on are in the file, while it is kept. */
  #come = 0;
  #place = 0;

  /** `name` begins messages. */
  constructor(name: string, source: ByteReader, openFile: () => Promise<FileHandle> = openTemporary) {
    this.#name = name;
    this.#source = source;
    this.#openFile = openFile;
  }

  /** The next bytes come from `place` on. */
  readonly seek = (place: number): void => {
    this.#place = place;
  };

  /** Reading does not go back any more. */
  async release(): Promise<void> {
    if (this.#place < this.#come) return;
    this.#isKeeping = false;
    await this.#closeFile();
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#place < this.#come) return await this.#again();
    for (;;) {
      const chunk = await this.#source.next();
      if (chunk === undefined) return undefined;
      if (this.#isKeeping) await this.#keep(chunk);
      const from = Math.max(0, this.#place - this.#come);
      this.#come += chunk.length;
      if (from >= chunk.length) continue;
      this.#place = this.#come;
      return chunk.subarray(from);
    }
  }

  /** Reads to the end. Returns the descriptor of the file that holds all bytes; it is closed with the reader. */
  async whole(): Promise<number> {
    this.#place = this.#come;
    while (await this.next() !== undefined);
    assert(this.#isKeeping && this.#file !== undefined, "a pipe is kept whole from its first byte on");
    return this.#file.fd;
  }

  async close(): Promise<void> {
    await this.#closeFile();
    await this.#source.close();
  }

  async #again(): Promise<Uint8Array | undefined> {
    if (this.#file === undefined) return undefined;
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, this.#come - this.#place));
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#place);
    this.#place += bytesRead;
    return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead);
  }

  async #keep(chunk: Uint8Array): Promise<void> {
    try {
      this.#file ??= await this.#openFile();
      for (let done = 0; done < chunk.length;) {
        done += (await this.#file.write(chunk, done, chunk.length - done, this.#come + done)).bytesWritten;
      }
    } catch (error) {
      await this.#closeFile();
      const reason = error instanceof Error ? error.message : String(error);
      throw new InputError(
        `${this.#name}: cannot be kept on disk until its index has come: ${reason}`,
        "save it as a file first, or name a folder with more room in TMPDIR",
        { cause: error },
      );
    }
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}
