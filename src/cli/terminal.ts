/**
 * Standard output, standard error and signals. The one place that writes to them.
 *
 * Writes go through the asynchronous fs calls, not `process.stdout`: a reader that stalls then blocks no signal, a
 * closed pipe is an error code, and `drained` says when everything is out, so that `process.exit` loses nothing.
 */

import { write } from "node:fs";
import { UserError } from "../errors.ts";

/** Where text goes. `write` only queues; `drained` settles when all of it is out or the writer has failed. */
export type TextWriter = {
  write(text: string): void;
  drained(): Promise<void>;
};

/** Why the run ends early. */
export type StopReason = { readonly exitCode: number; readonly error?: UserError };

export type Terminal = {
  readonly stdout: TextWriter;
  readonly stderr: TextWriter;
  /** Aborted with a StopReason by a signal, a closed pipe or a full disk. */
  readonly stop: AbortSignal;
};

const signals = { SIGINT: 130, SIGTERM: 143 } as const;

/** Takes over the process's streams and signals. The first signal stops the run, the second ends the process. */
export function openTerminal(): Terminal {
  const controller = new AbortController();
  const stopFor = (reason: StopReason) => controller.abort(reason);
  for (const [signal, exitCode] of Object.entries(signals)) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(exitCode);
      stopFor({ exitCode });
    });
  }
  return {
    stdout: new FdWriter(1, (error) => stopFor(outputFailure(error))),
    stderr: new FdWriter(2, () => {}), // Nobody is left to tell.
    stop: controller.signal,
  };
}

/** A reader that has seen enough (`| head`) is no failure; a full disk is. */
function outputFailure(error: NodeJS.ErrnoException): StopReason {
  if (error.code === "EPIPE") return { exitCode: 0 };
  return { exitCode: 1, error: new UserError(`standard output: cannot write: ${writeReason(error)}`, 1) };
}

/** Why a write or open failed, in words. */
export function writeReason(error: NodeJS.ErrnoException): string {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "its folder does not exist",
    ENOTDIR: "its folder does not exist",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "the filesystem is read-only",
    ENOSPC: "no space left",
    EDQUOT: "no space left",
    EEXIST: "it has appeared meanwhile",
  };
  return reasons[error.code ?? ""] ?? error.message;
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

/** The promise's value, or a rejection with the StopReason as soon as the run is stopped. */
export async function untilStopped<T>(promise: Promise<T>, stop: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const stopped = new Promise<never>((_, reject) => {
    onAbort = () => reject(new Stopped(stop.reason));
    if (stop.aborted) onAbort();
    else stop.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    stop.removeEventListener("abort", onAbort);
    promise.catch(() => {}); // Where the stop won, a later failure concerns nobody.
  }
}

/** Thrown to unwind when the run is stopped. */
export class Stopped extends Error {
  constructor(readonly reason: StopReason) {
    super("stopped");
  }
}

/** A file name as one harmless line: control characters become escapes. */
export function printable(name: string): string {
  // deno-lint-ignore no-control-regex
  return name.replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
