/**
 * A journal: lines of JSON that survive a crash. In: values, one after the other. Out: a hidden file beside an output,
 * and after a crash the values again, up to the first line that is not whole.
 *
 * A line is on disk soon after it was written, each with a sum, so that the torn end of a full disk or a power cut is
 * known from a whole line. Nobody waits for a write. One that fails is told once, and its lines go with the next.
 */

import { createHash } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { basename, dirname, join, onDisk } from "../path_bytes.ts";
import { printable } from "../writer.ts";
import { writeError } from "./target.ts";

export type JournalValue = Readonly<Record<string, unknown>>;

/** Where a line lies in the file, in bytes. */
export type JournalPlace = { readonly start: number; readonly end: number };

/** The journal of the output at `path`. */
export function journalName(path: string): string {
  return join(dirname(path), `.${basename(path)}.journal`);
}

/** Lines that come within this time share a write; a recording that is over by then leaves no trace. */
const writeDelayMs = 200;
const readBytes = 1 << 20;

export class Journal {
  #file: FileHandle | undefined;
  /** Bytes that are whole lines, on disk. */
  #end: number;
  #pending: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #hasTold = false;
  #isOver = false;

  /** `end`: the lines up to there stay; 0: a new file. It is made with the first write. */
  constructor(readonly path: string, end: number, readonly tell: (line: string) => void) {
    this.#end = end;
  }

  write(value: JournalValue): void {
    const json = JSON.stringify(value);
    this.#pending.push(`${sum(json)} ${json}\n`);
    this.#timer ??= setTimeout(() => void this.flush(), writeDelayMs);
  }

  /** Resolves when what was written is on disk, or cannot be. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
    if (this.#pending.length === 0 || this.#isOver) return;
    this.#running = this.#append().finally(() => this.#running = undefined);
    await this.#running;
  }

  /** Keeps the file. */
  async close(): Promise<void> {
    await this.flush();
    this.#isOver = true;
    await this.#file?.close();
    this.#file = undefined;
  }

  /** What it was for is done, and on disk. */
  async remove(): Promise<void> {
    clearTimeout(this.#timer);
    this.#isOver = true;
    await this.#running;
    await this.#file?.close();
    if (this.#file || this.#end > 0) await syncFolder(this.path); // The outputs have their names before it goes.
    await unlink(onDisk(this.path)).catch(() => {}); // Also what an earlier run left.
    this.#file = undefined;
  }

  async #append(): Promise<void> {
    const count = this.#pending.length;
    const bytes = Buffer.from(this.#pending.join(""));
    try {
      const file = this.#file ??= await this.#open();
      for (let at = 0; at < bytes.length;) {
        at += (await file.write(bytes, at, bytes.length - at, this.#end + at)).bytesWritten;
      }
      await file.datasync();
      this.#end += bytes.length;
      this.#pending.splice(0, count);
    } catch (error) {
      if (this.#end === 0) await this.#discard(); // On a full disk, without a line of use.
      const { message } = writeError(printable(this.path), error);
      if (!this.#hasTold) this.tell(`${message}; --resume would have to hear more again`);
      this.#hasTold = true;
    }
  }

  async #discard(): Promise<void> {
    if (!this.#file) return;
    await this.#file.close().catch(() => {});
    this.#file = undefined;
    await unlink(onDisk(this.path)).catch(() => {});
  }

  async #open(): Promise<FileHandle> {
    if (this.#end > 0) {
      const file = await open(onDisk(this.path), "r+");
      await file.truncate(this.#end);
      return file;
    }
    const file = await open(onDisk(this.path), "w");
    await syncFolder(this.path);
    return file;
  }
}

/** The whole lines of a journal; none where there is no file. */
export async function* journalLines(path: string): AsyncGenerator<JournalPlace & { readonly value: JournalValue }> {
  const file = await open(onDisk(path), "r").catch(() => undefined);
  if (!file) return;
  try {
    let held = Buffer.alloc(0);
    let start = 0;
    const buffer = Buffer.alloc(readBytes);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, start + held.length);
      if (bytesRead === 0) return;
      held = Buffer.concat([held, buffer.subarray(0, bytesRead)]);
      for (let at = held.indexOf(10); at >= 0; at = held.indexOf(10)) {
        const value = wholeLine(held.toString("utf8", 0, at));
        if (!value) return;
        yield { start, end: start + at + 1, value };
        start += at + 1;
        held = held.subarray(at + 1);
      }
    }
  } finally {
    await file.close();
  }
}

/** The values of lines that are known to be whole. */
export async function journalValues(path: string, places: readonly JournalPlace[]): Promise<JournalValue[]> {
  if (places.length === 0) return [];
  await using file = await open(onDisk(path), "r");
  const values: JournalValue[] = [];
  for (const { start, end } of places) {
    const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    const value = wholeLine(buffer.toString("utf8", 0, buffer.length - 1));
    if (value) values.push(value);
  }
  return values;
}

function wholeLine(text: string): JournalValue | undefined {
  const json = text.slice(9);
  if (text[8] !== " " || sum(json) !== text.slice(0, 8)) return undefined;
  return JSON.parse(json) as JournalValue;
}

function sum(json: string): string {
  return createHash("sha256").update(json).digest("hex").slice(0, 8);
}

/** So that a name that was made or taken away is so after a power cut, where the system does that. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(onDisk(dirname(path)), "r").catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
