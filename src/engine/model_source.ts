/** Where a model comes from, and how it gets from there into the native library. */

import type { Weights } from "./engine.ts";
import type { ModelHandle, Native } from "./native.ts";

export type ModelSource =
  | { readonly kind: "folder"; readonly path: string }
  /** By their names in an official folder; with ".zst" behind it, a file is packed with Zstandard. */
  | { readonly kind: "files"; readonly files: readonly ModelFile[] };

export type ModelFile = { readonly name: string; readonly path: string };

/** Files are packed anew every time, a folder's weights are kept in `cacheFolder` ("": nowhere). Throws EngineError. */
export async function openModel(
  native: Native,
  source: ModelSource,
  threads: number,
  weights: Weights,
  cacheFolder: string,
): Promise<ModelHandle> {
  if (source.kind === "folder") return native.openFolder(source.path, threads, weights, cacheFolder);
  return native.openMemory(await Promise.all(source.files.map(readModelFile)), threads, weights);
}

async function readModelFile({ name, path }: ModelFile) {
  const bytes = await Bun.file(path).bytes();
  if (!name.endsWith(".zst")) return { name, bytes };
  return { name: name.slice(0, -".zst".length), bytes: await Bun.zstdDecompress(bytes) };
}
