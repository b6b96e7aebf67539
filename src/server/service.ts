/** What all requests share: the core, and the places in which requests wait and run. */

import { ApiError } from "./errors.ts";
import { type Core, shortSecMax } from "./hear.ts";
import { type Gauges, Metrics } from "./metrics.ts";
import { Places } from "./places.ts";
import { Share } from "./share.ts";
import { SharedNetworks } from "./speakers.ts";

/** Decodes that long recordings leave to others. */
const placesLeft = 2;
/** Recordings up to these lengths wait for one another alone: a quarter of an hour would wait hours behind films. */
const classesSec = [shortSecMax, 900, Infinity];
const longMax = 8;
/** What a recording costs beside its length, as so much of it; and a file. */
const hearingSec = 1;
const readingBytes = 2 ** 16;
/** Uploads of so much are read one at a time. */
const largeBytesMin = 8 * 2 ** 20;

export class Service {
  /** By the classes of length. */
  readonly #hearing: readonly Places[];
  /** Large files are read beside small ones, which need not wait for them. */
  readonly #reading = { small: new Places(2), large: new Places(1) };
  readonly share: Share;
  readonly metrics = new Metrics();
  readonly networks: SharedNetworks;
  #admitted = 0;
  readonly #streams = new Set<object>();
  #meanMs = 2000;
  readonly #idle: (() => void)[] = [];
  #unloading: Timer | undefined;

  constructor(readonly core: Core) {
    const { stepMax } = core.models.transcriber.info;
    const { lowMemory } = core.settings;
    const one = new Places(1);
    this.#hearing = classesSec.map((sec) => lowMemory ? one : new Places(sec === shortSecMax ? stepMax : longMax));
    this.networks = new SharedNetworks(core.host);
    this.#unloadLater();
    this.share = new Share(Math.max(1, stepMax - placesLeft));
  }

  /** Does `read` of a file of so many bytes in its turn. Throws Stopped if `stop` is aborted before. */
  reading<T>(bytes: number, stop: AbortSignal, read: () => Promise<T>): Promise<T> {
    const { small, large } = this.#reading;
    return (bytes < largeBytesMin ? small : large).run(bytes + readingBytes, stop, read);
  }

  /** Does `hear` of a recording of this length in its turn. Throws Stopped if `stop` is aborted before. */
  hearing<T>(durationSec: number, stop: AbortSignal, hear: () => Promise<T>): Promise<T> {
    return this.#placesFor(durationSec).run(durationSec + hearingSec, stop, hear);
  }

  /** Whether a recording of this length would wait. */
  isBusy(durationSec: number): boolean {
    return this.#placesFor(durationSec).isFull;
  }

  #placesFor(durationSec: number): Places {
    return this.#hearing[classesSec.findIndex((most) => durationSec <= most)]!;
  }

  /** Requests that are received, wait or run. */
  get admitted(): number {
    return this.#admitted;
  }

  gauges(): Gauges {
    const hearing = [...new Set(this.#hearing)];
    return {
      requests_admitted: this.#admitted,
      streams_open: this.#streams.size,
      recordings_waiting: hearing.reduce((sum, { waiting }) => sum + waiting, 0),
      recordings_running: hearing.reduce((sum, { taken }) => sum + taken, 0),
      resident_bytes: process.memoryUsage.rss(),
    };
  }

  /** Resolves when none is. */
  async idle(): Promise<void> {
    if (this.#admitted > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /**
   * Lets a request in. Returns what is to be called when it is over. Throws an ApiError where the queue is full,
   * but for those that are known from before. What is returned may be called again.
   */
  admit(isKnown = false): () => void {
    if (!isKnown && this.#admitted >= this.core.settings.queueMax) {
      const seconds = Math.min(120, Math.max(1, Math.ceil((this.#meanMs * this.#admitted) / 8000)));
      const details = { code: "queue_full", headers: { "retry-after": String(seconds) } };
      throw new ApiError(429, `too many requests wait; try again in ${seconds} s`, details);
    }
    this.#admitted++;
    clearTimeout(this.#unloading);
    const start = Date.now();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#admitted--;
      if (this.#admitted > 0) return;
      this.#idle.splice(0).forEach((resolve) => resolve());
      this.#unloadLater();
      this.#meanMs += (Date.now() - start - this.#meanMs) / 16;
    };
  }

  /** Lets a live stream in, likewise. */
  admitStream(): () => void {
    const leave = this.admit();
    const stream = {};
    this.#streams.add(stream);
    return () => {
      this.#streams.delete(stream);
      leave();
    };
  }

  /** The next request opens the models again. */
  #unloadLater(): void {
    const { unloadMs } = this.core.settings;
    if (unloadMs === undefined) return;
    this.#unloading = setTimeout(() => {
      const { transcriber, timer } = this.core.models;
      // Whoever opens them hears of a failure.
      Promise.all([transcriber.close(), timer?.close(), this.networks.close()]).catch(() => {});
    }, unloadMs);
    this.#unloading.unref();
  }
}
