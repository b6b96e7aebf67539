/**
 * Mends a text that repeats itself, or that ends long before the speech does. In: what a decode made of a segment, and
 * a way to decode parts of it. Out: the text that stands. No I/O of its own; the same audio gives the same text.
 *
 * A repetition is a property of how a decoder goes on, and seldom of the audio: cut elsewhere, the same audio gives
 * another text. So the segment is cut in two, at a quiet place near its middle, and both parts are decoded; of a part
 * that loops again, its own two parts; and what then still loops is decoded without context. All that decodes at most
 * three times the audio of the segment. A repetition that ended by itself may be what was said: it stands unless the
 * parts, which all must end well, have far less text.
 *
 * A text that is far too short for its speech is completed in the same way: by what two parts say after it, if they
 * both end well and have much more text.
 *
 * Text that people have seen is never taken back. So what came before the repetition stays, and what the parts say
 * after it follows.
 */

import type { HeardToken } from "../document/document.ts";
import { separatorBetween } from "../text/join.ts";
import { spokenWeight } from "../text/spoken.ts";
import { sampleRate, type Span } from "../units.ts";
import type { HeardSegment } from "./events.ts";

/** The outcome of a decode; joined, the texts of what was heard are the text. */
export type Attempt = {
  readonly text: string;
  readonly heard: readonly HeardToken[];
  readonly stop: HeardSegment["stop"];
};

/** The first try: so many of its tokens came before the repetition. */
export type FirstAttempt = Attempt & { readonly certainTokens: number };

export type Hearing = {
  /** Of the segment. */
  readonly samples: Float32Array;
  readonly hasContext: boolean;
  /** Decodes a range of the samples. */
  readonly decode: (range: Span, withContext: boolean) => Promise<Attempt>;
};

/** What stands, and how it was got; "none": it is the first try. `stop` tells what could not be mended. */
export type Mended = Attempt & { readonly repaired: "cuts" | "context" | "none" };

const depthOfLoop = 2;
const depthOfDoubt = 1;
/** A repetition that the parts have, too, was said: as much text, but for what a cut may cost. */
const sameShare = 0.7;

export async function mended(first: FirstAttempt, hearing: Hearing): Promise<Mended> {
  const isLoop = first.stop === "loop";
  const whole = { start: 0, end: hearing.samples.length };
  const parts = await partsOf(whole, isLoop ? depthOfLoop : depthOfDoubt, isLoop, hearing);
  if (parts.some(({ stop }) => stop === "cancelled")) return { ...first, stop: "cancelled", repaired: "none" };
  const bad = parts.find(({ stop }) => stop !== "end");
  const stands = isLoop ? parts.every(({ stop }) => stop !== "end") : bad !== undefined || isSaid(first, parts);
  if (stands) return { ...first, repaired: "none" };
  const heard = continued(first.heard.slice(0, first.certainTokens), joined(parts));
  const repaired = parts.some(({ withContext }) => !withContext) ? "context" : "cuts";
  return { text: textOf(heard), heard, stop: bad?.stop ?? "end", repaired };
}

/** Less than this in a second of speech is too little: of all clips, the slowest singing has 2.3, speech 4 and more. */
const weightPerSecMin = 2;
const speechSecMin = 5;
const muchMore = 1.5;

/** Whether a text that ended by itself is far too short for so much speech. */
export function endsEarly({ text, stop }: Attempt, speechSec: number): boolean {
  return stop === "end" && text !== "" && speechSec >= speechSecMin && spokenWeight(text) < weightPerSecMin * speechSec;
}

/** A text that ends early, completed; the first try stands where the parts have little more. */
export async function completed(first: Attempt, hearing: Hearing): Promise<Mended> {
  const parts = await partsOf({ start: 0, end: hearing.samples.length }, 1, false, hearing);
  if (parts.some(({ stop }) => stop === "cancelled")) return { ...first, stop: "cancelled", repaired: "none" };
  const weight = parts.reduce((sum, { text }) => sum + (text === "" ? 0 : spokenWeight(text)), 0);
  const isMore = weight >= muchMore * spokenWeight(first.text) && parts.every(({ stop }) => stop === "end");
  if (!isMore) return { ...first, repaired: "none" };
  const heard = continued(first.heard, joined(parts));
  return { text: textOf(heard), heard, stop: "end", repaired: "cuts" };
}

type PartAttempt = Attempt & { readonly withContext: boolean };

