/**
 * Opens and closes both models fifty times in one process: `bun tests/slow/opens.ts [rounds, 8 or more]`, on Linux.
 *
 * Each round opens the transcriber and the aligner side by side, uses each once and closes both. Prints descriptors,
 * mappings and resident memory after every round; exit 1 when they are not what they were after the third one: as many
 * descriptors, memory at most 5 MB more. tests/reopen.test.ts runs ten rounds.
 */

import { readdirSync, readFileSync } from "node:fs";
import { openEngine } from "../../src/engine/client.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { clip, modelDir } from "../fixtures.ts";
import { clipSamples, libraryPath } from "../native.ts";
import { memoryOf } from "../support/process_memory.ts";

/** What the process holds. */
type Held = { readonly descriptors: number; readonly mappings: number; readonly megabytes: number };

const settledRound = 3;
const megabytesMax = 5;
/** The least of so many rounds counts: what waits for collection comes and goes by some MB, a leak stays. */
const group = 5;

const samples = await clipSamples(clip("en-short").wav);
const words = ["Please", "open", "the", "old", "door."];

function open(name: "nano-asr" | "nano-aligner"): Promise<Engine> {
  const library = () => Bun.file(libraryPath()).bytes();
  const model = { kind: "folder", path: modelDir(name) } as const;
  return openEngine({ library, model, threads: 2, weights: "int8", cacheFolder: undefined });
}

async function round(): Promise<void> {
  const [transcriber, aligner] = await Promise.all([open("nano-asr"), open("nano-aligner")]);
  const request = { samples, windowFrames: 800, context: "", language: "", pastText: "", tokensMax: 50 };
  const { generatedTokens } = await transcriber.decode(request, () => {});
  const { classes } = await aligner.align({ samples, words });
  if (generatedTokens === 0 || classes.length === 0) throw new Error("a model said nothing");
  await Promise.all([transcriber.close(), aligner.close()]);
}

function held(): Held {
  Bun.gc(true);
  const megabytes = memoryOf("self") / 1e6;
  return {
    descriptors: readdirSync("/proc/self/fd").length,
    mappings: readFileSync("/proc/self/maps", "utf8").trim().split("\n").length,
    megabytes,
  };
}

/** What is held once it has stayed for half a second: threads end some time after they have answered. */
async function rest(): Promise<Held> {
  let [last, same] = [held(), 0];
  for (let tries = 0; same < 5 && tries < 200; tries++) {
    await Bun.sleep(100);
    const now = held();
    const stays = now.descriptors === last.descriptors && Math.abs(now.megabytes - last.megabytes) < 1;
    same = stays ? same + 1 : 0;
    last = now;
  }
  return last;
}

async function run(rounds: number): Promise<boolean> {
  const all: Held[] = [];
  for (let i = 1; i <= rounds; i++) {
    await round();
    const now = await rest();
    all.push(now);
    console.log(
      `${i}: ${now.descriptors} descriptors, ${now.mappings} mappings, ${now.megabytes.toFixed(1)} MB resident`,
    );
  }
  const settled = all.slice(settledRound - 1);
  const windows = Array.from({ length: settled.length - group + 1 }, (_, i) => least(settled.slice(i, i + group)));
  const worst = Math.max(...windows.map((megabytes) => megabytes - windows[0]!));
  const same = settled.every(({ descriptors }) => descriptors === settled[0]!.descriptors);
  console.log(
    `descriptors ${same ? "stay" : "CHANGE"}; memory at most ${worst.toFixed(1)} MB above that after the third`,
  );
  return same && worst <= megabytesMax;
}

function least(some: readonly Held[]): number {
  return Math.min(...some.map(({ megabytes }) => megabytes));
}

process.exitCode = await run(Number(process.argv[2] ?? 50)) ? 0 : 1;
