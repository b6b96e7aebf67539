/** What known people's voices are like. In: recordings of them, the speaker networks. Out: embeddings with names. */

import type { SpeakerNetworks } from "../engine/speakers.ts";
import { InputError } from "../errors.ts";
import type { VoiceFile } from "../files/voices.ts";
import { hearVoice } from "../pipeline/speakers.ts";
import { type KnownVoice, voiceSecondsMin } from "../speakers/names.ts";
import { untilStopped } from "../stop.ts";
import { printable } from "../writer.ts";
import type { ProgramParts } from "./parts.ts";

/** So much of a recording is heard, in seconds: more tells no more of a voice. */
const heardSecMax = 300;

/** Voices that were heard, by the paths of their recordings. */
export type KeptVoices = Map<string, KnownVoice>;

/**
 * Those in `kept` are not heard again. Throws the InputError of the first that tells nothing of a voice, and Stopped;
 * `tell` gets lines about those that are odd.
 */
export async function knownVoices(
  { readAudio }: Pick<ProgramParts, "readAudio">,
  files: readonly VoiceFile[],
  networks: SpeakerNetworks,
  stop: AbortSignal,
  tell: (line: string) => void,
  kept: KeptVoices = new Map(),
): Promise<KnownVoice[]> {
  for (const { name, path } of files.filter(({ path }) => !kept.has(path))) {
    const audio = await untilStopped(readAudio({ kind: "file", path, toSec: heardSecMax }), stop);
    const file = `--voices ${printable(path)}`;
    try {
      const heard = await untilStopped(hearVoice(audio, networks, stop), stop);
      if (!heard) throw new InputError(`${file}: nobody speaks in it`);
      const { embedding, seconds, voicesCount } = heard;
      if (seconds < voiceSecondsMin) {
        throw new InputError(`${file}: has ${seconds.toFixed(1)} s of speech, and a voice takes ${voiceSecondsMin} s`);
      }
      if (voicesCount > 1) {
        const longest = `${name} is who speaks longest, ${seconds.toFixed(0)} s`;
        tell(`${file}: ${voicesCount} people speak in it; ${longest}`);
      }
      kept.set(path, { name, embedding });
    } finally {
      await audio.close();
    }
  }
  return files.map(({ path }) => kept.get(path)!);
}
