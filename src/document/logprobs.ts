/** How sure the model was of each word. In: tokens and words of a text. Out: log-probabilities. Pure. */

import type { HeardToken } from "./document.ts";

/**
 * A word's log-probability, with or without an aligner, is the sum over all tokens that share a character with it.
 * Returns one per text of `texts`; both lists add up to the same text. A token without text of its own is part of a
 * character: it counts with the token that completes it.
 */
export function wordLogprobs(texts: readonly string[], tokens: readonly HeardToken[]): number[] {
  const sums = texts.map(() => 0);
  let word = 0;
  let wordEnd = texts[0]?.length ?? 0;
  let position = 0;
  let held = 0;
  for (const { text, logprob } of tokens) {
    held += logprob;
    if (text === "") continue;
    position += text.length;
    for (;;) {
      if (word < texts.length) sums[word]! += held;
      if (wordEnd >= position || word >= texts.length) break;
      word++;
      wordEnd += texts[word]?.length ?? Infinity;
    }
    // The next token starts in the next word.
    if (wordEnd === position) wordEnd += texts[++word]?.length ?? Infinity;
    held = 0;
  }
  return sums;
}

/** As documents have it: with four decimals, and no more than 0. */
export function roundedLogprob(logprob: number): number {
  return Math.min(0, Number(logprob.toFixed(4))) || 0;
}
