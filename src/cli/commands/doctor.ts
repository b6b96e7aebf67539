/**
 * `qwen-asr doctor`: what `info` says, and checks of all that a run depends on, on one page for a report or as JSON.
 * Looks at files, memory, disk and, if asked, the network; measures ten seconds of speech.
 */

import { builtinContainers } from "../../audio/decoders/open.ts";
import { cacheFolder } from "../../model/cache_folder.ts";
import { officialModels } from "../../model/catalog.ts";
import { dataFolder, modelFolder } from "../../model/folders.ts";
import { changedFiles } from "../../model/hub/check_model.ts";
import { listNetwork } from "../../model/hub/fetch_model.ts";
import { modelSources } from "../../model/hub/sources.ts";
import type { Weights } from "../../engine/engine.ts";
import type { ModelPlace } from "../../model/locate.ts";
import { Stopped } from "../../stop.ts";
import { printable } from "../../writer.ts";
import {
  type Check,
  diskCheck,
  ffmpegCheck,
  memoryCheck,
  modelCheck,
  networkCheck,
  type Places,
  type Reached,
  speedCheck,
  threadsCheck,
} from "../diagnosis.ts";
import type { DoctorOptions } from "../parse.ts";
import type { ProgramParts } from "../parts.ts";
import { decodedTokens, rowOf, syntheticSpeech } from "./bench.ts";
import { gatherFacts, type InfoParts, json, row } from "./info.ts";

export type DoctorParts = InfoParts & Pick<ProgramParts, "version" | "machine" | "download" | "modelHash">;

/** Returns the exit code: 1 if something would stop a run. */
export async function examine(parts: DoctorParts, options: DoctorOptions): Promise<number> {
  const { stdout, isWatched } = parts.terminal;
  const facts = await gatherFacts(parts, options);
  const limits = parts.machine.limits();
  const checks = [
    threadsCheck(limits),
    memoryCheck(limits, parts.availableMemory()),
    ...await modelChecks(parts, facts.installed.models),
    ffmpegCheck(await parts.machine.ffmpegVersion(), builtinContainers),
    diskCheck(await placesOf(parts)),
    networkCheck(options.online ? await reachHubs(parts) : undefined),
    await measureSpeed(parts, facts.model ?? { kind: "demo" }, {
      ...options,
      weights: facts.fields.weights as Weights ?? options.weights,
    }),
  ];
  const program = `qwen-asr ${parts.version}, ${parts.machine.system}`;
  const page = isWatched && !options.json
    ? `${row("Program", program)}${facts.lines}\n${checks.map(lineOf).join("")}`
    : json({ program, ...facts.fields, checks });
  stdout.write(withoutHome(page, parts.env.HOME));
  return checks.some(({ state }) => state === "problem") ? 1 : 0;
}

const marks = { ok: "ok", note: "!", problem: "!!" } as const;

function lineOf({ name, state, says, advice }: Check): string {
  const line = `${marks[state].padEnd(3)} ${name}: ${printable(says)}\n`;
  return advice === undefined ? line : `${line}    -> ${advice}\n`;
}

/** A name in a path may be nobody else's business. */
function withoutHome(text: string, home: string | undefined): string {
  return home && home !== "/" ? text.replaceAll(home.replace(/\/+$/, ""), "~") : text;
}

async function modelChecks({ env, modelHash, terminal }: DoctorParts, installed: readonly string[]): Promise<Check[]> {
  const checks: Check[] = [];
  for (const { name } of officialModels) {
    const path = modelFolder(env, name);
    if (path === undefined || !installed.includes(name)) continue;
    const hash = await modelHash({ kind: "folder", path });
    checks.push(modelCheck({ name, hash, changed: await changedFiles(path, terminal.stop.drain) }));
  }
  return checks;
}

async function placesOf({ env, machine }: DoctorParts): Promise<Places> {
  const paths = { models: dataFolder(env), cache: cacheFolder(env), temporary: machine.temporaryFolder };
  const places = Object.entries(paths).filter((place): place is [string, string] => place[1] !== undefined);
  return await Promise.all(
    places.map(async ([label, path]) => ({ label, path, free: await machine.freeBytes(path) })),
  );
}

async function reachHubs({ env, download, terminal, stopwatch }: DoctorParts): Promise<Reached[]> {
  const network = listNetwork({ limits: { ...download.limits, listRetriesMax: 0 } }, terminal.stop.drain);
  return await Promise.all(
    modelSources(env).map(async ({ host, list }) => {
      const started = stopwatch.now();
      try {
        await list(officialModels[0]!.repo, network);
        return { host, ms: stopwatch.now() - started };
      } catch (error) {
        terminal.stop.drain.throwIfAborted();
        return { host, fault: (error as Error).message.replace(`${host}: `, "") };
      }
    }),
  );
}

async function measureSpeed(
  { stopwatch, terminal }: DoctorParts,
  model: ModelPlace,
  { threads, weights, cache }: DoctorOptions,
): Promise<Check> {
  const opened = await stopwatch.opener(model, weights, cache)(threads);
  try {
    const times = await opened.measure(syntheticSpeech(), decodedTokens, async () => {
      await new Promise((resolve) => setTimeout(resolve, 0)); // Lets signals in.
      if (terminal.stop.drain.aborted) throw new Stopped();
    });
    const { realTimeFactor } = rowOf(opened.info.threads, times);
    return speedCheck(opened.info.name, opened.info.threads, realTimeFactor, model.kind !== "folder");
  } finally {
    opened.close();
  }
}
