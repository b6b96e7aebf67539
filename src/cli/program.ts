/**
 * The program. In: a command line. Out: an exit code. The parts that touch audio, models and the native library are
 * passed in, so that tests run all of it with a fake engine.
 */

import { shortage, UsageError, UserError } from "../errors.ts";
import { folded } from "./fold.ts";
import { commandHelp, longHelp, shortHelp } from "./help.ts";
import { describeModel } from "./commands/info.ts";
import { transcribeBatch } from "./commands/batch.ts";
import { benchModel } from "./commands/bench.ts";
import { manageCache } from "./commands/cache.ts";
import { examine } from "./commands/doctor.ts";
import { downloadModel } from "./commands/download.ts";
import { evaluate } from "./commands/eval.ts";
import { inspectRecording } from "./commands/inspect.ts";
import { lintFiles } from "./commands/lint.ts";
import { type Command, type EvalOptions, parseCommandLine, type TranscribeOptions } from "./parse.ts";
import { renderTranscripts } from "./commands/render.ts";
import type { Environment } from "../model/folders.ts";
import { manPage } from "./man.ts";
import { withinMemory } from "../pipeline/memory_limit.ts";
import type { ProgramParts } from "./parts.ts";
import { completions } from "./shells/completions.ts";
import { rewriteText } from "./commands/text.ts";
import { serve } from "./commands/serve.ts";
import type { Terminal } from "./terminal.ts";
import { Stopped } from "../stop.ts";
import { withoutSecrets } from "../secrets.ts";
import { printable } from "../writer.ts";
import { alignFile } from "./commands/align.ts";
import { isStreamed, streamFiles } from "./commands/stream.ts";
import { transcribeFiles } from "./commands/transcribe.ts";
import { watchFolder } from "./commands/watch.ts";

/** Runs a command line (without the program's name). Resolves to the exit code when everything is written. */
export type Program = (args: readonly string[]) => Promise<number>;

export function createProgram(parts: ProgramParts): Program {
  const { terminal } = parts;
  const { stdout, stderr } = terminal;
  return async (args) => {
    let exitCode: number;
    try {
      exitCode = await runCommand(parts, args);
    } catch (error) {
      exitCode = explain(terminal, error, args.includes("--debug"));
    }
    await stdout.drained();
    // The disk may have filled up, or the pipe may have closed, while the last text was written.
    const late = terminal.ending()?.error;
    if (late && exitCode === 0) exitCode = explain(terminal, late, false);
    await stderr.drained();
    return exitCode;
  };
}

function helpText({ command, long }: Extract<Command, { readonly kind: "help" }>): string {
  return command ? commandHelp(command) : long ? longHelp() : shortHelp();
}

async function runCommand(allParts: ProgramParts, args: readonly string[]): Promise<number> {
  const { stdout } = allParts.terminal;
  const command = parseCommandLine(args);
  const parts = withinLimit(allParts, command);
  await checkDetector(parts, command);
  switch (command.kind) {
    case "help":
      stdout.write(folded(helpText(command), parts.terminal.columns));
      return 0;
    case "version":
      stdout.write(`qwen-asr ${parts.version}\n`);
      return 0;
    case "licenses":
      stdout.write(await parts.licenses());
      return 0;
    case "microphones":
      stdout.write(`${(await parts.microphones()).join("\n")}\n`);
      return 0;
    case "completions":
      stdout.write(completions(command.shell));
      return 0;
    case "man":
      stdout.write(manPage(parts.version));
      return 0;
    case "download":
      return await downloadModel(parts, command.options);
    case "cache":
      return await manageCache(parts, command.options);
    case "serve":
      return await serve(parts, withinProcessors(parts, command.options));
    case "info":
      return await describeModel(parts, withinProcessors(parts, command.options));
    case "doctor":
      return await examine(parts, withinProcessors(parts, command.options));
    case "render":
      return await renderTranscripts(parts, command.options);
    case "text":
      return await rewriteText(parts, command.options);
    case "lint":
      return await lintFiles(parts, command.options);
    case "inspect":
      return await inspectRecording(parts, command.options);
    case "eval":
      return await evaluate(parts, ofRun(parts, command.options));
    case "batch":
      return await transcribeBatch(parts, withinProcessors(parts, command.options));
    case "bench":
      return await benchModel(parts, command.model);
    case "align":
      return await alignFile(parts, withinProcessors(parts, command.options));
    case "transcribe": {
      const options = withinProcessors(parts, command.options);
      if (options.jobs.watch !== undefined) return await watchFolder(parts, options);
      return await (isStreamed(options) ? streamFiles : transcribeFiles)(parts, options);
    }
  }
}

