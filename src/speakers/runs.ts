/**
 * Where one voice speaks alone, as far as the windows over it know, and what of it is embedded. In: window by window,
 * which of its voices are active. Out: runs. Pure; holds what two windows say.
 *
 * A run ends where a voice of any window goes over to another, and at a pause. It is of one person more often than a
 * voice of a window is: the segmentation takes two who do not overlap for one. It is embedded once, however many
 * windows it is in.
 */

import { assert } from "../errors.ts";
import { localsMax, middleWeight } from "./activity.ts";
import { framesPerSecond, windowFrames } from "./networks.ts";
import type { VoiceOwners } from "./timeline.ts";

/** Frames of a recording. */
export type Frames = { readonly start: number; readonly end: number };

export type VoiceRun = Frames & {
  /** What of it is to be embedded, in order. */
  readonly heard: readonly Frames[];
  /** The length of that. */
  readonly seconds: number;
  /** Which voices of windows it is, by `localNumber`. */
  readonly locals: readonly number[];
  /** Somebody else speaks at the same time. */
  readonly isMixed: boolean;
};

export type RunRules = {
  /** A longer pause ends a run. */
  readonly pauseSecondsMax: number;
  /** A run has at most so many seconds, pauses included. */
  readonly secondsMax: number;
  /** More than this of a run tells little more. */
  readonly heardSecondsMax: number;
  /** What is shorter is not embedded. */
  readonly heardSecondsMin: number;
};

const runRules: RunRules = { pauseSecondsMax: 0.25, secondsMax: 8, heardSecondsMax: 2, heardSecondsMin: 0.25 };

/** Of voice `local` of a window: another number for each in a recording. */
export function localNumber(window: number, local: number): number {
  return window * localsMax + local;
}

/** The only voice in a set, or -1. */
const onlyVoice = [-1, 0, 1, -1, 2, -1, -1, -1];

type Window = { readonly number: number; readonly first: number; readonly activity: Uint8Array };

/** A run that may go on; `locals` by numbers of windows. */
type OpenRun = { readonly alone: { start: number; end: number }[]; readonly locals: Map<number, number> };

export class Runs {
  /** Those that have frames from `#at` on. */
  #windows: Window[] = [];
  #count = 0;
  #at = 0;
  #open: OpenRun | undefined;
  #ended: VoiceRun[] = [];

  constructor(readonly rules = runRules) {}

