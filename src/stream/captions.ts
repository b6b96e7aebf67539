/**
 * What a stream writes: events in, the text of a format out, at once or as utterances close. Pure.
 *
 * jsonl has one object per event; srt and vtt get an utterance's cues when it is over.
 */

import { type Cue, srtBlock, vttBlock, vttHeader } from "../subtitles/cue.ts";
import type { TextEvent, UtteranceText } from "./text.ts";

export const streamFormats = ["text", "jsonl", "srt", "vtt"] as const;
export type StreamFormat = (typeof streamFormats)[number];

export interface StreamWriter {
  /** Before the first event. */
  readonly header: string;
  write(event: TextEvent): string;
}

export function streamWriter(format: StreamFormat): StreamWriter {
  switch (format) {
    case "text":
      return { header: "", write: (event) => event.kind === "commit" ? event.text : "" };
    case "jsonl":
      return { header: "", write: (event) => event.kind === "language" ? "" : jsonLine(event) };
    case "srt": {
      let number = 0;
      return { header: "", write: (event) => blocks(event, (cue) => srtBlock(cue, ++number)) };
    }
    case "vtt":
      return { header: vttHeader, write: (event) => blocks(event, vttBlock) };
  }
}

function jsonLine(event: Exclude<TextEvent, { kind: "language" }>): string {
  const { kind: type, id, startMs, endMs, language, text } = event;
  return `${JSON.stringify({ type, id, start_ms: startMs, end_ms: endMs, language, text })}\n`;
}

function blocks(event: TextEvent, block: (cue: Cue) => string): string {
  return event.kind === "final" ? cuesOf(event).map(block).join("") : "";
}

const columnsMax = 42;
const linesMax = 2;
/** One word, with the space before it; one character where the script has no spaces. */
const spaceless = String.raw`\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}`;
const pieces = new RegExp(String.raw`\s*(?:[${spaceless}][\p{P}\p{M}]*|[^\s${spaceless}]+)`, "gu");
const wide = new RegExp(
  String.raw`[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6` +
    String.raw`\u{20000}-\u{3fffd}]`,
  "u",
);

/** Cues of at most two lines of 42 columns; their times share the utterance's by the length of their text. */
export function cuesOf({ text, startMs, endMs }: UtteranceText): Cue[] {
  const lines = brokenLines(text);
  const total = lines.reduce((sum, line) => sum + columnsOf(line), 0);
  const cues: Cue[] = [];
  let before = 0;
  const timeAt = (columns: number) => Math.round(startMs + ((endMs - startMs) * columns) / total);
  for (let first = 0; first < lines.length; first += linesMax) {
    const shown = lines.slice(first, first + linesMax);
    const columns = shown.reduce((sum, line) => sum + columnsOf(line), 0);
    cues.push({ startMs: timeAt(before), endMs: timeAt(before + columns), lines: shown });
    before += columns;
  }
  return cues;
}

function brokenLines(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const [piece] of text.matchAll(pieces)) {
    const isFull = line !== "" && columnsOf(line + piece) > columnsMax;
    if (isFull) lines.push(line);
    line = isFull || line === "" ? piece.trimStart() : line + piece;
  }
  return line === "" ? lines : [...lines, line];
}

function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += wide.test(character) ? 2 : 1;
  return columns;
}
