/** Long work of the main thread in steps, between which whatever else it has to do gets its turn. */

/** Work that may rest wherever it yields. */
export type Steps<T> = Generator<void, T, void>;

/** Replies wait for no step much longer than this. */
const stepMs = 15;

/** Does the work. Rejects with the reason of `stop` where it is aborted between two steps. */
export async function inSteps<T>(work: Steps<T>, stop?: AbortSignal): Promise<T> {
  for (let began = performance.now();;) {
    const { done, value } = work.next();
    if (done) return value;
    if (performance.now() - began < stepMs) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    stop?.throwIfAborted();
    began = performance.now();
  }
}

/** Does short work at once. */
export function atOnce<T>(work: Steps<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
