/** Tests of the archives with the programs that users unpack them with. */

import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Entry } from "../src/server/zip.ts";
import { testWhere } from "../tests/support/where.ts";
import { ar, gzip, tar, withFolders } from "./archives.ts";

const long = `${"folder/".repeat(18)}${"n".repeat(60)}.txt`;
const entries: readonly Entry[] = [
  { path: "a/run", bytes: new TextEncoder().encode("#!/bin/sh\necho ran\n"), isExecutable: true },
  { path: "a/empty", bytes: new Uint8Array(0) },
  { path: "a/data", bytes: Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) & 255) },
  { path: long, bytes: new TextEncoder().encode("long") },
];

function unpacked(bytes: Uint8Array, command: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "qwen-asr-test-"));
  writeFileSync(join(folder, "archive"), bytes);
  const { exitCode, stderr } = Bun.spawnSync([...command], { cwd: folder });
  expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

function expectAll(folder: string, all: readonly Entry[]): void {
  for (const { path, bytes, isExecutable = false } of all) {
    expect(new Uint8Array(readFileSync(join(folder, path)))).toEqual(new Uint8Array(bytes));
    expect([path, (statSync(join(folder, path)).mode & 0o100) !== 0]).toEqual([path, isExecutable]);
  }
}

test("tar unpacks what was packed", () => {
  using out = unpacked(gzip(tar(withFolders(entries))), ["tar", "-xzf", "archive"]);
  expectAll(out.folder, entries);
});

testWhere(Bun.which("ar") !== null, "ar")("ar unpacks what was packed", () => {
  const flat = entries.slice(0, 3).map(({ bytes }, index) => ({ path: `part-${index}`, bytes }));
  using out = unpacked(ar(flat), ["ar", "x", "archive"]);
  expectAll(out.folder, flat);
});

test("the same entries are the same bytes, and a path that no tar can hold is refused", () => {
  expect(gzip(tar(entries))).toEqual(gzip(tar(entries)));
  expect(() => tar([{ path: "x".repeat(101), bytes: new Uint8Array(0) }])).toThrow("too long for tar");
});
