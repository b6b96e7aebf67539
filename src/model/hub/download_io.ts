/** What a download needs of the machine and of the person in front of it, so that tests can replace both. */

import { statfs } from "node:fs/promises";
import { createInterface } from "node:readline";

/** The machine. */
export type DownloadMachine = {
  /** Whether standard error is a terminal, so that the progress line can be rewritten. */
  readonly isTerminal: boolean;
  /** How wide the terminal is now; undefined: not known. */
  readonly columns?: () => number | undefined;
  /** Free bytes for this user in the folder's file system; undefined if the system does not say. */
  freeBytes(folder: string): Promise<number | undefined>;
  readonly limits: NetworkLimits;
};

/** The person. */
export type DownloadPerson = {
  /** Whether somebody can answer questions: standard input and standard error are terminals. */
  readonly isInteractive: boolean;
  /** The lines that are typed, until the input ends or the run is stopped. */
  lines(stop: AbortSignal): AsyncIterable<string>;
};

export type DownloadHost = DownloadMachine & DownloadPerson;

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

/** The real ones. */
export function downloadHost(): DownloadHost {
  return {
    isTerminal: Boolean(process.stderr.isTTY),
    columns: () => process.stderr.columns,
    isInteractive: Boolean(process.stdin.isTTY && process.stderr.isTTY),
    lines: standardLines,
    freeBytes: async (folder) => {
      const system = await statfs(folder).catch(() => undefined);
      return system && system.bavail * system.bsize;
    },
    limits: networkLimits,
  };
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
