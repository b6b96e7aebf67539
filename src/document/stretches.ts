/** Cuts stretches of speech where another speaker begins. In: stretches, turns. Out: who speaks in each part. Pure. */

import type { SpeakerTurn } from "../speakers/turns.ts";
import type { TimeSpan } from "../units.ts";
import type { Stretch } from "./share.ts";

/** Turns are known about as well as this: so near to an end of a stretch, another begins to speak at that end. */
const nearMs = 700;

/** At least one stretch, in order; turns in any order. Without turns, they stay as they are. */
export function stretchesOf(speech: readonly TimeSpan[], turns: readonly SpeakerTurn[]): Stretch[] {
  const [startMs, endMs] = [speech[0]!.startMs, speech.at(-1)!.endMs];
  const changes = changesOf(turns.filter((turn) => turn.endMs > startMs - nearMs && turn.startMs < endMs + nearMs));
  return speech.flatMap((stretch) => {
    const parts: Stretch[] = [];
    let [from, speaker]: [number, string | undefined] = [stretch.startMs, undefined];
    for (const change of changes) {
      const at = cutOf(stretch, change);
      if (at !== undefined && at > from) parts.push({ startMs: from, endMs: at, speaker });
      if (at === stretch.endMs) return parts;
      [from, speaker] = at === undefined ? [from, undefined] : [at, change.speaker];
    }
    return [...parts, { startMs: from, endMs: stretch.endMs, speaker }];
  });
}

/** Another begins to speak at some time between: while nobody speaks, or while both do. */
type Change = TimeSpan & { readonly speaker: string; readonly isTogether: boolean };

/** Who says all of a turn while another speaks takes no turn from them. */
function changesOf(turns: readonly SpeakerTurn[]): Change[] {
  const changes: Change[] = [];
  let last: SpeakerTurn | undefined;
  for (const turn of turns.toSorted((a, b) => a.startMs - b.startMs)) {
    const { speaker, startMs, endMs } = turn;
    if (last && endMs <= last.endMs) continue;
    if (speaker !== last?.speaker) {
      const before = last?.endMs ?? -Infinity;
      const isTogether = before > startMs;
      changes.push({ speaker, isTogether, startMs: Math.min(before, startMs), endMs: Math.max(before, startMs) });
    }
    last = turn;
  }
  return changes;
}

/**
 * Where a stretch is cut: at one of its ends where that is about when another begins to speak, because sound that
 * begins or ends says it best; undefined where both speak in its middle, because words of both may be anywhere there.
 */
function cutOf(stretch: TimeSpan, { startMs, endMs, isTogether }: Change): number | undefined {
  const at = isTogether ? startMs : endMs;
  const [before, after] = [at - stretch.startMs, stretch.endMs - at];
  if (stretch.endMs <= endMs || after < nearMs && after <= before) return stretch.endMs;
  if (stretch.startMs >= startMs || before < nearMs) return stretch.startMs;
  return isTogether ? undefined : at;
}
