/**
 * How well is told who speaks when. In: turns of a reference and of a hypothesis. Out: diarization and Jaccard error
 * rates, with exact times. Pure.
 *
 * Speakers are paired so that most time is common (assignment.ts). The diarization error rate is (missed + falsely
 * found + confused speaker time) / speaker time of the reference, everywhere, overlapping speech included. A collar is
 * time before and after each start and end in the reference that does not count. The Jaccard error rate of a speaker
 * is 1 - common time / time of either; the rate of a file is the mean over the reference's speakers.
 */

import { joinedTurns, type SpeakerTurn } from "../speakers/turns.ts";
import { bestPairs } from "./assignment.ts";

export type DiarizationScore = {
  /** Times in ms, of every speaker for himself. */
  readonly total: number;
  readonly missed: number;
  readonly falseAlarm: number;
  readonly confused: number;
  /** Jaccard errors of the reference's speakers, in order of their first turns. */
  readonly jaccard: readonly number[];
  readonly speakers: { readonly reference: number; readonly hypothesis: number };
  /** The reference's name for each speaker of the hypothesis that is paired. */
  readonly pairs: ReadonlyMap<string, string>;
};

/** A stretch of time in which the same speakers are active on each side. */
type Stretch = { readonly ms: number; readonly said: readonly number[]; readonly found: readonly number[] };

export function diarizationScore(
  referenceTurns: readonly SpeakerTurn[],
  hypothesisTurns: readonly SpeakerTurn[],
  collarMs: number,
): DiarizationScore {
  const [reference, hypothesis] = [spokenTurns(referenceTurns), spokenTurns(hypothesisTurns)];
  const names = namesOf(reference);
  const foundNames = namesOf(hypothesis);
  const stretches = stretchesOf(reference, hypothesis, { names, foundNames, collarMs });
  const common = names.map(() => foundNames.map(() => 0));
  const [said, found] = [names.map(() => 0), foundNames.map(() => 0)];
  for (const one of stretches) {
    for (const row of one.said) said[row]! += one.ms;
    for (const column of one.found) found[column]! += one.ms;
    for (const row of one.said) for (const column of one.found) common[row]![column]! += one.ms;
  }
  const pairOf = bestPairs(common);
  const times = { total: 0, missed: 0, falseAlarm: 0, confused: 0 };
  for (const { ms, said, found } of stretches) {
    const correct = said.filter((row) => found.includes(pairOf[row]!)).length;
    times.total += ms * said.length;
    times.missed += ms * Math.max(0, said.length - found.length);
    times.falseAlarm += ms * Math.max(0, found.length - said.length);
    times.confused += ms * (Math.min(said.length, found.length) - correct);
  }
  const jaccard = names.map((_, row) => {
    const column = pairOf[row]!;
    const both = column < 0 ? 0 : common[row]![column]!;
    const either = said[row]! + (column < 0 ? 0 : found[column]!) - both;
    return either === 0 ? 0 : 1 - both / either;
  });
  const pairs = new Map(pairOf.flatMap((column, row) => {
    return column >= 0 && common[row]![column]! > 0 ? [[foundNames[column]!, names[row]!] as const] : [];
  }));
  return { ...times, jaccard, pairs, speakers: { reference: names.length, hypothesis: foundNames.length } };
}

/** undefined: nobody speaks. */
export function diarizationRate({ total, missed, falseAlarm, confused }: DiarizationScore): number | undefined {
  return total === 0 ? undefined : (missed + falseAlarm + confused) / total;
}

export function jaccardRate({ jaccard }: DiarizationScore): number | undefined {
  return jaccard.length === 0 ? undefined : jaccard.reduce((sum, one) => sum + one, 0) / jaccard.length;
}

/** What touches or overlaps of one speaker is one turn. One without a length is none, and has no collar. */
function spokenTurns(turns: readonly SpeakerTurn[]): SpeakerTurn[] {
  return joinedTurns(turns.filter(({ startMs, endMs }) => endMs > startMs));
}

function namesOf(turns: readonly SpeakerTurn[]): string[] {
  return [...new Set(turns.map(({ speaker }) => speaker))];
}

type Sides = { readonly names: readonly string[]; readonly foundNames: readonly string[]; readonly collarMs: number };

/** A start or an end: `who` is a speaker of the reference, of the hypothesis, or nobody: time that does not count. */
type Change = {
  readonly at: number;
  readonly side: "said" | "found" | "collar";
  readonly who: number;
  readonly by: 1 | -1;
};

function stretchesOf(
  reference: readonly SpeakerTurn[],
  hypothesis: readonly SpeakerTurn[],
  { names, foundNames, collarMs }: Sides,
): Stretch[] {
  const changes: Change[] = [];
  const range = (side: Change["side"], who: number, startMs: number, endMs: number) => {
    changes.push({ at: startMs, side, who, by: 1 }, { at: endMs, side, who, by: -1 });
  };
  for (const { speaker, startMs, endMs } of reference) {
    range("said", names.indexOf(speaker), startMs, endMs);
    for (const at of [startMs, endMs]) range("collar", 0, at - collarMs, at + collarMs);
  }
  for (const { speaker, startMs, endMs } of hypothesis) range("found", foundNames.indexOf(speaker), startMs, endMs);
  changes.sort((a, b) => a.at - b.at);
  const active = { said: names.map(() => 0), found: foundNames.map(() => 0), collar: [0] };
  const stretches: Stretch[] = [];
  let last = 0;
  for (const { at, side, who, by } of changes) {
    if (at > last && active.collar[0] === 0) {
      const [said, found] = [activeOf(active.said), activeOf(active.found)];
      if (said.length + found.length > 0) stretches.push({ ms: at - last, said, found });
    }
    active[side][who]! += by;
    last = at;
  }
  return stretches;
}

function activeOf(counts: readonly number[]): number[] {
  return counts.flatMap((count, index) => count > 0 ? [index] : []);
}
