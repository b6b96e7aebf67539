/**
 * Finds the model of a run: `-d`, else $QWEN_ASR_MODEL, else a downloaded one. Returns a folder that looks like a
 * model, or "demo" for the one inside the executable; otherwise throws a ModelError that says what to do. Only names
 * and sizes are looked at: the engine finds out whether the files are sound.
 */

import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ModelError, UsageError } from "../errors.ts";
import { findModel, transcribers } from "./catalog.ts";
import { completeMarker, type Environment, modelFolder, partSuffix, readMarker, shellWord } from "./folders.ts";
import { systemEnvironment, underwayMarker } from "./folders.ts";
import { folderOnDisk } from "../path_bytes.ts";

export type ModelPlace =
  | { readonly kind: "folder"; readonly path: string }
  /** The models inside this program. */
  | { readonly kind: "demo" | "demo-aligner" };

/** `dir` is the value of `-d`: a folder, or one of the names small, large and demo. */
export async function locateModel(
  dir: string | undefined,
  env: Environment = systemEnvironment(),
): Promise<ModelPlace> {
  if (dir === "") throw new UsageError("-d: the folder's name is empty");
  if (dir !== undefined) return await named(dir, "-d", env);
  if (env.QWEN_ASR_MODEL) return await named(env.QWEN_ASR_MODEL, "QWEN_ASR_MODEL", env);
  return await downloaded(env);
}

/**
 * Finds the model that times words: `--aligner`, else $QWEN_ASR_ALIGNER, else the one inside the program if the
 * transcriber is the demo model, else the downloaded one. `dir` is a folder, or one of the names aligner and demo.
 */
export async function locateAligner(
  dir: string | undefined,
  isDemo: boolean,
  env: Environment = systemEnvironment(),
): Promise<ModelPlace> {
  if (dir === "") throw new UsageError("--aligner: the folder's name is empty");
  const given = dir ?? (env.QWEN_ASR_ALIGNER || undefined);
  if (given === "demo" || given === undefined && isDemo) return { kind: "demo-aligner" };
  if (given === "small" || given === "large") {
    throw new ModelError(
      `${dir === undefined ? "QWEN_ASR_ALIGNER" : "--aligner"} ${given}: it transcribes; use aligner`,
    );
  }
  if (given !== undefined && given !== "aligner") return await checkedFolder(given);
  const folder = modelFolder(env, "aligner");
  if (folder !== undefined && await isBegun(folder)) return await checkedFolder(folder, "aligner");
  const { size } = findModel("aligner")!;
  throw new ModelError(`no aligner: run 'qwen-asr download aligner' (${size}), or name its folder with --aligner`);
}

async function named(value: string, origin: string, env: Environment): Promise<ModelPlace> {
  if (value === "demo") return { kind: "demo" };
  if (value === "aligner") throw new ModelError(`${origin} aligner: it cannot transcribe; use small or large`);
  const model = findModel(value);
  if (model === undefined) return await checkedFolder(value);
  const folder = modelFolder(env, model.name);
  if (folder !== undefined && await isBegun(folder)) return await checkedFolder(folder, model.name);
  const meansFolder = await exists(join(".", value)) ? `the folder here of that name is '-d ./${value}'` : undefined;
  throw new ModelError(
    `${origin} ${value}: not downloaded: run 'qwen-asr download ${value}' (${model.size})`,
    meansFolder,
  );
}

/** The first model that `qwen-asr download` has finished. */
async function downloaded(env: Environment): Promise<ModelPlace> {
  let unfinished: unknown;
  for (const { name } of transcribers) {
    const folder = modelFolder(env, name);
    if (folder === undefined || !await isBegun(folder)) continue;
    try {
      return await checkedFolder(folder, name);
    } catch (error) {
      unfinished ??= error; // Another one may be complete.
    }
  }
  if (unfinished !== undefined) throw unfinished;
  const first = transcribers[0]!;
  throw new ModelError(`no model: run 'qwen-asr download ${first.name}' (${first.size}), or try '-d demo'`);
}

/** Returns the folder if it looks like a model. `name` is set if `qwen-asr download NAME` made it. */
async function checkedFolder(folder: string, name?: string): Promise<ModelPlace> {
  const names = await listFolder(folder);
  if (names.some((entry) => entry === underwayMarker || entry.endsWith(partSuffix))) {
    const marker = await readMarker(folder, underwayMarker);
    throw new ModelError(`${folder}: its download is not finished${resumeAdvice(folder, name, marker?.model)}`);
  }
  const again = name === undefined ? "" : `: run 'qwen-asr download ${name}'`;
  await checkSizes(folder, name);
  if (!names.includes("config.json")) throw new ModelError(`${folder}: not a model: no config.json${again}`);
  if (!names.some((entry) => entry.endsWith(".safetensors"))) {
    throw new ModelError(`${folder}: no weights (model.safetensors or shards of it)${again}`);
  }
  for (const entry of names.filter((entry) => entry.endsWith(".safetensors"))) await refusePointer(join(folder, entry));
  return { kind: "folder", path: folder };
}

/** Checks that all files of a download are still there with their sizes. */
async function checkSizes(folder: string, name: string | undefined): Promise<void> {
  const marker = await readMarker(folder, completeMarker);
  for (const file of marker?.files ?? []) {
    const entry = await stat(join(folder, file.name)).catch(() => undefined);
    if (entry?.size === file.size) continue;
    const what = entry ? `${entry.size} bytes instead of ${file.size}` : "is missing";
    throw new ModelError(`${join(folder, file.name)}: ${what}${resumeAdvice(folder, name, marker?.model)}`);
  }
}

/** Rejects Git LFS pointers: a clone without its large files has notes of 130 bytes in their place. */
async function refusePointer(path: string): Promise<void> {
  const isFile = await stat(path).then((entry) => entry.isFile(), () => false);
  const file = isFile ? await open(path, "r").catch(() => undefined) : undefined;
  if (file === undefined) return; // The engine reports why it cannot be read.
  try {
    const head = new Uint8Array(24);
    await file.read(head, 0, head.length, 0);
    if (new TextDecoder().decode(head) !== "version https://git-lfs.") return;
  } finally {
    await file.close();
  }
  throw new ModelError(`${path}: a Git LFS pointer, not the weights: run 'git lfs pull' in that folder`);
}

function resumeAdvice(folder: string, name: string | undefined, marked: string | undefined): string {
  if (name !== undefined) return `: run 'qwen-asr download ${name}' to continue`;
  const model = findModel(marked ?? "");
  if (model === undefined) return ` (there are ${partSuffix} files)`;
  return `: run 'qwen-asr download ${model.name} --dir ${shellWord(folder)}' to continue`;
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folderOnDisk(folder));
  } catch (error) {
    throw new ModelError(`${folder}: ${unreadable(error as NodeJS.ErrnoException)}`);
  }
}

function unreadable(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ENOENT":
      return "no such model folder (and not one of small, large, demo)";
    case "ENOTDIR":
      return "a model is a folder, this is not one";
    case "EACCES":
      return "the model folder may not be read: permission denied";
    default:
      return `the model folder cannot be read: ${error.message}`;
  }
}

/** Whether a download has left any file there: without a network it makes a folder and nothing in it. */
async function isBegun(folder: string): Promise<boolean> {
  if (!await exists(folder)) return false;
  const names = await readdir(folderOnDisk(folder)).catch(() => undefined);
  return names === undefined || names.some((entry) => entry !== ".lock");
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(() => true, (error) => error.code === "EACCES");
}
