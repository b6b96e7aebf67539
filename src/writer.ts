/**
 * Writes text to a file descriptor, in order and completely; and makes file names safe for messages.
 *
 * It uses the asynchronous calls of fs instead of `process.stdout`. A reader that stalls then does not block signals, a
 * closed pipe is an error code, and `drained` says when everything is written, so that `process.exit` loses nothing.
 */

import { write } from "node:fs";
import { systemReason } from "./errors.ts";
import { withoutSecrets } from "./secrets.ts";

/** A sink for text. `write` only queues; `drained` resolves when everything is written or the writer has failed. */
export type TextWriter = {
  write(text: string): void;
  drained(): Promise<void>;
};

/** Says why a file could not be opened or written. */
export function writeReason(error: Error): string {
  const folder = "its folder does not exist";
  return systemReason(error, { ENOENT: folder, ENOTDIR: folder, EEXIST: "it has appeared meanwhile" });
}

const retryMs = 5;

/**
 * Lets the writes of several writers happen in the order of their calls, as a terminal that shows both needs it, or a
 * file that both go to. Messages do not begin in the middle of a line of text.
 */
export class Turns {
  #last: Promise<void> = Promise.resolve();
  /** The descriptor whose text ends in the middle of a line. */
  #midLine: number | undefined;

  /** What is to be written: messages, which go to descriptor 2, on a line of their own. */
  apart(fd: number, text: string): string {
    const isCut = fd === 2 && this.#midLine !== undefined && this.#midLine !== fd;
    // deno-lint-ignore no-control-regex
    const shown = text.replace(/\u001b\[[\d;?]*[A-Za-z]/g, "");
    if (shown !== "") this.#midLine = /[\n\r]$/.test(shown) ? undefined : fd;
    return isCut ? `\n${text}` : text;
  }

  /** Resolves when `work` is done, which begins after everything before it. */
  take(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work);
    return this.#last;
  }
}

/** Writes to a file descriptor through a queue. After a failure it ignores everything. */
export class FdWriter implements TextWriter {
  #queue: string[] = [];
  #running: Promise<void> | undefined;
  #failed = false;

  /** `turns`: shared with other writers; absent: this one minds no other. */
  constructor(
    readonly fd: number,
    readonly onFailure: (error: NodeJS.ErrnoException) => void,
    readonly turns?: Turns,
  ) {}

  write(text: string): void {
    if (this.#failed || text === "") return;
    if (this.turns) return this.#inTurn(text, this.turns);
    this.#queue.push(text);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async drained(): Promise<void> {
    while (this.#running) await this.#running;
  }

  #inTurn(text: string, turns: Turns): void {
    const whole = turns.apart(this.fd, text);
    const running = turns.take(() => this.#put(whole)).finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) await this.#put(this.#queue.splice(0).join("")); // No character is split.
  }

  async #put(text: string): Promise<void> {
    let bytes = new TextEncoder().encode(text);
    while (bytes.length > 0 && !this.#failed) bytes = bytes.subarray(await this.#writeSome(bytes));
  }

  /** Writes as much as fits now. Resolves to the number of bytes written. */
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

/**
 * Makes a file name safe for one line of a message: control characters and bytes that are not UTF-8 become escapes, and
 * the secrets of a URL are hidden.
 */
export function printable(name: string): string {
  const shown = withoutSecrets(name);
  // deno-lint-ignore no-control-regex
  return shown.replace(/[\u0000-\u001f\u007f-\u009f]|(?<![\ud800-\udbff])[\udc80-\udcff]/g, (character) => {
    return `\\x${(character.charCodeAt(0) & 0xff).toString(16).padStart(2, "0")}`;
  });
}
