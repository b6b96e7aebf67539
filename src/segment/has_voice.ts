/**
 * Decides whether there is a voice in a stretch of audio. In: samples, in pieces of any size. Out: yes or no. Pure;
 * keeps about a second of spectrum.
 *
 * What speaks or sings keeps changing the shape of its spectrum: vowels, consonants, pauses. Hiss, hum, tones and
 * clicks do not, however loud they are and however their level moves: noise that fades in or begins at once changes in
 * all bands alike. So what counts is how far the bands move against each other within a second. Music moves them, too:
 * where a detector finds no voice, seconds that are made of pure tones (tones.ts) do not count. In doubt, it is a
 * voice: text of noise can be deleted, but speech that is dropped is lost.
 */

import { bandsCount, type Row, Spectrum } from "./spectrum.ts";
import type { VoiceEvidence } from "./voice.ts";

/** Levels of a window, 1 s, and from one window to the next. */
const windowLevels = 64;
const stepLevels = 32;
/** A band's level is the median of so many rows, 112 ms: a click is gone, and a sound of a syllable's length stays. */
const medianRows = 7;
/** What is judged at all takes so many levels: 176 ms of audio, less than a syllable. */
const levelsMin = 4;

/** The level that stands for a band's sound; what lies further below it than the range counts as silence. */
const loudQuantile = 0.9;
const bandRangeDb = 20;
/** The same below the loudest moment of all bands together, for bands with nothing but rounding noise. */
const rangeDb = 45;
/** So many bands must move: of two tones that beat, one does or two. Deep voices in noise move few more. */
const bandsMoved = 3;

/**
 * How far the bands must move, as a standard deviation in dB. Of made sounds, noise of any colour, level and drift
 * moves them by 0.7 to 1.2, crackle by 1.5, hum that fades in or begins by 1.8 to 2.0. Every clip of speech or singing
 * in the fixtures moves them by 2.9 or more with noise 10 dB below it (tests/slow/voice.ts), and of 127 words, each
 * alone between seconds of such noise, 126 reach the threshold.
 */
export const movesMinDb = 2.1;

/** There is less to move in little time: of fewer levels than these, 0.8 s, noise makes 1.2 dB at most. */
const levelsFew = 48;
const movesMinFewDb = 1.5;

/** Where a detector says that there may be a voice: more than noise of any kind makes. */
const movesPerhapsDb = 1.3;

/**
 * Where a detector is sure that there is none: more than an engine makes that changes its speed. In the fixtures,
 * speech of which the detector is so wrong lies in noise as loud as itself, and moves the bands by 2.2 dB at most.
 */
const movesAgainstDb = 4;
const movesAgainstFewDb = 2.1;

/** A voice is not made of pure tones in half of the loud moments of a second, and for so many of them, a syllable. */
const otherShareMin = 0.5;
const otherLevelsMin = 8;
const loudRangeDb = 20;

/** Listens to one stretch of audio. Another way to tell voice from noise has the same form. */
export type VoiceJudge = {
  push(samples: Float32Array): void;
  /** Whether there is a voice in what came so far, given what a detector says of it. */
  hasVoice(evidence: Exclude<VoiceEvidence, "voice">): boolean;
};

/** The one rule of what gets text: by a detector, if there is one, and by the judge. */
export function isSpoken(evidence: VoiceEvidence, judge: VoiceJudge): boolean {
  return evidence === "voice" || judge.hasVoice(evidence);
}

/** Tells voices by how their spectrum changes. */
export class SpectralJudge implements VoiceJudge {
  readonly #spectrum = new Spectrum();
  /** The latest rows, for the medians. */
  readonly #rows: Row[] = [];
  /** The latest of the bands' levels, and for each the row that it stands for. */
  readonly #levels: Float64Array[] = [];
  readonly #moments: Row[] = [];
  #levelsCount = 0;
  #movesDb = 0;
  #voiceMovesDb = 0;