  /** Windows come in order, and are numbered from 0 on. Returns this one. */
  add(first: number, activity: Uint8Array): Window {
    assert(first >= this.#at, "windows come in order");
    this.#closeTo(first);
    const window = { number: this.#count++, first, activity };
    this.#windows.push(window);
    return window;
  }

  /** All runs before `frame` that were not taken yet, by their starts. No window to come is of frames before it. */
  takeTo(frame: number): VoiceRun[] {
    this.#closeTo(frame);
    this.#end();
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  #closeTo(frame: number): void {
    for (; this.#at < frame; this.#at++) {
      while (this.#windows.length > 0 && this.#windows[0]!.first + windowFrames <= this.#at) this.#windows.shift();
      if (this.#isOneAlone(this.#at)) this.#goOn(this.#at);
    }
  }

  /** As many windows as count say that one voice is active, and one of them says which. */
  #isOneAlone(at: number): boolean {
    let [active, weights, isKnown] = [0, 0, false];
    for (const { first, activity } of this.#windows) {
      const set = activity[at - first]!;
      const weight = middleWeight(at - first);
      active += weight * ((set & 1) + (set >> 1 & 1) + (set >> 2));
      weights += weight;
      isKnown ||= onlyVoice[set]! >= 0;
    }
    return isKnown && Math.round(active / weights) === 1;
  }

  #goOn(at: number): void {
    if (this.#open && !this.#isSame(this.#open, at)) this.#end();
    const open: OpenRun = this.#open ??= { alone: [], locals: new Map() };
    for (const { number, first, activity } of this.#windows) {
      const local = onlyVoice[activity[at - first]!]!;
      if (local >= 0) open.locals.set(number, local);
    }
    const last = open.alone.at(-1);
    if (last?.end === at) last.end = at + 1;
    else open.alone.push({ start: at, end: at + 1 });
  }

  #isSame({ alone, locals }: OpenRun, at: number): boolean {
    const { pauseSecondsMax, secondsMax } = this.rules;
    if (at - alone.at(-1)!.end > pauseSecondsMax * framesPerSecond) return false;
    if (at - alone[0]!.start >= secondsMax * framesPerSecond) return false;
    // Windows that do no more than meet do not say whether a voice goes on.
    if (this.#windows.every(({ first }) => first >= at - 1)) return false;
    for (const { number, first, activity } of this.#windows) {
      const local = onlyVoice[activity[at - first]!]!;
      if (local >= 0 && (locals.get(number) ?? local) !== local) return false;
    }
    return true;
  }

  #end(): void {
    if (!this.#open) return;
    const { alone, locals } = this.#open;
    this.#open = undefined;
    const numbers = [...locals].map(([window, local]) => localNumber(window, local));
    const run = runOf(alone, numbers, false, this.rules);
    if (run) this.#ended.push(run);
  }
}

/**
 * The voices of a window that are never alone in it, where they are heard in its middle half. What is near its ends is
 * in the middle of another one.
 */
export function mixedRuns({ number, first, activity }: Window, rules = runRules): VoiceRun[] {
  const [from, to] = [Math.floor(windowFrames / 4), Math.ceil(windowFrames * 3 / 4)];
  return Array.from({ length: localsMax }, (_, local) => local).flatMap((local) => {
    const alone = framesWhere(first, activity, 0, windowFrames, (set) => onlyVoice[set] === local);
    if (alone.some(({ start, end }) => end - start >= rules.heardSecondsMin * framesPerSecond)) return [];
    const mixed = framesWhere(first, activity, from, to, (set) => (set & 1 << local) !== 0);
    return runOf(mixed, [localNumber(number, local)], true, rules) ?? [];
  });
}

function framesWhere(
  first: number,
  activity: Uint8Array,
  from: number,
  to: number,
  is: (set: number) => boolean,
): Frames[] {
  const found: { start: number; end: number }[] = [];
  for (let frame = from; frame < to; frame++) {
    if (!is(activity[frame]!)) continue;
    const last = found.at(-1);
    if (last?.end === first + frame) last.end++;
    else found.push({ start: first + frame, end: first + frame + 1 });
  }
  return found;
}

/** Of each voice of a window by its number: whose it is. Between two runs, either one's up to the middle. */
export function ownersOf(runs: readonly VoiceRun[], speakers: Int32Array): Map<number, VoiceOwners> {
  const own = new Map<number, { start: number; end: number; speaker: number }[]>();
  for (const [index, { start, end, locals }] of runs.entries()) {
    for (const local of locals) {
      const all = own.get(local) ?? [];
      own.set(local, all);
      all.push({ start, end, speaker: speakers[index]! });
    }
  }
  for (const all of own.values()) {
    all.sort((a, b) => a.start - b.start);
    for (const [index, one] of all.entries()) one.end = (one.end + (all[index + 1]?.start ?? one.end)) / 2;
  }
  return own;
}

/** Undefined: there is too little of it. */
function runOf(
  all: readonly Frames[],
  locals: readonly number[],
  isMixed: boolean,
  { heardSecondsMin, heardSecondsMax }: RunRules,
): VoiceRun | undefined {
  const heard = longest(all, Math.round(heardSecondsMax * framesPerSecond));
  const count = heard.reduce((sum, { start, end }) => sum + end - start, 0);
  if (count < heardSecondsMin * framesPerSecond) return undefined;
  return { start: all[0]!.start, end: all.at(-1)!.end, heard, seconds: count / framesPerSecond, locals, isMixed };
}

/** The longest of the ranges, up to `most` frames together, in order. The last one taken is cut. */
function longest(all: readonly Frames[], most: number): Frames[] {
  let rest = most;
  const taken: Frames[] = [];
  for (const { start, end } of all.toSorted((a, b) => b.end - b.start - (a.end - a.start))) {
    if (rest <= 0) break;
    taken.push({ start, end: Math.min(end, start + rest) });
    rest -= end - start;
  }
  return taken.toSorted((a, b) => a.start - b.start);
}
