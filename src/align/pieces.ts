/**
 * Times the words of a recording of any length with an aligner that takes at most a few minutes at once.
 *
 *     recording, words -> piece after piece -> classes -> repaired times -> the words of this piece -> the next piece
 *
 * An aligner is causal: the time of a word does not depend on the words after it. So every piece is given as many words
 * as it may hold, and some more. Words that are spoken after the piece come out at its end and are left for the next
 * one, which starts at the longest pause before them. Where the answer cannot be believed, a shorter piece is tried,
 * and at last the words take estimated times.
 */

import type { AlignRequest, AlignResult } from "../engine/engine.ts";
import type { Recording } from "../segment/recording.ts";
import { shareOut } from "../document/share.ts";
import { isBelievable } from "./judge.ts";
import { repairTimes } from "./repair.ts";
import type { PlacedWord } from "./spread.ts";
import { sampleRate, type Span, type TimeSpan } from "../units.ts";
import { spokenWeight } from "../text/spoken.ts";

export type PieceOptions = {
  /** Seconds of audio at a time, at most 180: the model was trained for no more. */
  readonly pieceSec: number;
  /** Duration of one class, in ms. */
  readonly markerMs: number;
  /** How many pauses, of which an estimate explains every one, outweigh an aligner that does not; by default 2. */
  readonly pausesMin?: number;
  /** The words as they are written, with their marks; without them there are none. */
  readonly texts?: readonly string[];
};

export type PiecesResult = {
  /** One per word, never decreasing, flagged where estimated; undefined if the run was stopped. */
  readonly times: readonly PlacedWord[] | undefined;
  readonly speech: readonly TimeSpan[];
  readonly encodeMs: number;
  readonly alignMs: number;
  readonly pieces: number;
};

type Align = (request: AlignRequest) => Promise<AlignResult>;

/** Words given beyond what a piece should hold, in case people spoke faster there. */
const spareShare = 0.25;
const spareWeight = 60;
/** The part of a piece in which the next one may start: late, but so early that the words on both sides were heard. */
const seamShares = [0.5, 0.85] as const;
/** About how exact an aligner's times are. */
const slackMs = 160;
/** The least by which a piece moves on. */
const minimumMs = 1000;
/** Pieces are not made shorter than this where the aligner fails. */
const shortPieceSec = 12;
/** Recordings up to this length are estimated as a whole where the aligner fails at most of their words. */
const wholeSecMax = 60;
/** An estimate looks so many pieces ahead. */
const windowPieces = 2;
/** Speech that a cut leaves of a stretch is none if it is shorter. */
const sliverSec = 0.05;
/** Audio that is kept before the first voice of a piece. */
const leadSec = 0.2;

/** Finds the times of `words` in `recording`, which is read piece by piece. */
export async function alignPieces(
  recording: Recording,
  words: readonly string[],
  align: Align,
  options: PieceOptions,
): Promise<PiecesResult> {
  const { speech, voice } = recording.speech;
  const material = { texts: options.texts ?? words, voice, speech, length: recording.length };
  const longest = Math.round(options.pieceSec * sampleRate);
  const times: PlacedWord[] = [];
  const known = { speech: voice.map((range) => spanOf(range)), encodeMs: 0, alignMs: 0, pieces: 0 };
  let [position, length] = [0, longest];
  while (times.length < words.length) {
    position = withoutLeadingSilence(position, voice);
    const piece = { start: position, end: Math.min(recording.length, position + length) };
    const rest = words.slice(times.length);
    const isLast = piece.end === recording.length;
    const asked = isLast ? rest : rest.slice(0, wordsFor(rest, voice, piece, spareShare, spareWeight));
    const result = await align({ samples: await recording.read(piece.start, piece.end), words: asked });
    if (result.stop === "cancelled") return { times: undefined, ...known };
    known.encodeMs += result.encodeMs;
    known.alignMs += result.alignMs;
    known.pieces++;
    const heard = heardPart(result.classes, material, piece, options.markerMs);
    const guess = estimate(material, times.length, piece);
    const isGood = !guess || isGoodPart(heard, guess, material, times.length, options.pausesMin ?? 2);
    const isShortest = piece.end - piece.start <= shortPieceSec * sampleRate;
    length = Math.min(longest, isGood ? 2 * length : Math.max(shortPieceSec * sampleRate, Math.round(length / 2)));
    if (!isGood && !isShortest) continue;
    const part = isGood ? heard : estimatedPart(guess, material, piece);
    times.push(...notBefore(times.at(-1)?.endMs ?? 0, part.times));
    position = part.end;
  }
  return { times: isLost(times, recording.length) ? estimatedWhole(material) ?? times : times, ...known };
}

