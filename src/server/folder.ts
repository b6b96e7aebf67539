/** The server's folder, where uploads lie, and what its files tell. Nobody else may read it. */

import { chmod, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputError, systemReason } from "../errors.ts";
import { folderOnDisk } from "../path_bytes.ts";

/** Makes a folder that goes with the server. Throws an InputError. */
export async function temporaryFolder(): Promise<string> {
  try {
    const folder = await mkdtemp(join(tmpdir(), "qwen-asr-serve-"));
    await chmod(folder, 0o700);
    await mkdir(join(folder, "uploads"));
    return folder;
  } catch (error) {
    throw new InputError(`${tmpdir()}: cannot make a folder for uploads: ${systemReason(error)}`);
  }
}

/** Removes a file or a folder with all that is in it, if it is there. */
export async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

/** Bytes of all files in a folder and those in it. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folderOnDisk(folder), { recursive: true, withFileTypes: true });
  const sizes = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) =>
    stat(join(parentPath, name)).then(({ size }) => size, () => 0) // It may be gone by now.
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Whether other users of this machine can read the file. */
export async function isReadableByOthers(path: string): Promise<boolean> {
  const mode = await stat(path).then((entry) => entry.mode, () => 0);
  return (mode & 0o044) !== 0;
}
