/**
 * Recordings one after the other, the next ones decoded while one still runs: short files go in step, too.
 *
 *     sources -> [read, transcribe, events held back] x a few -> each in its turn, its events at once from then on
 *
 * A recording is begun early only when the one before it has all its segments at the engine and there is room for one
 * more. Texts do not depend on what runs beside them, so what is said is what one by one would say. No I/O of its own.
 */

import type { DecodeRequest, DecodeResult, DecodeToken, Engine } from "../engine/engine.ts";
import type { TranscribeEvent } from "./events.ts";
import { cacheBytes, decodesMax, type Transcript } from "./transcribe.ts";

/** Recordings begun beside the one whose turn it is: what they were read into stays until theirs. */
const recordingsMax = 8;

export type AheadParts<Source, Audio> = {
  /** Decodes at a time; 1: no recording is begun before its turn. */
  readonly decodesMax?: number | undefined;
  readonly read: (source: Source) => Promise<Audio>;
  /** Gives back what a recording that will have no turn was read into. */
  readonly close: (audio: Audio) => Promise<void>;
  readonly engine: () => Promise<Engine>;
  /** What may be used, measured while nothing runs. */
  readonly memory: () => number | undefined;
  readonly transcribe: (
    audio: Audio,
    engine: Engine,
    memoryBytes: number | undefined,
    stop: AbortSignal,
    onEvent: (event: TranscribeEvent) => void,
  ) => Promise<Transcript>;
};

/** A recording that was begun. Nothing of it is shown before `transcript` is asked for. */
export class Begun<Source, Audio> {
  readonly audio: Promise<Audio>;
  /** All its segments are at the engine, or it has ended. */
  isAsked = false;
  readonly #result: Promise<Transcript>;
  #held: TranscribeEvent[] = [];
  #show: ((event: TranscribeEvent) => void) | undefined;

  constructor(
    readonly source: Source,
    audio: Promise<Audio>,
    work: (audio: Audio, onEvent: (event: TranscribeEvent) => void) => Promise<Transcript>,
    readonly onAsked: () => void,
  ) {
    this.audio = audio;
    this.#result = audio.then((audio) => work(audio, (event) => this.#hear(event))).finally(() => this.#asked());
    this.#result.catch(() => {}); // Whoever waits for it hears of it; it may never have its turn.
  }

  /** Shows what is known, and from then on all that comes. */
  transcript(onEvent: (event: TranscribeEvent) => void): Promise<Transcript> {
    this.#show = onEvent;
    this.#held.splice(0).forEach(onEvent);
    return this.#result;
  }

  /** Resolves when nothing of it runs any more. */
  async over(): Promise<void> {
    await Promise.allSettled([this.#result]);
  }

  #hear(event: TranscribeEvent): void {
    if (event.kind === "asked") this.#asked();
    else if (this.#show) this.#show(event);
    else this.#held.push(event);
  }

  #asked(): void {
    if (this.isAsked) return;
    this.isAsked = true;
    this.onAsked();
  }
}

/** The recordings of a run, each begun when its turn comes or before. */
export class Ahead<Source, Audio> {
  readonly #parts: AheadParts<Source, Audio>;
  readonly #sources: Iterator<Source>;
  readonly #gate: Gate;
  readonly #stop: AbortSignal;
  readonly #ended = new AbortController();
  #begun: Begun<Source, Audio>[] = [];
  #current: Begun<Source, Audio> | undefined;
  #memoryBytes: number | undefined;
  #engine: Engine | undefined;

  /** `stop` ends all of them, as it ends one. */
  constructor(parts: AheadParts<Source, Audio>, sources: Iterator<Source>, stop: AbortSignal) {
    this.#parts = parts;
    this.#sources = sources;
    this.#stop = AbortSignal.any([stop, this.#ended.signal]);
    this.#gate = new Gate(parts.decodesMax ?? decodesMax, this.#stop, () => this.#fill());
  }

