/**
 * What a person does to the cues of a transcript. In: segments in order of time, each a cue, and an edit. Out: the
 * segments after it; those that it does not concern are the same objects. Pure.
 *
 * No text is lost but what is taken out by hand, times stay in order, and texts and words agree: a new text is taken
 * over as `render` takes one over (edits.ts).
 */

import type { TimeSpan } from "../units.ts";
import type { Gap, TimedSegment, TimedWord } from "./document.ts";
import { acceptEdits } from "./edits.ts";
import { unalignedSegment } from "./unaligned.ts";

export type Cues = readonly TimedSegment[];

/** Gives a cue another text; without any, the cue goes away. */
export function withText(cues: Cues, index: number, text: string): Cues {
  const cue = withWords(cues[index]!);
  const shown = text.replace(/\s+/gu, " ").trim();
  if (shown === cue.text.trim()) return cues;
  const space = /^\s*/u.exec(cue.text)![0];
  return replaced(cues, index, 1, shown === "" ? [] : [{ ...cue, text: space + shown }]);
}

/** Cuts a cue in two, `offset` characters into its text without the space at its front. */
export function split(cues: Cues, index: number, offset: number): Cues {
  const cue = withWords(cues[index]!);
  const at = offset + cue.text.length - cue.text.trimStart().length;
  const [before, after] = cutWords(cue.words!, at);
  if (isBlank(before) || isBlank(after)) return cues;
  const cutMs = within(after[0]!.startMs, cue);
  const endMs = Math.min(cutMs, Math.max(cue.startMs, before.at(-1)!.endMs));
  const { isTruncated, isLooped, ...own } = cue;
  const end = { ...(isTruncated && { isTruncated }), ...(isLooped && { isLooped }) };
  return replaced(cues, index, 1, [
    withTexts({ ...own, endMs, words: before }),
    withTexts({ ...own, ...end, startMs: cutMs, words: after }),
  ]);
}

/** Whether a cue and the next can be one: no cue has two speakers. */
export function canMerge(cues: Cues, index: number): boolean {
  const next = cues[index + 1];
  return next !== undefined && next.speaker === cues[index]!.speaker;
}

/** Makes one cue of a cue and the next. */
export function merge(cues: Cues, index: number): Cues {
  if (!canMerge(cues, index)) return cues;
  const [first, second] = [withWords(cues[index]!), withWords(cues[index + 1]!)];
  const { languageProbability, noSpeech: _, ...own } = { ...second, ...first };
  const isSame = first.language === second.language;
  return replaced(cues, index, 2, [withTexts({
    ...own,
    language: first.language || second.language,
    ...(isSame && languageProbability !== undefined && { languageProbability }),
    endMs: Math.max(first.endMs, second.endMs),
    words: [...first.words!, ...second.words!],
  })]);
}

/** Gives a cue to another speaker. */
export function spokenBy(cues: Cues, index: number, speaker: string): Cues {
  const cue = cues[index]!;
  if (cue.speaker === speaker) return cues;
  const words = cue.words?.map((word): TimedWord => ({ ...word, speaker }));
  return replaced(cues, index, 1, [{ ...cue, speaker, ...(words && { words }) }]);
}

/** Where a cue's words are said, and that with half of the pauses around it. */
export function stretchOf(cues: Cues, index: number): { readonly span: TimeSpan; readonly stretch: TimeSpan } {
  const [before, span, after] = [index - 1, index, index + 1].map((at) => cues[at] && wordsSpan(cues[at]));
  const startMs = before ? Math.round((before.endMs + span!.startMs) / 2) : 0;
  const endMs = after ? Math.round((span!.endMs + after.startMs) / 2) : Infinity;
  return { span: span!, stretch: { startMs: Math.min(startMs, span!.startMs), endMs: Math.max(endMs, span!.endMs) } };
}

/** A cue may be shown for longer than its words are said. */
function wordsSpan({ words = [], startMs, endMs }: TimedSegment): TimeSpan {
  return { startMs: words[0]?.startMs ?? startMs, endMs: words.at(-1)?.endMs ?? endMs };
}

