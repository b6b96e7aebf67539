/** The native library as the tests open it, without the executable: one instance, models by folder. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ModelHandle, Native } from "../src/engine/native.ts";
import { modelDir, projectRoot } from "./fixtures.ts";

/** $QWEN_ASR_LIB, else what scripts/build made. */
export function libraryPath(): string {
  const path = process.env.QWEN_ASR_LIB ?? join(projectRoot, "zig-out", "lib", "libqwen_asr.bin");
  if (!existsSync(path)) throw new Error(`${path} is missing: run scripts/build`);
  return path;
}

let opened: Native | undefined;

export function native(): Native {
  opened ??= new Native(libraryPath());
  return opened;
}

/** Encoder rows f32[rows][hidden], by an encoder that is opened for them. */
export function encode(model: ModelHandle, samples: Float32Array, windowFrames: number, hidden: number): Float32Array {
  const encoder = native().openEncoder(model);
  try {
    return native().encode(encoder, samples, windowFrames, hidden);
  } finally {
    native().closeEncoder(encoder);
  }
}

const models = new Map<string, ModelHandle>();

/** The nano with this many threads; opened once, shared by tests, never closed. */
export function nanoModel(threads = 2): ModelHandle {
  return model(modelDir(), threads);
}

export function model(folder: string, threads = 2): ModelHandle {
  const key = `${folder} ${threads}`;
  const known = models.get(key);
  if (known !== undefined) return known;
  const handle = native().openFolder(folder, threads);
  models.set(key, handle);
  return handle;
}

/** Samples of a 16 kHz mono 16-bit WAV as the fixtures are; the program's own reader has its own tests. */
export async function clipSamples(path: string): Promise<Float32Array> {
  const bytes = new DataView(await Bun.file(path).arrayBuffer());
  let at = 12;
  while (bytes.getUint32(at) !== 0x64617461) at += 8 + bytes.getUint32(at + 4, true); // "data"
  const count = bytes.getUint32(at + 4, true) / 2;
  return Float32Array.from({ length: count }, (_, i) => bytes.getInt16(at + 8 + 2 * i, true) / 32768);
}

/** Of two matrices f32[rows][width]: the smallest cosine between a row and the same row of the other. */
export function smallestCosine(a: Float32Array, b: Float32Array, width: number): number {
  let smallest = 1;
  for (let row = 0; row < b.length; row += width) {
    let [dot, aa, bb] = [0, 0, 0];
    for (let i = row; i < row + width; i++) {
      dot += a[i]! * b[i]!;
      aa += a[i]! ** 2;
      bb += b[i]! ** 2;
    }
    smallest = Math.min(smallest, dot / Math.sqrt(aa * bb));
  }
  return smallest;
}
