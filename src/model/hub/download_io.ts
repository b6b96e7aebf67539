/** Everything a download touches besides network and files, so that tests can replace the person and the machine. */

import { writeSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { createInterface } from "node:readline";
import { type Environment, systemEnvironment } from "../folders.ts";

export type DownloadIo = {
  readonly env: Environment;
  stdout(text: string): void;
  stderr(text: string): void;
  /** Whether standard error is a terminal, so that the progress line can be rewritten. */
  readonly isTerminal: boolean;
  /** Whether somebody can answer questions: standard input and standard error are terminals. */
  readonly isInteractive: boolean;
  /** The lines that are typed, until the input ends or the run is stopped. */
  lines(stop: AbortSignal): AsyncIterable<string>;
  /** Free bytes for this user in the folder's file system; undefined if the system does not say. */
  freeBytes(folder: string): Promise<number | undefined>;
  /** Calls back on Ctrl-C and termination; returns how to stop listening. */
  onInterrupt(callback: (exitCode: number) => void): () => void;
  readonly limits: NetworkLimits;
};

export type NetworkLimits = {
  /** Longest silence within a file. */
  readonly stallMs: number;
  /** Longest silence while a file list is read: a blocked hub must not hold up the other one. */
  readonly listStallMs: number;
  readonly retriesMax: number;
  readonly listRetriesMax: number;
  readonly retryBaseMs: number;
};

export const networkLimits: NetworkLimits = {
  stallMs: 30_000,
  listStallMs: 15_000,
  retriesMax: 6,
  listRetriesMax: 2,
  retryBaseMs: 1000,
};

const signals = { SIGINT: 130, SIGTERM: 143 } as const;

/** The real program's. */
export function systemIo(): DownloadIo {
  return {
    env: systemEnvironment(),
    stdout: (text) => writeAll(1, text),
    stderr: (text) => writeAll(2, text),
    isTerminal: Boolean(process.stderr.isTTY),
    isInteractive: Boolean(process.stdin.isTTY && process.stderr.isTTY),
    lines: standardLines,
    freeBytes: async (folder) => {
      const system = await statfs(folder).catch(() => undefined);
      return system && system.bavail * system.bsize;
    },
    onInterrupt,
    limits: networkLimits,
  };
}

function onInterrupt(callback: (exitCode: number) => void): () => void {
  const listeners = Object.entries(signals).map(([signal, exitCode]) => ({
    signal,
    listener: () => callback(exitCode),
  }));
  for (const { signal, listener } of listeners) process.on(signal, listener);
  return () => {
    for (const { signal, listener } of listeners) process.off(signal, listener);
  };
}

/** Writes everything in order, waiting a little for a reader that is behind. A closed pipe takes nothing, quietly. */
function writeAll(fd: number, text: string): void {
  let bytes: Uint8Array = new TextEncoder().encode(text);
  for (let waits = 0; bytes.length > 0 && waits < 200;) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      waits++;
      Bun.sleepSync(5);
    }
  }
}

/** A single reader for all lines, so that what is typed ahead is not lost between two questions. */
async function* standardLines(stop: AbortSignal): AsyncGenerator<string> {
  // Not readline's own terminal mode: the system's line editing and Ctrl-C stay as they are.
  const reader = createInterface({ input: process.stdin, terminal: false, signal: stop });
  try {
    for await (const line of reader) yield line;
  } finally {
    reader.close();
  }
}
