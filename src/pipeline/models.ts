/**
 * The models of a run. In: the request. Out: a transcriber and, if words are timed, an aligner.
 *
 * Models are located, checked for their kind and their languages, opened, closed to save memory, and opened again.
 * Lines for people go to `onNotice`. Throws ModelError and UsageError.
 */

import type { Engine, ModelInfo } from "../engine/engine.ts";
import { ModelError, UsageError } from "../errors.ts";
import type { ModelPlace } from "../model/locate.ts";
import { untilStopped } from "../stop.ts";
import { printable } from "../writer.ts";
import type { Notice } from "./events.ts";
import type { KnownModel } from "./head.ts";
import type { EngineChoice, ModelHost, ModelsRequest } from "./host.ts";
import { shortageLine } from "./memory_limit.ts";
import { WordTimer } from "./word_times.ts";

export type Models = { readonly transcriber: Transcriber; readonly timer: WordTimer | undefined };

/** Recordings up to `wholeSecMax` are kept whole, longer ones are cut about every `cutSec`. */
type AutoLimits = { readonly wholeSecMax: number; readonly cutSec: number };
const officialLimits: AutoLimits = { wholeSecMax: 120, cutSec: 30 };
/** The demo model was not trained on longer recordings: it loses its place in them, and words in pieces of 30 s. */
const demoLimits: AutoLimits = { wholeSecMax: 40, cutSec: 10 };

/** Opens the aligner, if one is wanted, and the transcriber. Throws Stopped if `stop` comes first. */
export async function openModels(
  host: ModelHost,
  request: ModelsRequest,
  stop: AbortSignal,
  onNotice: (notice: Notice) => void,
): Promise<Models> {
  const say = (text: string) => onNotice({ kind: "notice", text });
  const place = await untilStopped(host.locateModel(request.model), stop);
  say(place.kind === "folder" ? `Loading model from ${printable(place.path)}` : "Loading the built-in demo model");
  const isDemo = place.kind === "demo";
  if (isDemo) {
    say(
      "Demo model: a few hundred everyday words of English and Mandarin, clearly spoken. For real speech: " +
        "qwen-asr download small",
    );
  }
  const timer = request.align ? await WordTimer.open(host, request, isDemo, stop, onNotice) : undefined;
  try {
    return { transcriber: await Transcriber.open(host, { ...request, model: place }, stop, onNotice), timer };
  } catch (error) {
    await timer?.close();
    throw error;
  }
}

/** A transcriber's model, which is in memory or is opened again when it is needed. */
export class Transcriber {
  #current: Promise<Engine> | undefined;
  #hash: Promise<string> | undefined;

  private constructor(
    readonly host: ModelHost,
    readonly choice: EngineChoice,
    readonly info: ModelInfo,
    engine: Engine,
  ) {
    this.#current = Promise.resolve(engine);
  }

  /** Opens the model, checks it and tells what it is. */
  static async open(
    host: ModelHost,
    choice: EngineChoice & Pick<ModelsRequest, "language">,
    stop: AbortSignal,
    onNotice: (notice: Notice) => void,
  ): Promise<Transcriber> {
    const { model, threads, weights, cache, listenersMax, language } = choice;
    const wanted = { model, threads, weights, cache, ...(listenersMax !== undefined && { listenersMax }) };
    const doubt = await shortageLine(host, wanted);
    if (doubt !== undefined) onNotice({ kind: "notice", text: doubt });
    const engine = await untilStopped(host.openEngine(wanted), stop);
    try {
      onNotice({ kind: "notice", text: `Detected: ${engine.info.name}` });
      check(engine.info, model, language);
    } catch (error) {
      await engine.close();
      throw error;
    }
    describe(engine.info, onNotice);
    return new Transcriber(host, wanted, engine.info, engine);
  }

  /** How this model's recordings are cut where the user does not say. */
  get autoLimits(): AutoLimits {
    return this.choice.model.kind === "demo" ? demoLimits : officialLimits;
  }

  /** Returns the open engine, or opens one. */
  engine(): Promise<Engine> {
    return this.#current ??= this.host.openEngine(this.choice);
  }

  /** The model with the hash of its weights. */
  async known(): Promise<KnownModel> {
    return { info: this.info, hash: await (this.#hash ??= this.host.modelHash(this.choice.model)) };
  }

  /** Closes the model to free its memory; `engine` opens it again. */
  async close(): Promise<void> {
    const closing = this.#current;
    this.#current = undefined;
    await (await closing)?.close();
  }
}

function check(info: ModelInfo, place: ModelPlace, language: string): void {
  const label = place.kind === "folder" ? printable(place.path) : "demo model";
  if (info.kind !== "asr") {
    throw new ModelError(`${label}: ${info.name} aligns text with audio and does not transcribe`);
  }
  if (language !== "" && info.languages.length > 0 && !info.languages.includes(language)) {
    throw new UsageError(`--language ${language}: ${label} knows ${info.languages.join(", ")}`);
  }
}

function describe({ cache, threads, isa, isaNotice }: ModelInfo, onNotice: (notice: Notice) => void): void {
  const say = (text: string) => onNotice({ kind: "notice", text });
  if (cache?.wasBuilt && cache.path !== "") {
    say(`Packed weights: ${printable(cache.path)}, ${(cache.bytes / 1e6).toFixed(0)} MB, made once for this model`);
  }
  if (cache?.notice) say(`Packed weights are in memory only: ${printable(cache.notice)}`);
  if (isaNotice) say(isaNotice);
  say("Model loaded.");
  onNotice({ kind: "debug", text: `Thread pool: ${threads} threads` });
  onNotice({ kind: "debug", text: `Kernels: ${isa}` });
}
