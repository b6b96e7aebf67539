/**
 * Says of every word who speaks it. In: timed segments, and turns of speakers. Out: segments with one speaker each: a
 * turn that begins inside a segment splits it. Pure.
 *
 * A word is spoken by whom most of its time belongs to; where nobody is known to speak, by the nearest speaker within a
 * second, else by whoever spoke before. Times of words are never exact: a short word that would be a turn of its own
 * within another's sentence is no turn, and a turn that begins near the start of a sentence begins with it.
 */

import { firstIndex } from "../search.ts";
import type { TimeSpan } from "../units.ts";
import { endsSentence } from "../text/sentences.ts";
import { type SpeakerTurn, whoSpeaksGiven, whoSpeaksRenamed } from "../speakers/turns.ts";
import type { Ending, TimedSegment, TimedWord } from "./document.ts";

/** How far a word may be from a turn to be part of it. */
const nearMs = 1000;
/** A word of others, within a sentence, that is no turn of theirs. */
const strayMsMax = 400;
/** How far the times of words may be wrong: those that an aligner gave, and those that were estimated. */
const [alignedOffMs, estimatedOffMs] = [250, 1000];
/** Of a word that is said while others speak, this share of its time. */
const overlapShare = 0.5;

type Said = { readonly speaker: string | undefined; readonly isOverlapped: boolean };

/** Without turns, segments stay as they are. They are taken one by one. */
export function* withSpeakers<Segment extends TimedSegment>(
  segments: Iterable<Segment>,
  turns: readonly SpeakerTurn[],
): Generator<Segment> {
  if (turns.length === 0) return yield* segments;
  const finder = new TurnFinder(turns);
  let last: string | undefined;
  for (const segment of segments) {
    const { words = [] } = segment;
    if (words.length === 0) {
      const { speaker = last } = finder.of(segment);
      last = speaker;
      yield speaker === undefined ? segment : { ...segment, speaker };
      continue;
    }
    const said = fromSentences(words, withoutStrays(words, words.map((word) => finder.of(word))));
    const parts = partsOf(words, said, last);
    last = parts.at(-1)!.speaker;
    if (parts.length === 1 && last === undefined) yield segment;
    else for (const part of parts) yield partOf(segment, part, part === parts.at(-1)) as Segment;
  }
}

/** In order of first speech. */
export function speakersOf(segments: readonly { readonly speaker?: string }[]): string[] {
  return [...new Set(segments.flatMap(({ speaker }) => speaker ?? []))];
}

/** The segments with other names for speakers, in words and gaps too. */
export function renamed<Named extends { readonly speaker?: string }>(
  all: readonly Named[],
  names: ReadonlyMap<string, string>,
): Named[] {
  const nameOf = (one: { readonly speaker?: string }) => {
    return one.speaker === undefined ? {} : { speaker: names.get(one.speaker) ?? one.speaker };
  };
  return all.map((one) => {
    const { words } = one as { words?: readonly TimedWord[] };
    return { ...one, ...nameOf(one), ...(words && { words: words.map((word) => ({ ...word, ...nameOf(word) })) }) };
  });
}

/** What is known of a recording, with other names for speakers. */
export function renamedEnding({ speakers, turns, gaps }: Ending, names: ReadonlyMap<string, string>): Ending {
  return {
    ...(turns && whoSpeaksRenamed({ speakers: speakers ?? [], turns }, names)),
    ...(gaps && { gaps: renamed(gaps, names) }),
  };
}

/** What is known of a recording, when a stretch of it is given to another speaker. Without turns, nothing is. */
export function givenEnding(ending: Ending, given: Parameters<typeof whoSpeaksGiven>[1]): Ending {
  const { speakers = [], turns } = ending;
  return turns ? { ...ending, ...whoSpeaksGiven({ speakers, turns }, given) } : ending;
}

/** Finds who speaks at a time. Asked in order of time, it does not go back. */
class TurnFinder {
  readonly #turns: readonly SpeakerTurn[];
  /** The longest of all, so that none is missed that began long ago. */
  readonly #longestMs: number;

  constructor(turns: readonly SpeakerTurn[]) {
    this.#turns = turns.toSorted((a, b) => a.startMs - b.startMs);
    this.#longestMs = this.#turns.reduce((most, { startMs, endMs }) => Math.max(most, endMs - startMs), 0);
  }

