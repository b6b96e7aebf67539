/**
 * A file that is valid at all times. In: pieces of text. Out: talk.part.srt while the recording is heard, talk.srt when
 * it is complete.
 *
 * The text so far goes to a hidden file, which then takes the name. After Ctrl-C or a kill there is a whole file of
 * what was known shortly before, and never a damaged old one. Text that is in the file is copied from there to its next
 * version and not kept in memory, except for the last of it. A write that fails is told and tried again; at the end the
 * text goes elsewhere.
 */

import { basename, dirname, join, onDisk } from "../path_bytes.ts";
import { chmod, type FileHandle, link, lstat, open, rename, rm } from "node:fs/promises";
import type { Claim } from "./claim.ts";
import { partName } from "./names.ts";
import { type Hardship, rescueOrTell } from "./rescue.ts";
import { OutputError, type OutputFile, type OutputTarget, writeError } from "./target.ts";

/** Between two snapshots of a file: a moment, more where writing one takes long. */
const snapshotMsMin = 1000;
const snapshotCostFactor = 20;
/** So much text, in UTF-16 units, is kept in memory though it is in the file. */
const keptMax = 1 << 18;
const copyBytes = 1 << 20;
/** Before the last attempts, in case something makes room. */
const lastWaitsMs = [0, 300, 700] as const;

export class WholeFile implements OutputFile {
  /** What follows the settled bytes. */
  #text = "";
  /** The last file that was saved: its first bytes are written for good. */
  #settled: { readonly handle: FileHandle; readonly bytes: number } | undefined;
  #rest: (() => string) | undefined;
  /** The file of an incomplete recording is there, and ours. */
  #hasPart = false;
  /** What was told last. */
  #trouble: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> | undefined;
  #nextMs = 0;

  constructor(readonly target: OutputTarget, readonly claim: Claim, readonly hardship: Hardship) {}

  write(text: string): void {
    this.#text += text;
  }

  keep(rest: () => string): void {
    this.#rest = rest;
    if (this.#timer || this.#saving) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#saving = this.#snapshot();
    }, Math.max(0, this.#nextMs - performance.now()));
  }

  async drained(): Promise<void> {
    await this.#saving;
  }

  async finish(rest: string, isComplete: boolean): Promise<boolean> {
    await this.#stop();
    try {
      return await this.#attempt(rest, isComplete) || await this.#rescue(rest);
    } finally {
      await this.#close();
    }
  }

  async discard(): Promise<void> {
    await this.#stop();
    await this.#close();
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#saving;
    clearTimeout(this.#timer); // A snapshot begins the next one.
  }

  async #close(): Promise<void> {
    await this.#settle(undefined);
    await this.claim.release();
  }

  async #attempt(rest: string, isComplete: boolean): Promise<boolean> {
    for (const waitMs of lastWaitsMs) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      try {
        await this.#save(rest);
        if (isComplete) await this.#complete();
        return true;
      } catch (error) {
        if (!(error instanceof OutputError)) throw error;
        this.#trouble = error.message;
        if ((error.cause as NodeJS.ErrnoException | undefined)?.code === "EEXIST") return false; // It stays so.
      }
    }
    return false;
  }

  async #rescue(rest: string): Promise<false> {
    const text = this.#text + rest;
    const rescue = {
      ...{ trouble: this.#trouble!, what: "the text" },
      fill: (file: FileHandle) => this.#fill(file, text),
      text: async () => await this.#settledText() + text,
    };
    await rescueOrTell(this.target.path, rescue, this.hardship);
    if (this.#hasPart) await rm(onDisk(partName(this.target.path)), { force: true }).catch(() => {});
    return false;
  }

  async #settledText(): Promise<string> {
    if (!this.#settled) return "";
    const buffer = Buffer.alloc(this.#settled.bytes);
    const { bytesRead } = await this.#settled.handle.read(buffer, 0, buffer.length, 0);
    return buffer.toString("utf8", 0, bytesRead);
  }

  async #snapshot(): Promise<void> {
    const started = performance.now();
    const rest = this.#rest!;
    this.#rest = undefined;
    try {
      await this.#save(rest());
      if (this.#trouble !== undefined) this.hardship.tell(`${this.target.label}: can be written again`);
      this.#trouble = undefined;
    } catch (error) {
      if (!(error instanceof OutputError)) throw error;
      if (this.#trouble !== error.message) this.hardship.tell(`${error.message}; trying again`);
      this.#trouble = error.message;
      this.#rest ??= rest;
    }
    const now = performance.now();
    this.#nextMs = now + Math.max(snapshotMsMin, (now - started) * snapshotCostFactor);
    this.#saving = undefined;
    if (this.#rest) this.keep(this.#rest); // More came meanwhile.
  }

  /** Writes all that is known to the file of an incomplete recording. */
  async #save(rest: string): Promise<void> {
    const text = this.#text;
    const { path, exists, mode, label } = this.target;
    const temporary = onDisk(join(dirname(path), `.${basename(path)}.part`));
    let handle: FileHandle | undefined;
    try {
      await rm(temporary, { force: true }); // Of a killed run: this one has the claim.
      handle = await open(temporary, "wx+");
      await this.#fill(handle, text + rest);
      await handle.sync();
      if (exists) await chmod(temporary, mode);
      await rename(temporary, onDisk(partName(path)));
      this.#hasPart = true;
      if (text.length <= keptMax) return await handle.close();
      await this.#settle({ handle, bytes: (this.#settled?.bytes ?? 0) + Buffer.byteLength(text) });
      this.#text = this.#text.slice(text.length); // More may have come meanwhile.
    } catch (error) {
      await handle?.close();
      await rm(temporary, { force: true }).catch(() => {});
      throw writeError(label, error);
    }
  }

  /** The recording is complete: its file takes its name. */
  async #complete(): Promise<void> {
    const { path, force, label } = this.target;
    const [from, to] = [onDisk(partName(path)), onDisk(path)];
    try {
      await (force ? rename(from, to) : renameNew(from, to));
      this.#hasPart = false;
    } catch (error) {
      throw writeError(label, error);
    }
  }

  async #fill(file: FileHandle, text: string): Promise<void> {
    const settledBytes = this.#settled?.bytes ?? 0;
    if (this.#settled) await copyStart(this.#settled.handle, file, settledBytes);
    await writeAt(file, Buffer.from(text), settledBytes);
  }

  async #settle(settled: { readonly handle: FileHandle; readonly bytes: number } | undefined): Promise<void> {
    const before = this.#settled;
    this.#settled = settled;
    await before?.handle.close();
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
export async function renameNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw error;
    if (await lstat(to).catch(() => undefined)) {
      throw Object.assign(new Error("", { cause: error }), { code: "EEXIST" });
    }
    return await rename(from, to);
  }
  await rm(from);
}
