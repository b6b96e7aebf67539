/** Writes tables and lyrics: a line per sentence, and of lyrics per part of a long one. Pure. */

import type { TimedSegment, TimedWord } from "../document/document.ts";
import { roundedLogprob } from "../document/logprobs.ts";
import { endsSentence } from "../text/sentences.ts";
import { timestamp } from "../subtitles/cue.ts";
import { graphemesOf } from "../subtitles/width.ts";
import { hasSpeakerColumn, type SegmentWriter, type WriterOptions } from "./writer.ts";
import { written } from "../views/piece.ts";
import { punctuated } from "../views/punctuation.ts";
import { markedWords, meanLogprob, timedWords } from "./words.ts";

type Row = {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  readonly language: string;
  /** The mean over its words; undefined: they were not decoded. */
  readonly logprob: number | undefined;
  /** Who says it, where that is known. */
  readonly speaker: string | undefined;
};

/**
 * "start", "end" in milliseconds, "text": as other speech programs write it. Tabs and newlines become spaces. Of
 * several recordings also "file", "language", "logprob"; where speakers are told apart, "speaker" at the end.
 */
export function tsvWriter(options: WriterOptions): SegmentWriter {
  const { head, table, forSpreadsheet = false } = options;
  const hasSpeakers = hasSpeakerColumn(options);
  const cell = (text: string) => forSpreadsheet ? disarmed(oneLine(text)) : oneLine(text);
  const names = ["start", "end", "text", ...(table ? ["file", "language", "logprob"] : [])];
  const header = `${[...names, ...(hasSpeakers ? ["speaker"] : [])].join("\t")}\n`;
  return tableWriter(table?.hasHeader ? "" : header, ({ startMs, endMs, text, language, logprob, speaker = "" }) => {
    const cells = [Math.round(startMs), Math.round(endMs), cell(text)];
    const more = table ? [cell(head.source.name), language, meanText(logprob)] : [];
    return `${[...cells, ...more, ...(hasSpeakers ? [cell(speaker)] : [])].join("\t")}\n`;
  });
}

/**
 * CSV by RFC 4180: times in seconds, the language, quoted texts; of several recordings also "file", "logprob"; where
 * speakers are told apart, "speaker" at the end.
 */
export function csvWriter(options: WriterOptions): SegmentWriter {
  const { head, table, forSpreadsheet = false } = options;
  const hasSpeakers = hasSpeakerColumn(options);
  const cell = (text: string) => csvQuoted(forSpreadsheet ? disarmed(oneLine(text)) : oneLine(text));
  const names = ["start", "end", "language", "text", ...(table ? ["file", "logprob"] : [])];
  const header = `${[...names, ...(hasSpeakers ? ["speaker"] : [])].join(",")}\r\n`;
  return tableWriter(table?.hasHeader ? "" : header, ({ startMs, endMs, language, text, logprob, speaker = "" }) => {
    const seconds = [startMs, endMs].map((ms) => (Math.round(ms) / 1000).toFixed(3));
    const more = table ? [cell(head.source.name), meanText(logprob)] : [];
    const who = hasSpeakers ? [cell(speaker)] : [];
    return `${[...seconds, language, cell(text), ...more, ...who].join(",")}\r\n`;
  });
}

