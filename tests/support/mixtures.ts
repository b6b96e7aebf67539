/**
 * Conversations made of clips with one voice each, and the truth about who speaks when. In: voices, options and a seed.
 * Out: a plan that is the same for the same seed, and its samples, any part of them at a time.
 *
 * Every voice has its own loudness, every turn varies it a little, and noise lies under all of it. The truth is where
 * the voice detector, which is not what is tested, finds a voice in the clips, pauses of up to 250 ms included.
 */

import { sampleRate, samplesOfMs, type Span } from "../../src/units.ts";
import type { SpeakerTurn } from "../../src/speakers/turns.ts";
import { seededRandom } from "./random.ts";

/** A part of a clip from one pause to the next, or a sentence whose text is known. */
type Piece = { readonly samples: Float32Array; readonly speech: readonly Span[]; readonly text?: string };

export type Voice = { readonly name: string; readonly pieces: readonly Piece[] };

export type MixtureOptions = {
  readonly voices: readonly Voice[];
  readonly seconds: number;
  /** Turns begin before the one before has ended, and listeners say a word in between. */
  readonly hasOverlap: boolean;
  readonly seed: number;
};

type Placed = { readonly start: number; readonly speaker: string; readonly piece: Piece; readonly gain: number };

export type Mixture = {
  readonly length: number;
  readonly placed: readonly Placed[];
  readonly turns: readonly SpeakerTurn[];
};

const joinMs = 250;
const pieceMsMin = 600;
const padMs = 60;

/** The pieces of clips in which one voice speaks; `speechOf` says where it does. */
export function voiceOf(
  name: string,
  clips: readonly Float32Array[],
  speechOf: (samples: Float32Array) => readonly Span[],
): Voice {
  return { name, pieces: clips.flatMap((samples) => piecesOf(samples, speechOf(samples))) };
}

function piecesOf(samples: Float32Array, speech: readonly Span[]): Piece[] {
  return speech.filter(({ start, end }) => end - start >= samplesOfMs(pieceMsMin)).map((span) =>
    pieceOf(samples, span)
  );
}

/** With a little around it, at one level. */
function pieceOf(samples: Float32Array, { start, end }: Span): Piece {
  const pad = samplesOfMs(padMs);
  const from = Math.max(0, start - pad);
  const part = samples.slice(from, end + pad);
  const scale = 1 / Math.max(1e-6, Math.sqrt(part.reduce((sum, one) => sum + one * one, 0) / part.length));
  return { samples: part.map((one) => one * scale), speech: [{ start: start - from, end: end - from }] };
}

/** Sentences of a clip, each a piece with its text; times in seconds. */
export function sentencePieces(
  samples: Float32Array,
  sentences: readonly { readonly text: string; readonly start: number; readonly end: number }[],
): Piece[] {
  const at = (seconds: number) => Math.round(seconds * sampleRate);
  return sentences.map(({ text, start, end }) => ({ ...pieceOf(samples, { start: at(start), end: at(end) }), text }));
}

/** Ranges of frames that are a voice, likelier than not; pauses of up to 100 ms included. */
export function speechOf(probabilities: Float32Array, frameSamples: number): Span[] {
  const runs: { start: number; end: number }[] = [];
  for (const [index, probability] of probabilities.entries()) {
    if (probability < 0.5) continue;
    const [start, end] = [index * frameSamples, (index + 1) * frameSamples];
    const last = runs.at(-1);
    if (last && start - last.end <= samplesOfMs(100)) last.end = end;
    else runs.push({ start, end });
  }
  return runs;
}

