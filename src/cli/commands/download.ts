/**
 * `qwen-asr download`: command line -> a model on disk and the exit code. Standard output gets the folder's path,
 * standard error everything for people. Throws UserErrors; the caller prints them.
 */

import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { InputError, UsageError } from "../../errors.ts";
import { printable } from "../../writer.ts";
import { findModel, type OfficialModel, officialModels } from "../../model/catalog.ts";
import { type DownloadIo, systemIo } from "../../model/hub/download_io.ts";
import { modelFolder, shellWord } from "../../model/folders.ts";
import { fetchModel } from "../../model/hub/fetch_model.ts";

/** `args` is what follows the word download. Returns 0, or 130 or 143 when interrupted. */
export async function runDownload(args: readonly string[], io: DownloadIo = systemIo()): Promise<number> {
  const command = parseDownload(args);
  if (command.help) {
    io.stdout(helpText());
    return 0;
  }
  const controller = new AbortController();
  const release = io.onInterrupt((exitCode) => controller.abort(new Interrupted(exitCode)));
  try {
    return await download(command, io, controller.signal);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    const { model, dir } = command;
    io.stderr(
      model ? `stopped; what came so far is kept: '${commandLine(model, dir)}' goes on from there\n` : "\nstopped\n",
    );
    return error.exitCode;
  } finally {
    release();
  }
}

type Command = { model: OfficialModel | undefined; readonly dir: string | undefined; readonly help: boolean };

class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super("interrupted");
  }
}

const names = officialModels.map((model) => model.name).join(", ").replace(/, (\w+)$/, " or $1");

function parseDownload(args: readonly string[]): Command {
  const { values, positionals } = parsedArguments(args);
  if (values.help) return { model: undefined, dir: undefined, help: true };
  const [name, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`download: one model at a time: ${printable(positionals.join(" "))}`);
  if (values.dir === "") throw new UsageError("download: --dir: the folder's name is empty");
  const model = name === undefined ? undefined : findModel(name);
  if (name !== undefined && !model) throw new UsageError(`download: no model '${printable(name)}': ${names}`);
  return { model, dir: values.dir, help: false };
}

function parsedArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { dir: { type: "string" }, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(/[.\n]/, 1)[0] : String(error);
    throw new UsageError(`download: ${printable(reason ?? "")}`);
  }
}

async function download(command: Command, io: DownloadIo, stop: AbortSignal): Promise<number> {
  const model = command.model ??= await chooseModel(io, stop);
  const folder = targetFolder(model, command.dir, io);
  const outcome = await fetchModel(model, folder, io, stop);
  io.stderr(
    outcome === "already" ? `${model.name} is already complete\n` : `${model.name} is complete, all files checked\n`,
  );
  io.stdout(`${folder}\n`);
  const option = command.dir === undefined ? model.name : shellWord(asFolder(command.dir));
  const isAligner = model.name === "aligner";
  const flags = isAligner ? command.dir === undefined ? "--align" : `--aligner ${option}` : `-d ${option}`;
  io.stderr(`now run: qwen-asr ${flags} talk.wav\n`);
  return 0;
}

/** `--dir small` means a folder, `-d small` would not. */
function asFolder(dir: string): string {
  return ["small", "large", "aligner", "demo"].includes(dir) ? `./${dir}` : dir;
}

function targetFolder(model: OfficialModel, dir: string | undefined, io: DownloadIo): string {
  if (dir !== undefined) return resolve(dir);
  const folder = modelFolder(io.env, model.name);
  if (folder === undefined) {
    throw new InputError("no place to store models: set QWEN_ASR_HOME", "or name a folder with --dir");
  }
  return folder;
}

const answersMax = 3;

/** Asks a person; a few unusable answers are enough. */
async function chooseModel(io: DownloadIo, stop: AbortSignal): Promise<OfficialModel> {
  if (!io.isInteractive) throw new UsageError(`download: which model? ${names}`);
  const question = "which one? ";
  io.stderr(`${modelTable()}\n${question}`);
  let answers = 0;
  for await (const answer of io.lines(stop)) {
    const text = answer.trim().toLowerCase();
    const model = findModel(text) ?? officialModels[/^\d$/.test(text) ? Number(text) - 1 : -1];
    if (model) return model;
    if (++answers === answersMax) break;
    io.stderr(question);
  }
  stop.throwIfAborted();
  throw new UsageError("download: no model was chosen");
}

function modelTable(): string {
  return officialModels.map((model, index) =>
    `  ${index + 1}  ${model.name.padEnd(8)} ${model.size}  ${model.licence}  ${model.summary}\n`
  ).join("");
}

function commandLine(model: OfficialModel, dir: string | undefined): string {
  return `qwen-asr download ${model.name}${dir === undefined ? "" : ` --dir ${shellWord(dir)}`}`;
}

function helpText(): string {
  return `Usage: qwen-asr download small|large|aligner [--dir DIR]

Fetches an official model, checks every file's hash, and prints its folder.
An interrupted download goes on where it stopped when run again.

${modelTable()}
  --dir DIR    put the files into this folder instead of
               ${join("<data folder>", "models", "<name>")}
  -h, --help   this text

Environment:
  QWEN_ASR_HOME        the data folder (else $XDG_DATA_HOME/qwen-asr,
                       else ~/.local/share/qwen-asr, on macOS
                       ~/Library/Application Support/qwen-asr)
  HF_ENDPOINT          another address for Hugging Face, which is asked first
  HF_TOKEN             sent to that address only
  MODELSCOPE_ENDPOINT  another address for ModelScope, which is asked second
  HTTPS_PROXY          a proxy for both

Exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted.
`;
}