/** The text as spreadsheets show it, whatever it begins with. Full-width signs begin formulas, too. */
function disarmed(text: string): string {
  return /^[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text;
}

/** A text as a cell of CSV. */
export function csvQuoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function meanText(logprob: number | undefined): string {
  return logprob === undefined ? "" : String(roundedLogprob(logprob));
}

/** Text with times, as whisper.cpp prints it: "[00:01:23.400 --> 00:01:27.100] text" per sentence. */
export function timestampedWriter({ doubtBelow }: WriterOptions): SegmentWriter {
  const { add, rest } = tableWriter("", ({ startMs, endMs, text }) => {
    return `[${timestamp(startMs, ".")} --> ${timestamp(endMs, ".")}] ${oneLine(text)}\n`;
  });
  return { add: (segment) => add({ ...segment, words: markedWords(segment, doubtBelow) }), rest };
}

function tableWriter(header: string, written: (row: Row) => string): SegmentWriter {
  const sentences = new Sentences();
  let begun = false;
  return {
    add: (segment) => {
      const text = (begun ? "" : header) + sentences.push(segment).map(written).join("");
      begun = true;
      return text;
    },
    rest: () => (begun ? "" : header) + sentences.rest().map(written).join(""),
  };
}

/** A silence of this length ends a row in the middle of a sentence, and so does a number of words. */
const rowPauseMs = 3000;
const rowWordsMax = 300;

/** Collects words into sentences, which may go on in the next segment. */
class Sentences {
  #held: TimedWord[] = [];
  #language = "";
  #speaker: string | undefined;
  #isLine = false;

  /** Returns the sentences that are complete. */
  push(segment: TimedSegment): Row[] {
    const words = timedWords(segment);
    const isLine = isGivenLine(words);
    const rows: Row[] = [];
    const isTurn = segment.speaker !== this.#speaker;
    if (isLine || this.#isLine || isTurn || segment.language !== this.#language) rows.push(...this.#close());
    [this.#language, this.#speaker, this.#isLine] = [segment.language, segment.speaker, isLine];
    for (const word of words) {
      const last = this.#held.at(-1);
      if (last && word.startMs - last.endMs >= rowPauseMs) rows.push(...this.#close());
      this.#held.push(word);
      if (endsSentence(word.text) || this.#held.length >= rowWordsMax) rows.push(...this.#close());
    }
    return rows;
  }

  /** The sentence that has begun, as if this were the end. Changes nothing. */
  rest(): Row[] {
    const text = this.#held.map((word) => word.text).join("");
    if (text.trim() === "") return [];
    const [startMs, endMs] = [this.#held[0]!.startMs, this.#held.at(-1)!.endMs];
    const [language, speaker] = [this.#language, this.#speaker];
    return [{ startMs, endMs, text, language, logprob: meanLogprob(this.#held), speaker }];
  }

  #close(): Row[] {
    const rows = this.rest();
    this.#held = [];
    return rows;
  }
}

/** A line of a text that was given and aligned: it was not decoded, and an aligner timed it. Lines stay apart. */
function isGivenLine(words: readonly TimedWord[]): boolean {
  return words.length > 0 && words.every(({ logprob, flag }) => logprob === undefined && flag !== "unaligned");
}

/** A line of lyrics is shown until the next; if the silence is longer, an empty line clears it. */
const lyricsPauseMs = 3000;
const lyricsColumnsMax = 80;

/** LRC: "[mm:ss.xx]text" per sentence, or per part of a long sentence. */
export function lrcWriter({ head, cuePunctuation = "keep" }: WriterOptions): SegmentWriter {
  const header = `[by:${head.program}]\n[length:${minutes(head.source.durationMs).slice(0, -3)}]\n`;
  let begun = false;
  let endMs: number | undefined;
  return {
    add: (segment) => {
      let text = begun ? "" : header;
      begun = true;
      for (const line of lyricsLines(timedWords(segment))) {
        const startMs = line[0]!.startMs;
        if (endMs !== undefined && startMs - endMs > lyricsPauseMs) text += `[${minutes(endMs)}]\n`;
        const lyrics = oneLine(line.map((word) => word.text).join(""));
        text += `[${minutes(startMs)}]${oneLine(written(punctuated(cuePunctuation, lyrics)))}\n`;
        endMs = line.at(-1)!.endMs;
      }
      return text;
    },
    rest: () => (begun ? "" : header) + (endMs === undefined ? "" : `[${minutes(endMs)}]\n`),
  };
}

function lyricsLines(words: readonly TimedWord[]): TimedWord[][] {
  const lines: TimedWord[][] = [];
  let line: TimedWord[] = [];
  let length = 0;
  for (const word of words) {
    if (word.text.trim() === "") continue;
    line.push(word);
    length += graphemesOf(word.text).length;
    const isClause = length > lyricsColumnsMax / 2 && /[,;:\uff0c\uff1b\uff1a\u3001]$/u.test(word.text.trim());
    if (!endsSentence(word.text) && !isClause && length < lyricsColumnsMax) continue;
    lines.push(line);
    [line, length] = [[], 0];
  }
  return line.length > 0 ? [...lines, line] : lines;
}

function minutes(ms: number): string {
  const hundredths = Math.round(ms / 10);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  return `${two(hundredths / 6000)}:${two((hundredths / 100) % 60)}.${two(hundredths % 100)}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/gu, " ").trim();
}