export function planMixture({ voices, seconds, hasOverlap, seed }: MixtureOptions): Mixture {
  const { random: below } = seededRandom(seed);
  const random = () => below(2 ** 31) / 2 ** 31;
  const between = (low: number, high: number) => low + random() * (high - low);
  const states = voices.map(({ pieces }) => ({
    next: Math.floor(random() * pieces.length),
    gain: 10 ** (between(-28, -20) / 20),
    share: between(0.5, 2),
  }));
  const length = seconds * sampleRate;
  const placed: Placed[] = [];
  const spoken: { speaker: string; start: number; end: number }[] = [];
  const say = (voice: number, start: number, most: number): number => {
    const [{ name, pieces }, state] = [voices[voice]!, states[voice]!];
    const gain = state.gain * 10 ** (between(-2, 2) / 20);
    let at = start;
    do {
      const piece = pieces[state.next++ % pieces.length]!;
      placed.push({ start: at, speaker: name, piece, gain });
      for (const one of piece.speech) spoken.push({ speaker: name, start: at + one.start, end: at + one.end });
      at += piece.samples.length + samplesOfMs(between(0, 300));
    } while (at - start < most);
    return at;
  };
  let [end, last] = [samplesOfMs(between(200, 1500)), -1];
  while (end < length - 4 * sampleRate) {
    const voice = chosen(states.map(({ share }, index) => index === last ? share / 8 : share), random());
    const isEarly = hasOverlap && last >= 0 && voice !== last && random() < 0.35;
    const gapMs = isEarly ? -between(200, 1500) : between(100, 1200);
    const start = Math.max(0, end + samplesOfMs(gapMs));
    const most = samplesOfMs(Math.min(15_000, 800 - Math.log(1 - random()) * 4000));
    const turnEnd = say(voice, start, most);
    const listener = chosen(states.map((_, index) => index === voice ? 0 : 1), random());
    const isLong = turnEnd - start > 4 * sampleRate;
    if (hasOverlap && listener !== voice && isLong && random() < 0.2) say(listener, start + 2 * sampleRate, 1);
    [end, last] = [Math.max(end, turnEnd), voice];
  }
  return { length, placed: placed.toSorted((a, b) => a.start - b.start), turns: turnsOf(spoken, length) };
}

function chosen(shares: readonly number[], at: number): number {
  const sum = shares.reduce((before, one) => before + one, 0);
  let rest = at * sum;
  for (const [index, share] of shares.entries()) {
    rest -= share;
    if (rest < 0) return index;
  }
  return shares.length - 1;
}

/** What one speaker says with pauses of up to 250 ms is one turn. */
function turnsOf(spoken: readonly { speaker: string; start: number; end: number }[], length: number): SpeakerTurn[] {
  const bySpeaker = Map.groupBy(spoken.toSorted((a, b) => a.start - b.start), ({ speaker }) => speaker);
  const ms = (samples: number) => Math.min(samples, length) * 1000 / sampleRate;
  return [...bySpeaker].flatMap(([speaker, all]) => {
    const turns: { speaker: string; startMs: number; endMs: number }[] = [];
    for (const { start, end } of all) {
      const last = turns.at(-1);
      if (last && ms(start) - last.endMs <= joinMs) last.endMs = Math.max(last.endMs, ms(end));
      else turns.push({ speaker, startMs: ms(start), endMs: ms(end) });
    }
    return turns.filter(({ startMs, endMs }) => endMs > startMs);
  }).toSorted((a, b) => a.startMs - b.startMs);
}

/** The samples from `start` to `end`. What is rendered in parts is the same as the whole. */
export function render({ placed, length }: Mixture, start = 0, end = length): Float32Array {
  const samples = noise(start, end);
  for (const one of placed) {
    const from = Math.max(start, one.start);
    const to = Math.min(end, one.start + one.piece.samples.length);
    for (let at = from; at < to; at++) samples[at - start]! += one.gain * one.piece.samples[at - one.start]!;
  }
  return samples.map((one) => Math.max(-1, Math.min(1, one)));
}

/** White noise, low-passed, at about -58 dBFS. By position: the same in whatever parts. */
function noise(start: number, end: number): Float32Array {
  const white = (at: number) => {
    let bits = Math.imul(at + 0x9e3779b9, 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 31 - 1;
  };
  return Float32Array.from({ length: end - start }, (_, index) => {
    const at = start + index;
    return 0.001 * (white(at) + white(at - 1) + white(at - 2) + white(at - 3));
  });
}
