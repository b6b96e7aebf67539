/**
 * Memory of requests: how much each may come to hold, and one budget that decides how many run at a time. Pure.
 *
 *     bytes = session + positions x KV cache + rows of the prompt while it goes in
 */

import { assert } from "../errors.ts";
import { audioRowsMaxFor, tokensEstimate } from "../text/budget.ts";
import { sampleRate } from "../units.ts";
import type { AlignRequest, DecodeRequest, ModelInfo } from "./engine.ts";

/** Requests get this share of the available memory; the rest is for the encoder, audio and other programs. */
const memoryShare = 0.5;

/** Tokens around the audio: 15 of the chat template; the rest for a forced language and the tag after past text. */
export const templateTokens = 24;

export type MemoryCosts = Pick<ModelInfo, "positionBytes" | "sessionBytes" | "rowBytes" | "blockRows">;

/** Positions per page, by which a cache grows. */
const pagePositions = 64;

/** The most bytes that a request of so many positions comes to hold. */
export function bytesOfPositions(positions: number, costs: MemoryCosts): number {
  const paged = Math.ceil(positions / pagePositions) * pagePositions;
  const rows = Math.min(2 ** Math.ceil(Math.log2(Math.max(1, positions))), costs.blockRows);
  return costs.sessionBytes + paged * costs.positionBytes + rows * costs.rowBytes;
}

/** Positions of a decode: audio, prompt and all tokens it may generate. */
export function decodePositions(
  { samples, context, pastText, tokensMax }: Pick<DecodeRequest, "context" | "pastText" | "tokensMax"> & {
    readonly samples: { readonly length: number };
  },
): number {
  const text = tokensEstimate(context) + tokensEstimate(pastText);
  return audioRowsMaxFor(samples.length / sampleRate) + templateTokens + text + tokensMax;
}

/** Positions of an alignment: audio, words and two markers per word. */
export function alignPositions({ samples, words }: AlignRequest): number {
  const text = words.reduce((sum, word) => sum + tokensEstimate(word) + 2, 0);
  return audioRowsMaxFor(samples.length / sampleRate) + 2 + text;
}

/** Bytes that requests may hold together if so much memory is available. */
export function budgetOf(memoryBytes: number): number {
  return memoryBytes * memoryShare;
}

/** Who holds how much of `bytesMax`. */
export class Budget {
  bytesMax = Infinity;
  readonly #held = new Map<object, number>();
  #used = 0;

  get used(): number {
    return this.#used;
  }

  fits(bytes: number): boolean {
    return this.#used + bytes <= this.bytesMax;
  }

  /** Records that `owner` holds so much from now on, whether or not it fits; 0 gives everything back. */
  set(owner: object, bytes: number): void {
    assert(bytes >= 0 && Number.isFinite(bytes), `budget: ${bytes} bytes`);
    this.#used += bytes - (this.#held.get(owner) ?? 0);
    if (bytes === 0) this.#held.delete(owner);
    else this.#held.set(owner, bytes);
    if (this.#held.size === 0) this.#used = 0; // Rounding errors do not add up.
  }
}
