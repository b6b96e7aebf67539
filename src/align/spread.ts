/**
 * Replaces impossible times of words with possible ones, and marks them. Pure.
 *
 * An aligner gives words no length, piles several up at one place, or puts them where nobody speaks, if it does not
 * hear them. Such words are spread
 * over the speech around their place that no other word claims, in proportion to how long they take to say. If there is
 * none, they share their neighbours' time. Without any speech, no word can be where the aligner puts it.
 */

import type { WordFlag } from "../document/document.ts";
import type { TimeSpan } from "../units.ts";
import { spokenWeight, weightPerSecondMax } from "../text/spoken.ts";

export type PlacedWord = TimeSpan & { readonly flag?: WordFlag };

/** A run of words that share one stretch of time. */
type Group = { first: number; last: number; fromMs: number; toMs: number };

const pileWords = 3;

/**
 * `times` are those of `words` and never decrease; those with a flag stay as they are. `speech` has the stretches with
 * voice, in order; nothing lies past `durationMs`. The results neither decrease nor overlap.
 */
export function spreadWords(
  words: readonly string[],
  times: readonly PlacedWord[],
  speech: readonly TimeSpan[],
  durationMs: number,
): PlacedWord[] {
  const weights = words.map(spokenWeight);
  const clamp = (ms: number) => Math.min(Math.max(ms, 0), durationMs);
  const placed: PlacedWord[] = times.map((time) => ({
    ...time,
    startMs: clamp(time.startMs),
    endMs: clamp(time.endMs),
  }));
  const isWrong = impossibleWords(placed, weights, speech).map((one, index) => one && !placed[index]!.flag);
  for (let first = 0; first < placed.length; first++) {
    if (!isWrong[first]) continue;
    let last = first;
    while (last + 1 < placed.length && isWrong[last + 1]) last++;
    const group = withRoom({ first, last, fromMs: 0, toMs: 0 }, placed, weights, speech, durationMs);
    spreadGroup(group, placed, weights);
    first = group.last;
  }
  return speech.length > 0 ? placed : placed.map((place) => ({ ...place, flag: "unaligned" }));
}

/** Finds words without length, words outside of all speech, and words in a run that is too fast. */
export function impossibleWords(
  placed: readonly TimeSpan[],
  weights: readonly number[],
  speech: readonly TimeSpan[],
): boolean[] {
  const isWrong = placed.map((place) => place.endMs <= place.startMs || (speech.length > 0 && isSilent(place, speech)));
  for (let first = 0; first + pileWords <= placed.length; first++) {
    const last = first + pileWords - 1;
    const weight = weights.slice(first, last + 1).reduce((sum, one) => sum + one, 0);
    if (isPlausible(weight, placed[last]!.endMs - placed[first]!.startMs)) continue;
    isWrong.fill(true, first, last + 1);
  }
  return isWrong;
}

function isSilent({ startMs, endMs }: TimeSpan, speech: readonly TimeSpan[]): boolean {
  const first = speech.find((span) => span.endMs > startMs);
  return first === undefined || first.startMs >= endMs;
}

function isPlausible(weight: number, ms: number): boolean {
  return ms > 0 && weight <= (weightPerSecondMax * ms) / 1000;
}

/** The group with its time; neighbours are taken in until there is enough of it. */
function withRoom(
  group: Group,
  placed: readonly PlacedWord[],
  weights: readonly number[],
  speech: readonly TimeSpan[],
  durationMs: number,
): Group {
  for (;;) {
    const { first, last } = group;
    const gap = { startMs: placed[first - 1]?.endMs ?? 0, endMs: placed[last + 1]?.startMs ?? durationMs };
    const own = { startMs: placed[first]!.startMs, endMs: placed[last]!.endMs };
    const room = speechAround(own, gap, speech);
    Object.assign(group, { fromMs: room.startMs, toMs: room.endMs });
    const weight = weights.slice(first, last + 1).reduce((sum, one) => sum + one, 0);
    if (isPlausible(weight, room.endMs - room.startMs)) return group;
    const left = slackOf(first - 1, placed, weights);
    const right = slackOf(last + 1, placed, weights);
    if (left < 0 && right < 0) return group;
    if (right >= left) group.last++;
    else group.first--;
  }
}

/** A neighbour's duration per weight, in ms; -1 if there is no neighbour, or one without a place. */
function slackOf(index: number, placed: readonly PlacedWord[], weights: readonly number[]): number {
  const span = placed[index];
  return span && span.flag !== "unaligned" ? (span.endMs - span.startMs) / weights[index]! : -1;
}

/** The stretch of speech in `gap` that `own` lies in or is next to, widened to `own`; without speech, all of `gap`. */
function speechAround(own: TimeSpan, gap: TimeSpan, speech: readonly TimeSpan[]): TimeSpan {
  if (speech.length === 0) return gap;
  const distance = (span: TimeSpan) => Math.max(span.startMs - own.endMs, own.startMs - span.endMs, 0);
  const inside = speech
    .map(({ startMs, endMs }) => ({ startMs: Math.max(startMs, gap.startMs), endMs: Math.min(endMs, gap.endMs) }))
    .filter(({ startMs, endMs }) => endMs > startMs);
  const [first, ...rest] = inside;
  if (!first) return own;
  const nearest = rest.reduce((best, span) => distance(span) < distance(best) ? span : best, first);
  if (distance(nearest) > nearMs) return own;
  return { startMs: Math.min(own.startMs, nearest.startMs), endMs: Math.max(own.endMs, nearest.endMs) };
}

/** Speech further away belongs to other words. */
const nearMs = 1000;

function spreadGroup(group: Group, placed: PlacedWord[], weights: readonly number[]): void {
  const { first, last, fromMs, toMs } = group;
  const total = weights.slice(first, last + 1).reduce((sum, one) => sum + one, 0);
  const flag: WordFlag = isPlausible(total, toMs - fromMs) ? "spread" : "unaligned";
  let before = 0;
  const at = (weight: number) => fromMs + Math.round(((toMs - fromMs) * weight) / total);
  for (let index = first; index <= last; index++) {
    const startMs = at(before);
    before += weights[index]!;
    placed[index] = { startMs, endMs: at(before), flag };
  }
}
