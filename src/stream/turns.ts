/** Who says what of an utterance. In: a final event. Out: its text by turns. Pure. */

import type { TimedSegment } from "../document/document.ts";
import { withSpeakers } from "../document/speakers.ts";
import { unalignedSegment } from "../document/unaligned.ts";
import { writtenSegment } from "../views/view.ts";
import type { UtteranceText } from "./text.ts";

/** Whose turn it is, or was for the longest time; undefined where nobody is known to speak. */
export function mainSpeaker({ turns = [] }: Pick<UtteranceText, "turns">): string | undefined {
  const spoken = new Map<string, number>();
  for (const { speaker, startMs, endMs } of turns) spoken.set(speaker, (spoken.get(speaker) ?? 0) + endMs - startMs);
  return [...spoken].toSorted((a, b) => b[1] - a[1])[0]?.[0];
}

/** Segments with one speaker each, whose texts are joined the utterance's; times of words are estimated. */
export function turnsOf(event: UtteranceText): TimedSegment[] {
  const { text, spoken = text, pieces, language, startMs, endMs, speech = [], turns = [] } = event;
  const heard = speech.length > 0 ? speech : [{ startMs, endMs }];
  const segment = unalignedSegment({ text: spoken, language, tokens: [] }, heard, turns);
  return [...withSpeakers([pieces ? writtenSegment(segment, pieces) : segment], turns)];
}
