/**
 * Writes the text of a stream in a format. In: events. Out: text, at once or when an utterance ends. Pure.
 *
 * Text has a line per utterance, or paragraphs as whole recordings have. jsonl has one object per event. srt and vtt
 * get the cues of an utterance when it has ended. They are laid out by the rules of whole recordings, from words whose
 * times are estimated within the utterance.
 */

import { unalignedSegment } from "../document/unaligned.ts";
import { jsonText } from "../path_bytes.ts";
import type { WordCutter } from "../text/chinese.ts";
import { separatorBetween } from "../text/join.ts";
import { type Cue, srtBlock, vttBlock, vttHeader } from "../subtitles/cue.ts";
import { Paragraphs } from "../output/text.ts";
import { punctuatedCue } from "../output/cues.ts";
import { CueLayout } from "../subtitles/layout.ts";
import type { LayoutRules } from "../subtitles/rules.ts";
import type { CuePunctuation } from "../views/punctuation.ts";
import { writtenSegment } from "../views/view.ts";
import type { GapEvent, TextEvent, UtteranceText } from "./text.ts";

export const streamFormats = ["text", "jsonl", "srt", "vtt"] as const;
export type StreamFormat = (typeof streamFormats)[number];

export type CaptionOptions = {
  /** What the lines of jsonl call the recording. */
  readonly file: string;
  /** The rules by which cues are laid out. */
  readonly rules: LayoutRules;
  /** Text starts a paragraph after a pause of so many ms between utterances; 0: it has a line per utterance. */
  readonly paragraphMs: number;
  /** Text without paragraphs is one line, whatever the utterances. */
  readonly runsOn: boolean;
  readonly cuePunctuation: CuePunctuation;
  readonly cutChinese?: WordCutter;
};

export interface StreamWriter {
  /** The text before the first event. */
  readonly header: string;
  write(event: TextEvent | GapEvent): string;
  /** What would come next, if a partial text were settled; absent where a format has other events for it. */
  tail?(event: Extract<TextEvent, { kind: "partial" }>): string;
}

/** Use a writer for one stream: it numbers the cues and keeps them from overlapping. */
export function streamWriter(format: StreamFormat, options: CaptionOptions): StreamWriter {
  switch (format) {
    case "text":
      return textWriter(options);
    case "jsonl":
      return { header: "", write: (event) => event.kind === "language" ? "" : jsonLine(event, options.file) };
    case "srt":
      return cueWriter("", srtBlock, options);
    case "vtt":
      return cueWriter(vttHeader, vttBlock, options);
  }
}

function textWriter({ paragraphMs, runsOn }: CaptionOptions): StreamWriter {
  const paragraphs = new Paragraphs(paragraphMs);
  const hasLines = !runsOn && paragraphMs === 0;
  let isLineStart = true;
  let [id, end] = [0, ""];
  const write = (event: TextEvent | GapEvent): string => {
    if (event.kind === "final" && hasLines && !event.goesOn && !isLineStart) {
      isLineStart = true;
      return "\n";
    }
    if (event.kind !== "commit") return "";
    id = event.id;
    end = (end + event.text).slice(-32);
    const text = paragraphs.add(event.text, event.startMs, event.endMs);
    if (!hasLines) return text;
    const own = isLineStart ? text.trimStart() : text;
    isLineStart &&= own === "";
    return own;
  };
  const tail: StreamWriter["tail"] = (event) => {
    if (hasLines || event.id === id) return event.text;
    if (paragraphs.startsAt(event.startMs)) return `\n\n${event.text.trimStart()}`;
    return separatorBetween(end, event.text) + event.text;
  };
  return { header: "", write, tail };
}

function jsonLine(event: Exclude<TextEvent, { kind: "language" }> | GapEvent, file: string): string {
  const { kind: type, startMs, endMs } = event;
  const places = { start_ms: startMs, end_ms: endMs };
  if (type === "gap") return `${jsonText({ type, file, ...places })}\n`;
  const { id, language, text, spoken, isTruncated: truncated, isLooped: loop, repaired, noSpeech: no_speech } = event;
  return `${jsonText({ type, file, id, ...places, language, text, spoken, truncated, loop, repaired, no_speech })}\n`;
}

function cueWriter(
  header: string,
  block: (cue: Cue, number: number) => string,
  { rules, cutChinese, cuePunctuation }: CaptionOptions,
): StreamWriter {
  const layout = new CueLayout(rules, cutChinese);
  let number = 0;
  const shown = (cue: Cue) => block(punctuatedCue(cue, cuePunctuation), ++number);
  return {
    header,
    write: (event) => event.kind === "final" ? cuesOf(layout, event).map(shown).join("") : "",
  };
}

/** It is not known yet when the next utterance begins, so the last cue ends with its own. */
function cuesOf(layout: CueLayout, { text, spoken = text, pieces, ...event }: UtteranceText): Cue[] {
  const { language, startMs, endMs, speech = [] } = event;
  const heard = speech.length > 0 ? speech : [{ startMs, endMs }];
  const segment = unalignedSegment({ text: spoken, language, tokens: [] }, heard);
  const { words = [] } = pieces ? writtenSegment(segment, pieces) : segment;
  return [...layout.push(words), ...layout.flush(endMs)];
}
