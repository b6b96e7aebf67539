/**
 * The recording of a page: where it lies as the page sees it, or its bytes. In: its name in the transcript, the file of
 * the page. Out: an address or the bytes in base64; a line where it cannot be had as it was asked for.
 */

import { open, readFile, realpath, stat } from "node:fs/promises";
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

/** undefined: the page has none, as it was asked to, or because what the transcript names is no recording. */
export async function findSound(request: SoundRequest, tell: (line: string) => void): Promise<Sound | undefined> {
  const { choice, name, input, page } = request;
  if (choice === "none" || await isPassing(name)) return undefined;
  const places = [name, join(dirname(input), name), join(dirname(input), basename(name))];
  const sizes = await Promise.all(places.map(sizeOf));
  const at = sizes.findIndex((size) => size !== undefined);
  const [place, size] = at < 0 ? [name, undefined] : [places[at]!, sizes[at]!];
  // A transcript may be a stranger's, and names what it likes; one that was made of subtitles names these.
  const isSound = size === undefined || await isRecording(place);
  if (choice === "embed") {
    const isFitting = isSound && size !== undefined && size <= embeddedBytesMax;
    const bytes = isFitting ? await readFile(onDisk(place)).catch(() => undefined) : undefined;
    if (bytes) return { kind: "embed", base64: bytes.toString("base64"), type: typeOf(place) };
    tell(`${printable(name)}: ${whyNot(size, isSound)}: the page ${isSound ? "links it instead" : "has no sound"}`);
  }
  if (!isSound) return undefined;
  return { kind: "link", href: await address(place, page), name: printable(basename(name)) };
}

async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(onDisk(path)).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

/** Standard input, a pipe or a device: nothing that is there tomorrow. */
async function isPassing(name: string): Promise<boolean> {
  if (["stdin", "standard input", "-"].includes(name)) return true;
  return await stat(onDisk(name)).then((found) => !found.isFile(), () => false);
}

async function isRecording(path: string): Promise<boolean> {
  const file = await open(onDisk(path)).catch(() => undefined);
  if (!file) return true; // Whoever opens the page may be allowed to.
  try {
    const head = new Uint8Array(SNIFF_FAR_BYTES);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return ["wav", "container"].includes(sniff(head.subarray(0, bytesRead)).kind);
  } finally {
    await file.close();
  }
}

function whyNot(size: number | undefined, isSound: boolean): string {
  if (size === undefined) return "is not there";
  if (!isSound) return "is no recording that a browser plays";
  if (size <= embeddedBytesMax) return "cannot be read";
  return `has ${Math.ceil(size / 1e6)} MB, and a page takes up to ${embeddedBytesMax / 1e6} MB`;
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
