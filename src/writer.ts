/**
 * Text to a file descriptor: queued, in order, whole; and file names made safe for one line of a message.
 *
 * Writes go through the asynchronous fs calls, not `process.stdout`: a reader that stalls then blocks no signal, a
 * closed pipe is an error code, and `drained` says when everything is out, so that `process.exit` loses nothing.
 */

import { write } from "node:fs";
import { systemReason } from "./errors.ts";

/** Where text goes. `write` only queues; `drained` settles when all of it is out or the writer has failed. */
export type TextWriter = {
  write(text: string): void;
  drained(): Promise<void>;
};

/** Why a write or open failed, in words. */
export function writeReason(error: Error): string {
  const folder = "its folder does not exist";
  return systemReason(error, { ENOENT: folder, ENOTDIR: folder, EEXIST: "it has appeared meanwhile" });
}

const retryMs = 5;

/** Queued writes to a file descriptor, in order, whole. After a failure it swallows everything. */
export class FdWriter implements TextWriter {
  #queue: string[] = [];
  #running: Promise<void> | undefined;
  #failed = false;

  constructor(readonly fd: number, readonly onFailure: (error: NodeJS.ErrnoException) => void) {}

  write(text: string): void {
    if (this.#failed || text === "") return;
    this.#queue.push(text);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async drained(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    const encoder = new TextEncoder();
    while (this.#queue.length > 0) {
      let bytes = encoder.encode(this.#queue.splice(0).join("")); // Whole strings: no character is ever split.
      while (bytes.length > 0 && !this.#failed) bytes = bytes.subarray(await this.#writeSome(bytes));
    }
  }

  /** Writes what fits now; returns the bytes written. */
  #writeSome(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve) => {
      write(this.fd, bytes, 0, bytes.length, null, (error, written) => {
        if (!error) return resolve(written);
        if (error.code === "EAGAIN") return setTimeout(() => resolve(0), retryMs); // A non-blocking pipe.
        this.#failed = true;
        this.#queue = [];
        this.onFailure(error);
        resolve(0);
      });
    });
  }
}

/** A file name as one harmless line: control characters become escapes. */
export function printable(name: string): string {
  // deno-lint-ignore no-control-regex
  return name.replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
