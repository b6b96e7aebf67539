/**
 * The loops of tests/slow/leaks.ts: models opened, used and closed in every order in which a program does it. In: the
 * models. Out, for each cycle: memory around every load and unload, what is held at its end, times, errors.
 *
 * A clip of 10 s with numbers and an English sentence are heard; the aligner gets clips of which there are goldens.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openEngine } from "../../src/engine/client.ts";
import type { Engine, Weights } from "../../src/engine/engine.ts";
import { errorsOf, score } from "../../src/eval/score.ts";
import { TranscriptParser } from "../../src/text/transcript.ts";
import { clip, fixturesRoot } from "../fixtures.ts";
import { executable, fixedEnvironment, temporaryFolder } from "../harness.ts";
import { clipSamples, libraryPath } from "../native.ts";
import { type Held, heldAtRest } from "./held.ts";
import { memoryOf } from "./process_memory.ts";

export type ModelName = "small" | "large" | "aligner";
export type LoopModels = Readonly<Record<ModelName, { readonly folder: string; readonly weights: Weights }>>;

/** Memory around a load or an unload, in MB. */
export type Step = { readonly what: string; readonly before: number; readonly after: number };

export type Cycle = Held & {
  readonly steps: readonly Step[];
  /** Of the first request after a load: milliseconds until its first token, or until the aligner's answer. */
  readonly firstMs: number;
  /** NaN where nothing was decoded. */
  readonly tokensPerSec: number;
  /** Words that were heard wrong, in per cent of those spoken, and words that the aligner found elsewhere. */
  readonly errorPercent: number;
  readonly elsewherePercent: number;
};

type Clip = { readonly samples: Float32Array; readonly text: string };
type AlignedClip = {
  readonly samples: Float32Array;
  readonly words: readonly string[];
  readonly ms: readonly number[];
};
export type LoopClips = { readonly heard: readonly Clip[]; readonly aligned: readonly AlignedClip[] };

/** A word is where it should be within one of the aligner's steps. */
const nearMs = 80;
const tokensMax = 120;

/** `isBrief`: the sentence of two seconds alone, for checks of seconds. */
export async function loopClips(isBrief: boolean): Promise<LoopClips> {
  const aligned = await Promise.all((isBrief ? ["words-en-1"] : ["words-en-2", "words-en-1"]).map(alignedClip));
  if (isBrief) {
    const { wav, text } = clip("en-short");
    return { heard: [{ samples: await clipSamples(wav), text }], aligned };
  }
  const numbers = await clipSamples(clip("en-digits").wav);
  const twice = new Float32Array(2 * numbers.length);
  twice.set(numbers);
  twice.set(numbers, numbers.length);
  const said = clip("en-digits").text;
  const sentence = { samples: await clipSamples(clip("words-en-1").wav), text: clip("words-en-1").text };
  return { heard: [{ samples: twice, text: `${said} ${said}` }, sentence], aligned };
}

async function alignedClip(name: string): Promise<AlignedClip> {
  const golden = JSON.parse(readFileSync(join(fixturesRoot(), "goldens", "aligner", `${name}.json`), "utf8"));
  return { samples: await clipSamples(clip(name).wav), words: golden.words, ms: golden.raw_ms };
}

/** One cycle at work. */
class Bench {
  readonly steps: Step[] = [];
  firstMs = NaN;
  #tokens = 0;
  #tokenMs = 0;
  #wrong = 0;
  #spoken = 0;
  #elsewhere = 0;
  #found = 0;

  constructor(readonly models: LoopModels, readonly clips: LoopClips, readonly cache: string | undefined) {}

  /** Starts to open a model. */
  begin(name: ModelName): Promise<Engine> {
    const { folder, weights } = this.models[name];
    const library = () => Bun.file(libraryPath()).bytes();
    const model = { kind: "folder", path: folder } as const;
    return openEngine({ library, model, threads: 2, weights, cacheFolder: this.cache });
  }

  async load(name: ModelName): Promise<Engine> {
    return await this.#around(`load ${name}`, () => this.begin(name));
  }

  async unload(name: ModelName, engine: Engine): Promise<void> {
    await this.#around(`unload ${name}`, () => engine.close());
  }

  async #around<T>(what: string, act: () => Promise<T>): Promise<T> {
    const before = memoryOf("self") / 1e6;
    const place = this.steps.push({ what, before, after: NaN }) - 1; // In the order in which they begin.
    const result = await act();
    this.steps[place] = { what, before, after: memoryOf("self") / 1e6 };
    return result;
  }

  /** Has a transcriber hear the clips, or an aligner find their words. */
  async use(engine: Engine): Promise<void> {
    if (engine.info.kind === "asr") { for (const one of this.clips.heard) await this.#hear(engine, one); }
    else for (const one of this.clips.aligned) await this.#align(engine, one);
  }

  async #hear(engine: Engine, { samples, text }: Clip): Promise<void> {
    const parser = new TranscriptParser(engine.info.asrTextId, false);
    let said = "";
    const start = performance.now();
    const request = { samples, windowFrames: 800, context: "", language: "", pastText: "", tokensMax };
    const { generatedTokens, decodeMs } = await engine.decode(request, (token) => {
      this.#first(start);
      said += parser.push(token);
    });
    this.told(text, said + parser.end(), generatedTokens, decodeMs);
  }

  async #align(engine: Engine, { samples, words, ms }: AlignedClip): Promise<void> {
    const start = performance.now();
    const { classes } = await engine.align({ samples, words });
    this.#first(start);
    const { markerMs } = engine.info.alignment!;
    const off = (place: number) => Math.abs(classes[place]! * markerMs - ms[place]!) > nearMs;
    this.#found += words.length;
    this.#elsewhere += words.filter((_, word) => off(2 * word) || off(2 * word + 1)).length;
  }

  #first(start: number): void {
    if (Number.isNaN(this.firstMs)) this.firstMs = performance.now() - start;
  }

  /** Counts what was heard against what was said. */
  told(text: string, said: string, tokens: number, ms: number): void {
    const { words } = score(text, said, "English");
    this.#wrong += errorsOf(words!);
    this.#spoken += words!.length;
    this.#tokens += tokens;
    this.#tokenMs += ms;
  }

  result(held: Held): Cycle {
    return {
      ...held,
      steps: this.steps,
      firstMs: this.firstMs,
      tokensPerSec: this.#tokens / this.#tokenMs * 1000,
      errorPercent: this.#wrong / this.#spoken * 100,
      elsewherePercent: this.#elsewhere / this.#found * 100,
    };
  }
}

