/**
 * Which model it was: 16 hex digits from its configuration, and from the header and sampled blocks of every file of
 * weights. Cheap for gigabytes; other weights have another hash, wherever they lie.
 */

import { type FileHandle, open, readdir, readFile } from "node:fs/promises";
import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";

export type ModelFile = { readonly name: string; readonly path: string };

const headBytes = 2 ** 16;
const blockBytes = 4096;
const blocks = 64;

export async function folderHash(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name === "config.json" || name.endsWith(".safetensors"));
  return await modelHash(names.map((name) => ({ name, path: join(folder, name) })));
}

/** `files` of a model; only configuration and weights count, packed ones as packed. */
export async function modelHash(files: readonly ModelFile[]): Promise<string> {
  const hash = createHash("sha256");
  for (const { name, path } of files.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    if (name === "config.json") hash.update(name).update(await readFile(path));
    if (/\.safetensors(?:\.zst)?$/.test(name)) await addWeights(hash.update(name), path);
  }
  return hash.digest("hex").slice(0, 16);
}

async function addWeights(hash: Hash, path: string): Promise<void> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    hash.update(String(size));
    await addBlock(hash, file, 0, headBytes);
    for (let block = 0; block < blocks; block++) {
      await addBlock(hash, file, Math.floor((Math.max(0, size - blockBytes) * block) / (blocks - 1)), blockBytes);
    }
  } finally {
    await file.close();
  }
}

async function addBlock(hash: Hash, file: FileHandle, position: number, length: number): Promise<void> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  hash.update(buffer.subarray(0, bytesRead));
}
