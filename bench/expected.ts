/**
 * Decides whether a model's text is right. In: clips, their goldens, texts. Out: a verdict with what is wrong. Pure.
 *
 * A clip on which the nano never wavers (its two best logits are always 0.1 apart) must have the text of its golden. On
 * other clips a rounding may change a word, also one in the wider encoder's own table of positions. There the expected
 * text is what the same model says at bf16, and that must be close to what is really said.
 */

import { type Clip, golden, type GoldenRun, spokenText } from "../tests/fixtures.ts";
import { characterErrors, rate, wordErrors } from "./cer.ts";
import type { Precision } from "./cost.ts";

/** The smallest distance between the best and the second-best logit. */
export function margin({ top5 }: GoldenRun): number {
  return Math.min(...top5.map(([best, second]) => best![1] - second![1]));
}

/** The text that the whole clip, uncut, must give; undefined if the nano wavers or there is no golden. */
export function firmText(clip: Clip): string | undefined {
  const run = golden(clip.name)?.plain;
  return run && margin(run) >= 0.1 ? spokenText(run) : undefined;
}

/** The share of words that may differ. int4 is lossy, but a larger difference is still a defect. */
const wordsMax: Readonly<Record<Precision, { readonly firm: number; readonly wavering: number }>> = {
  bf16: { firm: 0, wavering: 0 },
  int8: { firm: 0, wavering: 0.1 },
  int4: { firm: 0.2, wavering: 0.3 },
};

/** Largest error rate against what is really said: the nano has 0.06 on its worst clip, and cuts cost a little. */
const characterErrorMax = 0.15;

export type Expected = { readonly text: string; readonly isFirm: boolean };

/** Returns undefined for a right text, else a line that says what is wrong. */
export function problemOf(said: string, expected: Expected, precision: Precision): string | undefined {
  if (said === expected.text) return undefined;
  const different = rate(wordErrors(expected.text, said));
  const allowed = wordsMax[precision][expected.isFirm ? "firm" : "wavering"];
  if (allowed > 0 && different <= allowed) return undefined;
  const percent = (different * 100).toFixed(1);
  return `${percent} % of the words differ\n  said:     ${said}\n  expected: ${expected.text}`;
}

/** Checks a text that itself becomes the expected text of others. */
export function problemOfReference(said: string, truth: string): string | undefined {
  const errors = rate(characterErrors(truth, said));
  if (errors <= characterErrorMax) return undefined;
  return `character error rate ${errors.toFixed(3)}, at most ${characterErrorMax}\n  said:  ${said}\n  truth: ${truth}`;
}
