/**
 * What speakers are called. In: a file of names, voices of known people. Out: a name for a label, or for a speaker who
 * sounds like one of them. Pure.
 */

import { InputError } from "../errors.ts";
import { printable } from "../writer.ts";
import { dot } from "./vectors.ts";

/** "Speaker 1 = Anna", a line each; a tab does as well as "=". Empty lines and those that begin with # say nothing. */
export function parseSpeakerNames(text: string, name: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const [index, line] of text.replace(/^\ufeff/, "").split(/\r\n?|\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, label, called] = /^\s*([^=\t]+?)\s*[=\t]\s*(.+?)\s*$/.exec(line) ?? [];
    if (label === undefined || called === undefined) {
      throw new InputError(`${name}:${index + 1}: is not LABEL = NAME: ${printable(line.slice(0, 60))}`);
    }
    if (names.has(label)) throw new InputError(`${name}:${index + 1}: ${printable(label)} has a name already`);
    names.set(label, called);
  }
  return names;
}

/** A person whose voice is known: f32[192] of length 1. */
export type KnownVoice = { readonly name: string; readonly embedding: Float32Array };

/**
 * Two recordings of one voice have a cosine of 0.55 and more, of two voices up to 0.45, on the clips that were tried.
 */
export const sameVoiceMin = 0.5;

/** The names of those who sound like one of `known`: the most similar pair first, each person and speaker once. */
export function namesByVoice(
  centres: readonly Float32Array[],
  known: readonly KnownVoice[],
  similarityMin = sameVoiceMin,
): Map<number, string> {
  const pairs = centres.flatMap((centre, speaker) =>
    known.map(({ name, embedding }) => ({ speaker, name, similarity: dot(centre, embedding) }))
  ).filter(({ similarity }) => similarity >= similarityMin).toSorted((a, b) => b.similarity - a.similarity);
  const names = new Map<number, string>();
  const taken = new Set<string>();
  for (const { speaker, name } of pairs) {
    if (names.has(speaker) || taken.has(name)) continue;
    names.set(speaker, name);
    taken.add(name);
  }
  return names;
}
