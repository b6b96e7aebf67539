/** Why work ends early: two signals that a shell gives to the core, and how work that waits ends with them. Pure. */

/** Signals of one run. Where `drop` is aborted, `drain` is aborted as well. */
export type Stop = {
  /** Take no more input; finish and keep what is known. */
  readonly drain: AbortSignal;
  /** Nobody reads the result any more: end at once. */
  readonly drop: AbortSignal;
};

/** The side that stops a run. Only the first call of each kind has an effect. */
export class Stopper {
  readonly #drain = new AbortController();
  readonly #drop = new AbortController();
  readonly stop: Stop = { drain: this.#drain.signal, drop: this.#drop.signal };

  drain(): void {
    this.#drain.abort();
  }

  drop(): void {
    this.#drop.abort(); // First, so that a listener to `drain` already sees that nobody reads on.
    this.#drain.abort();
  }
}

/** The promise's value, or a rejection with Stopped as soon as the signal is aborted. */
export async function untilStopped<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const stopped = new Promise<never>((_, reject) => {
    onAbort = () => reject(new Stopped());
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    promise.catch(() => {}); // Where the stop won, a later failure concerns nobody.
  }
}

/** Thrown to unwind a run that was stopped. The side that stopped it knows why. */
export class Stopped extends Error {
  constructor() {
    super("stopped");
  }
}
