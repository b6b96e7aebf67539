/**
 * Detects, while it decodes, a decoder that repeats itself without end. In: token ids. Pure.
 *
 * A cycle is the same 1 to 32 tokens over and over. Speech also repeats itself ("ha ha ha ha", "0 0 0 0", a chorus), so
 * a cycle counts as a loop only if nobody would say it: it has at least 24 tokens, and 20 repeats of a short cycle or 6
 * of a long one. Tokens from the fourth repeat on are held back until that is decided. A loop therefore leaves three or
 * four repeats in the text, and legitimate repetition arrives whole, a little later.
 */

const periodMax = 32;
const loopTokensMin = 24;
const suspectRepeats = 4;
const suspectTokensMin = 8;

/** Repeats of a cycle of `period` tokens that make a loop: 20 up to 4 tokens, about 96 tokens above, at least 6. */
export function loopRepeats(period: number): number {
  return Math.max(6, Math.min(20, Math.ceil(96 / period)));
}

export type LoopVerdict = "free" | "suspect" | "loop";

/** Finds a loop in the ids that are given to `push` in order. O(32) per token, no allocation. */
export class LoopDetector {
  readonly #recent = new Int32Array(periodMax).fill(-1);
  /** matches[p]: how many of the latest ids in a row equal the id p places before them. */
  readonly #matches = new Int32Array(periodMax + 1);
  #count = 0;

  push(id: number): LoopVerdict {
    let verdict: LoopVerdict = "free";
    for (let period = 1; period <= periodMax; period++) {
      const earlier = period <= this.#count ? this.#recent[(this.#count - period) % periodMax] : -1;
      const matches = earlier === id ? this.#matches[period]! + 1 : 0;
      this.#matches[period] = matches;
      const length = matches === 0 ? 0 : matches + period;
      if (length >= Math.max(loopTokensMin, period * loopRepeats(period))) verdict = "loop";
      if (verdict === "free" && length >= Math.max(suspectTokensMin, period * suspectRepeats)) verdict = "suspect";
    }
    this.#recent[this.#count % periodMax] = id;
    this.#count++;
    return verdict;
  }
}

/** Lets tokens through, holds back those that may turn out to be a loop, and drops them if they do. */
export class LoopGuard<Token extends { readonly id: number }> {
  looped = false;
  /** Tokens seen, including those held back and dropped. */
  count = 0;
  readonly #detector = new LoopDetector();
  #held: Token[] = [];

  /** Takes a token and returns those that may be used now. After a loop it returns none. */
  push(token: Token): readonly Token[] {
    if (this.looped) return [];
    this.count++;
    const verdict = this.#detector.push(token.id);
    this.looped = verdict === "loop";
    if (this.looped) return [];
    this.#held.push(token);
    return verdict === "suspect" ? [] : this.end();
  }

  /** There are no more tokens: returns those held back, unless a loop was found. */
  end(): readonly Token[] {
    if (this.looped) return [];
    const tokens = this.#held;
    this.#held = [];
    return tokens;
  }
}
