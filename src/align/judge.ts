/**
 * Whether an aligner's times of a stretch of speech can be believed. In: words, their times, an estimate. Pure.
 *
 * An aligner that fails gives times all the same. Words have no length, are piled up or lie in silence; or they have
 * the times of words some places further on. That shows in the pauses, because people pause where sentences end: if
 * sentences end in mid-speech by the aligner, and in pauses by the estimate, the aligner has lost its place.
 */

import { endsClause, endsSentence } from "../text/sentences.ts";
import { spokenWeight } from "../text/spoken.ts";
import type { TimeSpan } from "../units.ts";
import { impossibleWords } from "./spread.ts";

/** Of what is said, by the time it takes to say: impossible times for more of it are a failure. */
const impossibleShareMax = 0.25;
/** A word or two may be too short for an aligner's grid. */
const impossibleWordsMin = 3;
/** About how exact an aligner's times are. */
const slackMs = 160;

/**
 * `times` and `estimate` are of `texts`, words as they are written; `speech` has the stretches with voice, in order. An
 * estimate with fewer than `pausesMin` pauses says nothing of the aligner.
 */
export function isBelievable(
  texts: readonly string[],
  times: readonly TimeSpan[],
  estimate: readonly TimeSpan[],
  speech: readonly TimeSpan[],
  pausesMin: number,
): boolean {
  const weights = texts.map(spokenWeight);
  const isImpossible = impossibleWords(times, weights, speech);
  const sum = (all: readonly number[]) => all.reduce((total, weight) => total + weight, 0);
  const impossible = weights.filter((_, index) => isImpossible[index]);
  if (impossible.length >= impossibleWordsMin && sum(impossible) > impossibleShareMax * sum(weights)) return false;
  const guessed = pauses(texts, estimate, speech);
  // An estimate that leaves pauses without a reason is no better: the speaker pauses everywhere.
  const isSure = guessed.atEnds >= pausesMin && guessed.elsewhere === 0;
  const { atEnds, elsewhere } = pauses(texts, times, speech);
  return !isSure || (2 * atEnds >= guessed.atEnds && elsewhere <= atEnds);
}

/** How many pauses are between words where a sentence ends, and between others. */
function pauses(texts: readonly string[], times: readonly TimeSpan[], speech: readonly TimeSpan[]) {
  const counts = { atEnds: 0, elsewhere: 0 };
  for (const [index, text] of texts.slice(0, -1).entries()) {
    const [fromMs, toMs] = [times[index]!.endMs - slackMs, times[index + 1]!.startMs + slackMs];
    const isPause = speech.some((span, at) => {
      const next = speech[at + 1];
      return next !== undefined && span.endMs < toMs && next.startMs > fromMs;
    });
    if (!isPause) continue;
    if (endsSentence(text)) counts.atEnds++;
    else if (times[index + 1]!.startMs > times[index]!.endMs + slackMs && !endsClause(text)) counts.elsewhere++;
  }
  return counts;
}
