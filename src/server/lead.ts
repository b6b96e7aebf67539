/**
 * How far a live stream is ahead of the clock. In: samples as they come. Out: whether they come faster than anybody
 * speaks, as those of a file do. Pure.
 */

import { sampleRate } from "../units.ts";

/** What networks and clients hold back comes at once: it is still live. */
const slackSec = 5;
/** A client that was cut off has so much to say when it is back. */
const creditSec = 60;

export class Lead {
  #sec = 0;
  #at: number;

  /** `now`: the clock, in ms. */
  constructor(readonly now: () => number) {
    this.#at = now();
  }

  add(samples: number): void {
    this.#pass();
    this.#sec += samples / sampleRate;
  }

  get isAhead(): boolean {
    this.#pass();
    return this.#sec > slackSec;
  }

  #pass(): void {
    const at = this.now();
    this.#sec = Math.max(-creditSec, this.#sec - (at - this.#at) / 1000);
    this.#at = at;
  }
}
