/**
 * The recording of a page: where it lies as the page sees it, or its bytes. In: its name in the transcript, the file of
 * the page. Out: an address or the bytes in base64; a line where it cannot be had as it was asked for.
 */

import { readFile, realpath, stat } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { sniff, SNIFF_FAR_BYTES } from "../audio/sniff.ts";
import type { Sound, SoundChoice } from "../output/writer.ts";
import { basename, dirname, hasOddName, join, onDisk } from "../path_bytes.ts";
import { printable } from "../writer.ts";

export type SoundRequest = {
  readonly choice: SoundChoice;
  /** The recording's, as the transcript has it. */
  readonly name: string;
  /** The recording, or the transcript that is rendered: the recording may lie beside it. */
  readonly input: string;
  /** The page's file; "-" for standard output, which is taken for a file in the current folder. */
  readonly page: string;
};

const embeddedBytesMax = 50_000_000;

/** undefined: the page has none, as it was asked to, or because the recording came from a pipe. */
export async function findSound(request: SoundRequest, tell: (line: string) => void): Promise<Sound | undefined> {
  const { choice, name, input } = request;
  if (choice === "none") return undefined;
  const places = [name, join(dirname(input), name), join(dirname(input), basename(name))];
  const sizes = await Promise.all(places.map(sizeOf));
  const at = sizes.findIndex((size) => size !== undefined);
  const [place, size] = at < 0 ? [name, undefined] : [places[at]!, sizes[at]!];
  if (at < 0 && await isOther(name)) return undefined;
  if (choice === "embed") {
    const bytes = size !== undefined && size <= embeddedBytesMax ? await readFile(onDisk(place)) : undefined;
    const reason = whyNot(bytes, size);
    if (bytes && reason === undefined) return { kind: "embed", base64: bytes.toString("base64"), type: typeOf(place) };
    tell(`${printable(name)}: ${reason}: the page links it instead`);
  }
  return { kind: "link", href: await address(place, request.page), name: printable(basename(name)) };
}

async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(onDisk(path)).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

/** Standard input, a pipe or a device: nothing that is there tomorrow. */
async function isOther(name: string): Promise<boolean> {
  if (name === "stdin" || name === "-") return true;
  return await stat(onDisk(name)).then((found) => !found.isFile(), () => false);
}

/** Why a recording is not embedded. What is no recording is not either: the transcript may be a stranger's. */
function whyNot(bytes: Buffer | undefined, size: number | undefined): string | undefined {
  if (size === undefined) return "is not there";
  if (!bytes) return `has ${Math.ceil(size / 1e6)} MB, and a page takes up to ${embeddedBytesMax / 1e6} MB`;
  const { kind } = sniff(bytes.subarray(0, SNIFF_FAR_BYTES));
  return kind === "wav" || kind === "container" ? undefined : "is no recording that a browser plays";
}

const types: Readonly<Record<string, string>> = {
  wav: "audio/wav",
  mp3: "audio/mpeg",
  m4a: "audio/mp4",
  mp4: "video/mp4",
  aac: "audio/aac",
  flac: "audio/flac",
  ogg: "audio/ogg",
  oga: "audio/ogg",
  opus: "audio/ogg",
  webm: "audio/webm",
};

/** "": browsers look for themselves. */
function typeOf(path: string): string {
  return types[/\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? ""] ?? "";
}

/** The way from the page's folder to the recording, as browsers read it. */
async function address(place: string, page: string): Promise<string> {
  // The runtime's own functions of paths lose bytes that are not UTF-8: such a name is taken as it is given.
  if (hasOddName(place) || hasOddName(page)) return encoded(place);
  const folder = page === "-" ? "." : dirname(page);
  const [from, to] = await Promise.all(
    [folder, dirname(place)].map((path) => realpath(path).catch(() => resolve(path))),
  );
  return encoded(relative(from!, join(to!, basename(place))));
}

function encoded(path: string): string {
  const bytes = Buffer.from(onDisk(path) as string | Uint8Array as Uint8Array);
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    return /[\w./~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}
