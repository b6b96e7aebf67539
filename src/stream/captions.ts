/**
 * Writes the text of a stream in a format. In: events. Out: text, at once or when an utterance ends. Pure.
 *
 * jsonl has one object per event. srt and vtt get the cues of an utterance when it has ended. They are laid out by the
 * same rules as those of whole recordings, from words whose times are estimated within the utterance.
 */

import { unalignedSegment } from "../document/unaligned.ts";
import type { WordCutter } from "../text/chinese.ts";
import { type Cue, srtBlock, vttBlock, vttHeader } from "../subtitles/cue.ts";
import { CueLayout } from "../subtitles/layout.ts";
import type { LayoutRules } from "../subtitles/rules.ts";
import type { TextEvent, UtteranceText } from "./text.ts";

export const streamFormats = ["text", "jsonl", "srt", "vtt"] as const;
export type StreamFormat = (typeof streamFormats)[number];

/** The rules by which cues are laid out. */
export type CaptionOptions = { readonly rules: LayoutRules; readonly cutChinese?: WordCutter };

export interface StreamWriter {
  /** The text before the first event. */
  readonly header: string;
  write(event: TextEvent): string;
}

/** Use a writer for one stream: it numbers the cues and keeps them from overlapping. */
export function streamWriter(format: StreamFormat, options: CaptionOptions): StreamWriter {
  switch (format) {
    case "text":
      return { header: "", write: (event) => event.kind === "commit" ? event.text : "" };
    case "jsonl":
      return { header: "", write: (event) => event.kind === "language" ? "" : jsonLine(event) };
    case "srt":
      return cueWriter("", srtBlock, options);
    case "vtt":
      return cueWriter(vttHeader, vttBlock, options);
  }
}

function jsonLine(event: Exclude<TextEvent, { kind: "language" }>): string {
  const { kind: type, id, startMs, endMs, language, text } = event;
  return `${JSON.stringify({ type, id, start_ms: startMs, end_ms: endMs, language, text })}\n`;
}

function cueWriter(
  header: string,
  block: (cue: Cue, number: number) => string,
  { rules, cutChinese }: CaptionOptions,
): StreamWriter {
  const layout = new CueLayout(rules, cutChinese);
  let number = 0;
  return {
    header,
    write: (event) => event.kind === "final" ? cuesOf(layout, event).map((cue) => block(cue, ++number)).join("") : "",
  };
}

/** It is not known yet when the next utterance begins, so the last cue ends with its own. */
function cuesOf(layout: CueLayout, { text, language, startMs, endMs }: UtteranceText): Cue[] {
  const { words = [] } = unalignedSegment({ text, language, tokens: [] }, [{ startMs, endMs }]);
  return [...layout.push(words), ...layout.flush(endMs)];
}
