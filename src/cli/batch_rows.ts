/**
 * The rows of a manifest on their way to the engine. In: rows. Out: how each is heard, its recording, or a RowFault
 * that says what is wrong with it.
 */

import type { ManifestRow, RowError, RowErrorCode } from "../batch/manifest.ts";
import { isPassing, ModelError, UserError } from "../errors.ts";
import { optionsFromFields, type RequestOptions } from "../options/choices.ts";
import { loadPrompt } from "../system.ts";
import { type Contexts, contextsOf } from "../views/term_context.ts";
import type { Term } from "../views/terms.ts";
import type { TextView, ViewOptions } from "../views/view.ts";
import { printable } from "../writer.ts";
import { audioInput, besideManifest, openView } from "./inputs.ts";
import type { BatchOptions, InputSource } from "./parse.ts";
import type { ProgramParts } from "./parts.ts";
import { type Hearing, type ReadAudio, readAudio } from "./prefetch.ts";

type RowParts = Pick<
  ProgramParts,
  | "terminal"
  | "checkInput"
  | "readAudio"
  | "readChannels"
  | "availableMemory"
  | "voiceJudge"
  | "openVoiceDetector"
  | "readText"
>;

/** The row has no text. */
export class RowFault extends UserError {
  constructor(readonly fault: RowError) {
    super(fault.message, 1);
  }
}

/** How a row is heard and written. */
export type PreparedRow = Hearing & {
  readonly options: RequestOptions;
  readonly source: InputSource & { kind: "file" };
  readonly view: TextView | undefined;
};

/** A row of a run; `prepared` once it was read. */
export type BatchTask = { readonly row: ManifestRow; prepared: PreparedRow | undefined };

type Views = { readonly view: TextView | undefined; readonly terms: readonly Term[] };

export class BatchRows {
  readonly #parts: RowParts;
  readonly #options: BatchOptions;
  /** By their options: few are different, and some are slow to open. */
  readonly #views = new Map<string, Promise<Views>>();
  #contexts: { readonly prompt: string; readonly views: Views; readonly found: Contexts } | undefined;

  /** The prompt of `options` is read. */
  constructor(parts: RowParts, options: BatchOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** Throws a RowFault where the row, its options or its recording are certainly wrong. */
  async check(row: ManifestRow): Promise<void> {
    const options = this.optionsOf(row);
    const source = this.#sourceOf(row);
    await asFault("audio", source, () => this.#parts.checkInput(audioInput(source, options)));
  }

  /** What the command line says for all rows, and the row for itself. */
  optionsOf({ fault, options }: ManifestRow): RequestOptions {
    if (fault) throw new RowFault(fault);
    const { given, prompt, command = "batch" } = { ...this.#options, command: "batch" as const };
    if (/^@(?!@)/.test(options.prompt ?? "")) {
      throw new RowFault({ code: "options", message: "prompt must be the text itself (@@ stands for one @)" });
    }
    try {
      const read = optionsFromFields(options, "manifest", { command, base: given });
      return options.prompt === undefined ? { ...read, prompt } : read;
    } catch (error) {
      throw faultOf("options", error, undefined);
    }
  }

  /** Reads the recording, and says in `prepared` how it is heard. `languages`: those of the model; none: all. */
  async read(task: BatchTask, languages: readonly string[]): Promise<ReadAudio> {
    const { row } = task;
    const read = this.optionsOf(row);
    const options = { ...read, prompt: row.options.prompt === undefined ? read.prompt : await loadPrompt(read.prompt) };
    const { language } = options;
    if (language !== "" && languages.length > 0 && !languages.includes(language)) {
      throw new RowFault({ code: "options", message: `language ${language}: the model knows ${languages.join(", ")}` });
    }
    const source = this.#sourceOf(row);
    const views = await this.#viewsOf(options.views);
    task.prepared = { options, source, view: views.view, contexts: await this.#contextsOf(options.prompt, views) };
    return await asFault("audio", source, () => readAudio(this.#parts, options, source));
  }

  #sourceOf({ audio }: ManifestRow) {
    return { kind: "file", path: besideManifest(this.#options.manifest, audio!) } as const;
  }

  #viewsOf(options: ViewOptions): Promise<Views> {
    const key = JSON.stringify(options);
    const views = this.#views.get(key) ?? openView(this.#parts, options);
    this.#views.set(key, views);
    return views;
  }

  async #contextsOf(prompt: string, views: Views): Promise<Contexts> {
    const last = this.#contexts;
    if (last?.prompt === prompt && last.views === views) return last.found;
    const found = await contextsOf(prompt, views.terms);
    this.#contexts = { prompt, views, found };
    return found;
  }
}

async function asFault<T>(code: RowErrorCode, source: InputSource, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw faultOf(code, error, source);
  }
}

/**
 * What is thrown where a row fails: a RowFault if it is the row's own failure, otherwise the error, which ends the run.
 * Its message does not depend on where the manifest lies.
 */
export function faultOf(code: RowErrorCode, error: unknown, source: InputSource | undefined): unknown {
  const isOwn = error instanceof UserError && !(error instanceof ModelError) && !isPassing(error);
  if (!isOwn || error instanceof RowFault) return error;
  const name = source?.kind === "file" ? `${printable(source.path)}: ` : "";
  const message = printable(error.message);
  return new RowFault({
    code,
    message: name !== "" && message.startsWith(name) ? message.slice(name.length) : message,
  });
}
