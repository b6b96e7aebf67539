/** Reads the options of runs over many files. In: what was given. Out: typed values. Pure. */

import { UsageError } from "../errors.ts";
import type { Choices } from "./choices.ts";

export type JobOptions = {
  readonly recursive: boolean;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** A path, or "-" for standard input. */
  readonly filesFrom: string | undefined;
  /** A folder into which recordings come; undefined: the inputs are named. */
  readonly watch: string | undefined;
  /** Inputs whose outputs are there are left out. */
  readonly skipExisting: boolean;
  /** An interrupted run is gone on with. */
  readonly resume: boolean;
  /** A file with a row for each input. */
  readonly summary: string | undefined;
  /** Inputs that an earlier run's summary has without an error are left out. */
  readonly retryFailed: boolean;
};

/** Options whose values add up, and what stands between these. */
export const joinedBy: Readonly<Record<string, string>> = {
  format: ",",
  include: "\n",
  exclude: "\n",
  "allow-host": ",",
  cors: ",",
};

export function jobOptions(choices: Choices): JobOptions {
  for (const name of ["resume", "skip-existing"]) {
    if (choices.has(name) && [undefined, "-"].includes(choices.text("output"))) {
      throw new UsageError(`--${name} needs -o`);
    }
  }
  const all = (name: string) => choices.text(name)?.split(joinedBy[name]!) ?? [];
  return {
    recursive: choices.has("recursive"),
    include: all("include"),
    exclude: all("exclude"),
    filesFrom: choices.text("files-from"),
    watch: choices.text("watch"),
    skipExisting: choices.has("skip-existing"),
    resume: choices.has("resume"),
    summary: choices.text("summary"),
    retryFailed: choices.has("retry-failed"),
  };
}
