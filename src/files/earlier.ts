/**
 * What an earlier run left of the outputs of this one. In: the outputs of each input. Out: which inputs are done, which
 * outputs may be replaced, and the journals. Looks at names alone.
 */

import { lstat } from "node:fs/promises";
import { onDisk } from "../path_bytes.ts";
import type { Format } from "../output/formats.ts";
import { journalName } from "./journal.ts";
import { outputPaths } from "./names.ts";
import { kindOf, nameOf, type PlacedSource } from "./outputs.ts";

export type Earlier<Source> = {
  /** Inputs whose outputs are not there yet, or not whole. */
  readonly left: readonly Source[];
  /** By input; none where the output is no file. */
  readonly journals: ReadonlyMap<Source, string>;
  /** Outputs of an interrupted run. */
  readonly replaceable: ReadonlySet<string>;
};

export type EarlierRequest<Source> = {
  /** undefined: `path` is a file of text. */
  readonly formats: readonly Format[] | undefined;
  /** -o; undefined: standard output. */
  readonly path: string | undefined;
  readonly inputs: readonly Source[];
  /** Leaves out what is complete. */
  readonly skips: boolean;
  /** Outputs that have a journal may be replaced. */
  readonly resumes: boolean;
};

export async function earlierOutputs<Source extends PlacedSource>(
  { formats, path, inputs, skips, resumes }: EarlierRequest<Source>,
): Promise<Earlier<Source>> {
  const left: Source[] = [];
  const journals = new Map<Source, string>();
  const replaceable = new Set<string>();
  const paths = path === undefined ? undefined : await pathsOf(formats, path, inputs);
  if (paths === undefined) return { left: inputs, journals, replaceable };
  for (const [index, source] of inputs.entries()) {
    const own = paths[index]!;
    const journal = journalName(own.toSorted()[0]!); // Whatever the order of the formats is.
    const isInterrupted = await exists(journal);
    if (isInterrupted && resumes) { for (const path of own) replaceable.add(path); }
    const isComplete = !isInterrupted && (await Promise.all(own.map(exists))).every(Boolean);
    if (isComplete && skips) continue;
    left.push(source);
    journals.set(source, journal);
  }
  return { left, journals, replaceable };
}

/** undefined: what -o names is a pipe or a device. */
async function pathsOf(formats: readonly Format[] | undefined, path: string, inputs: readonly PlacedSource[]) {
  const { isFolder, isSpecial } = await kindOf(path);
  if (isSpecial) return undefined;
  if (!formats) return inputs.map(() => [path]);
  const place = { formats, path, isFolder, isSpecial };
  const paths = outputPaths(place, inputs.map(nameOf), inputs.map(({ folder = "" }) => folder));
  return paths.map((recording) => recording.map(({ path }) => path));
}

async function exists(path: string): Promise<boolean> {
  return await lstat(onDisk(path)).then(() => true, () => false);
}
