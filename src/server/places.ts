/**
 * Lets so many at a time do something. In: how much each has to do. Out: its turn. Pure.
 *
 * Those with little to do come first, but nobody is overtaken more than so many times.
 */

import { Stopped } from "../stop.ts";

const overtakenMax = 16;

type Waiting = { readonly work: number; overtaken: number; readonly start: () => void };

export class Places {
  readonly #waiting: Waiting[] = [];
  #taken = 0;

  constructor(readonly most: number) {}

  get taken(): number {
    return this.#taken;
  }

  get isFull(): boolean {
    return this.#taken >= this.most;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Does `task` in its turn. Throws Stopped if `stop` is aborted before. */
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
      const one: Waiting = { work, overtaken: 0, start };
      this.#waiting.push(one);
      stop.addEventListener("abort", onStop, { once: true });
    });
  }

  /** The place is handed over. */
  #leave(): void {
    const next = this.#next();
    if (next === undefined) return void this.#taken--;
    const index = this.#waiting.indexOf(next);
    for (const before of this.#waiting.slice(0, index)) before.overtaken++;
    this.#waiting.splice(index, 1);
    next.start();
  }

  #next(): Waiting | undefined {
    const [first] = this.#waiting;
    if (first === undefined || first.overtaken >= overtakenMax) return first;
    return this.#waiting.reduce((least, one) => one.work < least.work ? one : least);
  }
}
