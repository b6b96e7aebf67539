/**
 * Finds speech by a detector's probabilities, and silence by them and the levels together. In: a probability per frame,
 * the level of every 10 ms. Out: a map of ranges of samples. Pure, O(length), in steps where the recording is long.
 *
 * What the detector calls a voice is speech (voice.ts). What it does not is left out only where it is silent as well:
 * for 100 ms around it no frame may be a voice, and no level stands out from the recording's own noise floor. Music,
 * singing and voices that the detector misses stay with their neighbours.
 */

import { levelSamples } from "../audio/level.ts";
import { assert } from "../errors.ts";
import { release } from "../memory.ts";
import type { Steps } from "../steps.ts";
import { sampleRate, type Span } from "../units.ts";
import { EnergyMap, inPieces, pauseWindowsMin, quantileOf, rangesOf, silenceWindowsMax, smoothed } from "./energy.ts";
import { joinedLength, originalRanges } from "./ranges.ts";
import type { SpeechMap } from "./speech.ts";
import { doubtfulFrom, unvoicedRanges, VoiceDoubt, type VoiceEvidence, voiceRanges, type VoiceRule } from "./voice.ts";

/** What stands out: 6 dB above the level that a tenth of the recording stays below, within limits. */
const floorQuantile = 0.1;
const soundOverFloor = 2;
const soundMin = 2e-4;
const soundMax = 0.025;
const padWindows = 10;

/** Of less energy than in this share of it, a stretch of speech is too quiet to tell words from pauses. */
const energyShareMin = 0.3;

/**
 * Silence that is heard at the ends of a segment. At its start, more than a second is shortened to half a second: with
 * none a first word is cut off, and with a second or two small models mistake words. At its end whole seconds are left
 * out, as the encoder sees them.
 */
const endSilence = sampleRate;
const leadingSilence = sampleRate / 2;
const pauseSamplesMin = sampleRate / 10;

/** What was found in a recording. */
type Found = {
  readonly probabilities: Float32Array;
  readonly frameSamples: number;
};

export class NeuralMap implements SpeechMap {
  readonly #found: Found;
  /** The parts of the recording that this map is of, joined. */
  readonly #ranges: readonly Span[];

  private constructor(
    found: Found,
    ranges: readonly Span[],
    /** Speech by the rule of voice.ts, with its padding. */
    readonly stretches: Span[],
    /** The parts of the stretches that are louder than their pauses. */
    readonly voice: Span[],
    /** All that is not silent. */
    readonly sound: Span[],
    readonly unvoiced: Span[],
  ) {
    this.#found = found;
    this.#ranges = ranges;
  }

  /** `levels` are RMS values, one for every 10 ms begun of `length` samples. */
  static *of(found: Found, levels: Float64Array, length: number, rule: VoiceRule): Steps<NeuralMap> {
    const { probabilities, frameSamples } = found;
    assert(probabilities.length === Math.ceil(length / frameSamples), `${probabilities.length} frames of ${length}`);
    assert(levels.length === Math.ceil(length / levelSamples), `${levels.length} levels of ${length} samples`);
    const stretches = voiceRanges(probabilities, frameSamples, length, rule);
    yield;
    const energy = (yield* EnergyMap.of(levels, length)).voice;
    yield;
    const voice = louder(stretches, energy);
    yield;
    const whole = length > 0 ? [{ start: 0, end: length }] : [];
    const sound = yield* soundOf(found, levels, length, stretches);
    return new NeuralMap(found, whole, stretches, voice, sound, unvoicedRanges(probabilities, frameSamples, length));
  }