/** Shortest time that a cue is given by hand. */
const cueMsMin = 1;

/**
 * Gives a cue other times, as far as its neighbours leave room. Its words stay where they are as far as the new times
 * reach; if none of them lies there, they move with the cue.
 */
export function retime(cues: Cues, index: number, wanted: TimeSpan): Cues {
  const cue = withWords(cues[index]!);
  const room = roomOf(cues, index);
  const startMs = Math.round(
    Math.min(Math.max(wanted.startMs, room.startMs), Math.max(room.startMs, room.endMs - cueMsMin)),
  );
  const endMs = Math.round(Math.min(Math.max(wanted.endMs, startMs + cueMsMin), Math.max(room.endMs, startMs)));
  if (startMs === cue.startMs && endMs === cue.endMs) return cues;
  const span = { startMs, endMs };
  const stays = cue.words!.some((word) => word.startMs < endMs && word.endMs > startMs);
  const words = cue.words!.map((word): TimedWord => {
    const to = (ms: number) => stays ? within(ms, span) : moved(ms, cue, span);
    const [start, end] = [to(word.startMs), to(word.endMs)];
    if (start === word.startMs && end === word.endMs) return word;
    return { ...word, startMs: start, endMs: end, flag: word.flag ?? "spread" };
  });
  return replaced(cues, index, 1, [{ ...cue, ...span, words }]);
}

/** Takes a cue out. */
export function remove(cues: Cues, index: number): Cues {
  return replaced(cues, index, 1, []);
}

/** A cue more, of what nobody had heard: as long as `wanted`, as far as there is room between the others. */
export function insert(cues: Cues, wanted: Gap, text: string, language: string): Cues {
  const shown = text.replace(/\s+/gu, " ").trim();
  const after = cues.findIndex(({ startMs }) => startMs >= wanted.startMs);
  const index = after < 0 ? cues.length : after;
  const startMs = Math.max(wanted.startMs, cues[index - 1]?.endMs ?? 0);
  const endMs = Math.min(wanted.endMs, cues[index]?.startMs ?? Infinity);
  if (shown === "" || endMs <= startMs) return cues;
  const { words, ...segment } = unalignedSegment({ text: shown, language, tokens: [] }, [{ startMs, endMs }]);
  const { speaker } = wanted;
  return replaced(cues, index, 0, [{
    ...segment,
    ...(speaker !== undefined && { speaker }),
    isCue: true,
    words: words!,
  }]);
}

/** The gaps in which there is no text now either: words cover less than half of them. */
export function openGaps<Each extends Gap>(gaps: readonly Each[], cues: Cues): readonly Each[] {
  return gaps.filter((gap) => {
    const near = cues.filter((cue) =>
      overlapMs(gap, cue) > 0 && (gap.speaker === undefined || cue.speaker === gap.speaker)
    );
    // A cue may be shown for longer than its words are said.
    const spans = near.flatMap((cue): readonly TimeSpan[] => cue.words ?? [cue]);
    return spans.reduce((sum, span) => sum + overlapMs(gap, span), 0) < (gap.endMs - gap.startMs) / 2;
  });
}

function overlapMs(a: TimeSpan, b: TimeSpan): number {
  return Math.max(0, Math.min(a.endMs, b.endMs) - Math.max(a.startMs, b.startMs));
}

/**
 * Gives a cue's words the times that an aligner found. `found`: words in order which, but for spaces, are the cue's
 * text; undefined where they are not.
 */