/** The attempts at all of a range whose text repeats itself; none if there is no other way to decode it. */
async function partsOf(range: Span, depth: number, isLoop: boolean, hearing: Hearing): Promise<PartAttempt[]> {
  const at = depth > 0 ? quietMiddle(hearing.samples, range) : undefined;
  if (at === undefined) {
    const isOther = isLoop && hearing.hasContext;
    return isOther ? [{ ...await hearing.decode(range, false), withContext: false }] : [];
  }
  const attempts: PartAttempt[] = [];
  for (const half of [{ start: range.start, end: at }, { start: at, end: range.end }]) {
    const attempt = { ...await hearing.decode(half, true), withContext: true };
    const inner = isLoop && attempt.stop === "loop" ? await partsOf(half, depth - 1, isLoop, hearing) : [];
    attempts.push(...(inner.length > 0 ? inner : [attempt]));
    if (attempts.some(({ stop }) => stop === "cancelled")) break;
  }
  return attempts;
}

/** Parts are no shorter: they would cut words. */
const partSamplesMin = 1.5 * sampleRate;
const windowSamples = sampleRate / 10;
const hopSamples = windowSamples / 2;

/**
 * Where to cut a range: in the middle of the quietest 100 ms of its inner half, of equals the one nearest to the
 * middle; undefined where the range is too short for two parts.
 */
function quietMiddle(samples: Float32Array, { start, end }: Span): number | undefined {
  const reach = Math.min((end - start) / 4, (end - start) / 2 - partSamplesMin);
  if (reach < 0) return undefined;
  const middle = Math.floor((start + end) / 2);
  let [best, least] = [middle, Infinity];
  for (let away = 0; away <= reach; away += hopSamples) {
    for (const place of [middle - away, middle + away]) {
      const energy = energyOf(samples.subarray(place - windowSamples / 2, place + windowSamples / 2));
      if (energy < least) [best, least] = [place, energy];
    }
  }
  return best;
}

function energyOf(samples: Float32Array): number {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  return energy;
}

/** Whether the parts say as much as the whole did. */
function isSaid(first: Attempt, parts: readonly Attempt[]): boolean {
  if (parts.length === 0 || parts.some(({ text }) => text === "")) return true;
  const weight = parts.reduce((sum, { text }) => sum + spokenWeight(text), 0);
  return weight >= sameShare * spokenWeight(first.text);
}

function joined(parts: readonly Attempt[]): HeardToken[] {
  return parts.reduce((before: HeardToken[], { heard }) => [...before, ...after(textOf(before), heard)], []);
}

/** Tokens that begin a text of their own, with what separates them from the text before. */
function after(before: string, heard: readonly HeardToken[]): HeardToken[] {
  const first = heard.findIndex(({ text }) => text !== "");
  if (first < 0) return [...heard];
  const separator = separatorBetween(before, heard[first]!.text);
  return heard.map((token, index) => index === first ? { ...token, text: separator + token.text } : token);
}

function textOf(heard: readonly HeardToken[]): string {
  return heard.map(({ text }) => text).join("");
}

/** `certain`, and what of `heard`, which is about the same audio and more, comes after it. */
export function continued(certain: readonly HeardToken[], heard: readonly HeardToken[]): HeardToken[] {
  const from = endOf(certain, heard);
  const rest = heard.slice(from);
  return [...certain, ...(from === 0 || certain.length === 0 ? after(textOf(certain), rest) : rest)];
}

/** How many tokens of `heard` say what `certain` says: those whose words are nearest to it, of several the most. */
function endOf(certain: readonly HeardToken[], heard: readonly HeardToken[]): number {
  const keys = heard.map(keyOf);
  let row = [0];
  for (const key of keys) row.push(row.at(-1)! + costOf(key));
  for (const token of certain) {
    const own = keyOf(token);
    const next = [row[0]! + costOf(own)];
    for (const [index, key] of keys.entries()) {
      const isOfKind = (own === "") === (key === "");
      const same = row[index]! + (own === key ? 0 : isOfKind ? 1 : Infinity);
      next.push(Math.min(same, row[index + 1]! + costOf(own), next[index]! + costOf(key)));
    }
    row = next;
  }
  return row.lastIndexOf(Math.min(...row));
}

/** Letters and digits, without case; "" of a mark. */
function keyOf({ text }: HeardToken): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}\p{M}]/gu, "");
}

/** A word too many or too few; marks matter little. */
function costOf(key: string): number {
  return key === "" ? 0.25 : 1;
}
