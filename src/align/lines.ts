/** Makes segments of the lines of a text and of the times of their words. In: lines and words. Out: segments. Pure. */

import type { TimedSegment, TimedWord } from "../document/document.ts";
import type { TimeSpan } from "../units.ts";

export type AlignedLines = {
  readonly lines: readonly string[];
  /** The words of every line; none for a line that has nothing but marks. */
  readonly words: readonly (readonly TimedWord[])[];
  readonly language: string;
  /** What was aligned of the recording. */
  readonly recording: TimeSpan;
};

/**
 * A line lasts from its first word to its last. Lines of marks alone, which nobody speaks, share the time between
 * their neighbours, as one word each.
 */
export function lineSegments({ lines, words, language, recording }: AlignedLines): TimedSegment[] {
  return lines.map((text, index) => {
    const own = words[index]!;
    if (own.length > 0) return { startMs: own[0]!.startMs, endMs: own.at(-1)!.endMs, text, language, words: own };
    const span = silentSpan(words, index, recording);
    return { ...span, text, language, words: [{ text, ...span, flag: "spread" }] };
  });
}

function silentSpan(words: readonly (readonly TimedWord[])[], index: number, recording: TimeSpan): TimeSpan {
  const before = words.findLastIndex((own, at) => at < index && own.length > 0);
  const following = words.findIndex((own, at) => at > index && own.length > 0);
  const after = following < 0 ? words.length : following;
  const fromMs = words[before]?.at(-1)?.endMs ?? recording.startMs;
  const toMs = Math.max(fromMs, words[after]?.[0]?.startMs ?? recording.endMs);
  const at = (line: number) => Math.round(fromMs + ((toMs - fromMs) * (line - before - 1)) / (after - before - 1));
  return { startMs: at(index), endMs: at(index + 1) };
}
