/** Who speaks in the recordings of a run: from options to what finds it. The networks are opened once. */

import { SpeakerFinder } from "../pipeline/speakers.ts";
import { parseSpeakerNames } from "../speakers/names.ts";
import { printable } from "../writer.ts";
import type { TranscribeOptions } from "./parse.ts";
import type { ProgramParts } from "./parts.ts";

type Options = Pick<TranscribeOptions, "speakers" | "speakerNames" | "threads">;

/** Throws an InputError or a ModelError; undefined where speakers are not asked for. */
export async function openSpeakerFinder(
  parts: Pick<ProgramParts, "openSpeakers" | "readText">,
  { speakers, speakerNames, threads }: Options,
): Promise<SpeakerFinder | undefined> {
  if (speakers === undefined) return undefined;
  const names = speakerNames === undefined
    ? new Map<string, string>()
    : parseSpeakerNames(await parts.readText(speakerNames), printable(speakerNames));
  return new SpeakerFinder(await parts.openSpeakers(threads), speakers, names);
}
