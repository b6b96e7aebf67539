/** Who speaks when: the form that speakers are found, written, read and measured in. In: turns. Out: sums. Pure. */

import type { TimeSpan } from "../units.ts";

/** Turns of one speaker do not overlap; those of several may. */
export type SpeakerTurn = TimeSpan & { readonly speaker: string };

/** Someone who speaks in a recording. */
export type Speaker = {
  /** As turns and segments name them. */
  readonly name: string;
  /** Of all their turns. */
  readonly speechMs: number;
  readonly turnsCount: number;
  /** Cosine with the known voice that gave them the name; absent where none did. */
  readonly similarity?: number;
};

/** All who speak in a recording, in order of their first turns, and all turns, by their starts. */
export type WhoSpeaks = { readonly speakers: readonly Speaker[]; readonly turns: readonly SpeakerTurn[] };

/** Turns in any order; those of one name that overlap or touch become one. `similarities`: by name. */
export function whoSpeaks(
  all: readonly SpeakerTurn[],
  similarities: ReadonlyMap<string, number> = new Map(),
): WhoSpeaks {
  const turns = joinedTurns(all);
  const speakers = [...Map.groupBy(turns, ({ speaker }) => speaker)].map(([name, own]): Speaker => {
    const similarity = similarities.get(name);
    const speechMs = own.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
    return { name, speechMs, turnsCount: own.length, ...(similarity !== undefined && { similarity }) };
  });
  return { speakers, turns };
}

/** By their starts; those of one speaker are one where the pause between them is at most so long. */
export function joinedTurns(all: readonly SpeakerTurn[], pauseMsMax = 0): SpeakerTurn[] {
  const joined: { speaker: string; startMs: number; endMs: number }[] = [];
  const last = new Map<string, typeof joined[number]>();
  for (const turn of all.toSorted(byStart)) {
    const before = last.get(turn.speaker);
    if (before && turn.startMs - before.endMs <= pauseMsMax) before.endMs = Math.max(before.endMs, turn.endMs);
    else {
      joined.push({ ...turn });
      last.set(turn.speaker, joined.at(-1)!);
    }
  }
  return joined;
}

/** With other names for some; two that get one name are one speaker. */
export function whoSpeaksRenamed({ speakers, turns }: WhoSpeaks, names: ReadonlyMap<string, string>): WhoSpeaks {
  const nameOf = (name: string) => names.get(name) ?? name;
  const similarities = new Map<string, number>();
  for (const { name, similarity } of speakers) {
    const own = nameOf(name);
    if (similarity !== undefined) similarities.set(own, Math.max(similarity, similarities.get(own) ?? -1));
  }
  return whoSpeaks(turns.map((turn) => ({ ...turn, speaker: nameOf(turn.speaker) })), similarities);
}

/** What `from` says in a stretch is `to`'s. Where `from` says nothing there, `to` speaks in `span`, a part of it. */
export function whoSpeaksGiven(
  { speakers, turns }: WhoSpeaks,
  { stretch, span, from, to }: {
    readonly stretch: TimeSpan;
    readonly span: TimeSpan;
    readonly from: string | undefined;
    readonly to: string;
  },
): WhoSpeaks {
  const isGiven = (turn: SpeakerTurn) =>
    turn.speaker === from && turn.startMs < stretch.endMs && turn.endMs > stretch.startMs;
  const given = turns.filter(isGiven).flatMap((turn): SpeakerTurn[] => {
    const [startMs, endMs] = [Math.max(turn.startMs, stretch.startMs), Math.min(turn.endMs, stretch.endMs)];
    const parts = [{ ...turn, endMs: startMs }, { startMs, endMs, speaker: to }, { ...turn, startMs: endMs }];
    return parts.filter((part) => part.endMs > part.startMs);
  });
  const added = given.length === 0 ? [{ startMs: span.startMs, endMs: span.endMs, speaker: to }] : given;
  const similarities = speakers.flatMap(({ name, similarity }): [string, number][] =>
    similarity === undefined ? [] : [[name, similarity]]
  );
  return whoSpeaks([...turns.filter((turn) => !isGiven(turn)), ...added], new Map(similarities));
}

function byStart(a: SpeakerTurn, b: SpeakerTurn): number {
  return a.startMs - b.startMs || a.endMs - b.endMs;
}
