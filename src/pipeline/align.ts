/**
 * Text and the audio it was said in -> its words with their times, through an aligner's engine. No I/O of its own.
 *
 *     text -> words -> pieces of audio -> classes -> repaired times -> spread times -> words with punctuation
 */

import { attachPunctuation } from "../align/attach.ts";
import { alignPieces } from "../align/pieces.ts";
import { type PlacedWord, spreadWords } from "../align/spread.ts";
import { guessLanguage, type Splitters, spokenWords } from "../align/words.ts";
import type { TimedSegment, TimedWord } from "../document/document.ts";
import { wordLogprobs } from "../document/logprobs.ts";
import { release } from "../memory.ts";
import type { AlignRequest, Engine } from "../engine/engine.ts";
import { originalPosition } from "../segment/ranges.ts";
import type { Recording } from "../segment/recording.ts";
import type { HeardSegment } from "./events.ts";
import { msOfSamples, sampleRate, type Span } from "../units.ts";

/** Where the cuts of a language come from; loaded when a text needs them. */
export type SplitterSource = (language: string) => Promise<Splitters>;

export type Aligner = {
  readonly engine: Engine;
  readonly splitters: SplitterSource;
  /** Seconds of audio at a time. */
  readonly pieceSec: number;
  /** See PieceOptions. */
  readonly pausesMin: number;
  /** Cancels what runs. */
  readonly stop: AbortSignal;
};

/** One stretch of audio and what is said in it. */
export type AlignJob = {
  /** The whole, or what of it was read. */
  readonly recording: Recording;
  /** Of its samples; all where absent. */
  readonly ranges?: readonly Span[];
  /** Where its first sample is in the file. */
  readonly startMs: number;
  /** In the order spoken: lines, or one text. */
  readonly texts: readonly string[];
  /** "" where unknown. */
  readonly language: string;
};

export type Alignment = {
  /** Of every text: joined, its words' texts are the text. Empty where it has none, or where the run was stopped. */
  readonly words: readonly (readonly TimedWord[])[];
  readonly stopped: boolean;
  readonly encodeMs: number;
  readonly alignMs: number;
};

/** The longest stretch of audio that the official aligner is given at a time. */
export const pieceSecMax = 180;

export async function alignTexts(job: AlignJob, aligner: Aligner): Promise<Alignment> {
  const { engine, pieceSec, pausesMin, stop } = aligner;
  const { texts, startMs } = job;
  const language = job.language || guessLanguage(texts.join(""));
  const splitters = await aligner.splitters(language);
  const spoken = texts.map((text) => spokenWords(text, language, splitters));
  const names = spoken.flatMap((words) => words.map(({ word }) => word));
  const written = texts.map((text, index) => attachPunctuation(text, spoken[index]!));
  const none = texts.map(() => []);
  if (names.length === 0) return { words: none, stopped: false, encodeMs: 0, alignMs: 0 };
  const ranges = job.ranges ?? [{ start: 0, end: job.recording.length }];
  const part = job.recording.part(ranges);
  const options = { pieceSec, pausesMin, markerMs: engine.info.alignment?.markerMs ?? 80, texts: written.flat() };
  const align = async (request: AlignRequest) => {
    const result = await engine.align(request, stop);
    release(request.samples);
    return result;
  };
  const { times, speech, encodeMs, alignMs } = await alignPieces(part, names, align, options);
  if (!times) return { words: none, stopped: true, encodeMs, alignMs };
  const placed = spreadWords(names, times, speech, Math.floor((part.length * 1000) / sampleRate)).values();
  const words = written.map((own) =>
    own.map((text): TimedWord => {
      const place = placed.next().value!;
      return { text, ...inRecording(place, ranges, startMs), ...(place.flag && { flag: place.flag }) };
    })
  );
  return { words, stopped: false, encodeMs, alignMs };
}

/** A segment of a transcript with its words. */
export async function alignSegment(
  heard: HeardSegment,
  recording: Recording,
  startMs: number,
  aligner: Aligner,
): Promise<{ readonly segment: TimedSegment; readonly alignment: Alignment }> {
  const { text, language, ranges, tokens } = heard;
  const alignment = await alignTexts({ recording, ranges, startMs, texts: [text], language }, aligner);
  const [words = []] = alignment.words;
  const logprobs = wordLogprobs(words.map((word) => word.text), tokens);
  const sure = words.map((word, index) => ({ ...word, logprob: logprobs[index]! }));
  return { segment: { ...segmentOf(heard, startMs), ...(words.length > 0 && { words: sure }) }, alignment };
}

/** A segment of a transcript without words. */
export function segmentOf({ text, language, ranges }: HeardSegment, startMs: number): TimedSegment {
  const at = (sample: number) => startMs + Math.round((sample * 1000) / sampleRate);
  return { startMs: at(ranges[0]?.start ?? 0), endMs: at(ranges.at(-1)?.end ?? 0), text, language };
}

/** From milliseconds of the ranges, joined, to those of the recording. */
function inRecording({ startMs, endMs }: PlacedWord, ranges: readonly Span[], offsetMs: number) {
  return {
    startMs: offsetMs + originalMs(startMs, ranges, "start"),
    endMs: offsetMs + originalMs(endMs, ranges, "end"),
  };
}

function originalMs(ms: number, ranges: readonly Span[], side: "start" | "end"): number {
  return msOfSamples(originalPosition(ranges, (ms * sampleRate) / 1000, side));
}
