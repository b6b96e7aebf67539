/**
 * Times the words of a recording of any length with an aligner that takes at most a few minutes at once.
 *
 *     recording, words -> piece after piece -> classes -> repaired times -> the words of this piece -> the next piece
 *
 * An aligner is causal: the time of a word does not depend on the words after it. So every piece is given as many words
 * as it may hold, and some more. Words that are spoken after the piece come out at its end and are left for the next
 * one, which starts at the longest pause before them. Nothing here knows what was said.
 */

import type { AlignRequest, AlignResult } from "../engine/engine.ts";
import type { Recording } from "../segment/recording.ts";
import { repairTimes } from "./repair.ts";
import { sampleRate, type Span, type TimeSpan } from "../units.ts";
import { spokenWeight } from "../text/spoken.ts";

export type PieceOptions = {
  /** Seconds of audio at a time, at most 180: the model was trained for no more. */
  readonly pieceSec: number;
  /** Duration of one class, in ms. */
  readonly markerMs: number;
};

export type PiecesResult = {
  /** One per word, never decreasing; undefined if the run was stopped. */
  readonly times: readonly TimeSpan[] | undefined;
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
/** Audio that is kept before the first voice of a piece. */
const leadSec = 0.2;

/** Finds the times of `words` in `recording`, which is read piece by piece. */
export async function alignPieces(
  recording: Recording,
  words: readonly string[],
  align: Align,
  options: PieceOptions,
): Promise<PiecesResult> {
  const { voice } = recording.speech;
  const times: TimeSpan[] = [];
  const known = { speech: voice.map((range) => spanOf(range)), encodeMs: 0, alignMs: 0, pieces: 0 };
  let position = 0;
  while (times.length < words.length) {
    position = withoutLeadingSilence(position, voice);
    const end = Math.min(recording.length, position + Math.round(options.pieceSec * sampleRate));
    const isLast = end === recording.length;
    const rest = words.slice(times.length);
    const asked = isLast ? rest : rest.slice(0, wordsFor(rest, voice, { start: position, end }));
    const result = await align({ samples: await recording.read(position, end), words: asked });
    if (result.stop === "cancelled") return { times: undefined, ...known };
    known.encodeMs += result.encodeMs;
    known.alignMs += result.alignMs;
    known.pieces++;
    const found = spansOf(result.classes, options.markerMs);
    const piece = { start: position, end };
    const lengthMs = milliseconds(end - position);
    const seam = isLast ? { count: found.length, ms: lengthMs } : seamOf(found, silencesOf(voice, piece), lengthMs);
    const offsetMs = milliseconds(position);
    for (const { startMs, endMs } of spansOf(result.classes.slice(0, 2 * seam.count), options.markerMs)) {
      times.push({ startMs: startMs + offsetMs, endMs: endMs + offsetMs });
    }
    position += Math.min(Math.round((seam.ms * sampleRate) / 1000), end - position);
  }
  return { times, ...known };
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

/** How many words may be spoken in `piece`, if the remaining words are spread evenly over the remaining voice. */
function wordsFor(words: readonly string[], voice: readonly Span[], piece: Span): number {
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
