/**
 * Writes tar, ar and gzip files whose bytes depend on nothing but their entries: no clock, no user, no order of a
 * folder. In: entries. Out: bytes. Pure.
 */

import { gzipSync } from "node:zlib";
import { type Entry, modeOf } from "../src/server/zip.ts";

/** Seconds since 1970 of every entry: the day that zip.ts gives its own, and old enough for clocks that are wrong. */
const timeSec = Date.UTC(1980, 0, 1) / 1000;

const text = new TextEncoder();

/** The entries with their folders before them, as packages list them. */
export function withFolders(entries: readonly Entry[]): Entry[] {
  const folders = new Set<string>();
  return entries.flatMap((entry) => {
    const parts = entry.path.split("/").slice(0, -1);
    const above = parts.map((_, index) => `${parts.slice(0, index + 1).join("/")}/`).filter((path) =>
      !folders.has(path)
    );
    for (const path of above) folders.add(path);
    return [...above.map((path) => ({ path, bytes: new Uint8Array(0), isExecutable: true })), entry];
  });
}

/** POSIX ustar; a long path is cut between its folders. A path that ends with "/" is a folder. */
export function tar(entries: readonly Entry[]): Uint8Array {
  const blocks = entries.flatMap((entry) => [tarHeader(entry), entry.bytes, new Uint8Array(-entry.bytes.length & 511)]);
  return joined([...blocks, new Uint8Array(1024)]);
}

function tarHeader(entry: Entry): Uint8Array {
  const header = new Uint8Array(512);
  const put = (offset: number, value: string) => header.set(text.encode(value), offset);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  const [prefix, name] = splitPath(entry.path);
  put(0, name);
  put(100, `${octal(modeOf(entry), 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`);
  put(124, `${octal(entry.bytes.length, 11)}\0${octal(timeSec, 11)}\0        0`);
  put(156, entry.path.endsWith("/") ? "5" : "0");
  put(257, "ustar\x0000root");
  put(297, "root");
  put(345, prefix);
  put(148, `${octal(header.reduce((sum, byte) => sum + byte, 0), 6)}\0 `);
  return header;
}

/** The prefix has at most 155 bytes, the name 100. */
function splitPath(path: string): [string, string] {
  if (path.length <= 100) return ["", path];
  const at = path.indexOf("/", path.length - 101);
  if (at < 0 || at > 155) throw new Error(`${path}: too long for tar`);
  return [path.slice(0, at), path.slice(at + 1)];
}

/** Without the name and time that gzip may have. */
export function gzip(bytes: Uint8Array): Uint8Array {
  const packed = gzipSync(bytes, { level: 6 });
  packed[9] = 255; // The system that packed it: unknown.
  return packed;
}

/** The archive that a Debian package is. Names have at most 15 characters. */
export function ar(entries: readonly Entry[]): Uint8Array {
  const parts = entries.flatMap(({ path, bytes }) => {
    const fields = [path.padEnd(16), String(timeSec).padEnd(12), "0".padEnd(6), "0".padEnd(6), "100644".padEnd(8)];
    const header = text.encode(`${fields.join("")}${String(bytes.length).padEnd(10)}\`\n`);
    return [header, bytes, text.encode(bytes.length % 2 === 1 ? "\n" : "")];
  });
  return joined([text.encode("!<arch>\n"), ...parts]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
