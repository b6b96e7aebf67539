/**
 * A file of lines that survives a kill and is published whole. In: lines, one after the other. Out: rows.part.jsonl
 * while the run goes on, rows.jsonl when all lines are there.
 *
 * Every line is on the disk before the next one is begun. The next run takes over the lines that are whole and its own,
 * and goes on after them.
 */

import { dirname, onDisk } from "../path_bytes.ts";
import { constants } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import type { AudioSource } from "../audio/input.ts";
import { ShortageError } from "../errors.ts";
import { type Claim, claim } from "./claim.ts";
import { partName } from "./names.ts";
import { checkOutput, OutputError, type OutputTarget, writeError } from "./target.ts";
import { renameNew } from "./whole_file.ts";

export type RowsRequest = {
  /** What is there may be replaced. */
  readonly force: boolean;
  readonly inputs: readonly AudioSource[];
  /** Lines of the whole file. */
  readonly count: number;
  /** Whether a line of an earlier run is what would be written as line `index` now. */
  readonly isOwn: (line: string, index: number) => boolean;
};

const readBytes = 1 << 20;

export class RowsFile {
  #position: number;

  private constructor(
    readonly target: OutputTarget,
    readonly claim: Claim,
    readonly file: FileHandle | undefined,
    /** Lines that are there already. */
    readonly linesBefore: number,
    position: number,
  ) {
    this.#position = position;
  }

  /** Nothing is left to do: the file was published by an earlier run. */
  get isComplete(): boolean {
    return this.file === undefined;
  }

  /** Throws OutputError where the path cannot be had. Creates nothing. */
  static async check(path: string, { inputs }: Pick<RowsRequest, "inputs">): Promise<OutputTarget> {
    const target = await checkOutput(path, true, inputs);
    if (target.isRegular) return target;
    throw new OutputError(`${target.label}: is no file`, "without -o, rows go to standard output");
  }

  /**
   * Throws OutputError where the path cannot be had, or holds lines of another run, and ShortageError where another
   * run is writing it.
   */
  static async open(path: string, request: RowsRequest): Promise<RowsFile> {
    const target = await RowsFile.check(path, request);
    const claimed = await claim(target.path);
    if (!claimed) {
      throw new ShortageError(`${target.label}: another run is writing it`, "run it again when that one has ended");
    }
    try {
      if (target.exists && !request.force) return await RowsFile.#published(target, claimed, request);
      return await RowsFile.#continued(target, claimed, request);
    } catch (error) {
      await claimed.release();
      throw error;
    }
  }

  static async #published(target: OutputTarget, claimed: Claim, request: RowsRequest): Promise<RowsFile> {
    await using file = await open(onDisk(target.path), "r");
    const { lines, isWhole } = await ownLines(file, request);
    if (lines === request.count && isWhole) return new RowsFile(target, claimed, undefined, lines, 0);
    const what = "already exists and is not of these rows, options and model";
    throw new OutputError(`${target.label}: ${what} (--force overwrites)`);
  }

  static async #continued(target: OutputTarget, claimed: Claim, request: RowsRequest): Promise<RowsFile> {
    const part = partName(target.path);
    const file = await open(onDisk(part), constants.O_RDWR | constants.O_CREAT).catch((error) => {
      throw writeError(target.label, error);
    });
    try {
      const { lines, bytes, isForeign } = await ownLines(file, request);
      if (isForeign && !request.force) {
        const what = "what an earlier run left is of other rows, options or another model";
        throw new OutputError(`${target.label}: ${what} (--force begins anew)`, `it is in ${part}`);
      }
      await file.truncate(bytes); // A line that a kill has torn, or those of another run.
      return new RowsFile(target, claimed, file, lines, bytes);
    } catch (error) {
      await file.close();
      throw error instanceof OutputError ? error : writeError(target.label, error);
    }
  }

  /** The line, which ends with a newline, is on the disk when this resolves. Throws OutputError. */
  async append(line: string): Promise<void> {
    const bytes = Buffer.from(line);
    if (!await this.claim.isOwn()) throw new ShortageError(`${this.target.label}: another run has taken it over`);
    try {
      for (let done = 0; done < bytes.length;) {
        done += (await this.file!.write(bytes, done, bytes.length - done, this.#position + done)).bytesWritten;
      }
      await this.file!.datasync();
      this.#position += bytes.length;
    } catch (error) {
      await this.file!.truncate(this.#position).catch(() => {}); // What is there stays whole lines.
      throw writeError(this.target.label, error);
    }
  }

  /** All lines are there: the file takes its name. */
  async publish(): Promise<void> {
    const { path, force, label } = this.target;
    const from = onDisk(partName(path));
    try {
      await this.file!.sync();
      await (force && this.target.exists ? rename(from, onDisk(path)) : renameNew(from, onDisk(path)));
      await using folder = await open(onDisk(dirname(path)), "r");
      await folder.sync().catch(() => {}); // Some filesystems cannot; the file is there all the same.
    } catch (error) {
      throw writeError(label, error);
    }
  }

  /** What is there stays, for the next run or under its name. */
  async close(): Promise<void> {
    await this.file?.close();
    await this.claim.release();
  }
}

type OwnLines = {
  readonly lines: number;
  readonly bytes: number;
  /** A line after them is of another run. */
  readonly isForeign: boolean;
  /** Nothing comes after them. */
  readonly isWhole: boolean;
};

/** The lines at the start of a file that are whole and the request's own. */
async function ownLines(file: FileHandle, { count, isOwn }: RowsRequest): Promise<OwnLines> {
  const buffer = Buffer.alloc(readBytes);
  let [lines, bytes, at, held] = [0, 0, 0, Buffer.alloc(0)];
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return { lines, bytes, isForeign: false, isWhole: held.length === 0 };
    at += bytesRead;
    held = Buffer.concat([held, buffer.subarray(0, bytesRead)]);
    for (let end = held.indexOf(10); end >= 0; end = held.indexOf(10)) {
      const line = held.toString("utf8", 0, end);
      if (lines === count || !isOwn(line, lines)) return { lines, bytes, isForeign: true, isWhole: false };
      lines++;
      bytes += end + 1;
      held = held.subarray(end + 1);
    }
  }
}
