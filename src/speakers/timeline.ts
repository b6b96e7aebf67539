/**
 * What windows say of overlapping parts of a recording -> turns of speakers. In: window by window, which of its voices
 * are active and whose they are. Out: turns, by their starts. Pure; holds the frames of one window.
 *
 * In every frame as many speakers are active as the windows over it have active voices, on average, and they are those
 * that most windows say. A window counts for more in its middle than at its ends.
 */

import { assert } from "../errors.ts";
import { sampleRate } from "../units.ts";
import { middleWeight, sampleOf } from "./activity.ts";
import { frameCentre, frameStep, windowFrames } from "./networks.ts";
import type { SpeakerTurn } from "./turns.ts";

export type TurnRules = {
  /** Pauses up to this within what one speaker says are part of the turn. */
  readonly pauseMsMax: number;
  /** What is shorter is no turn. */
  readonly turnMsMin: number;
};

const turnRules: TurnRules = { pauseMsMax: 250, turnMsMin: 150 };

/** A turn, by the number of its speaker. */
export type NumberedTurn = { readonly speaker: number; readonly startMs: number; readonly endMs: number };

/** Who a voice of a window is until which frame of the recording, in order; the last one also from then on. */
export type VoiceOwners = readonly { readonly end: number; readonly speaker: number }[];

export class Timeline {
  readonly #speakers: number;
  /** A row per frame from `#from` on: for each speaker, and at the end, what the windows say, and how many say it. */
  readonly #sums: Float32Array;
  readonly #width: number;
  #from = 0;
  readonly #open: Float64Array;
  /** In the frame that is being closed. */
  readonly #isActive: Uint8Array;
  readonly #ended: NumberedTurn[] = [];

  constructor(speakers: number) {
    this.#speakers = speakers;
    this.#width = speakers + 2;
    this.#sums = new Float32Array(windowFrames * this.#width);
    this.#open = new Float64Array(speakers).fill(-1);
    this.#isActive = new Uint8Array(speakers);
  }

  /**
   * Windows come in order. `speakersOf[k]` says whose local voice k is from when to when; without any, it is nobody's.
   * Frames from `lengthSamples` of the window on are not of the recording.
   */
  add(startSample: number, activity: Uint8Array, speakersOf: readonly VoiceOwners[], lengthSamples: number): void {
    const first = Math.round(startSample / frameStep);
    assert(first >= this.#from, "windows come in order");
    this.#closeTo(first);
    const frames = Math.min(windowFrames, Math.ceil(Math.max(0, lengthSamples - frameCentre) / frameStep) + 1);
    const at = speakersOf.map(() => 0);
    for (let frame = 0; frame < frames; frame++) {
      const weight = middleWeight(frame);
      const row = frame * this.#width;
      let before = -1;
      for (let local = 0; local < speakersOf.length; local++) {
        const owners = speakersOf[local]!;
        while (at[local]! < owners.length - 1 && first + frame >= owners[at[local]!]!.end) at[local]!++;
        const speaker = owners[at[local]!]?.speaker ?? -1;
        if ((activity[frame]! & 1 << local) === 0 || speaker < 0 || speaker === before) continue;
        this.#sums[row + speaker]! += weight;
        this.#sums[row + this.#speakers]! += weight;
        before = speaker;
      }
      this.#sums[row + this.#speakers + 1]! += weight;
    }
  }

  /** All turns, by their starts. */
  end(rules = turnRules): NumberedTurn[] {
    this.#closeTo(this.#from + windowFrames + 1);
    return smoothed(this.#ended, this.#speakers, rules);
  }

  /** No window to come is of frames before `frame`. */
  #closeTo(frame: number): void {
    const count = Math.min(windowFrames, frame - this.#from);
    for (let at = 0; at < count; at++) this.#close(at);
    if (frame - this.#from > windowFrames) {
      for (let one = 0; one < this.#speakers; one++) this.#turn(one, false, this.#from + windowFrames);
    }
    this.#sums.copyWithin(0, count * this.#width);
    this.#sums.fill(0, (windowFrames - count) * this.#width);
    this.#from = frame;
  }

  /** Leaves nothing to the collector: there are half a million frames in two hours. */
  #close(at: number): void {
    const row = at * this.#width;
    const windows = this.#sums[row + this.#speakers + 1]!;
    const active = windows === 0 ? 0 : Math.round(this.#sums[row + this.#speakers]! / windows);
    this.#isActive.fill(0);
    for (let count = 0; count < active; count++) {
      const speaker = this.#mostSaid(row);
      if (speaker < 0) break;
      this.#isActive[speaker] = 1;
    }
    for (let speaker = 0; speaker < this.#speakers; speaker++) {
      this.#turn(speaker, this.#isActive[speaker] === 1, this.#from + at);
    }
  }

  /** Of those that are not active yet, the speaker that most windows say; -1: none says one. */
  #mostSaid(row: number): number {
    let most = -1;
    let sum = 0;
    for (let speaker = 0; speaker < this.#speakers; speaker++) {
      if (this.#isActive[speaker] === 1 || this.#sums[row + speaker]! <= sum) continue;
      most = speaker;
      sum = this.#sums[row + speaker]!;
    }
    return most;
  }

  #turn(speaker: number, isActive: boolean, frame: number): void {
    const start = this.#open[speaker]!;
    if (isActive && start < 0) this.#open[speaker] = frame;
    if (isActive || start < 0) return;
    this.#open[speaker] = -1;
    this.#ended.push({ speaker, startMs: msOfFrame(start), endMs: msOfFrame(frame) });
  }
}

function msOfFrame(frame: number): number {
  return sampleOf(frame) * 1000 / sampleRate;
}

/** Without short pauses, then without short turns. */
function smoothed(turns: readonly NumberedTurn[], speakers: number, rules: TurnRules): NumberedTurn[] {
  const bySpeaker = Array.from({ length: speakers }, (): { speaker: number; startMs: number; endMs: number }[] => []);
  for (const turn of turns) {
    const own = bySpeaker[turn.speaker]!;
    const last = own.at(-1);
    if (last && turn.startMs - last.endMs <= rules.pauseMsMax) last.endMs = turn.endMs;
    else own.push({ ...turn });
  }
  return bySpeaker.flat().filter(({ startMs, endMs }) => endMs - startMs >= rules.turnMsMin)
    .toSorted((a, b) => a.startMs - b.startMs || a.speaker - b.speaker);
}

/** "Speaker 1" is who speaks first; those who say nothing have no number, and no two have one name. */
export function namedTurns(turns: readonly NumberedTurn[], names?: ReadonlyMap<number, string>): SpeakerTurn[] {
  const labels = new Map<number, string>();
  const taken = new Set(names?.values());
  for (const { speaker } of turns) {
    if (labels.has(speaker)) continue;
    let number = labels.size + 1;
    while (taken.has(`Speaker ${number}`)) number++;
    labels.set(speaker, names?.get(speaker) ?? `Speaker ${number}`);
    taken.add(labels.get(speaker)!);
  }
  return turns.map(({ speaker, startMs, endMs }) => ({
    speaker: labels.get(speaker)!,
    startMs: Math.round(startMs),
    endMs: Math.round(endMs),
  }));
}