/** Ends with nothing open. */
type Loop = (bench: Bench) => Promise<void>;

/** Opens, uses and closes one after the other. */
function inTurn(...names: ModelName[]): Loop {
  return async (bench) => {
    for (const name of names) {
      const engine = await bench.load(name);
      await bench.use(engine);
      await bench.unload(name, engine);
    }
  };
}

/** Opens the next while the last is open, and closes that before the next is used; the first comes again at the end. */
function beside(first: ModelName, second: ModelName): Loop {
  return async (bench) => {
    let [name, engine] = [first, await bench.load(first)];
    for (const next of [second, first]) {
      await bench.use(engine);
      const opened = await bench.load(next);
      await bench.unload(name, engine);
      [name, engine] = [next, opened];
    }
    await bench.use(engine);
    await bench.unload(name, engine);
  };
}

/** The other model is wanted before the first is open, both ways. */
async function beforeLoad(bench: Bench): Promise<void> {
  for (const [unwanted, wanted] of [["small", "large"], ["large", "small"]] as const) {
    const abandoned = bench.begin(unwanted);
    const engine = await bench.load(wanted);
    await (await abandoned).close();
    await bench.use(engine);
    await bench.unload(wanted, engine);
  }
}

async function sideBySide(bench: Bench): Promise<void> {
  const [transcriber, aligner] = await Promise.all([bench.load("small"), bench.load("aligner")]);
  await Promise.all([bench.use(transcriber), bench.use(aligner)]);
  await Promise.all([bench.unload("small", transcriber), bench.unload("aligner", aligner)]);
}

/** In this process, by what the loop does. `restart` is another: the program is started for each clip. */
const loops: Readonly<Record<string, Loop>> = {
  recreate: inTurn("small"),
  "switch-before-load": beforeLoad,
  "switch-after-load": beside("small", "large"),
  "switch-after-unload": inTurn("small", "large"),
  "aligner-both-ways": beside("small", "aligner"),
  "align-in-turn": inTurn("small", "aligner"),
  "side-by-side": sideBySide,
};

export const loopNames: readonly string[] = ["restart", ...Object.keys(loops)];

export type CycleOptions = {
  readonly models: LoopModels;
  readonly clips: LoopClips;
  /** Of packed weights; undefined: they are packed in memory every time. */
  readonly cache: string | undefined;
  readonly pauseMs: number;
};

export async function runCycle(name: string, { models, clips, cache, pauseMs }: CycleOptions): Promise<Cycle> {
  const bench = new Bench(models, clips, cache);
  if (name === "restart") return await restart(bench);
  await loops[name]!(bench);
  return bench.result(await heldAtRest(pauseMs));
}

/** Runs the program on the sentence. Its peak counts as what it holds, and the files that it leaves as descriptors. */
async function restart(bench: Bench): Promise<Cycle> {
  using home = temporaryFolder();
  const { folder, weights } = bench.models.small;
  const temporary = { TMPDIR: home.path, QWEN_ASR_CACHE: bench.cache ?? join(home.path, "cache") };
  const env = { ...fixedEnvironment(home.path), ...temporary };
  const one = clip("words-en-1");
  const args = ["-d", folder, "--weights", weights, "-t", "2", one.wav];
  const start = performance.now();
  const child = Bun.spawn([executable(), ...args], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  let text = "";
  let [loaded, mappings] = [0, 0];
  const reading = (async () => {
    for await (const bytes of child.stdout) {
      if (text === "") {
        bench.firstMs = performance.now() - start;
        loaded = memoryOf(child.pid) / 1e6;
        mappings = linesOf(`/proc/${child.pid}/maps`);
      }
      text += new TextDecoder().decode(bytes);
    }
  })();
  const messages = await new Response(child.stderr).text();
  await reading;
  if (await child.exited !== 0) throw new Error(`restart: ${messages}`);
  const figures = /Inference: [\d.]+ m?s, (\d+) text tokens \(([\d.]+) tok\/s/.exec(messages);
  if (!figures) throw new Error(`restart: no figures in ${messages}`);
  bench.told(one.text, text, Number(figures[1]), Number(figures[1]) / Number(figures[2]) * 1000);
  const megabytes = Number(child.resourceUsage()!.maxRSS) / 1e6;
  bench.steps.push({ what: "start", before: 0, after: loaded });
  return bench.result({ megabytes, mappings, descriptors: filesIn(home.path) });
}

function linesOf(path: string): number {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
}

function filesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}
