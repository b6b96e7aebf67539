/**
 * What speakers are called. In: a file of names, voices of known people. Out: a name for a label, or for a speaker who
 * sounds like one of them. Pure.
 */

import { InputError } from "../errors.ts";
import { printable } from "../writer.ts";
import { speakerName } from "./label.ts";
import { dot } from "./vectors.ts";

/** "Speaker 1 = Anna", a line each; a tab does as well as "=". Empty lines and those that begin with # say nothing. */
export function parseSpeakerNames(text: string, name: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const [index, line] of text.replace(/^\ufeff/, "").split(/\r\n?|\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, before, after] = /^\s*([^=\t]*)[=\t](.*)$/s.exec(line) ?? [];
    const [label, called] = [before, after].map((part) => part && speakerName(part));
    if (!label || !called) {
      throw new InputError(`${name}:${index + 1}: is not LABEL = NAME: ${printable(line.slice(0, 60))}`);
    }
    if (names.has(label)) throw new InputError(`${name}:${index + 1}: ${printable(label)} has a name already`);
    names.set(label, called);
  }
  return names;
}

/** A line about labels with names that are nobody's; undefined: there are none. `speakers`: as they are named. */
export function unusedLabels(names: ReadonlyMap<string, string>, speakers: readonly string[]): string | undefined {
  const unused = [...names].filter(([, called]) => !speakers.includes(called)).map(([label]) => printable(label));
  if (unused.length === 0) return undefined;
  const known = speakers.length === 0 ? "no speakers are known" : `speakers are ${speakers.map(printable).join(", ")}`;
  return `nobody is called ${unused.join(", ")} (--speaker-names): ${known}`;
}

/** A person whose voice is known: f32[192] of length 1. */
export type KnownVoice = { readonly name: string; readonly embedding: Float32Array };

/**
 * Of two stretches of 5 s, none of one voice are less similar, and 1 in 2000 pairs of two voices are as similar; of
 * 3 s, 1 in 60 and 1 in 1400 (18 voices, ten languages: docs/speakers.md).
 */
const sameVoiceMin = 0.5;

/** Of one voice, stretches of 2 s are less similar than that once in eleven times. */
export const voiceSecondsMin = 3;

export type VoiceMatch = {
  readonly name: string;
  /** Cosine of the speaker and the voice. */
  readonly similarity: number;
};

/**
 * The names of those who sound like one of `known`: the most similar pair first, each person and speaker once. A person
 * may have several voices there.
 */
export function namesByVoice(
  centres: readonly Float32Array[],
  known: readonly KnownVoice[],
  similarityMin = sameVoiceMin,
): Map<number, VoiceMatch> {
  const pairs = centres.flatMap((centre, speaker) =>
    known.map(({ name, embedding }) => ({ speaker, name, similarity: dot(centre, embedding) }))
  ).filter(({ similarity }) => similarity >= similarityMin).toSorted((a, b) => b.similarity - a.similarity);
  const names = new Map<number, VoiceMatch>();
  const taken = new Set<string>();
  for (const { speaker, name, similarity } of pairs) {
    if (names.has(speaker) || taken.has(name)) continue;
    names.set(speaker, { name, similarity });
    taken.add(name);
  }
  return names;
}

/** Whose voice a speaker sounds most like; undefined: like nobody's. */
export function mostAlike(
  centre: Float32Array,
  known: readonly KnownVoice[],
  similarityMin = sameVoiceMin,
): VoiceMatch | undefined {
  return known.map(({ name, embedding }) => ({ name, similarity: dot(centre, embedding) }))
    .filter(({ similarity }) => similarity >= similarityMin)
    .toSorted((a, b) => b.similarity - a.similarity)[0];
}
