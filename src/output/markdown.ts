/** Writes Markdown: the recording's name as a heading, paragraphs with their times. In: segments. Out: text. Pure. */

import { printable } from "../writer.ts";
import { clock, type Paragraph, ParagraphFlow } from "./paragraphs.ts";
import type { SegmentWriter, WriterOptions } from "./writer.ts";

export function markdownWriter({ head, table, speakerLabels }: WriterOptions): SegmentWriter {
  const name = printable(head.source.name.replace(/^.*\//s, "") || head.source.name);
  const opening = `${table?.hasHeader ? "\n" : ""}# ${markdown(name)}\n`;
  const paragraphs = new ParagraphFlow(speakerLabels);
  let begun = false;
  return {
    add: (segment) => {
      const text = (begun ? "" : opening) + paragraphs.push(segment).map(written).join("");
      begun = true;
      return text;
    },
    rest: () => (begun ? "" : opening) + paragraphs.rest().map(written).join(""),
  };
}

function written({ words, named }: Paragraph): string {
  const name = named === undefined ? "" : `**${markdown(named)}:** `;
  return `\n\`${clock(words[0]!.startMs)}\` ${name}${markdown(words.map(({ text }) => text).join(""))}\n`;
}

/** A text in which no character means something to Markdown. It follows other text on its line, so no line begins. */
function markdown(text: string): string {
  return text.replace(/\s+/gu, " ").trim().replace(/[\\`*_[\]<>#|~$!&]/g, "\\$&");
}
