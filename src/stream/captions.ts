/**
 * What a stream writes: events in, the text of a format out, at once or as utterances close. Pure.
 *
 * jsonl has one object per event. srt and vtt get an utterance's cues when it is over, laid out by the same rules as
 * those of whole recordings, from words whose times are estimated within the utterance.
 */

import { unalignedSegment } from "../document/unaligned.ts";
import type { WordCutter } from "../text/chinese.ts";
import { type Cue, srtBlock, vttBlock, vttHeader } from "../subtitles/cue.ts";
import { CueLayout } from "../subtitles/layout.ts";
import type { LayoutRules } from "../subtitles/rules.ts";
import type { TextEvent, UtteranceText } from "./text.ts";

export const streamFormats = ["text", "jsonl", "srt", "vtt"] as const;
export type StreamFormat = (typeof streamFormats)[number];

/** How cues are laid out. */
export type CaptionOptions = { readonly rules: LayoutRules; readonly cutChinese?: WordCutter };

export interface StreamWriter {
  /** Before the first event. */
  readonly header: string;
  write(event: TextEvent): string;
}

/** One writer per stream: cues are numbered and kept apart from its first event to its last. */
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

/** Nobody knows yet when the next utterance begins: the last cue ends with this one. */
function cuesOf(layout: CueLayout, { text, language, startMs, endMs }: UtteranceText): Cue[] {
  const { words = [] } = unalignedSegment({ text, language, tokens: [] }, [{ startMs, endMs }]);
  return [...layout.push(words), ...layout.flush(endMs)];
}