export function realigned(cues: Cues, index: number, found: readonly TimedWord[]): Cues | undefined {
  const cue = withWords(cues[index]!);
  const bare = (text: string) => text.replace(/\s/gu, "");
  if (bare(found.map(({ text }) => text).join("")) !== bare(cue.text) || found.length === 0) return undefined;
  const room = roomOf(cues, index);
  let [at, lastMs] = [0, room.startMs];
  const words = found.map((word, order): TimedWord => {
    const end = order === found.length - 1 ? cue.text.length : offsetAfter(cue.text, at, bare(word.text).length);
    const text = cue.text.slice(at, end);
    at = end;
    const startMs = Math.round(within(Math.max(word.startMs, lastMs), room));
    lastMs = Math.round(within(Math.max(word.endMs, startMs), room));
    const same = cue.words!.find((old) => old.text === text);
    const { flag: _, ...known } = same ?? { text };
    return { ...known, startMs, endMs: lastMs, ...(word.flag && { flag: word.flag }) };
  });
  const startMs = words[0]!.startMs;
  // A cue is shown longer than its words are said, if there is time to read it.
  const endMs = Math.max(words.at(-1)!.endMs, Math.min(cue.endMs, room.endMs), startMs);
  return replaced(cues, index, 1, [withTexts({ ...cue, startMs, endMs, words })]);
}

/** A word in two, `offset` characters into its text. What was spoken is not known of the parts. */
export function cutWord(word: TimedWord, offset: number): [TimedWord, TimedWord] {
  const { spoken: _, ...own } = word;
  const letters = (text: string) => text.replace(/\s/gu, "").length;
  const share = letters(word.text.slice(0, offset)) / (letters(word.text) || 1);
  const cutMs = Math.round(word.startMs + (word.endMs - word.startMs) * share);
  return [
    { ...own, text: word.text.slice(0, offset), endMs: cutMs },
    { ...own, text: word.text.slice(offset), startMs: cutMs },
  ];
}

function cutWords(words: readonly TimedWord[], at: number): [TimedWord[], TimedWord[]] {
  let left = at;
  for (const [index, word] of words.entries()) {
    if (left < word.text.length) {
      if (left <= 0) return [words.slice(0, index), words.slice(index)];
      const [before, after] = cutWord(word, left);
      return [[...words.slice(0, index), before], [after, ...words.slice(index + 1)]];
    }
    left -= word.text.length;
  }
  return [[...words], []];
}

function isBlank(words: readonly TimedWord[]): boolean {
  return words.every(({ text }) => text.trim() === "");
}

/** The times between the neighbours. */
function roomOf(cues: Cues, index: number): TimeSpan {
  const [cue, before, after] = [cues[index]!, cues[index - 1], cues[index + 1]];
  // Cues that overlap as they are may stay so.
  const startMs = Math.min(before?.endMs ?? 0, cue.startMs);
  return { startMs, endMs: Math.max(after?.startMs ?? Infinity, cue.endMs) };
}

function within(ms: number, { startMs, endMs }: TimeSpan): number {
  return Math.min(Math.max(ms, startMs), endMs);
}

/** Where a time is when `from` has become `to`. */
function moved(ms: number, from: TimeSpan, to: TimeSpan): number {
  const share = from.endMs > from.startMs ? (within(ms, from) - from.startMs) / (from.endMs - from.startMs) : 0;
  return Math.round(to.startMs + share * (to.endMs - to.startMs));
}

/** The offset behind so many letters from `at` on. */
function offsetAfter(text: string, at: number, letters: number): number {
  let [end, left] = [at, letters];
  for (; end < text.length && left > 0; end++) if (!/\s/u.test(text[end]!)) left--;
  return end;
}

/** The cue with words, all of whose texts are its text. */
function withWords(cue: TimedSegment): TimedSegment {
  if (cue.words && cue.words.length > 0) return cue;
  return { ...cue, words: unalignedSegment({ ...cue, tokens: [] }, [cue]).words! };
}

/** The cue with the texts that its words have. */
function withTexts({ spoken: _, ...cue }: TimedSegment): TimedSegment {
  const words = cue.words!;
  const text = words.map((word) => word.text).join("");
  if (!words.some(({ spoken }) => spoken !== undefined)) return { ...cue, text };
  return { ...cue, text, spoken: words.map((word) => word.spoken ?? word.text).join("") };
}

/** `count` cues from `index` on are replaced; texts and words agree, and what needs a space between has one. */
function replaced(cues: Cues, index: number, count: number, by: Cues): Cues {
  const all = [...cues.slice(0, index), ...by, ...cues.slice(index + count)];
  return acceptEdits(all).segments;
}
