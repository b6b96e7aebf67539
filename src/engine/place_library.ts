/**
 * Puts the native library where it can be loaded and nobody else can change it, once per process however many models
 * are opened.
 */

import { dlopen, type Pointer } from "bun:ffi";
import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdtempSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InternalError } from "../errors.ts";

let placed: Promise<string> | undefined;

/** The library's path. `read` gives its bytes; it is called by the first that asks, and again after a failure. */
export function placedLibrary(read: () => Promise<Uint8Array>): Promise<string> {
  placed ??= read().then(placeLibrary).catch((error) => {
    placed = undefined;
    throw error;
  });
  return placed;
}

/**
 * Puts the library's bytes where dlopen finds them and nobody else can write: a memfd on Linux (works with /tmp full,
 * read-only or noexec), elsewhere a new folder of ours alone. Returns the path.
 */
function placeLibrary(bytes: Uint8Array): string {
  return process.platform === "linux" ? placeInMemory(bytes) : placeInFolder(bytes);
}

function placeInMemory(bytes: Uint8Array): string {
  const libc = dlopen(process.arch === "x64" || process.arch === "arm64" ? "libc.so.6" : "libc.so", {
    memfd_create: { args: ["cstring", "u32"], returns: "i32" },
  });
  const closeOnExec = 1;
  const fd = libc.symbols.memfd_create("libqwen_asr" as unknown as Pointer, closeOnExec);
  if (fd < 0) throw new InternalError("the system gives no memory file for the engine (memfd_create failed)");
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
  return `/proc/self/fd/${fd}`; // The descriptor stays open: dlopen in a worker takes the same path.
}

function placeInFolder(bytes: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), "qwen-asr-"));
  chmodSync(folder, 0o700);
  const status = lstatSync(folder);
  if (!status.isDirectory() || status.uid !== process.getuid?.()) {
    throw new InternalError(`${folder}: not ours alone, the engine will not be loaded from it`);
  }
  const path = join(folder, "libqwen_asr.dylib");
  writeFileSync(path, bytes, { mode: 0o500, flag: "wx" });
  const hash = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
  if (hash(readFileSync(path)) !== hash(bytes)) throw new InternalError(`${path}: changed while it was written`);
  return path;
}