/** A recording and what is said in it. */
type Material = {
  /** The words as they are written. */
  readonly texts: readonly string[];
  readonly voice: readonly Span[];
  readonly speech: readonly Span[];
  readonly length: number;
};

/** The words that are a piece's own, and where the next piece starts. */
type Part = { readonly times: readonly PlacedWord[]; readonly end: number };

/** By the aligner's answer. */
function heardPart(classes: readonly number[], { voice, length }: Material, piece: Span, markerMs: number): Part {
  const found = spansOf(classes, markerMs);
  const { count, end } = seamIn(found, voice, piece, length);
  return { times: spansOf(classes.slice(0, 2 * count), markerMs).map((span) => later(span, piece.start)), end };
}

/** By the estimated times of words from the first of a piece on. */
function estimatedPart(guess: readonly TimeSpan[], { voice, length }: Material, piece: Span): Part {
  const found = guess.map((span) => later(span, -piece.start));
  const { count, end } = seamIn(found, voice, piece, length);
  const own = guess.slice(0, Math.max(1, count));
  const lastEnd = Math.round((own.at(-1)!.endMs * sampleRate) / 1000);
  return { times: own.map((span) => ({ ...span, flag: "unaligned" })), end: Math.min(length, Math.max(end, lastEnd)) };
}

/** Pieces meet in a pause, whose place is known less well than times are. */
function notBefore(ms: number, times: readonly PlacedWord[]): PlacedWord[] {
  return times.map((time) => ({ ...time, startMs: Math.max(ms, time.startMs), endMs: Math.max(ms, time.endMs) }));
}

/** How many of the words found are the piece's own: all, if it is the last. */
function seamIn(found: readonly TimeSpan[], voice: readonly Span[], piece: Span, length: number) {
  if (piece.end === length) return { count: found.length, end: length };
  const seam = seamOf(found, silencesOf(voice, piece), milliseconds(piece.end - piece.start));
  return { count: seam.count, end: Math.min(piece.end, piece.start + Math.round((seam.ms * sampleRate) / 1000)) };
}

/** Estimated times of the words from `first` on, beyond the piece's own; undefined where there is no speech. */
function estimate({ texts, voice, speech, length }: Material, first: number, piece: Span): TimeSpan[] | undefined {
  const end = Math.min(length, piece.end + windowPieces * (piece.end - piece.start));
  const window = { start: piece.start, end };
  const spans = speech.map((range) => ({ start: Math.max(range.start, window.start), end: Math.min(range.end, end) }))
    .filter((range) => range.end - range.start >= sliverSec * sampleRate).map(spanOf);
  if (spans.length === 0) return undefined;
  const rest = texts.slice(first);
  const within = end === length ? rest : rest.slice(0, wordsFor(rest, voice, window, 0, 0));
  return shareOut(within, within.map(spokenWeight), spans);
}

/** Whether most words of a short recording are estimated: the few others were perhaps cut off at a wrong place. */
function isLost(times: readonly PlacedWord[], length: number): boolean {
  return length <= wholeSecMax * sampleRate && 2 * times.filter(({ flag }) => flag).length > times.length;
}

function estimatedWhole(material: Material): PlacedWord[] | undefined {
  const guess = estimate(material, 0, { start: 0, end: material.length });
  return guess?.map((span) => ({ ...span, flag: "unaligned" }));
}

function isGoodPart(
  { times }: Part,
  guess: readonly TimeSpan[],
  { texts, speech }: Material,
  first: number,
  pausesMin: number,
): boolean {
  const count = Math.min(times.length, guess.length);
  const own = texts.slice(first, first + count);
  return isBelievable(own, times.slice(0, count), guess.slice(0, count), speech.map(spanOf), pausesMin);
}

function later({ startMs, endMs }: TimeSpan, samples: number): TimeSpan {
  const ms = milliseconds(samples);
  return { startMs: startMs + ms, endMs: endMs + ms };
}

function milliseconds(count: number): number {
  return Math.round((count * 1000) / sampleRate);
}

