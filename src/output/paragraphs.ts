/**
 * A transcript as it is read on a page: paragraphs of words that know their times, doubtful ones marked. In: segments.
 * Out: markup. Pure.
 */

import type { TimedSegment, TimedWord } from "../document/document.ts";
import { languageCode } from "../text/languages.ts";
import { endsSentence } from "../text/sentences.ts";
import { element, type Markup } from "./markup.ts";
import { timedWords } from "./words.ts";

/** After a sentence, a paragraph of this many characters ends, and one after which nobody speaks for so long. */
const paragraphCharsMin = 240;
const paragraphPauseMs = 1500;
/** Speech without sentences is broken at a pause from here on, and at any word beyond the second. */
const endlessCharsMin = 500;
const endlessCharsMax = 900;

/** The words of a segment, by paragraph. Joined, they are the segment's words. */
export function paragraphsOf(segment: TimedSegment): TimedWord[][] {
  const paragraphs: TimedWord[][] = [];
  let chars = 0;
  let last: TimedWord | undefined;
  for (const word of timedWords(segment)) {
    if (!last || isOver(chars, last, word)) {
      paragraphs.push([]);
      chars = 0;
    }
    paragraphs.at(-1)!.push(word);
    chars += word.text.length;
    last = word;
  }
  return paragraphs;
}

function isOver(chars: number, last: TimedWord, next: TimedWord): boolean {
  const isPause = next.startMs - last.endMs >= paragraphPauseMs;
  if (endsSentence(last.text)) return chars >= paragraphCharsMin || isPause;
  return chars >= endlessCharsMax || chars >= endlessCharsMin && isPause;
}

/** A segment's paragraphs; `speaker` is named at the front where the turn begins. */
export function segmentMarkup(segment: TimedSegment, isTurn: boolean): Markup[] {
  const { speaker } = segment;
  return paragraphsOf(segment).map((words, index) => {
    const name = isTurn && index === 0 && speaker !== undefined ? [element("bdi", { class: "who" }, speaker), " "] : [];
    return element(
      "p",
      { class: "par", lang: languageCode(segment.language) || undefined },
      timeButton(words[0]!.startMs),
      " ",
      element("span", { class: "say", dir: "auto" }, ...name, ...wordsMarkup(words)),
    );
  });
}

/** The words, with the spaces between them outside. The space before the first is left out. */
export function wordsMarkup(words: readonly TimedWord[]): (Markup | string)[] {
  return words.flatMap((word, index) => {
    const text = word.text.trimStart();
    const space = index === 0 ? "" : word.text.slice(0, word.text.length - text.length);
    const shown = text === "" ? [] : [wordMarkup(word, text)];
    return space === "" ? shown : [space, ...shown];
  });
}

function wordMarkup({ startMs, endMs, logprob }: TimedWord, text: string): Markup {
  const doubt = doubtOf(logprob);
  const times = { "data-s": String(Math.round(startMs)), "data-e": String(Math.round(endMs)) };
  if (doubt === 0) return element("span", { class: "w", ...times }, text);
  return element("mark", { class: `w d${doubt}`, title: percent(logprob!), ...times }, text);
}

/** How doubtful a word is: 0, or 1 to 3 below a probability of 61 %, 37 %, 14 %. */
export function doubtOf(logprob: number | undefined): 0 | 1 | 2 | 3 {
  if (logprob === undefined || logprob >= -0.5) return 0;
  return logprob >= -1 ? 1 : logprob >= -2 ? 2 : 3;
}

function percent(logprob: number): string {
  return `${Math.round(Math.exp(logprob) * 100)} %`;
}

/** A button that plays from a time. */
export function timeButton(ms: number, text = clock(ms)): Markup {
  return element("button", { type: "button", class: "at", "data-s": String(Math.round(ms)) }, text);
}

/** "1:02:03" or "2:03". */
export function clock(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const minutes = `${Math.floor(seconds / 60) % 60}`;
  if (seconds < 3600) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(seconds / 3600)}:${minutes.padStart(2, "0")}:${two(seconds % 60)}`;
}
