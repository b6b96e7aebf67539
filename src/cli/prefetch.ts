/**
 * Recordings of a command on their way to the engine: options and inputs in, recordings that are read and begun early
 * out (pipeline/prefetch.ts). For the commands that decode several.
 */

import type { Engine } from "../engine/engine.ts";
import type { TranscribeEvent } from "../pipeline/events.ts";
import type { Models } from "../pipeline/models.ts";
import { Prefetch } from "../pipeline/prefetch.ts";
import { transcribe } from "../pipeline/transcribe.ts";
import { Recording } from "../segment/recording.ts";
import { untilStopped } from "../stop.ts";
import type { Contexts } from "../views/term_context.ts";
import { audioInput } from "./inputs.ts";
import type { InputSource, TranscribeOptions } from "./parse.ts";
import type { LoadedAudio, ProgramParts } from "./parts.ts";

type PrefetchHost = Pick<ProgramParts, "terminal" | "readAudio" | "availableMemory" | "voiceJudge">;

/** An input that was read; `recording` is what is worked with. */
export type ReadAudio = { readonly audio: LoadedAudio; readonly recording: Recording };

export async function readAudio(
  parts: PrefetchHost,
  options: TranscribeOptions,
  source: InputSource,
): Promise<ReadAudio> {
  const audio = await untilStopped(parts.readAudio(audioInput(source, options)), parts.terminal.stop.drain);
  return { audio, recording: Recording.of(audio) };
}

type Transcribing = [Engine, number | undefined, AbortSignal, (event: TranscribeEvent) => void];

/** `contexts` are what the model is told of what may be said. `read` reads an input, or has it already. */
export function prefetchRecordings(
  parts: PrefetchHost,
  options: TranscribeOptions,
  contexts: Contexts,
  { transcriber }: Pick<Models, "transcriber">,
  sources: Iterable<InputSource>,
  read: (source: InputSource) => Promise<ReadAudio>,
): Prefetch<InputSource, ReadAudio> {
  const { searchSec, segmentSec, windowFrames, language, skipSilence, pastText, lowMemory } = options;
  const { first: prompt, later } = contexts;
  // What follows needs what was said before, or the memory.
  const decodesMax = pastText || lowMemory ? 1 : options.decodesMax;
  const transcribeAudio = ({ recording }: ReadAudio, ...rest: Transcribing) => {
    const [engine, memoryBytes, stop, onEvent] = rest;
    const request = {
      ...{ recording, memoryBytes, searchSec, segmentSec, windowFrames, language, prompt, skipSilence, pastText },
      startSec: options.fromSec ?? 0,
      ...transcriber.autoLimits,
      voiceJudge: parts.voiceJudge,
      ...(decodesMax !== undefined && { decodesMax }),
      ...(later && { later }),
    };
    return transcribe(request, engine, stop, onEvent);
  };
  const engine = () => transcriber.engine();
  const memory = () => parts.availableMemory();
  const close = ({ audio }: ReadAudio) => audio.close();
  const steps = { decodesMax, read, close, engine, memory, transcribe: transcribeAudio };
  return new Prefetch(steps, sources[Symbol.iterator](), parts.terminal.stop.drain);
}
