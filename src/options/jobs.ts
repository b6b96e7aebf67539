/** Reads the options of runs over many files. In: what was given. Out: typed values. Pure. */

import type { Choices } from "./choices.ts";

export type JobOptions = {
  readonly recursive: boolean;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** A path, or "-" for standard input. */
  readonly filesFrom: string | undefined;
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
  const all = (name: string) => choices.text(name)?.split(joinedBy[name]!) ?? [];
  return {
    recursive: choices.has("recursive"),
    include: all("include"),
    exclude: all("exclude"),
    filesFrom: choices.text("files-from"),
  };
}
