/** Where a model comes from, and how it gets from there into the native library. */

import type { Weights } from "./engine.ts";
import type { ModelHandle, Native } from "./native.ts";

export type ModelSource =
  | { readonly kind: "folder"; readonly path: string }
  /** By their names in an official folder; with ".zst" behind it, a file is packed with Zstandard. */
  | { readonly kind: "files"; readonly files: readonly ModelFile[] };

export type ModelFile = { readonly name: string; readonly path: string };

export type OpenOptions = {
  readonly threads: number;
  readonly weights: Weights;
  /** Where a folder's packed weights are kept, "" for nowhere; files are packed anew every time. */
  readonly cacheFolder: string;
  /** Gets how far the packing is, 0 to 1000, while another thread reads it. */
  readonly progress?: Uint32Array;
};

/** Throws EngineError. */
export async function openModel(native: Native, source: ModelSource, options: OpenOptions): Promise<ModelHandle> {
  const { threads, weights, cacheFolder, progress } = options;
  if (source.kind === "folder") return native.openFolder(source.path, threads, weights, cacheFolder, progress);
  return native.openMemory(await Promise.all(source.files.map(readModelFile)), threads, weights, progress);
}

async function readModelFile({ name, path }: ModelFile) {
  const bytes = await Bun.file(path).bytes();
  if (!name.endsWith(".zst")) return { name, bytes };
  return { name: name.slice(0, -".zst".length), bytes: await Bun.zstdDecompress(bytes) };
}