function spanOf({ start, end }: Span): TimeSpan {
  return { startMs: milliseconds(start), endMs: milliseconds(end) };
}

/** The repaired times, one per pair of classes. */
function spansOf(classes: readonly number[], markerMs: number): TimeSpan[] {
  const times = repairTimes(classes.map((one) => one * markerMs));
  return Array.from({ length: times.length / 2 }, (_, i) => ({ startMs: times[2 * i]!, endMs: times[2 * i + 1]! }));
}

/**
 * Leaves out whole seconds of silence: the encoder's convolutions see a second at a time, so the features of the rest
 * do not change.
 */
function withoutLeadingSilence(position: number, voice: readonly Span[]): number {
  const next = voice.find(({ end }) => end > position);
  if (!next) return position;
  const silentSec = (next.start - position) / sampleRate - leadSec;
  return position + Math.max(0, Math.floor(silentSec)) * sampleRate;
}

/**
 * How many words may be spoken in `piece`, if the remaining words are spread evenly over the remaining voice, and some
 * more: a share of them, and a weight.
 */
function wordsFor(
  words: readonly string[],
  voice: readonly Span[],
  piece: Span,
  spareShare: number,
  spareWeight: number,
): number {
  const within = ({ start, end }: Span) =>
    voice.reduce((sum, range) => sum + Math.max(0, Math.min(end, range.end) - Math.max(start, range.start)), 0);
  const left = within({ start: piece.start, end: Infinity });
  const share = left === 0 ? 1 : within(piece) / left;
  const weights = words.map(spokenWeight);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const most = total * share * (1 + spareShare) + spareWeight;
  let weight = 0;
  const beyond = weights.findIndex((one) => (weight += one) > most);
  return beyond < 0 ? words.length : Math.max(1, beyond);
}

/** The end of a piece: how many of its words are its own, and where the next one starts (ms from its start). */
type Seam = { readonly count: number; readonly ms: number };

/**
 * The longest silence between two words in the middle of a piece; if nobody pauses, the longest gap between words.
 * Words near the end are ignored: they may be cut off, or not be there at all.
 */
function seamOf(found: readonly TimeSpan[], silences: readonly TimeSpan[], lengthMs: number): Seam {
  const [fromMs, limitMs] = seamShares.map((share) => share * lengthMs) as [number, number];
  const beyond = found.findIndex(({ endMs }) => endMs > limitMs);
  const most = beyond < 0 ? found.length : beyond;
  let best: Seam & { readonly length: number } = { count: most, ms: found[most - 1]?.endMs ?? fromMs, length: -1 };
  for (let count = most; count > 0 && found[count - 1]!.endMs >= fromMs; count--) {
    const gap = { startMs: found[count - 1]!.endMs, endMs: found[count]?.startMs ?? found[count - 1]!.endMs };
    const silence = longestWithin({ startMs: gap.startMs - slackMs, endMs: gap.endMs + slackMs }, silences);
    const pause = silence ?? gap;
    const length = pause.endMs - pause.startMs + (silence ? lengthMs : 0); // Any silence wins over any gap.
    if (length > best.length) best = { count, ms: (pause.startMs + pause.endMs) / 2, length };
  }
  return { count: best.count, ms: Math.max(best.ms, minimumMs) };
}

/** The longest part of a span that lies in one of `silences`. */
function longestWithin({ startMs, endMs }: TimeSpan, silences: readonly TimeSpan[]): TimeSpan | undefined {
  const parts = silences
    .map((silence) => ({ startMs: Math.max(startMs, silence.startMs), endMs: Math.min(endMs, silence.endMs) }))
    .filter((part) => part.endMs > part.startMs);
  return parts.reduce<TimeSpan | undefined>(
    (best, part) => best && best.endMs - best.startMs >= part.endMs - part.startMs ? best : part,
    undefined,
  );
}

/** The parts of a piece that are not speech, in ms from its start. */
function silencesOf(voice: readonly Span[], { start, end }: Span): TimeSpan[] {
  const silences: TimeSpan[] = [];
  let from = start;
  for (const range of [...voice, { start: end, end }]) {
    const to = Math.min(range.start, end);
    if (to > from) silences.push({ startMs: milliseconds(from - start), endMs: milliseconds(to - start) });
    from = Math.max(from, range.end);
  }
  return silences;
}
