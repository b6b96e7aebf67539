/**
 * `qwen-asr download`: fetches an official model. Prints the folder's path on standard output and everything for people
 * on standard error. A signal stops it, and what has been fetched is kept. Throws UserErrors.
 */

import { resolve } from "node:path";
import { InputError, UsageError } from "../../errors.ts";
import { findModel, modelNames, modelTable, type OfficialModel, officialModels } from "../../model/catalog.ts";
import { type Environment, modelFolder, shellWord } from "../../model/folders.ts";
import { fetchModel } from "../../model/hub/fetch_model.ts";
import type { DownloadOptions } from "../parse.ts";
import type { ProgramParts } from "../parts.ts";
import { exitCode } from "../terminal.ts";

export type DownloadParts = Pick<ProgramParts, "terminal" | "env" | "download">;

/** Returns the exit code: 0, or 130 or 143 if a signal stopped it. */
export async function downloadModel(parts: DownloadParts, { model: named, dir }: DownloadOptions): Promise<number> {
  const { stderr, stop: { drain } } = parts.terminal;
  let model = named;
  try {
    model ??= await chooseModel(parts);
    await download(parts, model, dir);
  } catch (error) {
    if (!drain.aborted || error !== drain.reason) throw error;
    stderr.write(
      model ? `stopped; what has been fetched is kept: run '${commandLine(model, dir)}' to continue\n` : "\nstopped\n",
    );
  }
  return exitCode(parts.terminal, false);
}

async function download(parts: DownloadParts, model: OfficialModel, dir: string | undefined): Promise<void> {
  const { stdout, stderr, stop } = parts.terminal;
  const say = (text: string) => stderr.write(text);
  const folder = targetFolder(model, dir, parts.env);
  const outcome = await fetchModel(model, folder, { ...parts.download, env: parts.env, say }, stop.drain);
  say(outcome === "already" ? `${model.name} is already complete\n` : `${model.name} is complete, all files checked\n`);
  stdout.write(`${folder}\n`);
  const option = dir === undefined ? model.name : shellWord(asFolder(dir));
  const flags = model.name !== "aligner" ? `-d ${option}` : dir === undefined ? "--align" : `--aligner ${option}`;
  say(`now run: qwen-asr ${flags} talk.wav\n`);
}

/** `--dir small` is a folder, but `-d small` is a model's name. */
function asFolder(dir: string): string {
  return ["small", "large", "aligner", "demo"].includes(dir) ? `./${dir}` : dir;
}

function targetFolder(model: OfficialModel, dir: string | undefined, env: Environment): string {
  if (dir !== undefined) return resolve(dir);
  const folder = modelFolder(env, model.name);
  if (folder === undefined) {
    throw new InputError("no place to store models: set QWEN_ASR_HOME", "or name a folder with --dir");
  }
  return folder;
}

const answersMax = 3;

/** Asks the user, and gives up after a few unusable answers. */
async function chooseModel({ terminal, download: person }: DownloadParts): Promise<OfficialModel> {
  const { stderr, stop: { drain } } = terminal;
  if (!person.isInteractive) throw new UsageError(`download: which model? ${modelNames}`);
  const question = "which one? ";
  stderr.write(`${modelTable()}\n${question}`);
  let answers = 0;
  for await (const answer of person.lines(drain)) {
    const text = answer.trim().toLowerCase();
    const model = findModel(text) ?? officialModels[/^\d$/.test(text) ? Number(text) - 1 : -1];
    if (model) return model;
    if (++answers === answersMax) break;
    stderr.write(question);
  }
  drain.throwIfAborted();
  throw new UsageError("download: no model was chosen");
}

function commandLine(model: OfficialModel, dir: string | undefined): string {
  return `qwen-asr download ${model.name}${dir === undefined ? "" : ` --dir ${shellWord(dir)}`}`;
}