  get length(): number {
    return joinedLength(this.#ranges);
  }

  get speech(): Span[] {
    return joined(this.voice, pauseWindowsMin * levelSamples);
  }

  /** Of each silence the first 600 ms stay. */
  get withoutSilence(): Span[] {
    const kept = this.sound.map(({ start, end }) => ({ start, end: end + silenceWindowsMax * levelSamples }));
    const before = kept[0]?.start ?? this.length;
    if (before > 0 && this.length > 0) kept.unshift({ start: 0, end: silenceWindowsMax * levelSamples });
    return joined(kept, 0).map(({ start, end }) => ({ start, end: Math.min(end, this.length) }));
  }

  get pauses(): Span[] {
    return between(this.stretches, this.length).filter(({ start, end }) => end - start >= pauseSamplesMin);
  }

  noSpeech(ranges: readonly Span[]): number {
    return this.#doubt(ranges).noSpeech;
  }

  evidence(ranges: readonly Span[]): VoiceEvidence {
    return this.#doubt(ranges).evidence;
  }

  withoutSilentEnds(range: Span): Span {
    const heard = this.sound.filter(({ start, end }) => start < range.end && end > range.start);
    if (heard.length === 0) return range;
    const before = heard[0]!.start - range.start;
    const after = Math.max(0, range.end - heard.at(-1)!.end - endSilence);
    return {
      start: before > endSilence ? heard[0]!.start - leadingSilence : range.start,
      end: range.end - (after - after % sampleRate),
    };
  }

  part(ranges: readonly Span[]): NeuralMap {
    const own = ranges.flatMap((range) => originalRanges(this.#ranges, range));
    const part = (spans: Span[]) => within(spans, ranges);
    const [stretches, voice] = [part(this.stretches), part(this.voice)];
    return new NeuralMap(this.#found, own, stretches, voice, part(this.sound), part(this.unvoiced));
  }

  #doubt(ranges: readonly Span[]): VoiceDoubt {
    const doubt = new VoiceDoubt();
    const { probabilities, frameSamples } = this.#found;
    for (const { start, end } of ranges.flatMap((range) => originalRanges(this.#ranges, range))) {
      for (let at = Math.floor(start / frameSamples); at * frameSamples < end; at++) doubt.push(probabilities[at]!);
    }
    return doubt;
  }
}

/**
 * The parts of each stretch of speech in which there is energy: words are there, and not in the short pauses between
 * them. All of a stretch that is too quiet for that.
 */
function louder(stretches: readonly Span[], energy: readonly Span[]): Span[] {
  let first = 0;
  return stretches.flatMap((stretch) => {
    const { start, end } = stretch;
    while (first < energy.length && energy[first]!.end <= start) first++;
    const parts: Span[] = [];
    for (let at = first; at < energy.length && energy[at]!.start < end; at++) {
      parts.push({ start: Math.max(start, energy[at]!.start), end: Math.min(end, energy[at]!.end) });
    }
    return joinedLength(parts) >= energyShareMin * (end - start) ? parts : [stretch];
  });
}

/** All that is not silent: speech, frames that may be, and levels that stand out, each with 100 ms around it. */
function* soundOf(
  { probabilities, frameSamples }: Found,
  levels: Float64Array,
  length: number,
  stretches: Span[],
): Steps<Span[]> {
  const smooth = yield* smoothed(levels);
  const floor = yield* quantileOf(smooth, floorQuantile);
  const limit = Math.min(soundMax, Math.max(soundMin, floor * soundOverFloor));
  const heard = new Uint8Array(levels.length);
  const mark = (from: number, to: number) => heard.fill(1, Math.max(0, from - padWindows), to + padWindows);
  yield* inPieces(levels.length, (first, end) => {
    for (let at = first; at < end; at++) {
      const frame = Math.min(probabilities.length - 1, Math.floor((at * levelSamples) / frameSamples));
      if (smooth[at]! > limit || probabilities[frame]! > doubtfulFrom) mark(at, at + 1);
    }
  });
  for (const { start, end } of stretches) mark(Math.floor(start / levelSamples), Math.ceil(end / levelSamples));
  release(smooth);
  const ranges = rangesOf(heard, 1, length);
  release(heard);
  yield;
  return ranges;
}

/** Ranges that are at most `gap` apart are one. */
function joined(ranges: readonly Span[], gap: number): Span[] {
  const all: { start: number; end: number }[] = [];
  for (const { start, end } of ranges) {
    const last = all.at(-1);
    if (last && start - last.end <= gap) last.end = Math.max(last.end, end);
    else all.push({ start, end });
  }
  return all;
}

/** What lies between the ranges, and before and after them. */
function between(ranges: readonly Span[], length: number): Span[] {
  const all: Span[] = [];
  let from = 0;
  for (const { start, end } of [...ranges, { start: length, end: length }]) {
    if (start > from) all.push({ start: from, end: start });
    from = end;
  }
  return all;
}

/** The parts of `spans` that lie in `ranges`, where these are joined end to end. */
function within(spans: readonly Span[], ranges: readonly Span[]): Span[] {
  const found: Span[] = [];
  let [before, first] = [0, 0];
  for (const { start, end } of ranges) {
    while (first < spans.length && spans[first]!.end <= start) first++;
    for (let at = first; at < spans.length && spans[at]!.start < end; at++) {
      const [from, to] = [Math.max(spans[at]!.start, start), Math.min(spans[at]!.end, end)];
      found.push({ start: from - start + before, end: to - start + before });
    }
    before += end - start;
  }
  return joined(found, 0);
}
