/**
 * Reads the files of packed weights that zig/packing/cache.zig writes: their header, and whether the content is
 * undamaged. The format and its checksums are described in zig/packing/cache_layout.zig.
 */

import { type FileHandle, open } from "node:fs/promises";

export type CacheItem = {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly checksum: bigint;
  /** Bytes of a chunk of its checksum. */
  readonly chunk: number;
};

export type CacheHeader = {
  /** Precision, arrangement and its version: "int8/vnni/1". */
  readonly layout: string;
  /** What the weights were packed from: a model's folder. */
  readonly model: string;
  readonly items: readonly CacheItem[];
};

const magic = "QASRPACK";
const version = 2;
const fixedBytes = 96;
const entryBytes = 32;
const headerBytesMax = 2 ** 24;
const firstAlignment = 16_384;
const itemAlignment = 64;
const headerChunkBytes = 2 ** 18;
const chunkBytesMax = 2 ** 24;

/** The header of a cache file; undefined where it has none, or a damaged one. Throws what the system says. */
export async function readCacheHeader(path: string): Promise<CacheHeader | undefined> {
  return await withFile(path, async (file) => {
    const { size } = await file.stat();
    const start = await readAt(file, new Uint8Array(fixedBytes), 0);
    const length = start && headerLength(start);
    if (length === undefined || length > size) return undefined;
    const bytes = await readAt(file, new Uint8Array(length), 0);
    return bytes && parseCacheHeader(bytes, size);
  });
}

/** The names of items whose bytes are not those that were packed. */
export async function damagedItems(path: string, header: CacheHeader, stop: AbortSignal): Promise<string[]> {
  return await withFile(path, async (file) => {
    const buffer = new Uint8Array(Math.max(0, ...header.items.map((item) => item.chunk)));
    const damaged: string[] = [];
    for (const item of header.items) {
      if (await storedChecksum(file, buffer, item, stop) !== item.checksum) damaged.push(item.name);
    }
    return damaged;
  });
}

/** A whole header of a file with `fileBytes`; undefined where anything about it is wrong. */
export function parseCacheHeader(bytes: Uint8Array, fileBytes: number): CacheHeader | undefined {
  if (headerLength(bytes) !== bytes.length) return undefined;
  const view = viewOf(bytes);
  const sumless = bytes.slice();
  sumless.fill(0, 72, 80);
  if (checksum(sumless) !== view.getBigUint64(72, true) || number64(view, 16) !== fileBytes) return undefined;
  const count = view.getUint32(56, true);
  const textStart = fixedBytes + count * entryBytes;
  const modelStart = textStart + view.getUint32(60, true);
  const namesStart = modelStart + view.getUint32(64, true);
  if (namesStart > bytes.length) return undefined;
  const text = new TextDecoder();
  const items: CacheItem[] = [];
  let nameAt = namesStart;
  let free = alignUp(bytes.length, firstAlignment);
  for (let at = fixedBytes; at < textStart; at += entryBytes) {
    const nameEnd = nameAt + view.getUint32(at + 24, true);
    const name = text.decode(bytes.subarray(nameAt, nameEnd));
    const item = { name, offset: number64(view, at), bytes: number64(view, at + 8) };
    const chunk = view.getUint32(at + 28, true);
    if (chunk === 0 || chunk > chunkBytesMax) return undefined;
    if (item.offset < free || item.offset % itemAlignment !== 0) return undefined;
    items.push({ ...item, checksum: view.getBigUint64(at + 16, true), chunk });
    nameAt = nameEnd;
    free = item.offset + item.bytes;
  }
  if (nameAt !== bytes.length || free !== fileBytes) return undefined;
  return {
    layout: text.decode(bytes.subarray(textStart, modelStart)),
    model: text.decode(bytes.subarray(modelStart, namesStart)),
    items,
  };
}

/** The checksum of cache files: a chain of XXH3 over chunks. */
export function checksum(bytes: Uint8Array, chunkBytes = headerChunkBytes): bigint {
  let sum = 0n;
  for (let at = 0; at < bytes.length; at += chunkBytes) sum = chain(sum, bytes.subarray(at, at + chunkBytes));
  return sum;
}

function chain(sum: bigint, chunk: Uint8Array): bigint {
  return Bun.hash.xxHash3(new BigUint64Array([sum, Bun.hash.xxHash3(chunk)]));
}

/** What the header says its length is; undefined where it is no header of this version. */
function headerLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < fixedBytes || new TextDecoder().decode(bytes.subarray(0, 8)) !== magic) return undefined;
  const view = viewOf(bytes);
  const length = view.getUint32(12, true);
  const isPlausible = length >= fixedBytes && length <= headerBytesMax && view.getUint32(8, true) === version;
  return isPlausible ? length : undefined;
}

/** Undefined where the file ends too early. */
async function storedChecksum(file: FileHandle, buffer: Uint8Array, item: CacheItem, stop: AbortSignal) {
  let sum = 0n;
  for (let done = 0; done < item.bytes; done += item.chunk) {
    stop.throwIfAborted();
    const chunk = buffer.subarray(0, Math.min(item.chunk, item.bytes - done));
    if (!await readAt(file, chunk, item.offset + done)) return undefined;
    sum = chain(sum, chunk);
  }
  return sum;
}

/** Fills `buffer`; undefined where the file has no more. */
async function readAt(file: FileHandle, buffer: Uint8Array, offset: number): Promise<Uint8Array | undefined> {
  for (let done = 0; done < buffer.length;) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, offset + done);
    if (bytesRead === 0) return undefined;
    done += bytesRead;
  }
  return buffer;
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Beyond 2^53 it is inexact, and larger than any file: it fails the comparisons that follow. */
function number64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
