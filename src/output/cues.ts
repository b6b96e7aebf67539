/** Writes SubRip, WebVTT and ASS. In: segments. Out: cues, as soon as they are final. Pure. */

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
import { CueLayout } from "../subtitles/layout.ts";
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
  { rules, cutChinese, cuePunctuation = "keep" }: WriterOptions,
  header: string,
  block: (cue: Cue, number: number) => string,
): SegmentWriter {
  let layout = new CueLayout(rules, cutChinese);
  let speaker: string | undefined;
  let count = 0;
  let begun = false;
  const blocks = (cues: readonly Cue[]) =>
    cues.map((cue, index) => block(punctuatedCue(cue, cuePunctuation), count + index + 1)).join("");
  return {
    add: (segment) => {
      const isTurn = begun && segment.speaker !== speaker;
      speaker = segment.speaker;
      const before = isTurn ? layout.rest() : [];
      if (isTurn) layout = new CueLayout(rules, cutChinese); // No cue has two speakers.
      const cues = [...before, ...layout.push(timedWords(segment))];
      const text = (begun ? "" : header) + blocks(cues);
      begun = true;
      count += cues.length;
      return text;
    },
    rest: () => (begun ? "" : header) + blocks(layout.rest()),
  };
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
