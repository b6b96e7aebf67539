/**
 * All samples of a recording, read by position: blocks in, any stretch of them out.
 *
 * Up to ten minutes stay in memory. What is longer goes into a temporary file that has no name, so that a recording of
 * hours needs no more memory than one of minutes, and nothing is left behind however the process ends. Where no such
 * file can be had or its disk is full, all stays in memory.
 */

import { type FileHandle, open, unlink } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, InternalError } from "../errors.ts";
import { release } from "../memory.ts";
import { sampleRate, type Samples } from "../units.ts";
import { LevelMeter } from "./level.ts";

/** Samples whose levels are known (see level.ts). */
export type LeveledSamples = Samples & { readonly levels: Float64Array };

/** What a store needs of a file. */
export type SampleFile = Pick<FileHandle, "read" | "write" | "close">;

const sampleBytes = Float32Array.BYTES_PER_ELEMENT;
const blockSamples = 1 << 20;
const memorySamplesMax = 600 * sampleRate;

export class SampleStore implements Samples {
  /** Why a long recording is in memory all the same. */
  problem: string | undefined;
  #file: SampleFile | undefined;
  /** Samples in the file; the blocks follow them. */
  #written = 0;
  /** Full ones, and the one that is being filled. */
  #blocks: Float32Array[] = [];
  #spare: Float32Array | undefined;
  #length = 0;
  #offset = 0;
  #divisor = 1;

  /** `openFile`: a new file for a long recording. */
  constructor(
    readonly openFile: () => Promise<SampleFile> = openTemporary,
    readonly memorySamples: number = memorySamplesMax,
  ) {}

  get length(): number {
    return this.#length;
  }

  get isInFile(): boolean {
    return this.#file !== undefined;
  }

  async append(samples: Float32Array): Promise<void> {
    for (let at = 0; at < samples.length;) {
      const filled = this.#length % blockSamples;
      if (filled === 0) await this.#startBlock();
      const part = samples.subarray(at, at + blockSamples - filled);
      this.#blocks.at(-1)!.set(part, filled);
      this.#length += part.length;
      at += part.length;
    }
  }

  /** `offset` is taken from every sample that is read from now on. */
  takeOffset(offset: number): void {
    assert(this.#divisor === 1, "an offset is taken before samples are divided");
    this.#offset += offset;
  }

  /** Every sample that is read from now on is divided by `divisor`. */
  divideBy(divisor: number): void {
    this.#divisor *= divisor;
  }

  async read(start: number, end: number): Promise<Float32Array> {
    assert(0 <= start && start <= end && end <= this.#length, `samples ${start} to ${end} of ${this.#length}`);
    const result = new Float32Array(end - start);
    const inFile = Math.max(0, Math.min(end, this.#written) - start);
    if (inFile > 0) await readFully(this.#file!, result.subarray(0, inFile), start);
    for (let at = start + inFile; at < end;) {
      const from = (at - this.#written) % blockSamples;
      const block = this.#blocks[Math.floor((at - this.#written) / blockSamples)]!;
      const part = block.subarray(from, Math.min(blockSamples, from + end - at));
      result.set(part, at - start);
      at += part.length;
    }
    if (this.#offset !== 0) { for (let i = 0; i < result.length; i++) result[i]! -= this.#offset; }
    if (this.#divisor !== 1) { for (let i = 0; i < result.length; i++) result[i]! /= this.#divisor; }
    return result;
  }

  /** Gives memory and file back; nothing can be read any more. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#blocks = [];
    this.#length = 0;
    await file?.close();
  }

  async #startBlock(): Promise<void> {
    const isLong = this.#length + blockSamples > this.memorySamples;
    if (isLong && this.problem === undefined) await this.#spill();
    this.#blocks.push(this.#spare ?? new Float32Array(blockSamples));
    this.#spare = undefined;
  }

  /** Writes all blocks, which are full, to the file. */
  async #spill(): Promise<void> {
    try {
      this.#file ??= await this.openFile();
      let at = this.#written;
      for (const block of this.#blocks) {
        await writeFully(this.#file, block, at);
        at += block.length;
      }
      assert(at === this.#length, `${at} samples were written, ${this.#length} are there`);
      this.#written = at;
      this.#spare = this.#blocks.pop();
      this.#blocks.forEach(release);
      this.#blocks = [];
    } catch (error) {
      if (error instanceof InternalError) throw error;
      this.problem = error instanceof Error ? error.message : String(error);
      await this.#takeBack();
    }
  }

  /** The samples in the file are in memory again. */
  async #takeBack(): Promise<void> {
    const blocks: Float32Array[] = [];
    for (let at = 0; at < this.#written; at += blockSamples) {
      const block = new Float32Array(blockSamples);
      await readFully(this.#file!, block, at);
      blocks.push(block);
    }
    this.#blocks = [...blocks, ...this.#blocks];
    this.#written = 0;
    await this.#file?.close();
    this.#file = undefined;
  }
}

/** Samples that are in memory already, and their levels. */
export function samplesInMemory(samples: Float32Array): LeveledSamples {
  const meter = new LevelMeter();
  meter.push(samples);
  const read = (start: number, end: number) => Promise.resolve(samples.slice(start, end));
  return { length: samples.length, read, levels: meter.end() };
}

/**
 * A file that has lost its name already: it goes when it is closed, whatever happens. Where a file in use keeps its
 * name (Windows), it loses it then.
 */
export async function openNameless(folder: string): Promise<FileHandle> {
  const path = join(folder, `qwen-asr-${randomBytes(8).toString("hex")}`);
  const handle = await open(path, "wx+", 0o600);
  if (await unlink(path).then(() => true, () => false)) return handle;
  const close = handle.close.bind(handle);
  handle.close = async () => {
    await close();
    await unlink(path);
  };
  return handle;
}

/** The same in the system's folder for such files. */
export function openTemporary(): Promise<FileHandle> {
  return openNameless(tmpdir());
}

async function writeFully(file: SampleFile, samples: Float32Array, at: number): Promise<void> {
  const bytes = bytesOf(samples);
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at * sampleBytes + done);
    done += bytesWritten;
  }
}

async function readFully(file: SampleFile, samples: Float32Array, at: number): Promise<void> {
  const bytes = bytesOf(samples);
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, at * sampleBytes + done);
    assert(bytesRead > 0, "the file of samples is too short");
    done += bytesRead;
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
