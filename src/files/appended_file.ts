/**
 * A file that grows: of streams, and of formats that are lines. In: pieces of text. Out: a file that `tail -f` can
 * follow, there as soon as something is known.
 *
 * A write that fails is told and tried again; at the end, what is not in the file goes elsewhere.
 */

import { onDisk } from "../path_bytes.ts";
import { type FileHandle, open } from "node:fs/promises";
import type { Claim } from "./claim.ts";
import { type Hardship, rescueOrTell } from "./rescue.ts";
import { type OutputFile, type OutputTarget, writeError } from "./target.ts";

const retryMs = 1000;
const lastWaitsMs = [0, 300, 700] as const;

export class AppendedFile implements OutputFile {
  #file: FileHandle | undefined;
  /** Not written yet. Bytes, since a write may end within a character. */
  #bytes = Buffer.alloc(0);
  #text = "";
  #running: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What was told last. */
  #trouble: string | undefined;

  constructor(readonly target: OutputTarget, readonly claim: Claim, readonly hardship: Hardship) {}

  write(text: string): void {
    this.#text += text;
    if (!this.#timer) this.#start();
  }

  /** The format is whole after every piece. */
  keep(): void {}

  async drained(): Promise<void> {
    await this.#running;
  }

  async finish(rest: string): Promise<boolean> {
    clearTimeout(this.#timer);
    await this.#running;
    this.#text += rest;
    let isWhole = false;
    for (const waitMs of lastWaitsMs) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      isWhole = await this.#writeAll();
      if (isWhole) break;
    }
    if (isWhole) await this.#file?.sync().catch(() => {}); // Its journal goes next. Some filesystems cannot.
    else await this.#rescue();
    await this.discard();
    return isWhole;
  }

  async discard(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
    await this.#file?.close();
    this.#file = undefined;
    await this.claim.release();
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#text !== "" && !this.#timer) this.#start();
    });
  }

  async #run(): Promise<void> {
    const before = this.#trouble;
    if (await this.#writeAll()) {
      if (before !== undefined) this.hardship.tell(`${this.target.label}: can be written again`);
      return;
    }
    if (this.#trouble !== before) this.hardship.tell(`${this.#trouble}; trying again`);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#start();
    }, retryMs);
  }

  /** Returns whether everything is written. */
  async #writeAll(): Promise<boolean> {
    try {
      while (this.#takeText() > 0) {
        this.#file ??= await open(onDisk(this.target.path), this.target.force ? "w" : "wx");
        const { bytesWritten } = await this.#file.write(this.#bytes);
        this.#bytes = this.#bytes.subarray(bytesWritten);
      }
      this.#trouble = undefined;
      return true;
    } catch (error) {
      this.#trouble = writeError(this.target.label, error).message;
      return false;
    }
  }

  #takeText(): number {
    if (this.#text !== "") this.#bytes = Buffer.concat([this.#bytes, Buffer.from(this.#text)]);
    this.#text = "";
    return this.#bytes.length;
  }

  async #rescue(): Promise<void> {
    this.#takeText();
    const rescue = {
      trouble: this.#trouble!,
      what: this.#file ? "the rest of the text" : "the text",
      fill: (file: FileHandle) => file.writeFile(this.#bytes),
      text: () => Promise.resolve(this.#bytes.toString()),
    };
    await rescueOrTell(this.target.path, rescue, this.hardship);
  }
}
