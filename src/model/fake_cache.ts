/** Cache files as zig/packing/cache.zig writes them, made by other code: for tests of what reads them. */

import { createHash } from "node:crypto";
import { checksum } from "./cache_file.ts";

export type FakeItem = { readonly name: string; readonly bytes: Uint8Array; readonly chunk?: number };

/** The items, key and label of zig/packing/cache_test.zig. */
export function zigTestFile(): Uint8Array {
  const sizes: readonly (readonly [string, number, number])[] = [
    ["embedding", 2 * 2 ** 20 + 17, 200_000],
    ["empty", 0, 2 ** 18],
    ["decoder.0.qkv", 100_000, 2 ** 18],
  ];
  const items = sizes.map(([name, size, chunk], index) => {
    return {
      name,
      chunk,
      bytes: Uint8Array.from({ length: size }, (_, at) => at * 7 + Math.floor(at / 256) + index * 31),
    };
  });
  const key = createHash("sha256").update(new BigUint64Array([1n, 0n, 4n])).update("test").digest();
  return cacheFile(items, "int8/generic/1", "models/test", key);
}

/** A whole file. */
export function cacheFile(
  items: readonly FakeItem[],
  layout: string,
  model: string,
  key: Uint8Array = new Uint8Array(32),
): Uint8Array {
  const texts = [layout, model, ...items.map((item) => item.name)].map((text) => new TextEncoder().encode(text));
  const headerBytes = 96 + 32 * items.length + texts.reduce((sum, text) => sum + text.length, 0);
  let end = Math.ceil(headerBytes / 16384) * 16384;
  const offsets = items.map((item) => {
    const offset = Math.ceil(end / 64) * 64;
    end = offset + item.bytes.length;
    return offset;
  });
  const file = new Uint8Array(end);
  const view = new DataView(file.buffer);
  file.set(new TextEncoder().encode("QASRPACK"));
  file.set(key, 24);
  const words = [[8, 2], [12, headerBytes], [56, items.length], [60, texts[0]!.length], [
    64,
    texts[1]!.length,
  ]] as const;
  for (const [at, value] of words) view.setUint32(at, value, true);
  view.setBigUint64(16, BigInt(end), true);
  items.forEach((item, index) => {
    const at = 96 + 32 * index;
    view.setBigUint64(at, BigInt(offsets[index]!), true);
    view.setBigUint64(at + 8, BigInt(item.bytes.length), true);
    view.setBigUint64(at + 16, checksum(item.bytes, item.chunk), true);
    view.setUint32(at + 24, texts[2 + index]!.length, true);
    view.setUint32(at + 28, item.chunk ?? 2 ** 18, true);
    file.set(item.bytes, offsets[index]!);
  });
  let textAt = 96 + 32 * items.length;
  for (const text of texts) {
    file.set(text, textAt);
    textAt += text.length;
  }
  sealHeader(file);
  return file;
}

/** Makes the header's checksum right again. */
export function sealHeader(file: Uint8Array): void {
  const view = new DataView(file.buffer);
  view.setBigUint64(72, 0n, true);
  view.setBigUint64(72, checksum(file.subarray(0, view.getUint32(12, true))), true);
}
