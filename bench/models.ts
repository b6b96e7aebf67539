/**
 * The checkpoints to measure: given folders, else the nano widened to the official sizes, made once in .cache/bench.
 *
 * Real weights are not needed: a widened model has the official shapes and bytes, and says what the nano says.
 */

import { existsSync, renameSync, rmSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { runCommand } from "../scripts/commands.ts";
import { modelDir, projectRoot } from "../tests/fixtures.ts";

export type BenchModel = { readonly name: string; readonly folder: string };

const officialSizes = ["0.6B", "1.7B"];
const makeMsMax = 15 * 60_000;

/** Throws an error that names what is missing. */
export async function benchModels(
  given: readonly string[],
  sizes: readonly string[] = officialSizes,
): Promise<BenchModel[]> {
  for (const folder of given) {
    if (!existsSync(join(folder, "config.json"))) throw new Error(`${folder}: no config.json there`);
  }
  if (given.length > 0) return given.map((folder) => ({ name: basename(resolve(folder)), folder: resolve(folder) }));
  const made = [];
  for (const size of sizes) made.push({ name: size, folder: await widened(size) });
  return made;
}

async function widened(size: string): Promise<string> {
  const folder = join(projectRoot, ".cache", "bench", size);
  if (!existsSync(join(folder, "config.json"))) await widen(size, folder);
  return folder;
}

/** Makes a model of an official size that says what the nano says. `flags` are passed on to the tool. */
export async function widen(size: string, folder: string, flags: readonly string[] = []): Promise<void> {
  const tool = resolve(projectRoot, "..", "shared", "tools", "widen.py");
  if (!existsSync(tool)) throw new Error(`no ${tool} to make a ${size} model with: give folders`);
  process.stderr.write(`making ${folder}\n`);
  const partial = `${folder}.part`; // Renamed when complete, so an interrupted one is made again.
  rmSync(partial, { recursive: true, force: true });
  const { code, output } = await runCommand(["python3", tool, modelDir(), size, partial, ...flags], makeMsMax);
  if (code !== 0) throw new Error(`${tool} failed (it needs numpy); give folders\n${output}`);
  renameSync(partial, folder);
}
