/**
 * The folders of downloaded models, and the two markers of a download in them. In: environment and folder. Out: paths
 * and the contents of the markers.
 *
 * `.download` exists while a download is running or unfinished, `.complete` from the moment all files were checked.
 * Both list the files that the download made, so that it never replaces any other.
 */

import { readFile, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

export const partSuffix = ".part";
export const underwayMarker = ".download";
export const completeMarker = ".complete";

export type MarkedFile = { readonly name: string; readonly size: number; readonly hash: string };

export type Marker = {
  readonly model: string;
  readonly revision: string;
  readonly source: string;
  readonly files: readonly MarkedFile[];
};

/** The process's environment; if it has no HOME, with that of the user database. */
export function systemEnvironment(env: Environment = process.env, systemHome: () => string = homedir): Environment {
  if (env.HOME) return env;
  try {
    return { ...env, HOME: systemHome() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code) return env; // The user is in no database, as in containers.
    throw error;
  }
}

/** The folder for everything that is downloaded; undefined if the environment names no place. */
export function dataFolder(env: Environment, platform: string = process.platform): string | undefined {
  if (env.QWEN_ASR_HOME) return resolve(env.QWEN_ASR_HOME);
  // The XDG specification says that a relative folder must be ignored.
  if (env.XDG_DATA_HOME && isAbsolute(env.XDG_DATA_HOME)) return join(env.XDG_DATA_HOME, "qwen-asr");
  if (platform === "win32") return env.LOCALAPPDATA ? join(env.LOCALAPPDATA, "qwen-asr") : undefined;
  if (!env.HOME) return undefined;
  const parts = platform === "darwin" ? ["Library", "Application Support"] : [".local", "share"];
  return join(env.HOME, ...parts, "qwen-asr");
}

/** The folder in which `qwen-asr download NAME` puts a model and `-d NAME` looks for it. */
export function modelFolder(env: Environment, name: string, platform?: string): string | undefined {
  const folder = dataFolder(env, platform);
  return folder === undefined ? undefined : join(folder, "models", name);
}

/** A marker's content; undefined if there is none or it is not ours. */
export async function readMarker(folder: string, name: string): Promise<Marker | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(join(folder, name), "utf8"));
  } catch {
    return undefined; // Missing, unreadable and damaged all mean that nothing is known.
  }
  return isMarker(value) ? value : undefined;
}

/** Replaces a marker in one step, so that no reader sees half of one. */
export async function writeMarker(folder: string, name: string, marker: Marker): Promise<void> {
  const temporary = join(folder, `${name}.${process.pid}.tmp`);
  await writeFile(temporary, `${JSON.stringify(marker, null, 2)}\n`);
  await rename(temporary, join(folder, name));
}

function isMarker(value: unknown): value is Marker {
  const marker = value as Partial<Marker> | null;
  return typeof marker === "object" && marker !== null && typeof marker.model === "string" &&
    Array.isArray(marker.files) && marker.files.every(isMarkedFile);
}

function isMarkedFile(value: unknown): value is MarkedFile {
  const file = value as Partial<MarkedFile> | null;
  return typeof file === "object" && file !== null && typeof file.name === "string" &&
    /^[A-Za-z0-9][\w.-]*$/.test(file.name) && // Files are deleted by these names: none may lead out of the folder.
    typeof file.size === "number" && typeof file.hash === "string";
}

/** A path as one word of a shell command line. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) && !text.startsWith("-") ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
