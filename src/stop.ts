/** Why a run ends early, and how work that waits ends with it. Pure. */

import type { UserError } from "./errors.ts";

/** Why the run ends early. */
export type StopReason = { readonly exitCode: number; readonly error?: UserError };

/** The promise's value, or a rejection with the StopReason as soon as the run is stopped. */
export async function untilStopped<T>(promise: Promise<T>, stop: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const stopped = new Promise<never>((_, reject) => {
    onAbort = () => reject(new Stopped(stop.reason));
    if (stop.aborted) onAbort();
    else stop.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    stop.removeEventListener("abort", onAbort);
    promise.catch(() => {}); // Where the stop won, a later failure concerns nobody.
  }
}

/** Thrown to unwind when the run is stopped. */
export class Stopped extends Error {
  constructor(readonly reason: StopReason) {
    super("stopped");
  }
}
