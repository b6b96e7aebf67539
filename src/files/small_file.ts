/** A small file that is read and replaced as a whole. In: its name. Out: its text; or a new one in its place. */

import { chmod, lstat, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, onDisk } from "../path_bytes.ts";
import { printable } from "../writer.ts";
import { writeError } from "./target.ts";

/** undefined: it is not there, or cannot be read. */
export async function readSmallFile(path: string): Promise<string | undefined> {
  return await readFile(onDisk(path), "utf8").catch(() => undefined);
}

/** There is the old text or the new one at all times. Throws OutputError. */
export async function replaceSmallFile(path: string, text: string): Promise<void> {
  const name = join(dirname(path), `.${basename(path)}.part`);
  try {
    await writeFile(onDisk(name), text);
    const old = await lstat(onDisk(path)).catch(() => undefined);
    if (old) await chmod(onDisk(name), old.mode & 0o777);
    await rename(onDisk(name), onDisk(path));
  } catch (error) {
    await rm(onDisk(name), { force: true }).catch(() => {});
    throw writeError(printable(path), error);
  }
}
