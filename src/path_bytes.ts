/**
 * Names of files that are not UTF-8. In: the process's arguments as bytes. Out: texts in which each byte that is no
 * UTF-8 is a lone surrogate, U+DC80 to U+DCFF, as Python has them; and the bytes again, for the calls of fs.
 *
 * Names are then cut and joined as texts and still mean the same file, byte for byte.
 */

import * as path from "node:path";

const strict = new TextDecoder("utf-8", { fatal: true });
const hasRawBytes = /[\udc80-\udcff]/;

/** The arguments of which the runtime's are a reading; those where `commandLine`, zeros after each, is another one. */
export function exactArguments(args: readonly string[], commandLine: Buffer): readonly string[] {
  const exact = splitAtZeros(commandLine).slice(-args.length);
  // Decoders differ in how many U+FFFD they put.
  const isReading = (text: string, bytes: Buffer) => text.includes("\ufffd") || text === bytes.toString();
  const isSame = exact.length === args.length && args.every((text, index) => isReading(text, exact[index]!));
  return isSame ? exact.map(nameOfBytes) : args;
}

function splitAtZeros(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let from = 0, to = bytes.indexOf(0); to >= 0; from = to + 1, to = bytes.indexOf(0, from)) {
    parts.push(bytes.subarray(from, to));
  }
  return parts;
}

export function nameOfBytes(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((count) =>
      at + count <= bytes.length && isCharacter(bytes.subarray(at, at + count))
    );
    text += length === undefined
      ? String.fromCharCode(0xdc00 + bytes[at]!)
      : strict.decode(bytes.subarray(at, at + length), { stream: false });
    at += length ?? 1;
  }
  return text;
}

function isCharacter(bytes: Uint8Array): boolean {
  try {
    return Buffer.from(strict.decode(bytes)).equals(bytes);
  } catch {
    return false;
  }
}

export function hasOddName(path: string): boolean {
  return hasRawBytes.test(withoutPairs(path));
}

/** What fs is given for a path: the path, or its bytes where they are not UTF-8. */
export function onDisk(path: string): string {
  if (!hasOddName(path)) return path;
  const parts = [...path].map((character) => {
    const code = character.codePointAt(0)!;
    return code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(character);
  });
  return Buffer.concat(parts) as unknown as string; // All calls of fs take both.
}

/** What fs is given for a folder to list: the runtime on Windows lists none that has dots in a relative path. */
export function folderOnDisk(folder: string): string {
  return path.sep === "\\" ? path.resolve(folder) : onDisk(folder);
}

/** A path with "/" between names, as folders and patterns are taken apart; Windows knows two separators. */
export function slashed(text: string): string {
  return path.sep === "\\" ? text.replaceAll("\\", "/") : text;
}

/** JSON that is Unicode: a byte of a name that is not UTF-8 stands as messages show it, \xe9. */
export function jsonText(value: unknown, indent?: number): string {
  const shown = (_: string, part: unknown) =>
    typeof part === "string" && !part.isWellFormed() ? wellFormed(part) : part;
  return JSON.stringify(value, shown, indent);
}

function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, (lone) => {
    const code = lone.charCodeAt(0);
    return code >= 0xdc80 && code <= 0xdcff ? `\\x${(code - 0xdc00).toString(16)}` : "\ufffd";
  });
}

function withoutPairs(text: string): string {
  return text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, "");
}

// The runtime's own path functions lose lone surrogates. These names are of Linux, where slashes are all there is.

export function join(folder: string, name: string): string {
  if (!hasOddName(folder + name)) return path.join(folder, name);
  return folder === "." ? name : `${folder.replace(/\/+$/, "")}/${name}`;
}

export function isAbsolute(name: string): boolean {
  return path.isAbsolute(name);
}

export function basename(name: string): string {
  return hasOddName(name) ? /([^/]*)\/*$/.exec(name)![1]! : path.basename(name);
}

/** "talk" of "talk.wav", ".wav" of ".wav". */
export function withoutExtension(name: string): string {
  return name.replace(/(?<=.)\.\w+$/, "");
}

export function dirname(name: string): string {
  if (!hasOddName(name)) return path.dirname(name);
  const folder = /^(.*?)\/+[^/]+\/*$/s.exec(name)?.[1];
  return folder === undefined ? "." : folder || "/";
}
