/**
 * A transcript cut into its cues, for somebody who wants to change them. In: segments. Out: a segment for each cue that
 * they have as subtitles, marked as one, with its words and times; the text is the same. Pure.
 */

import type { TimedSegment, TimedWord } from "../document/document.ts";
import type { Cue } from "../subtitles/cue.ts";
import type { LayoutRules } from "../subtitles/rules.ts";
import type { WordCutter } from "../text/chinese.ts";
import { cutWord } from "../document/cue_edits.ts";
import type { TimeSpan } from "../units.ts";
import { TurnLayout } from "./cues.ts";
import { labelled, timedWords } from "./words.ts";

export function cueSegments(
  segments: readonly TimedSegment[],
  rules: LayoutRules,
  cutChinese?: WordCutter,
): TimedSegment[] {
  const layout = new TurnLayout(rules, cutChinese);
  const queue = new WordQueue();
  const result: TimedSegment[] = [];
  let last: string | undefined;
  for (const segment of segments) {
    const isWhole = segment.isCue === true;
    const { speaker } = segment;
    const isTurn = speaker !== undefined && speaker !== last;
    last = speaker;
    if (!isWhole) queue.push(segment, isTurn ? lettersOf(`${speaker}:`) : 0);
    // Where subtitles name the speaker, the name takes room.
    const cues = layout.push(isTurn ? labelled(segment, speaker) : segment);
    const others = isWhole && segment.text.trim() !== "" ? cues.slice(0, -1) : cues;
    result.push(...others.map((cue) => queue.take(cue)));
    if (isWhole && segment.text.trim() !== "") result.push(segment);
  }
  result.push(...layout.rest().map((cue) => queue.take(cue)));
  return result.filter(({ text }) => text.trim() !== ""); // A name may fill a cue of its own.
}

type Queued = {
  readonly word: TimedWord;
  readonly segment: TimedSegment;
  readonly isLast: boolean;
  /** Letters of a name before it, which are not its own. */
  readonly label: number;
};

/** Words on their way into cues. */
class WordQueue {
  readonly #words: Queued[] = [];
  #taken = 0;

  /** `label`: letters of the speaker's name that its cues have before its text. */
  push(segment: TimedSegment, label: number): void {
    const words = timedWords(segment);
    const last = words.length - 1;
    for (const [index, word] of words.entries()) {
      this.#words.push({ word, segment, isLast: index === last, label: index === 0 ? label : 0 });
    }
  }

  /** The words whose letters are those of the cue; a word that it has the first letters of is cut. */
  take({ lines, startMs, endMs }: Cue): TimedSegment {
    let left = lettersOf(lines.join(""));
    const taken: Queued[] = [];
    for (; this.#taken < this.#words.length; this.#taken++) {
      const next = this.#words[this.#taken]!;
      const letters = lettersOf(next.word.text) + next.label;
      if (letters > left) {
        if (left > 0) taken.push(this.#cut(next, left));
        break;
      }
      taken.push(next);
      left -= letters;
    }
    return cueSegment(taken, { startMs, endMs });
  }

  /** Cuts the next word behind so many letters, and returns the part before. */
  #cut(next: Queued, letters: number): Queued {
    const [before, after] = cutWord(next.word, offsetOf(next.word.text, Math.max(0, letters - next.label)));
    this.#words[this.#taken] = { ...next, word: after, label: Math.max(0, next.label - letters) };
    return { ...next, word: before, isLast: false };
  }
}

/** What is true of the end of a segment is true of the cue that has it. */
function cueSegment(taken: readonly Queued[], span: TimeSpan): TimedSegment {
  const words = taken.map(({ word }) => word);
  const { isTruncated, isLooped, spoken: _, ...own } = taken[0]!.segment;
  const hasEnd = taken.some(({ isLast }) => isLast);
  return {
    ...own,
    ...span,
    text: words.map(({ text }) => text).join(""),
    ...(words.some(({ spoken }) => spoken !== undefined) &&
      { spoken: words.map(({ text, spoken }) => spoken ?? text).join("") }),
    ...(hasEnd && isTruncated && { isTruncated }),
    ...(hasEnd && isLooped && { isLooped }),
    isCue: true,
    words,
  };
}

function lettersOf(text: string): number {
  return text.replace(/\s/gu, "").length;
}

/** Where the text is cut for so many letters to be before. */
function offsetOf(text: string, letters: number): number {
  let left = letters;
  for (let at = 0; at < text.length; at++) {
    if (left === 0) return at;
    if (!/\s/u.test(text[at]!)) left--;
  }
  return text.length;
}
