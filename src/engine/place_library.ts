/**
 * Puts the native library where it can be loaded and nobody else can change it, once per process however many models
 * are opened.
 */

import { dlopen, type Pointer } from "bun:ffi";
import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InternalError } from "../errors.ts";

let placed: Promise<string> | undefined;

/** The library's path. `read` gives its bytes; it is called by the first that asks, and again after a failure. */
export function placedLibrary(read: () => Promise<Uint8Array>): Promise<string> {
  placed ??= read().then(placeLibrary).then(keptLoaded).catch((error) => {
    placed = undefined;
    throw error;
  });
  return placed;
}

/** Loads the library once for the whole process: its threads outlive the last model and who has opened it. */
function keptLoaded(path: string): string {
  dlopen(path, { qasr_abi_version: { args: [], returns: "u32" } });
  return path;
}

/**
 * Puts the library's bytes where dlopen finds them and nobody else can write: a memfd on Linux (works with /tmp full,
 * read-only or noexec), the user's own folder on Windows, a new folder of ours alone elsewhere. Returns the path.
 */
function placeLibrary(bytes: Uint8Array): string {
  if (process.platform === "linux") return placeInMemory(bytes);
  return process.platform === "win32" ? placeForUser(bytes) : placeInFolder(bytes);
}

function placeInMemory(bytes: Uint8Array): string {
  const libc = openLibc();
  const closeOnExec = 1;
  const fd = libc.symbols.memfd_create("libqwen_asr" as unknown as Pointer, closeOnExec);
  if (fd < 0) throw new InternalError("the system gives no memory file for the engine (memfd_create failed)");
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
  return `/proc/self/fd/${fd}`; // The descriptor stays open: dlopen in a worker takes the same path.
}

/** glibc's name, then musl's. */
function openLibc() {
  const calls = { memfd_create: { args: ["cstring", "u32"], returns: "i32" } } as const;
  try {
    return dlopen("libc.so.6", calls);
  } catch {
    return dlopen(`libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`, calls);
  }
}

function placeInFolder(bytes: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), "qwen-asr-"));
  chmodSync(folder, 0o700);
  const status = lstatSync(folder);
  if (!status.isDirectory() || status.uid !== process.getuid?.()) {
    throw new InternalError(`${folder}: not ours alone, the engine will not be loaded from it`);
  }
  return written(join(folder, "libqwen_asr.dylib"), bytes);
}

/**
 * A library in use cannot be removed on Windows, so there is one file for each version, in a folder that only the user
 * may write to, and every start compares its hash.
 */
function placeForUser(bytes: Uint8Array): string {
  const folder = join(process.env.LOCALAPPDATA ?? tmpdir(), "qwen-asr", "library");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${hashOf(bytes).slice(0, 32)}.dll`);
  if (isWhole(path, bytes)) return path;
  const fresh = written(join(folder, `${process.pid}-${Date.now()}.tmp`), bytes);
  try {
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    if (!isWhole(path, bytes)) throw error; // Otherwise another start was as fast.
  }
  return path;
}

/** Writes a new file, and reads it again. Returns its path. */
function written(path: string, bytes: Uint8Array): string {
  writeFileSync(path, bytes, { mode: 0o500, flag: "wx" });
  if (!isWhole(path, bytes)) throw new InternalError(`${path}: changed while it was written`);
  return path;
}

function isWhole(path: string, bytes: Uint8Array): boolean {
  try {
    return hashOf(readFileSync(path)) === hashOf(bytes);
  } catch {
    return false;
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