  of({ startMs, endMs }: TimeSpan): Said {
    const common = new Map<string, number>();
    let near: { speaker: string; ms: number } | undefined;
    const firstMs = startMs - this.#longestMs - nearMs;
    const first = firstIndex(this.#turns.length, (at) => this.#turns[at]!.startMs >= firstMs);
    for (let at = first; at < this.#turns.length; at++) {
      const turn = this.#turns[at]!;
      if (turn.startMs > endMs + nearMs) break;
      const ms = Math.min(endMs, turn.endMs) - Math.max(startMs, turn.startMs);
      if (ms > 0) common.set(turn.speaker, (common.get(turn.speaker) ?? 0) + ms);
      else if (-ms <= nearMs && (!near || -ms < near.ms)) near = { speaker: turn.speaker, ms: -ms };
    }
    const order = [...common].toSorted((a, b) => b[1] - a[1]);
    const isOverlapped = order.length > 1 && order[1]![1] >= overlapShare * (endMs - startMs);
    return { speaker: order[0]?.[0] ?? near?.speaker, isOverlapped };
  }
}

/** A short word between two words of one speaker is theirs, unless it is a sentence by itself. */
function withoutStrays(words: readonly TimedWord[], said: readonly Said[]): Said[] {
  return said.map((one, at) => {
    const [before, after] = [said[at - 1]?.speaker, said[at + 1]?.speaker];
    const isBetween = before !== undefined && before === after && one.speaker !== before;
    const { startMs, endMs } = words[at]!;
    const isSentence = endsSentence(words[at - 1]?.text ?? "") && endsSentence(words[at]!.text);
    if (!isBetween || endMs - startMs > strayMsMax || isSentence) return one;
    return { ...one, speaker: before };
  });
}

/** Turns that begin within a sentence begin at the end of one that is near; what speaks on both sides stays. */
function fromSentences(words: readonly TimedWord[], said: readonly Said[]): Said[] {
  const moved = [...said];
  const speakerAt = (at: number) => moved[at]?.speaker;
  const endsAt = (at: number) => endsSentence(words[at]?.text ?? "");
  for (let at = 1; at < words.length; at++) {
    const [before, after] = [speakerAt(at - 1), speakerAt(at)];
    if (before === after || before === undefined || after === undefined || endsAt(at - 1)) continue;
    let [first, last] = [at - 1, at];
    while (first > 0 && !endsAt(first - 1) && speakerAt(first - 1) === before) first--;
    while (last < words.length && !endsAt(last) && speakerAt(last) === after) last++;
    const isFirstNear = speakerAt(first - 1) === before && isNear(words.slice(first, at));
    const isLastNear = speakerAt(last) === after && speakerAt(last + 1) === after && isNear(words.slice(at, last + 1));
    const isBack = isFirstNear &&
      (!isLastNear || lengthMs(words.slice(first, at)) <= lengthMs(words.slice(at, last + 1)));
    if (isBack) { for (let one = first; one < at; one++) moved[one] = { ...moved[one]!, speaker: after }; }
    else if (isLastNear) { for (let one = at; one <= last; one++) moved[one] = { ...moved[one]!, speaker: before }; }
  }
  return moved;
}

/** Whether these words may be on the other side of where they seem to be. */
function isNear(words: readonly TimedWord[]): boolean {
  return lengthMs(words) <= (words.every(({ flag }) => flag === undefined) ? alignedOffMs : estimatedOffMs);
}

function lengthMs(words: readonly TimedWord[]): number {
  return words.at(-1)!.endMs - words[0]!.startMs;
}

type Part = { readonly speaker: string | undefined; readonly words: TimedWord[] };

function partsOf(words: readonly TimedWord[], said: readonly Said[], before: string | undefined): Part[] {
  const first = before ?? said.find(({ speaker }) => speaker !== undefined)?.speaker;
  const parts: Part[] = [];
  for (const [at, word] of words.entries()) {
    const speaker = said[at]!.speaker ?? parts.at(-1)?.speaker ?? first;
    const own = {
      ...word,
      ...(speaker !== undefined && { speaker }),
      ...(said[at]!.isOverlapped && { isOverlapped: true }),
    };
    const last = parts.at(-1);
    if (last && last.speaker === speaker) last.words.push(own);
    else parts.push({ speaker, words: [own] });
  }
  return parts;
}

/** A part of a segment; joined, the parts' texts are its text. What is true of its end is so of the last part. */
function partOf(segment: TimedSegment, { speaker, words }: Part, isLast: boolean): TimedSegment {
  const { spoken: _, isTruncated, isLooped, ...rest } = segment;
  const isRewritten = words.some((word) => word.spoken !== undefined);
  return {
    ...rest,
    ...(speaker !== undefined && { speaker }),
    ...(isLast && isTruncated && { isTruncated }),
    ...(isLast && isLooped && { isLooped }),
    startMs: words[0]!.startMs,
    endMs: Math.max(...words.map(({ endMs }) => endMs)),
    text: words.map(({ text }) => text).join(""),
    ...(isRewritten && { spoken: words.map(({ text, spoken }) => spoken ?? text).join("") }),
    words,
  };
}
