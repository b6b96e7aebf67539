/**
 * Picks the files that a model needs from a hub's file list, or throws a SourceError. Pure. The list is untrusted:
 * names become paths on this machine and sizes decide how much is written, so both are checked before anything is
 * requested.
 */

import { SourceError } from "./http.ts";

/** The hash that a file's bytes must have. `git-sha1` is that of a git blob: of a header, then the bytes. */
export type Digest = { readonly algorithm: "sha256" | "git-sha1"; readonly hex: string };

/** An entry as a hub sends it; fields that it leaves out are undefined. */
export type ListedFile = { readonly path: unknown; readonly size?: unknown; readonly digest?: Digest };

export type WantedFile = {
  readonly name: string;
  readonly size: number | undefined;
  readonly digest: Digest | undefined;
};

const neededNames = new Set([
  "config.json",
  "model.safetensors.index.json",
  "vocab.json",
  "merges.txt",
  "tokenizer.json",
  "tokenizer_config.json",
  "preprocessor_config.json",
  "processor_config.json",
  "generation_config.json",
  "chat_template.json",
  "chat_template.jinja",
  "special_tokens_map.json",
  "added_tokens.json",
  "LICENSE",
]);
const weightsName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.safetensors$/;

const entriesMax = 10_000;
const filesMax = 100;
const textBytesMax = 64e6;
const totalBytesMax = 32e9;

/** The needed files at the top level of the list, in its order. `host` names the source in errors. */
export function wantedFiles(host: string, entries: readonly ListedFile[]): WantedFile[] {
  if (entries.length > entriesMax) throw new SourceError(`${host}: its file list has ${entries.length} entries`);
  const wanted: WantedFile[] = [];
  const seen = new Set<string>();
  for (const entry of entries) {
    const name = checkedPath(host, entry.path);
    if (!isNeeded(name)) continue;
    // Two names that differ only in case are the same file on some systems.
    if (seen.has(name.toLowerCase())) throw new SourceError(`${host}: its file list has ${name} twice`);
    seen.add(name.toLowerCase());
    wanted.push({
      name,
      size: entry.size === undefined ? undefined : checkedSize(host, name, entry.size),
      digest: entry.digest,
    });
  }
  checkWhole(host, wanted);
  return wanted;
}

/** The size as a number, if this program is ready to store that much under this name. */
export function checkedSize(host: string, name: string, size: unknown): number {
  const bytesMax = weightsName.test(name) ? totalBytesMax : textBytesMax;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0 || size > bytesMax) {
    throw new SourceError(`${host}: its file list gives ${name} the size ${JSON.stringify(size)}`);
  }
  return size;
}

/** Rejects more bytes than any official model has, whatever the parts. */
export function checkTotal(host: string, sizes: readonly number[]): void {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total > totalBytesMax) throw new SourceError(`${host}: its files have ${total} bytes, more than any known model`);
}

export function sha256Digest(hex: unknown): Digest | undefined {
  return asDigest("sha256", hex, /^(?:sha256:)?([0-9a-f]{64})$/i);
}

export function gitDigest(hex: unknown): Digest | undefined {
  return asDigest("git-sha1", hex, /^([0-9a-f]{40})$/i);
}

function asDigest(algorithm: Digest["algorithm"], text: unknown, pattern: RegExp): Digest | undefined {
  const hex = typeof text === "string" ? pattern.exec(text)?.[1] : undefined;
  return hex === undefined ? undefined : { algorithm, hex: hex.toLowerCase() };
}

function isNeeded(path: string): boolean {
  return neededNames.has(path) || weightsName.test(path);
}

/** A hostile path makes the whole list invalid; a harmless folder is just not needed. */
function checkedPath(host: string, path: unknown): string {
  const isSafe = typeof path === "string" && path !== "" && path.length <= 1024 &&
    // deno-lint-ignore no-control-regex
    !/[\u0000-\u001f\u007f\\]/.test(path) && !/^([/~]|[A-Za-z]:)/.test(path) &&
    !path.split("/").some((part) => part === "" || part === "." || part === "..");
  if (!isSafe) {
    throw new SourceError(`${host}: its file list has the unsafe name ${JSON.stringify(path)?.slice(0, 80)}`);
  }
  return path;
}

function checkWhole(host: string, files: readonly WantedFile[]): void {
  const names = new Set(files.map((file) => file.name));
  const missing = [
    names.has("config.json") ? undefined : "config.json",
    files.some((file) => weightsName.test(file.name)) ? undefined : "weights",
    names.has("tokenizer.json") || names.has("vocab.json") && names.has("merges.txt") ? undefined : "tokenizer",
  ].filter((part) => part !== undefined);
  if (missing.length > 0) throw new SourceError(`${host}: its file list lacks the ${missing.join(", ")}`);
  if (files.length > filesMax) throw new SourceError(`${host}: its file list has ${files.length} files of a model`);
}