/** Weights that are named are tried before anything begins. Throws a ModelError. */
async function checkDetector({ openVoiceDetector }: ProgramParts, command: Command): Promise<void> {
  const { vad } = ("options" in command ? command.options : {}) as Partial<TranscribeOptions>;
  if (vad?.kind === "neural" && vad.model !== undefined) (await openVoiceDetector(vad.model)).close();
}

/** The parts of a command that is given --max-ram. */
function withinLimit(parts: ProgramParts, command: Command): ProgramParts {
  const { memoryLimit, verbosity } = ("options" in command ? command.options : {}) as Partial<TranscribeOptions>;
  if (memoryLimit === undefined) return parts;
  const say = (text: string) => verbosity === "silent" || parts.terminal.stderr.write(`${text}\n`);
  return { ...parts, ...withinMemory(parts, memoryLimit, say) };
}

/** A comparison has no threads. */
function ofRun(parts: ProgramParts, options: EvalOptions): EvalOptions {
  return options.kind === "run" ? withinProcessors(parts, options) : options;
}

/**
 * The options, with the number of threads that the environment names where `-t` does not, and with no more than can run
 * at once: the others would only keep them waiting.
 */
function withinProcessors<T extends Pick<TranscribeOptions, "threads"> & Partial<Pick<TranscribeOptions, "verbosity">>>(
  { terminal, processors, env }: Pick<ProgramParts, "terminal" | "processors" | "env">,
  options: T,
): T {
  const count = processors();
  const [threads, name] = options.threads > 0 ? [options.threads, "-t "] : [threadsIn(env), `${threadsVariable}=`];
  if (threads <= count) return { ...options, threads };
  if (options.verbosity !== "silent") {
    const named = count === 1 ? "one processor" : `${count} processors`;
    terminal.stderr.write(`${name}${threads} is limited to ${count}: this process may use ${named}\n`);
  }
  return { ...options, threads: count };
}

const threadsVariable = "QWEN_ASR_THREADS";

/** 0 where the environment names none. */
function threadsIn(env: Environment): number {
  const text = env[threadsVariable] ?? "";
  if (/^\d{0,3}$/.test(text)) return Number(text);
  throw new UsageError(`${threadsVariable}: "${text}" is not a number of threads`);
}

/** Reports an error in one line, and what to do about it in a second one. Returns the exit code. */
function explain(terminal: Terminal, error: unknown, debug: boolean): number {
  const { stderr } = terminal;
  if (error instanceof Stopped) {
    const ending = terminal.ending();
    return ending?.error ? explain(terminal, ending.error, debug) : ending?.exitCode ?? 1;
  }
  if (error instanceof UserError) {
    stderr.write(`qwen-asr: ${printable(error.message)}\n`);
    if (error.hint) stderr.write(`hint: ${error.hint}\n`);
    if (error instanceof UsageError) stderr.write("try 'qwen-asr --help'\n");
    return error.exitCode;
  }
  const cause = error instanceof Error ? error : new Error(String(error));
  const known = debug ? undefined : shortage(cause);
  if (known) return explain(terminal, known, debug);
  stderr.write(`qwen-asr: internal error: ${withoutSecrets(cause.message)} (--debug says where)\n`);
  if (debug) stderr.write(`${cause.stack ?? ""}\n`);
  return 1;
}