  /** How far the bands have moved in any window so far, that of the latest samples included, in dB. */
  get movesDb(): number {
    return Math.max(this.#movesDb, movesOf(this.#levels));
  }

  /** The same of windows that are not made of pure tones. */
  get voiceMovesDb(): number {
    return Math.max(this.#voiceMovesDb, areOfTones(this.#moments) ? 0 : movesOf(this.#levels));
  }

  hasVoice(evidence: Exclude<VoiceEvidence, "voice">): boolean {
    const isShort = this.#levelsCount < levelsFew;
    if (evidence === "perhaps") return this.voiceMovesDb >= movesPerhapsDb;
    if (evidence === "none") return this.voiceMovesDb >= (isShort ? movesAgainstFewDb : movesAgainstDb);
    const least = isShort ? movesMinFewDb : movesMinDb;
    return (evidence === "unlikely" ? this.voiceMovesDb : this.movesDb) >= least;
  }

  push(samples: Float32Array): void {
    for (let rest = samples; rest.length > 0;) {
      const { count, row } = this.#spectrum.read(rest);
      rest = rest.subarray(count);
      if (row) this.#add(row);
    }
  }

  #add(row: Row): void {
    this.#rows.push(row);
    if (this.#rows.length < medianRows) return;
    this.#levels.push(mediansOf(this.#rows));
    this.#moments.push(this.#rows[medianRows >> 1]!);
    this.#rows.shift();
    if (this.#levels.length > windowLevels) this.#levels.shift();
    if (this.#moments.length > windowLevels) this.#moments.shift();
    this.#levelsCount++;
    if (this.#levelsCount % stepLevels !== 0 || this.#levels.length < windowLevels) return;
    [this.#movesDb, this.#voiceMovesDb] = [this.movesDb, this.voiceMovesDb];
  }
}

/** Whether most of what is loud in a window is made of pure tones. */
function areOfTones(moments: readonly Row[]): boolean {
  const sums = moments.map(({ levels }) => sumDb(levels));
  const least = Math.max(...sums) - loudRangeDb;
  const loud = moments.filter((_, index) => sums[index]! >= least);
  const others = loud.filter((row) => !row.isOfTones).length;
  return others < Math.min(otherLevelsMin, moments.length / 2) || others < otherShareMin * loud.length;
}

/** Samples are read a second at a time, and no further than the first voice. */
const pieceSamples = 16_384;

/** Whether somebody speaks in `samples`, to the evidence and a new `judge`. */
export function hasVoice(
  samples: Float32Array,
  judge: VoiceJudge = new SpectralJudge(),
  evidence: VoiceEvidence = "unknown",
): boolean {
  for (let at = 0; at < samples.length && !isSpoken(evidence, judge); at += pieceSamples) {
    judge.push(samples.subarray(at, at + pieceSamples));
  }
  return isSpoken(evidence, judge);
}

/** The median level of every band over the rows. */
function mediansOf(rows: readonly Row[]): Float64Array {
  const medians = new Float64Array(bandsCount);
  const own = new Float64Array(rows.length);
  for (let band = 0; band < bandsCount; band++) {
    for (let row = 0; row < own.length; row++) own[row] = rows[row]!.levels[band]!;
    medians[band] = median(own);
  }
  return medians;
}

/**
 * How far the bands move against each other, in dB. What one drift explains, or one step at one time, does not count: a
 * hum may fade in or begin.
 */
function movesOf(levels: readonly Float64Array[]): number {
  if (levels.length < levelsMin) return 0;
  const bands = apart(levels);
  const squares = bands.map(squaresOf);
  const [drifts, steps] = [bands.map(squaresOfDrift), squaresOfStep(bands)];
  const moves = (explained: readonly number[]) => {
    const left = squares.map((all, band) => Math.max(0, all - explained[band]!)).sort((a, b) => b - a);
    return Math.sqrt(left[bandsMoved - 1]! / levels.length);
  };
  return Math.min(moves(drifts), moves(steps));
}

/** The course of every band around its mean, less what the bands have in common. */
function apart(levels: readonly Float64Array[]): Float64Array[] {
  let loudest = -Infinity;
  for (const level of levels) loudest = Math.max(loudest, sumDb(level));
  const bands: Float64Array[] = [];
  for (let band = 0; band < bandsCount; band++) {
    const own = new Float64Array(levels.length);
    for (let at = 0; at < own.length; at++) own[at] = levels[at]![band]!;
    bands.push(centred(smoothed(raised(own, loudest - rangeDb))));
  }
  const moment = new Float64Array(bandsCount);
  for (let at = 0; at < levels.length; at++) {
    for (let band = 0; band < bandsCount; band++) moment[band] = bands[band]![at]!;
    const common = median(moment);
    for (const band of bands) band[at]! -= common;
  }
  return bands.map(centred);
}

/** Lifts the levels of a band to the lowest that is told from silence. */
function raised(levels: Float64Array, floorDb: number): Float64Array {
  const loud = levels.slice().sort()[Math.floor(loudQuantile * (levels.length - 1))]!;
  const floor = Math.max(floorDb, loud - bandRangeDb);
  return levels.map((level) => Math.max(level, floor));
}

/** Each level averaged with its two neighbours. */
function smoothed(levels: Float64Array): Float64Array {
  const last = levels.length - 1;
  return levels.map((level, at) => (levels[Math.max(0, at - 1)]! + level + levels[Math.min(last, at + 1)]!) / 3);
}

function centred(levels: Float64Array): Float64Array {
  let sum = 0;
  for (const level of levels) sum += level;
  const mean = sum / levels.length;
  return levels.map((level) => level - mean);
}

function squaresOf(band: Float64Array): number {
  let squares = 0;
  for (const level of band) squares += level * level;
  return squares;
}

/** The part of a band's sum of squares that a straight line explains. */
function squaresOfDrift(band: Float64Array): number {
  let [slope, spread] = [0, 0];
  for (let at = 0; at < band.length; at++) {
    const place = at - (band.length - 1) / 2;
    slope += band[at]! * place;
    spread += place * place;
  }
  return (slope * slope) / spread;
}

/** The part of each band's sum of squares that a step explains, at the place where it explains most of all bands. */
function squaresOfStep(bands: readonly Float64Array[]): number[] {
  const count = bands[0]!.length;
  const sums = bands.map(() => 0);
  let best = sums;
  let most = -1;
  for (let place = 1; place < count; place++) {
    const explained = sums.slice();
    let all = 0;
    for (let band = 0; band < bands.length; band++) {
      sums[band]! += bands[band]![place - 1]!;
      explained[band] = (sums[band]! * sums[band]! * count) / (place * (count - place));
      all += explained[band]!;
    }
    if (all > most) [most, best] = [all, explained];
  }
  return best;
}

function sumDb(levels: Float64Array): number {
  let power = 0;
  for (const level of levels) power += 10 ** (level / 10);
  return 10 * Math.log10(power);
}

/** The median; of an even number of values the upper of the two in the middle. Sorts the values, which are few. */
function median(values: Float64Array): number {
  for (let i = 1; i < values.length; i++) {
    const value = values[i]!;
    let at = i;
    for (; at > 0 && values[at - 1]! > value; at--) values[at] = values[at - 1]!;
    values[at] = value;
  }
  return values[values.length >> 1]!;
}
