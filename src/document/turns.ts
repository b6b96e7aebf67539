/**
 * Puts what was said on several sides of a recording into one order. In: the timed segments of each side. Out: segments
 * with a speaker, by time: a side's text goes on until it pauses and another side speaks. And the turns that the words
 * of segments make. Pure.
 */

import type { TimedSegment, TimedWord } from "./document.ts";
import { joinedTurns, type SpeakerTurn } from "../speakers/turns.ts";
import { endsSentence } from "../text/sentences.ts";
import { separatorBetween } from "../text/join.ts";

export type SpokenSide = { readonly speaker: string; readonly segments: readonly TimedSegment[] };

/** A pause that ends a phrase, within a sentence and after one: others may speak then. */
const phrasePauseMs = 600;
const sentencePauseMs = 200;

/** "left" and "right" of two channels, otherwise their numbers from 1. */
export function speakerNames(channels: number): string[] {
  return channels === 2 ? ["left", "right"] : Array.from({ length: channels }, (_, index) => String(index + 1));
}

/** Segments without words stay whole. What is joined again was one segment: none gets longer. */
export function turns(sides: readonly SpokenSide[]): TimedSegment[] {
  const phrases = sides.flatMap(({ speaker, segments }) =>
    segments.flatMap((segment) => phrasesOf(segment).map((words) => ({ speaker, segment, words })))
  ).toSorted((a, b) => startOf(a) - startOf(b));
  const groups: Phrase[] = [];
  for (const phrase of phrases) {
    const last = groups.at(-1);
    if (last?.segment === phrase.segment) last.words.push(...phrase.words);
    else groups.push({ ...phrase, words: [...phrase.words] });
  }
  let before = "";
  return groups.map((group) => {
    const turn = turnOf(group, before);
    before = turn.text;
    return turn;
  });
}

/** Within a turn of words, no pause is longer. */
const turnPauseMsMax = 500;

/** Who says the words of these segments, and when. Segments without a speaker make no turn. */
export function turnsOfWords(segments: readonly TimedSegment[]): SpeakerTurn[] {
  const spoken = segments.flatMap((segment) => {
    const { speaker, words = [] } = segment;
    if (speaker === undefined) return [];
    return (words.length > 0 ? words : [segment]).map(({ startMs, endMs }) => ({ speaker, startMs, endMs }));
  });
  return joinedTurns(spoken, turnPauseMsMax);
}

type Phrase = { readonly speaker: string; readonly segment: TimedSegment; readonly words: TimedWord[] };

function startOf({ segment, words }: Phrase): number {
  return words[0]?.startMs ?? segment.startMs;
}

function phrasesOf({ words = [] }: TimedSegment): TimedWord[][] {
  const phrases: TimedWord[][] = [[]];
  for (const [index, word] of words.entries()) {
    const before = words[index - 1];
    const pauseMs = before === undefined ? 0 : word.startMs - before.endMs;
    const isOver = before !== undefined && pauseMs >= (endsSentence(before.text) ? sentencePauseMs : phrasePauseMs);
    if (isOver) phrases.push([]);
    phrases.at(-1)!.push(word);
  }
  return phrases;
}

/** A part of a segment, with what separates it from the text before at its front. */
function turnOf({ speaker, segment, words }: Phrase, before: string): TimedSegment {
  const { spoken, ...rest } = segment;
  const apart = (text: string) => separatorBetween(before, text.trimStart()) + text.trimStart();
  const [first, ...others] = words;
  if (first === undefined) return { ...rest, speaker, text: apart(rest.text), ...(spoken !== undefined && { spoken }) };
  const own = [{ ...first, text: apart(first.text) }, ...others].map((word) => ({ ...word, speaker }));
  const isRewritten = own.some((word) => word.spoken !== undefined);
  return {
    ...rest,
    ...{ speaker, words: own, startMs: first.startMs, endMs: Math.max(...own.map(({ endMs }) => endMs)) },
    text: own.map(({ text }) => text).join(""),
    ...(isRewritten && { spoken: own.map(({ text, spoken }) => spoken ?? text).join("") }),
  };
}
