/**
 * A transcript as it is read on a page: paragraphs of words that know their times, doubtful ones marked. In: segments.
 * Out: markup. Pure.
 */

import type { TimedSegment, TimedWord } from "../document/document.ts";
import { languageCode } from "../text/languages.ts";
import { endsSentence } from "../text/sentences.ts";
import { element, type Markup } from "./markup.ts";
import { timedWords } from "./words.ts";
import type { SpeakerLabels } from "./writer.ts";

/** After a sentence, a paragraph of this many characters ends, and one after which nobody speaks for so long. */
const paragraphCharsMin = 240;
const paragraphPauseMs = 1500;
/** Speech without sentences is broken at a pause from here on, and at any word beyond the second. */
const endlessCharsMin = 500;
const endlessCharsMax = 900;

export type Paragraph = {
  readonly words: readonly TimedWord[];
  readonly language: string;
  /** Who speaks, where the turn begins. */
  readonly named: string | undefined;
};

/**
 * Makes paragraphs of segments as they arrive. A segment begins one, but cues go on with it: somebody cut them to be
 * shown one by one, not to be read so. Joined, their words are the segments'.
 */
export class ParagraphFlow {
  #held: TimedWord[] = [];
  #chars = 0;
  #last: TimedSegment | undefined;
  #named: string | undefined;

  constructor(readonly labels: SpeakerLabels = "auto") {}

  /** Returns the paragraphs that are over. */
  push(segment: TimedSegment): Paragraph[] {
    const last = this.#last;
    const isTurn = segment.speaker !== last?.speaker;
    const goesOn = segment.isCue && last?.isCue && !isTurn && segment.language === last.language;
    const over = goesOn ? [] : this.#close();
    this.#last = segment;
    if (isTurn && this.labels !== "off") this.#named = segment.speaker;
    for (const word of timedWords(segment)) {
      const before = this.#held.at(-1);
      if (before && isOver(this.#chars, before, word)) over.push(...this.#close());
      this.#held.push(word);
      this.#chars += word.text.length;
    }
    return over;
  }

  /** The paragraph that has begun, as if this were the end. Changes nothing. */
  rest(): Paragraph[] {
    if (this.#held.length === 0) return [];
    return [{ words: this.#held, language: this.#last!.language, named: this.#named }];
  }

  #close(): Paragraph[] {
    const paragraphs = this.rest();
    if (paragraphs.length > 0) this.#named = undefined;
    [this.#held, this.#chars] = [[], 0];
    return paragraphs;
  }
}

function isOver(chars: number, last: TimedWord, next: TimedWord): boolean {
  const isPause = next.startMs - last.endMs >= paragraphPauseMs;
  if (endsSentence(last.text)) return chars >= paragraphCharsMin || isPause;
  return chars >= endlessCharsMax || chars >= endlessCharsMin && isPause;
}

/** All paragraphs of a transcript. */
export function paragraphsOf(segments: readonly TimedSegment[]): Paragraph[] {
  const paragraphs = new ParagraphFlow();
  return [...segments.flatMap((segment) => paragraphs.push(segment)), ...paragraphs.rest()];
}

export function paragraphMarkup({ words, language, named }: Paragraph): Markup {
  const name = named === undefined ? [] : [element("bdi", { class: "who" }, named), " "];
  return element(
    "p",
    { class: "par", lang: languageCode(language) || undefined },
    timeButton(words[0]!.startMs),
    " ",
    element("span", { class: "say", dir: "auto" }, ...name, ...wordsMarkup(words)),
  );
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
