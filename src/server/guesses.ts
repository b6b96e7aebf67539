/** Slows down those who guess keys. In: addresses and failures. Out: whether an address may try again. Pure. */

import { ApiError } from "./errors.ts";

const failuresMax = 10;
const forgetMs = 60_000;
const addressesMax = 10_000;

export class Guesses {
  readonly #failures = new Map<string, { count: number; readonly since: number }>();

  constructor(readonly now: () => number) {}

  /** Throws where the address has failed too often within a minute. */
  check(address: string): void {
    const failed = this.#failures.get(address);
    if (failed === undefined) return;
    const leftMs = failed.since + forgetMs - this.now();
    if (leftMs <= 0) return void this.#failures.delete(address);
    if (failed.count < failuresMax) return;
    const headers = { "retry-after": String(Math.ceil(leftMs / 1000)) };
    throw new ApiError(429, "too many wrong keys from this address", { code: "too_many_attempts", headers });
  }

  failed(address: string): void {
    const failed = this.#failures.get(address);
    if (failed) return void failed.count++;
    // The oldest is forgotten: a guesser with that many addresses is not held up here anyway.
    if (this.#failures.size >= addressesMax) this.#failures.delete(this.#failures.keys().next().value!);
    this.#failures.set(address, { count: 1, since: this.now() });
  }
}
