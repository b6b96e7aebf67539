/** Writes Markdown: the recording's name as a heading, paragraphs with their times. In: segments. Out: text. Pure. */

import type { TimedSegment } from "../document/document.ts";
import { printable } from "../writer.ts";
import { clock, paragraphsOf } from "./paragraphs.ts";
import type { SegmentWriter, WriterOptions } from "./writer.ts";

export function markdownWriter({ head, table }: WriterOptions): SegmentWriter {
  const name = printable(head.source.name.replace(/^.*\//s, "") || head.source.name);
  const opening = `${table?.hasHeader ? "\n" : ""}# ${markdown(name)}\n`;
  let speaker: string | undefined;
  let begun = false;
  return {
    add: (segment) => {
      const text = (begun ? "" : opening) + paragraphs(segment, segment.speaker !== speaker);
      [speaker, begun] = [segment.speaker, true];
      return text;
    },
    rest: () => begun ? "" : opening,
  };
}

function paragraphs(segment: TimedSegment, isTurn: boolean): string {
  return paragraphsOf(segment).map((words, index) => {
    const { speaker } = segment;
    const name = isTurn && index === 0 && speaker !== undefined ? `**${markdown(speaker)}:** ` : "";
    return `\n\`${clock(words[0]!.startMs)}\` ${name}${markdown(words.map(({ text }) => text).join(""))}\n`;
  }).join("");
}

/** A text in which no character means something to Markdown. It follows other text on its line, so no line begins. */
function markdown(text: string): string {
  return text.replace(/\s+/gu, " ").trim().replace(/[\\`*_[\]<>#|~$!&]/g, "\\$&");
}
