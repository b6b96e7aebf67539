/**
 * Detects, while it decodes, a decoder that repeats itself. In: token ids. Pure.
 *
 * A cycle is the same 1 to 64 tokens over and over. Speech also repeats itself ("ha ha ha ha", "0 0 0 0", a chorus), so
 * a cycle counts as a loop, which ends the decode, only if nobody would say it: it has at least 24 tokens, and 20
 * repeats of a short cycle or 6 of a long one. Tokens from the fourth repeat on are held back until that is decided. A
 * loop therefore leaves three or four repeats in the text, and legitimate repetition arrives whole, a little later.
 *
 * Fewer repeats may be a decoder's or a speaker's. They are doubtful, and who can hear the audio again can tell.
 */

const periodMax = 64;
const loopTokensMin = 24;
const suspectRepeats = 4;
const suspectTokensMin = 8;

/** Repeats of a cycle of `period` tokens that make a loop: 20 up to 4 tokens, about 96 tokens above, at least 6. */
export function loopRepeats(period: number): number {
  return Math.max(6, Math.min(20, Math.ceil(96 / period)));
}

const doubtTokensMin = 16;

/** Repeats of a cycle that are worth a second hearing. */
function doubtRepeats(period: number): number {
  return period < 10 ? 6 : 4;
}

export type LoopVerdict = "free" | "suspect" | "loop";

/** Finds a loop in the ids that are given to `push` in order. O(64) per token, no allocation. */
export class LoopDetector {
  /** How many of the latest ids repeat earlier ones, one after the other. */
  repeating = 0;
  /** The latest ids repeat earlier ones more often than people mostly do. */
  isDoubtful = false;
  readonly #recent = new Int32Array(periodMax).fill(-1);
  /** matches[p]: how many of the latest ids in a row equal the id p places before them. */
  readonly #matches = new Int32Array(periodMax + 1);
  #count = 0;

  push(id: number): LoopVerdict {
    let verdict: LoopVerdict = "free";
    this.repeating = 0;
    this.isDoubtful = false;
    for (let period = 1; period <= periodMax; period++) {
      const earlier = period <= this.#count ? this.#recent[(this.#count - period) % periodMax] : -1;
      const matches = earlier === id ? this.#matches[period]! + 1 : 0;
      this.#matches[period] = matches;
      this.repeating = Math.max(this.repeating, matches);
      const length = matches === 0 ? 0 : matches + period;
      this.isDoubtful ||= length >= Math.max(doubtTokensMin, period * doubtRepeats(period));
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

  /** See LoopDetector. */
  get repeating(): number {
    return this.#detector.repeating;
  }

  get isDoubtful(): boolean {
    return this.#detector.isDoubtful;
  }

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

/**
 * Lets tokens through that repeat nothing, and holds back those that do until they go on with something new: then they
 * are let through as well, unless their repetition was doubtful. What `push` has returned stands, whatever follows.
 */
export class RepeatGuard<Token> {
  /** There is a loop, or a doubtful repetition: no token is let through any more. */
  isDoubtful = false;
  readonly #guard = new LoopGuard<{ readonly id: number; readonly token: Token }>();
  readonly #ids = new Map<string | number, number>();
  #waiting: Token[] = [];
  #passed = 0;

  /** Tokens of the same key are the same to a listener. */
  constructor(readonly keyOf: (token: Token) => string | number) {}

  get looped(): boolean {
    return this.#guard.looped;
  }

  /** Tokens seen, including those dropped. */
  get count(): number {
    return this.#guard.count;
  }

  /** Takes a token and returns those that may be used now. */
  push(token: Token): readonly Token[] {
    const key = this.keyOf(token);
    const id = this.#ids.get(key) ?? this.#ids.size;
    this.#ids.set(key, id);
    this.#waiting.push(...this.#guard.push({ id, token }).map(({ token }) => token));
    this.isDoubtful ||= this.#guard.looped || this.#guard.isDoubtful;
    if (this.isDoubtful) return [];
    const free = this.#guard.count - this.#guard.repeating - this.#passed;
    const tokens = this.#waiting.splice(0, Math.max(0, free));
    this.#passed += tokens.length;
    return tokens;
  }

  /** There are no more tokens: returns those held back; of a loop, the three or four repeats that are left of it. */
  end(): readonly Token[] {
    return [...this.#waiting.splice(0), ...this.#guard.end().map(({ token }) => token)];
  }
}
