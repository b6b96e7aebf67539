/** Whether the files of a finished download are still what was fetched. In: its folder. Out: names. */

import { join } from "node:path";
import { completeMarker, readMarker } from "../folders.ts";
import type { Digest } from "./file_list.ts";
import { fileMatches } from "./part_file.ts";

/** The files whose bytes have changed; undefined if `qwen-asr download` did not make the folder. Reads all of it. */
export async function changedFiles(folder: string, stop: AbortSignal): Promise<readonly string[] | undefined> {
  const marker = await readMarker(folder, completeMarker);
  if (marker === undefined) return undefined;
  const changed: string[] = [];
  for (const { name, size, hash } of marker.files) {
    const [algorithm, hex] = hash.split(":") as [Digest["algorithm"], string];
    if (!await fileMatches(join(folder, name), { size, digest: { algorithm, hex } }, stop)) changed.push(name);
  }
  return changed;
}
