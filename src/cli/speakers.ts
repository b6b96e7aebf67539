/**
 * Who speaks in the recordings of a run: from options to what finds it. What is asked is checked before anything is
 * opened; the networks are opened once.
 */

import { type VoiceFile, voiceFiles } from "../files/voices.ts";
import { SpeakerFinder } from "../pipeline/speakers.ts";
import type { SpeakerCount } from "../speakers/cluster.ts";
import { parseSpeakerNames } from "../speakers/names.ts";
import { printable } from "../writer.ts";
import type { TranscribeOptions } from "./parse.ts";
import type { ProgramParts } from "./parts.ts";
import { type KeptVoices, knownVoices } from "./voices.ts";

/** What is asked of a run's speakers. */
export type SpeakerPlan = {
  /** undefined: voices are not told apart. */
  readonly count: SpeakerCount | undefined;
  /** By labels. */
  readonly names: ReadonlyMap<string, string>;
  readonly voices: readonly VoiceFile[];
};

type Options = Pick<TranscribeOptions, "speakers" | "speakerNames" | "voices">;

/** Throws an InputError. */
export async function speakerPlan(
  { readText }: Pick<ProgramParts, "readText">,
  { speakers: count, speakerNames, voices }: Options,
): Promise<SpeakerPlan> {
  const names = speakerNames === undefined
    ? new Map<string, string>()
    : parseSpeakerNames(await readText(speakerNames), printable(speakerNames));
  return { count, names, voices: voices === undefined ? [] : await voiceFiles(voices) };
}

/** Throws an InputError or a ModelError; undefined where voices are not told apart. `tell` gets lines about voices. */
export async function openSpeakerFinder(
  parts: Pick<ProgramParts, "openSpeakers" | "readAudio"> & { readonly keptVoices?: KeptVoices },
  { count, names, voices }: SpeakerPlan,
  threads: number,
  stop: AbortSignal,
  tell: (line: string) => void,
): Promise<SpeakerFinder | undefined> {
  if (count === undefined) return undefined;
  const networks = await parts.openSpeakers(threads);
  try {
    const known = await knownVoices(parts, voices, networks, stop, tell, parts.keptVoices);
    return new SpeakerFinder(networks, count, names, known);
  } catch (error) {
    networks.close();
    throw error;
  }
}
