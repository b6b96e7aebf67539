/**
 * Lets so many at a time do something. In: how much each has to do. Out: its turn.
 *
 * Whoever has waited longest for its work is next (highest response ratio): those with little to do come first, nobody
 * waits for ever, and under any load all wait for about as many times their own work.
 */

import { Stopped } from "../stop.ts";

type Waiting = { readonly work: number; readonly since: number; readonly start: () => void };

export class Places {
  readonly #waiting: Waiting[] = [];
  #taken = 0;

  /** `now` is the clock; its unit does not matter. */
  constructor(readonly most: number, readonly now: () => number = () => performance.now()) {}

  get taken(): number {
    return this.#taken;
  }

  get isFull(): boolean {
    return this.#taken >= this.most;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Does `task` in its turn; `work` is above 0, in any unit. Throws Stopped if `stop` is aborted before. */
  async run<T>(work: number, stop: AbortSignal, task: () => Promise<T>): Promise<T> {
    await this.#enter(work, stop);
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  #enter(work: number, stop: AbortSignal): Promise<void> {
    if (stop.aborted) return Promise.reject(new Stopped());
    if (this.#taken < this.most) {
      this.#taken++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const onStop = () => {
        this.#waiting.splice(this.#waiting.indexOf(one), 1);
        reject(new Stopped());
      };
      const start = () => {
        stop.removeEventListener("abort", onStop);
        resolve();
      };
      const one: Waiting = { work, since: this.now(), start };
      this.#waiting.push(one);
      stop.addEventListener("abort", onStop, { once: true });
    });
  }

  /** The place is handed over. */
  #leave(): void {
    if (this.#waiting.length === 0) return void this.#taken--;
    const now = this.now();
    const urgency = ({ since, work }: Waiting) => (now - since) / work;
    const next = this.#waiting.reduce((most, one) => urgency(one) > urgency(most) ? one : most);
    this.#waiting.splice(this.#waiting.indexOf(next), 1);
    next.start();
  }
}