  /** The recording whose turn it is now, the one before being done with; undefined after the last. */
  next(): Begun<Source, Audio> | undefined {
    this.#current = this.#begun.shift() ?? this.#begin();
    this.#fill();
    return this.#current;
  }

  /** Ends what was begun, and gives back what will have no turn. */
  async end(): Promise<void> {
    this.#ended.abort();
    this.#engine?.cancel();
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
    return (this.#begun.at(-1) ?? this.#current)?.isAsked === true && this.#gate.hasRoom;
  }

  #begin(): Begun<Source, Audio> | undefined {
    const { value: source, done } = this.#sources.next();
    if (done) return undefined;
    const work = async (audio: Audio, onEvent: (event: TranscribeEvent) => void) => {
      const engine = this.#engine = await this.#parts.engine();
      if (this.#gate.isIdle) this.#memoryBytes = this.#parts.memory();
      this.#gate.bytesMax = (this.#memoryBytes ?? Infinity) / 2;
      const shared = this.#gate.share(engine);
      return await this.#parts.transcribe(audio, shared, this.#memoryBytes, this.#stop, onEvent);
    };
    return new Begun(source, this.#parts.read(source), work, () => this.#fill());
  }
}

type Waiter = { readonly owner: object; readonly bytes: number; readonly resolve: (isIn: boolean) => void };

/** Lets in as many decodes at a time as is good for speed, of whichever recording, in the order they were asked for. */
class Gate {
  bytesMax = Infinity;
  readonly #waiting: Waiter[] = [];
  readonly #inside: Waiter[] = [];

  constructor(readonly most: number, readonly stop: AbortSignal, readonly onLeave: () => void) {
    stop.addEventListener("abort", () => this.#drop(() => true));
  }

  get isIdle(): boolean {
    return this.#inside.length === 0;
  }

  /** One more could go in at once. */
  get hasRoom(): boolean {
    return this.#waiting.length === 0 && this.#fits(0);
  }

  /** The engine for one recording. To cancel there concerns that recording: others' running decodes go on. */
  share(engine: Engine): Engine {
    const owner = {};
    const cancel = () => {
      this.#drop((waiter) => waiter.owner === owner);
      if (this.#inside.every((waiter) => waiter.owner === owner)) engine.cancel();
    };
    const decode = (request: DecodeRequest, onToken: (token: DecodeToken) => void) =>
      this.#decode(owner, engine, request, onToken);
    return {
      ...{ info: engine.info, description: engine.description, decode, cancel },
      listen: (options) => engine.listen(options),
      align: (request) => engine.align(request),
      close: () => engine.close(),
    };
  }

  async #decode(
    owner: object,
    engine: Engine,
    request: DecodeRequest,
    onToken: (token: DecodeToken) => void,
  ): Promise<DecodeResult> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiter = { owner, bytes: cacheBytes(request.samples.length, request.context, engine.info), resolve };
    this.#waiting.push(waiter);
    this.#letIn();
    if (!await promise) return nothingHeard;
    try {
      return await engine.decode(request, onToken);
    } finally {
      this.#inside.splice(this.#inside.indexOf(waiter), 1);
      this.#letIn();
      this.onLeave();
    }
  }

  #letIn(): void {
    if (this.stop.aborted) this.#drop(() => true);
    while (this.#waiting.length > 0 && this.#fits(this.#waiting[0]!.bytes)) {
      const waiter = this.#waiting.shift()!;
      this.#inside.push(waiter);
      waiter.resolve(true);
    }
  }

  #fits(bytes: number): boolean {
    const used = this.#inside.reduce((sum, waiter) => sum + waiter.bytes, 0);
    return this.#inside.length === 0 || (this.#inside.length < this.most && used + bytes <= this.bytesMax);
  }

  #drop(which: (waiter: Waiter) => boolean): void {
    for (const waiter of this.#waiting.filter(which)) {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      waiter.resolve(false);
    }
  }
}

const nothingHeard: DecodeResult = {
  stop: "cancelled",
  ...{ promptTokens: 0, audioTokens: 0, generatedTokens: 0, encodeMs: 0, prefillMs: 0, decodeMs: 0 },
};
