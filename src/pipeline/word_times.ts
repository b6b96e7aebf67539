/**
 * The aligner of a run. It is located and checked early, and is in memory all the time or, to save memory, only while
 * it works.
 *
 * In: segments of a transcript, or a text, with their samples. Out: segments with timed words.
 */

import type { TimedSegment, TimedWord } from "../document/document.ts";
import type { Engine } from "../engine/engine.ts";
import { ModelError } from "../errors.ts";
import { pieceSecWithin, shortageLine } from "./memory_limit.ts";
import { type Aligner, type AlignJob, type Alignment, alignSegment, alignTexts, pieceSecMax } from "./align.ts";
import type { Recording } from "../segment/recording.ts";
import type { HeardSegment, Notice } from "./events.ts";
import type { KnownModel } from "./head.ts";
import type { ModelHost, ModelsRequest } from "./host.ts";
import type { ModelPlace } from "../model/locate.ts";
import { untilStopped } from "../stop.ts";
import { printable } from "../writer.ts";

export type WordTimerRequest = Pick<ModelsRequest, "threads" | "weights" | "cache" | "aligner" | "lowMemory">;

/** The demo aligner was not trained on longer recordings, and often loses its place in fluent speech. */
const demoLimits = { pieceSec: 12, pausesMin: 1 };
/** A share of words without a place of their own that is worth a line. */
const strayShare = 0.2;

export class WordTimer {
  encodeMs = 0;
  alignMs = 0;
  words = 0;
  readonly #host: ModelHost;
  readonly #request: WordTimerRequest;
  readonly #place: ModelPlace;
  readonly #stop: AbortSignal;
  readonly #onNotice: (notice: Notice) => void;
  #engine: Promise<Engine> | undefined;
  #known: KnownModel | undefined;
  #languages = new Set<string>();

  private constructor(
    host: ModelHost,
    request: WordTimerRequest,
    place: ModelPlace,
    stop: AbortSignal,
    onNotice: (notice: Notice) => void,
  ) {
    this.#host = host;
    this.#request = request;
    this.#place = place;
    this.#stop = stop;
    this.#onNotice = onNotice;
  }

  /** Throws a ModelError if there is no aligner. With `lowMemory` it is opened once to check that it can be. */
  static async open(
    host: ModelHost,
    request: WordTimerRequest,
    isDemo: boolean,
    stop: AbortSignal,
    onNotice: (notice: Notice) => void,
  ): Promise<WordTimer> {
    const place = await untilStopped(host.locateAligner(request.aligner, isDemo), stop);
    const timer = new WordTimer(host, request, place, stop, onNotice);
    const isOwn = place.kind !== "folder";
    timer.#say(isOwn ? "Loading the built-in demo aligner" : `Loading aligner from ${printable(place.path)}`);
    const doubt = await shortageLine(host, { model: place, weights: request.weights });
    if (doubt !== undefined) timer.#say(doubt);
    const { info } = await timer.#opened();
    timer.#known = { info, hash: await host.modelHash(place) };
    if (request.lowMemory) await timer.close();
    return timer;
  }

  /** The aligner that was opened. */
  get model(): KnownModel {
    return this.#known!;
  }

  /** Returns a segment of a recording with its words; undefined if the run was stopped. */
  async segment(heard: HeardSegment, recording: Recording, startMs: number): Promise<TimedSegment | undefined> {
    this.#checkLanguage(heard.language);
    const { segment, alignment } = await alignSegment(heard, recording, startMs, await this.#aligner());
    this.#count(alignment);
    return alignment.stopped ? undefined : segment;
  }

  /** A text that is known. */
  async texts(job: AlignJob): Promise<Alignment> {
    this.#checkLanguage(job.language);
    const alignment = await alignTexts(job, await this.#aligner());
    this.#count(alignment);
    return alignment;
  }

  /** The next text opens it again. */
  async close(): Promise<void> {
    const closing = this.#engine;
    this.#engine = undefined;
    await (await closing)?.close();
  }

  async #aligner(): Promise<Aligner> {
    const engine = await this.#opened();
    const allowed = this.#host.allowedMemory?.() ?? Infinity;
    const pieceSec = Math.min(pieceSecMax, pieceSecWithin(allowed, engine.info.positionBytes));
    const limits = this.#place.kind === "folder" ? { pieceSec, pausesMin: 2 } : demoLimits;
    return { engine, splitters: this.#host.splitters, ...limits, stop: this.#stop };
  }

  #opened(): Promise<Engine> {
    return this.#engine ??= this.#open();
  }

  async #open(): Promise<Engine> {
    const { threads, weights, cache } = this.#request;
    const engine = await this.#host.openEngine({ model: this.#place, threads, weights, cache });
    if (engine.info.kind === "aligner") return engine;
    await engine.close();
    const label = this.#place.kind === "folder" ? printable(this.#place.path) : "demo aligner";
    const hint = "the aligner is a model of its own: qwen-asr download aligner";
    throw new ModelError(`${label}: ${engine.info.name} transcribes and does not align`, hint);
  }

  #count({ words, encodeMs, alignMs }: Alignment): void {
    this.encodeMs += encodeMs;
    this.alignMs += alignMs;
    this.words += words.reduce((sum, own) => sum + own.length, 0);
  }

  #say(text: string): void {
    this.#onNotice({ kind: "notice", text });
  }

  #checkLanguage(language: string): void {
    if (language === "" || alignedLanguages.includes(language) || this.#languages.has(language)) return;
    this.#languages.add(language);
    this.#say(
      `The aligner was not made for ${language}: its times are a guess (it knows ${alignedLanguages.join(", ")})`,
    );
  }
}

/** As published; a checkpoint's own list names those of the transcriber. */
const alignedLanguages: readonly string[] = [
  "Chinese",
  "English",
  "Cantonese",
  "French",
  "German",
  "Italian",
  "Japanese",
  "Korean",
  "Portuguese",
  "Russian",
  "Spanish",
];

/** Words of a transcript; those among them that found no place of their own; those of these that are estimated. */
export type WordCounts = { all: number; stray: number; estimated: number };

export function noWords(): WordCounts {
  return { all: 0, stray: 0, estimated: 0 };
}

export function countWords(counts: WordCounts, words: readonly TimedWord[] = []): WordCounts {
  counts.all += words.length;
  counts.stray += words.filter(({ flag }) => flag !== undefined).length;
  counts.estimated += words.filter(({ flag }) => flag === "unaligned").length;
  return counts;
}

/** How many words found no place of their own, where that is worth a line: some are estimated, or they are many. */
export function strayWords({ all, stray, estimated }: WordCounts): string | undefined {
  return estimated === 0 && (stray === 0 || stray < all * strayShare) ? undefined : `${stray} of ${all} words`;
}
