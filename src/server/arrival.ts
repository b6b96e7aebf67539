/**
 * A model that comes while another serves. In: what fetches it. Out: how far it is, and a promise of its end. A failure
 * is told and tried again for as long as the server runs.
 */

import { untilStopped } from "../stop.ts";
import type { Arriving } from "./host.ts";

/** `onBytes` is told how many of how many bytes are there. Rejects when `stop` is aborted. */
export type Fetch = (onBytes: (done: number, total: number) => void, stop: AbortSignal) => Promise<unknown>;

const retryMs = 60_000;

export class Arrival {
  #state: Arriving;

  constructor(
    model: string,
    readonly fetch: Fetch,
    readonly say: (line: string) => void,
    readonly retryAfterMs: number = retryMs,
  ) {
    this.#state = { model, doneBytes: 0, totalBytes: 0, fault: "" };
  }

  get state(): Arriving {
    return this.#state;
  }

  /** Resolves when it is there. Rejects when `stop` is aborted. */
  async come(stop: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.fetch((doneBytes, totalBytes) => {
          this.#state = { ...this.#state, doneBytes, totalBytes, fault: "" };
        }, stop);
        return;
      } catch (error) {
        stop.throwIfAborted();
        this.failed((error as Error).message);
        this.say(`trying again in ${Math.round(this.retryAfterMs / 1000)} s`);
        await untilStopped(new Promise((resolve) => setTimeout(resolve, this.retryAfterMs)), stop);
      }
    }
  }

  /** It is of no use. */
  failed(fault: string): void {
    this.#state = { ...this.#state, fault };
    this.say(fault);
  }
}
