/**
 * A hash that identifies a model: 16 hex digits from its configuration, and from the header and sampled blocks of every
 * file of weights. It is cheap for gigabytes; different weights have different hashes, wherever they are.
 */

import { readdir, readFile } from "node:fs/promises";
import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import { folderOnDisk } from "../path_bytes.ts";

export type ModelFile = { readonly name: string; readonly path: string };

const headBytes = 2 ** 16;
const blockBytes = 4096;
const blocks = 64;

export async function folderHash(folder: string): Promise<string> {
  const names = (await readdir(folderOnDisk(folder))).filter((name) =>
    name === "config.json" || name.endsWith(".safetensors")
  );
  return await modelHash(names.map((name) => ({ name, path: join(folder, name) })));
}

/** `files` are those of a model. Only configuration and weights count; packed files are hashed as packed. */
export async function modelHash(files: readonly ModelFile[]): Promise<string> {
  const hash = createHash("sha256");
  for (const { name, path } of files.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    if (name === "config.json") hash.update(name).update(await readFile(path));
    if (/\.safetensors(?:\.zst)?$/.test(name)) await addWeights(hash.update(name), path);
  }
  return hash.digest("hex").slice(0, 16);
}

/** Bun.file also reads files inside this program. */
async function addWeights(hash: Hash, path: string): Promise<void> {
  const file = Bun.file(path);
  const { size } = file;
  hash.update(String(size));
  await addBlock(hash, file, 0, headBytes);
  for (let block = 0; block < blocks; block++) {
    await addBlock(hash, file, Math.floor((Math.max(0, size - blockBytes) * block) / (blocks - 1)), blockBytes);
  }
}

async function addBlock(hash: Hash, file: Blob, position: number, length: number): Promise<void> {
  hash.update(await file.slice(position, position + length).bytes());
}
