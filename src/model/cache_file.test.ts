import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checksum, parseCacheHeader } from "./cache_file.ts";
import { cacheFile, sealHeader, zigTestFile } from "./fake_cache.ts";

const headerOf = (file: Uint8Array) => file.subarray(0, new DataView(file.buffer).getUint32(12, true));
const small = () =>
  cacheFile([{ name: "a", bytes: new Uint8Array(100) }, { name: "b", bytes: new Uint8Array(3) }], "int8/x/1", "m");

test("the engine writes the same bytes: format and checksums are one", () => {
  const source = readFileSync(join(import.meta.dir, "../../zig/packing/cache_test.zig"), "utf8");
  const expected = /^const file_hash: u64 = (\d+);$/m.exec(source)?.[1];
  expect(Bun.hash.xxHash3(zigTestFile()).toString()).toBe(expected!);
});

test("a header is read as it was written", () => {
  const file = zigTestFile();
  const header = parseCacheHeader(headerOf(file), file.length)!;
  expect(header.layout).toBe("int8/generic/1");
  expect(header.model).toBe("models/test");
  expect(header.items.map(({ name, bytes, offset }) => [name, bytes, offset])).toEqual([
    ["embedding", 2_097_169, 16_384],
    ["empty", 0, 2_113_600],
    ["decoder.0.qkv", 100_000, 2_113_600],
  ]);
  for (const item of header.items) {
    expect(checksum(file.subarray(item.offset, item.offset + item.bytes), item.chunk)).toBe(item.checksum);
  }
});

test("every damaged byte and every other length of a header is noticed", () => {
  const file = small();
  const header = headerOf(file);
  for (let at = 0; at < header.length; at++) {
    header[at]! ^= 0x10;
    expect(parseCacheHeader(header, file.length)).toBeUndefined();
    header[at]! ^= 0x10;
    expect(parseCacheHeader(header.subarray(0, at), file.length)).toBeUndefined();
  }
  expect(parseCacheHeader(header, file.length - 1)).toBeUndefined();
  expect(parseCacheHeader(header, file.length)).toBeDefined();
});

test("a table that lies under a right checksum is refused", () => {
  const lies = [
    [56, 3],
    [56, 0xffff_ffff],
    [60, 0xffff_ffff],
    [64, 2],
    [96, 16_384 + 32],
    [96, 64],
    [100, 0xffff_ffff],
    [104, 132],
    [108, 0xffff_ffff],
    [120, 4000],
    [124, 0],
    [124, 2 ** 24 + 1],
    [136, 4],
  ] as const;
  for (const [at, value] of lies) {
    const file = small();
    new DataView(file.buffer).setUint32(at, value, true);
    sealHeader(file);
    expect([at, value, parseCacheHeader(headerOf(file), file.length)]).toEqual([at, value, undefined]);
  }
});
