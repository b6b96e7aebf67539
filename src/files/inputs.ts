/**
 * The recordings that are meant by names: files, folders, patterns that no shell has expanded, lists. In: what was
 * named. Out: files in the order of their names' bytes, and what could not be looked at.
 *
 * Of a folder, hidden files and what is no recording are left out: its outputs may lie in it. Every file is taken once,
 * whatever links lead to it, so links in a circle end.
 */

import type { Stats } from "node:fs";
import { lstat, open, readdir, stat } from "node:fs/promises";
import { sniff, SNIFF_BYTES } from "../audio/sniff.ts";
import { isUrl } from "../audio/url.ts";
import { systemReason } from "../errors.ts";
import { dirname, folderOnDisk, isAbsolute, join, nameOfBytes, onDisk, slashed } from "../path_bytes.ts";
import { printable } from "../writer.ts";
import { isPattern, nameTest, pathTest } from "./patterns.ts";

export type FileInput = {
  readonly kind: "file";
  readonly path: string;
  /** The folder of its outputs below that of -o, as it lies below what was named; absent: none. */
  readonly folder?: string;
};

export type FindRules = {
  /** Folders in folders, too. */
  readonly recursive: boolean;
  /** Patterns; none: of a folder, what is a recording by its name. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
};

/** A name, and what is wrong with it. */
export type InputProblem = { readonly path: string; readonly message: string };

export type Found<Other> = {
  readonly inputs: readonly (FileInput | Other)[];
  /** Files in folders that are no recordings. */
  readonly othersCount: number;
  /** Names that --include and --exclude leave out. */
  readonly excludedCount: number;
  readonly problems: readonly InputProblem[];
};

/**
 * What `named` means; what is not a file, such as standard input, stays as it is. A file that a folder or a pattern
 * means comes once, at its first place, also where it is named beside it.
 */
export async function findInputs<Other extends { readonly kind: string }>(
  named: readonly (FileInput | Other)[],
  rules: FindRules,
): Promise<Found<Other>> {
  const finder = new Finder(rules);
  const inputs: (FileInput | Other)[] = [];
  /** By the whole path: whether the file was found, and not named itself. */
  const known = new Map<string, boolean>();
  for (const one of named) {
    if (!isFile(one)) inputs.push(one);
    else {
      for (const input of await finder.find(one)) {
        const [key, isFound] = [wholePath(input.path), input !== one];
        if (!known.has(key) || !isFound && known.get(key) === false) inputs.push(input);
        known.set(key, known.get(key) === true || isFound);
      }
    }
  }
  const { othersCount, excludedCount, problems } = finder;
  return { inputs, othersCount, excludedCount, problems };
}

function isFile<Other extends { readonly kind: string }>(one: FileInput | Other): one is FileInput {
  return one.kind === "file";
}

/** The names in a list: one a line, or ended by zeros where it has any. Those below no other folder keep theirs. */
export function listedInputs(bytes: Uint8Array): FileInput[] {
  const end = bytes.includes(0) ? 0 : 10;
  const inputs: FileInput[] = [];
  for (let from = 0; from < bytes.length;) {
    const found = bytes.indexOf(end, from);
    const to = found < 0 ? bytes.length : found;
    const name = nameOfBytes(bytes.subarray(from, end === 10 && bytes[to - 1] === 13 ? to - 1 : to));
    from = to + 1;
    if (name.trim() !== "") inputs.push(listed(name));
  }
  return inputs;
}

function listed(path: string): FileInput {
  const folder = dirname(path).replace(/^(\.\/)+/, "");
  const isBelow = !isAbsolute(path) && !slashed(folder).split("/").includes("..") && folder !== ".";
  return { kind: "file", path, ...(isBelow && { folder }) };
}

/** A name in a folder. */
type Entry = { readonly path: string; readonly stats: Stats };

class Finder {
  othersCount = 0;
  excludedCount = 0;
  readonly problems: InputProblem[] = [];
  readonly #isRecursive: boolean;
  readonly #includes: readonly ((path: string) => boolean)[];
  readonly #excludes: readonly ((path: string) => boolean)[];

  constructor({ recursive, include, exclude }: FindRules) {
    this.#isRecursive = recursive;
    this.#includes = include.map((pattern) => pathTest(slashed(pattern)));
    this.#excludes = exclude.map((pattern) => pathTest(slashed(pattern)));
  }

  async find(named: FileInput): Promise<FileInput[]> {
    if (isUrl(named.path)) return this.#isLeftOut(named.path) ? [] : [named];
    const stats = await stat(onDisk(named.path)).catch(() => undefined);
    if (stats?.isDirectory()) return await this.#inFolder(slashed(named.path), named.folder ?? "");
    if (stats || !isPattern(named.path)) return this.#isLeftOut(named.path) ? [] : [named];
    const matches = await this.#matches(slashed(named.path));
    if (matches.length > 0) return matches;
    this.problems.push({ path: named.path, message: `${printable(named.path)}: no file has such a name` });
    return [];
  }

  #isLeftOut(path: string): boolean {
    const isIn = this.#includes.length === 0 || this.#includes.some((test) => test(slashed(path)));
    if (isIn && !this.#excludes.some((test) => test(slashed(path)))) return false;
    this.excludedCount++;
    return true;
  }

  /** The recordings in a folder. `below` stands before the folders of their outputs. */
  async #inFolder(root: string, below: string): Promise<FileInput[]> {
    const problemsBefore = this.problems.length;
    const paths: string[] = [];
    for (const path of await this.#filesOf(root)) if (await this.#isWanted(path, root)) paths.push(path);
    if (paths.length === 0 && this.problems.length === problemsBefore) {
      const more = this.#isRecursive ? "" : " (--recursive looks into its folders)";
      this.problems.push({ path: root, message: `${printable(root)}: holds no recordings${more}` });
    }
    return paths.map((path) => {
      const folder = join(below || ".", dirname(relative(path, root)));
      return { kind: "file", path, ...(folder !== "." && { folder }) };
    });
  }

  async #isWanted(path: string, root: string): Promise<boolean> {
    if (this.#isLeftOut(relative(path, root))) return false;
    if (this.#includes.length > 0 || await isRecording(path)) return true;
    this.othersCount++;
    return false;
  }

  /** All files in a folder, in the order of their bytes. What links lead to comes after what is there by itself. */
  async #filesOf(root: string): Promise<string[]> {
    const seen = new Set<string>();
    const files: string[] = [];
    let folders: string[] = [];
    const links: string[] = [];
    const take = async ({ path, stats }: Entry): Promise<void> => {
      const key = `${stats.dev}:${stats.ino}`;
      if (stats.isSymbolicLink()) links.push(path);
      else if (stats.isFile()) void (seen.add(key), files.push(path));
      else if (stats.isDirectory() && !seen.has(key) && await this.#isEntered(path, root)) {
        seen.add(key);
        folders.push(path);
      }
    };
    await take({ path: root, stats: await stat(onDisk(root)) });
    while (folders.length > 0 || links.length > 0) {
      const now = folders;
      folders = [];
      for (const folder of now) for (const entry of await this.#entries(folder)) await take(entry);
      if (folders.length > 0) continue;
      for (const path of links.splice(0).sort(byBytes)) {
        const stats = await stat(onDisk(path)).catch(() => undefined);
        if (stats && !(stats.isFile() && seen.has(`${stats.dev}:${stats.ino}`))) await take({ path, stats });
      }
    }
    return files.sort(byBytes);
  }

  #isEntered(path: string, root: string): boolean {
    return path === root || this.#isRecursive && !this.#excludes.some((test) => test(relative(path, root)));
  }

  /** What is in a folder and not hidden, in the order of the bytes. */
  async #entries(folder: string, takesHidden = false): Promise<Entry[]> {
    try {
      const names = (await readdir(folderOnDisk(folder), { encoding: "buffer" })).map(nameOfBytes);
      const paths = names.filter((name) => takesHidden || !name.startsWith(".")).map((name) => prefix(folder) + name);
      const found = await Promise.all(
        paths.sort(byBytes).map(async (path) => {
          const stats = await lstat(onDisk(path)).catch(() => undefined);
          return stats && { path, stats };
        }),
      );
      return found.filter((entry) => entry !== undefined);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") { // Of a pattern, or it went away meanwhile.
        this.problems.push({ path: folder, message: `${printable(folder)}: ${systemReason(error)}` });
      }
      return [];
    }
  }

  /** The files that a pattern means, those in folders that it means among them. */
  async #matches(pattern: string): Promise<FileInput[]> {
    const parts = pattern.replace(/\/+$/, "").split("/");
    const at = parts.findIndex(isPattern);
    const above = parts.slice(0, at).join("/") || (pattern.startsWith("/") ? "/" : ".");
    const root = process.platform === "win32" && /^[a-z]:$/i.test(above) ? `${above}/` : above; // "C:" is no root.
    const paths = [...new Set(await this.#expand(root, parts.slice(at)))].sort(byBytes);
    const inputs: FileInput[] = [];
    for (const path of paths) {
      const below = relative(path, root);
      if ((await stat(onDisk(path)).catch(() => undefined))?.isDirectory()) {
        inputs.push(...await this.#inFolder(path, below));
      } else if (!this.#isLeftOut(path)) {
        const folder = dirname(below);
        inputs.push({ kind: "file", path, ...(folder !== "." && { folder }) });
      }
    }
    return inputs;
  }

  async #expand(folder: string, [part, ...rest]: readonly string[]): Promise<string[]> {
    if (part === undefined) return [folder];
    if (part === "**") return await this.#expandAll(folder, rest);
    const test = nameTest(part);
    const found: string[] = [];
    for (const { path } of await this.#entries(folder, true)) {
      if (!test(relative(path, folder))) continue;
      const isFolder = (await stat(onDisk(path)).catch(() => undefined))?.isDirectory() === true;
      if (rest.length === 0 || isFolder) found.push(...await this.#expand(path, rest));
    }
    return found;
  }

  /** "**": this folder and all below it, links not followed. At the end of a pattern it means the files in them. */
  async #expandAll(folder: string, rest: readonly string[]): Promise<string[]> {
    const found = rest.length > 0 ? await this.#expand(folder, rest) : [];
    for (const { path, stats } of await this.#entries(folder)) {
      if (stats.isDirectory()) found.push(...await this.#expandAll(path, rest));
      else if (rest.length === 0) found.push(path);
    }
    return found;
  }
}

/** What stands before the names in a folder. */
function prefix(folder: string): string {
  return folder === "." ? "" : folder.endsWith("/") ? folder : `${folder}/`;
}

/** From the root on, without names that stay in place. (node:path does not keep names that are not UTF-8.) */
function wholePath(path: string): string {
  const whole = slashed(isAbsolute(path) ? path : `${process.cwd()}/${path}`);
  return whole.replace(/\/(\.?\/)+/g, "/");
}

/** A path in a folder, without the folder. */
function relative(path: string, folder: string): string {
  return path.slice(prefix(folder).length);
}

function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(onDisk(left)), Buffer.from(onDisk(right)));
}

const recordings = new Set(
  ("wav wave w64 rf64 bwf aif aiff aifc au snd caf flac mp3 mp2 mpga m4a m4b aac ac3 eac3 dts ogg oga opus spx wma " +
    "asf amr awb 3gp 3g2 mp4 m4v mov mkv mka webm weba avi mpg mpeg vob mts m2ts mxf flv f4v ogv wv ape tta voc dsf")
    .split(" "),
);
/** Names that say nothing: none, and that of a transport stream, which is of program text, too. */
const unclear = ["", "ts"];

/** By its name, or where that says nothing by its first bytes. */
async function isRecording(path: string): Promise<boolean> {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const extension = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  if (recordings.has(extension) || !unclear.includes(extension)) return recordings.has(extension);
  const head = await firstBytes(path).catch(() => new Uint8Array());
  return ["wav", "container"].includes(sniff(head).kind);
}

async function firstBytes(path: string): Promise<Uint8Array> {
  await using file = await open(onDisk(path), "r");
  const { bytesRead, buffer } = await file.read(new Uint8Array(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
  return buffer.subarray(0, bytesRead);
}
