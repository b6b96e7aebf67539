/** Writes SubRip, WebVTT and ASS. In: segments. Out: cues, as soon as they are final. Pure. */

import { assHeader, assLine, type Cue, srtBlock, vttBlock, vttHeader, vttWordsBlock } from "../subtitles/cue.ts";
import { CueLayout } from "../subtitles/layout.ts";
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
  { rules, cutChinese }: WriterOptions,
  header: string,
  block: (cue: Cue, number: number) => string,
): SegmentWriter {
  const layout = new CueLayout(rules, cutChinese);
  let written = 0;
  let begun = false;
  const blocks = (cues: readonly Cue[]) => cues.map((cue, index) => block(cue, written + index + 1)).join("");
  return {
    add: (segment) => {
      const cues = layout.push(timedWords(segment));
      const text = (begun ? "" : header) + blocks(cues);
      begun = true;
      written += cues.length;
      return text;
    },
    rest: () => (begun ? "" : header) + blocks(layout.rest()),
  };
}
