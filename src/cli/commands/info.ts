/**
 * `qwen-asr info`: what a run with these options uses, for people on a terminal and as JSON elsewhere. It opens the
 * model as a run does, so weights that were never packed are packed. Without any model: what is installed, and where.
 */

import { join } from "node:path";
import { ModelError } from "../../errors.ts";
import type { Engine } from "../../engine/engine.ts";
import { cacheFolder } from "../../model/cache_folder.ts";
import { officialModels } from "../../model/catalog.ts";
import { dataFolder } from "../../model/folders.ts";
import { formatBytes } from "../../model/hub/progress.ts";
import type { ModelPlace } from "../../model/locate.ts";
import { printable } from "../../writer.ts";
import type { InfoOptions } from "../parse.ts";
import type { ProgramParts } from "../parts.ts";

export type InfoParts = Pick<
  ProgramParts,
  "terminal" | "env" | "locateModel" | "locateAligner" | "openEngine" | "availableMemory" | "stopwatch"
>;

/** What is on this machine. */
export type Installed = {
  /** Names of the official models that were downloaded. */
  readonly models: readonly string[];
  readonly modelsFolder: string | null;
  readonly cacheFolder: string | null;
};

/** What a run with these options uses, in both forms. */
export type Facts = {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly lines: string;
  /** undefined: there is none. */
  readonly model: ModelPlace | undefined;
  readonly installed: Installed;
};

/** Returns the exit code. */
export async function describeModel(parts: InfoParts, options: InfoOptions): Promise<number> {
  const { stdout, isWatched } = parts.terminal;
  const { fields, lines } = await gatherFacts(parts, options);
  stdout.write(isWatched && !options.json ? lines : json(fields));
  return 0;
}

/** Opens the model for a moment. Throws what that throws; a model that is not named need not be there. */
export async function gatherFacts(parts: InfoParts, options: InfoOptions): Promise<Facts> {
  const installed = await findInstalled(parts);
  const isNamed = options.model !== undefined || Boolean(parts.env.QWEN_ASR_MODEL);
  const model = await parts.locateModel(options.model).catch((error) => {
    if (isNamed || !(error instanceof ModelError)) throw error;
    return undefined;
  });
  if (model === undefined) {
    const hint = "No model: run 'qwen-asr download small' (1.9 GB), or try '-d demo'\n";
    return { fields: installedFields(installed), lines: installedLines(installed) + hint, model, installed };
  }
  const engine = await parts.openEngine({ ...options, model });
  const memory = { loaded: parts.stopwatch.peakMemory(), free: parts.availableMemory() };
  const fields = {
    ...engine.description as Record<string, unknown>,
    ...{ path: pathOf(model), memory_loaded: memory.loaded, memory_free: memory.free },
    ...installedFields(installed),
  };
  const lines = runLines(engine, model, memory) + installedLines(installed);
  await engine.close();
  return { fields, lines, model, installed };
}

async function findInstalled({ env, locateModel, locateAligner }: InfoParts): Promise<Installed> {
  const models: string[] = [];
  for (const { name } of officialModels) {
    const found = name === "aligner" ? locateAligner(name, false) : locateModel(name);
    if (await found.then(({ kind }) => kind === "folder", () => false)) models.push(name);
  }
  return { models, modelsFolder: dataFolder(env) ?? null, cacheFolder: cacheFolder(env) ?? null };
}

function pathOf(place: ModelPlace): string | null {
  return place.kind === "folder" ? place.path : null;
}

function runLines({ info, description }: Engine, place: ModelPlace, memory: { loaded: number; free: number }): string {
  const { blas } = description as { blas?: string | null };
  const path = pathOf(place);
  const { cache } = info;
  const kept = cache?.path ? `packed in ${printable(cache.path)} (${formatBytes(cache.bytes)})` : "packed in memory";
  return [
    row("Model", `${info.name}, ${path === null ? "built in" : printable(path)}`),
    row("Weights", `${info.weights}, ${info.weights === "bf16" ? "as in the model's files" : kept}`),
    row("Threads", String(info.threads)),
    row("Kernels", [info.isa, ...blas ? [blas] : [], ...info.isaNotice ? [info.isaNotice] : []].join(", ")),
    row("Memory", `${formatBytes(memory.loaded)} with the model loaded, ${formatBytes(memory.free)} free`),
  ].join("");
}

function installedLines({ models, modelsFolder, cacheFolder }: Installed): string {
  return row("Installed", models.join(", ") || "no model but the built-in demo") +
    row("Models in", modelsFolder === null ? "nowhere: HOME is not set" : printable(join(modelsFolder, "models"))) +
    row("Cache in", cacheFolder === null ? "nowhere: HOME is not set" : printable(cacheFolder));
}

function installedFields({ models, modelsFolder, cacheFolder }: Installed): Record<string, unknown> {
  return {
    installed: models,
    models_folder: modelsFolder === null ? null : join(modelsFolder, "models"),
    cache_folder: cacheFolder,
  };
}

export function row(label: string, text: string): string {
  return `${label.padEnd(11)}${text}\n`;
}

export function json(fields: Record<string, unknown>): string {
  return `${JSON.stringify(fields, undefined, 2)}\n`;
}
