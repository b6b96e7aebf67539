/**
 * Saves a text whose file cannot be had. In: the file's path and something that writes the text. Out:
 * NAME.rescued.EXT, in the same folder or in the current one, else standard output where that is free; and a line that
 * says so. Nothing that exists is replaced and no link followed.
 */

import { basename, dirname, join, onDisk } from "../path_bytes.ts";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { printable, type TextWriter } from "../writer.ts";
import { rescuedName } from "./names.ts";

/** What to do when a file cannot be written. */
export type Hardship = {
  /** Says a line, at once. */
  tell(line: string): void;
  /** Standard output, for the one text that it takes; undefined where it carries something else. */
  spare(): TextWriter | undefined;
};

/** `stdout`: given where it carries nothing else. */
export function hardship(tell: Hardship["tell"], stdout?: TextWriter): Hardship {
  let free = stdout;
  const spare = () => {
    const taken = free;
    free = undefined;
    return taken;
  };
  return { tell, spare };
}

export type Rescue = {
  /** As it was named, and what is wrong with it. */
  readonly trouble: string;
  /** "the text", or the part of it that is not in the file. */
  readonly what: string;
  fill(file: FileHandle): Promise<void>;
  text(): Promise<string>;
};

/** Saves what would be lost, and says where it is. */
export async function rescueOrTell(path: string, { trouble, what, fill, text }: Rescue, hardship: Hardship) {
  const place = await rescue(path, fill);
  const spare = place === undefined ? hardship.spare() : undefined;
  if (spare) spare.write(await text());
  const where = place !== undefined ? `in ${printable(place)}` : spare ? "on standard output" : "lost";
  hardship.tell(`${trouble}; ${what} is ${where}`);
}

const namesMax = 9;

/** undefined: neither folder takes it. */
async function rescue(path: string, fill: (file: FileHandle) => Promise<void>): Promise<string | undefined> {
  for (const folder of new Set([dirname(path), "."])) {
    const place = await fillNew(folder, basename(path), fill).catch(() => undefined);
    if (place !== undefined) return place;
  }
  return undefined;
}

async function fillNew(folder: string, name: string, fill: (file: FileHandle) => Promise<void>): Promise<string> {
  const [file, place] = await createFirst(folder, name);
  try {
    await fill(file);
    await file.sync();
    return place;
  } catch (error) {
    await unlink(onDisk(place));
    throw error;
  } finally {
    await file.close();
  }
}

async function createFirst(folder: string, name: string): Promise<[FileHandle, string]> {
  for (let number = 1;; number++) {
    const place = join(folder, rescuedName(name, number));
    try {
      return [await open(onDisk(place), "wx"), place]; // Exclusive: what is there already stays, be it a link.
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || number === namesMax) throw error;
    }
  }
}
