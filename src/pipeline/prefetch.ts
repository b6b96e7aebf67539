/**
 * Runs recordings in order and decodes the next ones while one still runs, so that short files share the engine's
 * passes.
 *
 *     sources -> [read, transcribe, events held back] x a few -> each in its turn, its events at once from then on
 *
 * A recording is begun early only if the one before it has submitted all its segments and the engine takes more. Texts
 * do not depend on what runs beside them, so they are the same as one by one. No I/O of its own.
 */

import type { DecodeRequest, DecodeResult, DecodeToken, Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { TranscribeEvent } from "./events.ts";
import { decodesMaxOf, type Transcript } from "./transcribe.ts";

/** The most recordings begun beside the current one: each keeps its samples until its turn. */
const recordingsMax = 8;

export type PrefetchParts<Source, Audio> = {
  /** Decodes at a time. 1: no recording is begun before its turn; undefined: as many as are good for speed. */
  readonly decodesMax?: number | undefined;
  readonly read: (source: Source) => Promise<Audio>;
  /** Releases the samples of a recording that will have no turn. */
  readonly close: (audio: Audio) => Promise<void>;
  readonly engine: () => Promise<Engine>;
  /** Bytes that may be used, measured while nothing runs. */
  readonly memory: () => number | undefined;
  readonly transcribe: (
    source: Source,
    audio: Audio,
    engine: Engine,
    memoryBytes: number | undefined,
    stop: AbortSignal,
    onEvent: (event: TranscribeEvent) => void,
  ) => Promise<Transcript>;
};

/** A recording that was begun. Its events are held back until `transcript` is called. */
export class Prefetched<Source, Audio> {
  readonly audio: Promise<Audio>;
  /** Whether all its segments are at the engine, or it has ended. */
  isSubmitted = false;
  readonly #result: Promise<Transcript>;
  #held: TranscribeEvent[] = [];
  #show: ((event: TranscribeEvent) => void) | undefined;

  constructor(
    readonly source: Source,
    audio: Promise<Audio>,
    work: (audio: Audio, onEvent: (event: TranscribeEvent) => void) => Promise<Transcript>,
    readonly onSubmitted: () => void,
    readonly cancel: () => void,
  ) {
    this.audio = audio;
    this.#result = audio.then((audio) => work(audio, (event) => this.#take(event))).finally(() => this.#submitted());
    this.#result.catch(() => {}); // The failure is handled where `transcript` is awaited; it may never have its turn.
  }

  /** Passes on the events so far, and from then on all others as they come. */
  transcript(onEvent: (event: TranscribeEvent) => void): Promise<Transcript> {
    this.#show = onEvent;
    this.#held.splice(0).forEach(onEvent);
    return this.#result;
  }

  /** Ends it in the middle: nobody wants its text. */
  async abandon(): Promise<void> {
    this.cancel();
    await this.over();
  }

  /** Resolves when nothing of it runs any more. */
  async over(): Promise<void> {
    await Promise.allSettled([this.#result]);
  }

  #take(event: TranscribeEvent): void {
    if (event.kind === "submitted") this.#submitted();
    else if (this.#show) this.#show(event);
    else this.#held.push(event);
  }

  #submitted(): void {
    if (this.isSubmitted) return;
    this.isSubmitted = true;
    this.onSubmitted();
  }
}

/** The recordings of a run, each begun when its turn comes or before. */
export class Prefetch<Source, Audio> {
  readonly #parts: PrefetchParts<Source, Audio>;
  readonly #sources: Iterator<Source>;
  readonly #stop: AbortSignal;
  readonly #ended = new AbortController();
  #begun: Prefetched<Source, Audio>[] = [];
  #current: Prefetched<Source, Audio> | undefined;
  /** Of the engine, which is opened with the first recording. */
  #places: Places | undefined;
  #memoryBytes: number | undefined;

  /** `stop` ends all of them, as it ends one. */
  constructor(parts: PrefetchParts<Source, Audio>, sources: Iterator<Source>, stop: AbortSignal) {
    this.#parts = parts;
    this.#sources = sources;
    this.#stop = AbortSignal.any([stop, this.#ended.signal]);
  }

  /** The recording whose turn it is now, the one before being done with; undefined after the last. */
  next(): Prefetched<Source, Audio> | undefined {
    this.#current = this.#begun.shift() ?? this.#begin();
    this.#fill();
    return this.#current;
  }

  /** Ends the recordings that were begun, and releases those that will have no turn. */
  async end(): Promise<void> {
    this.#ended.abort();
    const left = [this.#current, ...this.#begun].filter((one) => one !== undefined);
    await Promise.all(left.map((one) => one.over()));
    await Promise.all(this.#begun.splice(0).map(({ audio }) => audio.then((one) => this.#parts.close(one), () => {})));
  }

  #fill(): void {
    while (this.#hasRoom()) {
      const next = this.#begin();
      if (!next) return;
      this.#begun.push(next);
    }
  }

  #hasRoom(): boolean {
    if (this.#stop.aborted || this.#parts.decodesMax === 1 || this.#begun.length >= recordingsMax) return false;
    return (this.#begun.at(-1) ?? this.#current)?.isSubmitted === true && this.#places?.hasRoom !== false;
  }

  #begin(): Prefetched<Source, Audio> | undefined {
    const { value: source, done } = this.#sources.next();
    if (done) return undefined;
    const own = new AbortController();
    const stop = AbortSignal.any([this.#stop, own.signal]);
    const work = async (audio: Audio, onEvent: (event: TranscribeEvent) => void) => {
      const engine = await this.#parts.engine();
      this.#places ??= new Places(this.#parts.decodesMax ?? decodesMaxOf(engine.info), () => this.#fill());
      if (this.#places.isIdle) this.#memoryBytes = this.#parts.memory();
      const limited = withPlaces(engine, this.#places);
      return await this.#parts.transcribe(source, audio, limited, this.#memoryBytes, stop, onEvent);
    };
    return new Prefetched(source, this.#parts.read(source), work, () => this.#fill(), () => own.abort());
  }
}

/** Admits a number of decodes at a time, of any recording; others wait in order of arrival. */
class Places {
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(readonly most: number, readonly onLeave: () => void) {
    assert(most >= 1, `${most} decodes at a time`);
  }

  get isIdle(): boolean {
    return this.#taken === 0;
  }

  /** Whether one more would be admitted at once. */
  get hasRoom(): boolean {
    return this.#taken < this.most;
  }

  async enter(): Promise<void> {
    if (this.hasRoom) return void this.#taken++;
    await new Promise<void>((resolve) => this.#waiting.push(resolve)); // The place is handed over.
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) return next();
    this.#taken--;
    this.onLeave();
  }
}

/** The engine with decodes that wait for a place. A cancelled one frees its place soon, so waiting needs no signal. */
function withPlaces(engine: Engine, places: Places): Engine {
  const decode = async (
    request: DecodeRequest,
    onToken: (token: DecodeToken) => void,
    signal?: AbortSignal,
  ): Promise<DecodeResult> => {
    await places.enter();
    try {
      return await engine.decode(request, onToken, signal);
    } finally {
      places.leave();
    }
  };
  return {
    ...{ info: engine.info, description: engine.description, decode },
    listen: (options) => engine.listen(options),
    align: (request, signal) => engine.align(request, signal),
    close: () => engine.close(),
  };
}
