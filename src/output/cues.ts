/** Writes SubRip, WebVTT and ASS. In: segments. Out: cues, as soon as they are final. Pure. */

import type { TimedSegment } from "../document/document.ts";
import {
  assHeader,
  assLine,
  type Cue,
  type CueWord,
  srtBlock,
  vttBlock,
  vttHeader,
  vttWordsBlock,
} from "../subtitles/cue.ts";
import { CueLayout, wholeCue } from "../subtitles/layout.ts";
import type { LayoutRules } from "../subtitles/rules.ts";
import type { WordCutter } from "../text/chinese.ts";
import { written } from "../views/piece.ts";
import { type CuePunctuation, punctuated } from "../views/punctuation.ts";
import { writtenWords } from "../views/words.ts";
import { timedWords } from "./words.ts";
import type { SegmentWriter, WriterOptions } from "./writer.ts";

export function srtWriter(options: WriterOptions): SegmentWriter {
  return cueWriter(options, "", srtBlock);
}

export function vttWriter(options: WriterOptions): SegmentWriter {
  return cueWriter(options, vttHeader, vttBlock);
}

export function vttWordsWriter(options: WriterOptions): SegmentWriter {
  return cueWriter(options, vttHeader, vttWordsBlock);
}

export function assWriter(options: WriterOptions): SegmentWriter {
  return cueWriter(options, assHeader, assLine);
}

function cueWriter(
  { rules, cutChinese, cuePunctuation = "keep", speakerLabels }: WriterOptions,
  header: string,
  block: (cue: Cue, number: number) => string,
): SegmentWriter {
  const layout = new TurnLayout(rules, cutChinese);
  let count = 0;
  let begun = false;
  const blocks = (cues: readonly Cue[]) =>
    cues.map((cue, index) => {
      const shown = speakerLabels === "off" ? { ...cue, speaker: undefined } : cue;
      return block(punctuatedCue(shown, cuePunctuation), count + index + 1);
    }).join("");
  return {
    add: (segment) => {
      const cues = layout.push(segment);
      const text = (begun ? "" : header) + blocks(cues);
      begun = true;
      count += cues.length;
      return text;
    },
    rest: () => (begun ? "" : header) + blocks(layout.rest()),
  };
}

/** Lays out segments as they arrive. No cue has two speakers, and one that somebody has laid out stays as it is. */
export class TurnLayout {
  #layout: CueLayout;
  #last: TimedSegment | undefined;

  constructor(readonly rules: LayoutRules, readonly cutChinese?: WordCutter) {
    this.#layout = new CueLayout(rules, cutChinese);
  }

  push(segment: TimedSegment): Cue[] {
    const isTurn = this.#last !== undefined && segment.speaker !== this.#last.speaker;
    const isApart = isTurn || segment.isCue === true;
    const before = isApart ? this.rest(timedWords(segment)[0]?.startMs ?? segment.startMs) : [];
    this.#last = segment;
    if (isApart) this.#layout = new CueLayout(this.rules, this.cutChinese);
    if (!segment.isCue) return [...before, ...spokenBy(segment, this.#layout.push(timedWords(segment)))];
    const whole = wholeCue(timedWords(segment), segment, this.rules, this.cutChinese);
    return whole ? [...before, ...spokenBy(segment, [whole])] : before;
  }

  /** The cues of what is held; at `nextMs` another turn begins. */
  rest(nextMs?: number): Cue[] {
    return this.#last ? spokenBy(this.#last, this.#layout.rest(nextMs)) : [];
  }
}

function spokenBy({ speaker }: TimedSegment, cues: readonly Cue[]): Cue[] {
  return speaker === undefined ? [...cues] : cues.map((cue) => ({ ...cue, speaker }));
}

/** The cues that subtitles of all these segments have. */
export function cuesOf(segments: readonly TimedSegment[], rules: LayoutRules, cutChinese?: WordCutter): Cue[] {
  const layout = new TurnLayout(rules, cutChinese);
  return [...segments.flatMap((segment) => layout.push(segment)), ...layout.rest()];
}

/** The cue as it is shown. Marks go after the layout, which breaks lines by them. */
export function punctuatedCue(cue: Cue, mode: CuePunctuation): Cue {
  if (mode === "keep") return cue;
  return {
    ...cue,
    lines: cue.lines.map((line) => written(punctuated(mode, line)).trim()),
    ...(cue.words ? { words: cue.words.map((line) => punctuatedWords(line, mode)) } : {}),
  };
}

function punctuatedWords(line: readonly CueWord[], mode: CuePunctuation): CueWord[] {
  const texts = line.map(({ text }) => text);
  return writtenWords(texts, punctuated(mode, texts.join(""))).map(({ from, text }, index) => ({
    text: index === 0 ? text.trimStart() : text,
    startMs: line[from]!.startMs,
  }));
}
