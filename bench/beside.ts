/**
 * How long do a live stream's steps take beside a long file? In: a model, a precision. Out: the times of a paced
 * stream's steps alone and while a file of two minutes is decoded by the same engine; exit 1 where 95 % of the steps
 * take more than 1.35 times what they take alone and 150 ms.
 *
 *     bun bench/beside.ts [--weights NAME] [--rounds N] [DIR]
 *
 * The stream is a clip in real time, in chunks of 2 s. Rounds alone and beside the file take turns. The file is decoded
 * again and again, all of its segments at a time, for as long as a round lasts. Both texts are compared with those said
 * alone. It takes minutes, so scripts/test does not run it.
 */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readAudio } from "../src/audio/input.ts";
import { openEngine } from "../src/engine/client.ts";
import type { Engine, HearRequest, Listener } from "../src/engine/engine.ts";
import { splitAtPauses } from "../src/segment/split.ts";
import { SpectralJudge } from "../src/segment/has_voice.ts";
import { Stopper } from "../src/stop.ts";
import { runStream, type StreamOptions } from "../src/stream/stream.ts";
import { availableMemory } from "../src/system.ts";
import { tokensMaxFor } from "../src/text/budget.ts";
import { sampleRate } from "../src/units.ts";
import { clip, projectRoot } from "../tests/fixtures.ts";
import { folderIn } from "../tests/harness.ts";
import { libraryPath } from "../tests/native.ts";
import { join } from "node:path";
import { benchModels } from "./models.ts";
import { markdownTable } from "./report.ts";

const chunkSec = 2;
const factorMax = 1.35;
const addendMs = 150;

type Round = { readonly stepMs: number[]; readonly text: string };

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { rounds: { type: "string", default: "2" }, weights: { type: "string", default: "int8" } },
    allowPositionals: true,
  });
  const [model] = await benchModels(positionals, ["0.6B"]);
  const engine = await openEngine({
    library: () => Promise.resolve(new Uint8Array(readFileSync(libraryPath()))),
    model: { kind: "folder", path: model!.folder },
    threads: 2,
    weights: values.weights as "int8",
    cacheFolder: folderIn(join(projectRoot, ".cache", "bench"), "beside-cache"),
    memoryBytes: availableMemory,
  });
  const [live, file] = await Promise.all([samplesOf("en-45s"), samplesOf("en-120s")]);
  const fileText = await decodeFile(engine, file, new AbortController().signal);
  const [alone, beside]: [Round[], Round[]] = [[], []];
  for (let round = 0; round < Number(values.rounds); round++) {
    alone.push(await stream(engine, live));
    beside.push(await besideFile(engine, live, file, fileText));
  }
  await engine.close();
  return report(model!.name, values.weights, alone, beside);
}

async function samplesOf(name: string): Promise<Float32Array> {
  const audio = await readAudio({ kind: "file", path: clip(name).wav });
  return await audio.read(0, audio.length);
}

/** One stream while the file is decoded over and over. Throws where the file says something else than alone. */
async function besideFile(engine: Engine, live: Float32Array, file: Float32Array, fileText: string): Promise<Round> {
  const end = new AbortController();
  let passes = 0;
  const work = (async () => {
    while (!end.signal.aborted) {
      const text = await decodeFile(engine, file, end.signal);
      if (end.signal.aborted) return;
      passes++;
      if (text !== fileText) throw new Error(`beside the stream, the file says ${text}`);
    }
  })();
  const round = await stream(engine, live);
  end.abort();
  await work;
  process.stderr.write(`beside: the file was decoded ${passes} times\n`);
  return round;
}

async function decodeFile(engine: Engine, samples: Float32Array, signal: AbortSignal): Promise<string> {
  const decoder = new TextDecoder();
  const whole = {
    length: samples.length,
    read: (start: number, end: number) => Promise.resolve(samples.slice(start, end)),
  };
  const texts = (await splitAtPauses(whole, { targetSec: 30, searchSec: 3 })).map(async ({ start, end }) => {
    const bytes: number[] = [];
    const tokensMax = tokensMaxFor((end - start) / sampleRate);
    const request = {
      samples: samples.subarray(start, end),
      windowFrames: 800,
      context: "",
      language: "",
      pastText: "",
    };
    await engine.decode({ ...request, tokensMax }, (token) => bytes.push(...token.bytes), signal);
    return decoder.decode(Uint8Array.from(bytes));
  });
  return (await Promise.all(texts)).join(" ");
}

async function stream(engine: Engine, samples: Float32Array): Promise<Round> {
  const listener = await engine.listen({ windowFrames: 800, context: "", language: "", usesCaches: true });
  const round = { stepMs: [] as number[], text: "" };
  const timed: Listener = {
    hear: async (request: HearRequest, signal?: AbortSignal) => {
      const began = performance.now();
      const result = await listener.hear(request, signal);
      round.stepMs.push(performance.now() - began);
      return result;
    },
    close: () => listener.close(),
  };
  const options: StreamOptions = {
    rules: { policy: { kind: "agreement" }, feedsPast: true, asrTextId: engine.info.asrTextId, isHeaderless: false },
    ...{ chunkSec, endpointMs: 800, tokensMax: undefined, language: "", startSec: 0, isLive: false },
    voiceJudge: () => new SpectralJudge(),
  };
  await runStream(paced(samples), timed, options, new Stopper().stop, (event) => {
    if (event.kind === "commit") round.text += event.text;
  });
  await listener.close();
  return round;
}

/** Chunks when they would have been spoken. */
function paced(samples: Float32Array) {
  const began = performance.now();
  let at = 0;
  return {
    next: async () => {
      if (at >= samples.length) return undefined;
      const block = samples.subarray(at, at + chunkSec * sampleRate);
      at += block.length;
      await Bun.sleep(Math.max(0, began + (at / sampleRate) * 1000 - performance.now()));
      return block;
    },
  };
}

function report(name: string, weights: string, alone: readonly Round[], beside: readonly Round[]): number {
  const texts = new Set([...alone, ...beside].map(({ text }) => text));
  const [left, right] = [alone, beside].map((rounds) => rounds.flatMap(({ stepMs }) => stepMs));
  const bound = factorMax * quantile(left!, 0.95) + addendMs;
  const row = (what: string, all: readonly number[]) => [
    what,
    String(all.length),
    ...[0.5, 0.95, 1].map((share) => quantile(all, share).toFixed(0)),
  ];
  const head = ["steps", "count", "median ms", "95 % ms", "longest ms"];
  const isMet = quantile(right!, 0.95) <= bound && texts.size === 1;
  process.stdout.write(
    `${name} ${weights}, 2 threads, chunks of ${chunkSec} s in real time\n\n` +
      markdownTable(head, [row("alone", left!), row("beside a file of 2 minutes", right!)]) +
      `\n95 % of the steps may take ${bound.toFixed(0)} ms beside the file: ${isMet ? "they do" : "NOT MET"}\n` +
      (texts.size === 1 ? "" : `THE TEXTS DIFFER: ${[...texts].join(" | ")}\n`),
  );
  return isMet ? 0 : 1;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

process.exitCode = await main();
