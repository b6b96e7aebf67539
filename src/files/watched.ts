/** A folder as it is now: which recordings are in it, and what tells that one of them has changed. */

import { stat } from "node:fs/promises";
import { onDisk } from "../path_bytes.ts";
import { type FileInput, findInputs, type FindRules } from "./inputs.ts";

export type WatchedFile = { readonly input: FileInput; readonly stamp: string };

/** None where the folder has gone, or holds none. */
export async function watchedFiles(folder: string, rules: FindRules): Promise<WatchedFile[]> {
  const { inputs } = await findInputs<FileInput>([{ kind: "file", path: folder }], rules);
  const files = await Promise.all(inputs.map(async (input) => {
    const stats = await stat(onDisk(input.path)).catch(() => undefined);
    return stats?.isFile() && { input, stamp: `${stats.ino} ${stats.size} ${stats.mtimeMs}` };
  }));
  return files.filter((file) => typeof file === "object");
}
