/**
 * Recordings of a command on their way to the engine: options and inputs in, recordings that are read and begun early
 * out (pipeline/prefetch.ts). For the commands that decode several.
 */

import type { Engine } from "../engine/engine.ts";
import type { TranscribeEvent } from "../pipeline/events.ts";
import type { Models } from "../pipeline/models.ts";
import { Prefetch } from "../pipeline/prefetch.ts";
import { transcribe, type Transcript } from "../pipeline/transcribe.ts";
import { Recording } from "../segment/recording.ts";
import { untilStopped } from "../stop.ts";
import type { Contexts } from "../views/term_context.ts";
import { audioInput } from "./inputs.ts";
import type { InputSource, TranscribeOptions } from "./parse.ts";
import type { LoadedAudio, ProgramParts } from "./parts.ts";

type PrefetchHost = Pick<ProgramParts, "terminal" | "readAudio" | "readChannels" | "availableMemory" | "voiceJudge">;

/** A channel, or all of them mixed; `recording` is what is worked with. */
export type ReadSide = { readonly audio: LoadedAudio; readonly recording: Recording };

/** An input that was read, and its channels where they are heard each for itself. */
export type ReadAudio = ReadSide & { readonly sides?: readonly ReadSide[] };

export async function readAudio(
  parts: PrefetchHost,
  options: TranscribeOptions,
  source: InputSource,
): Promise<ReadAudio> {
  const stop = parts.terminal.stop.drain;
  const input = audioInput(source, options);
  if (options.splitChannels) return apart(await untilStopped(parts.readChannels({ ...input, channel: "each" }), stop));
  return side(await untilStopped(parts.readAudio(input), stop));
}

function side(audio: LoadedAudio): ReadSide {
  return { audio, recording: Recording.of(audio) };
}

function apart(all: readonly LoadedAudio[]): ReadAudio {
  const sides = all.map(side);
  const [{ audio, recording }] = sides as [ReadSide];
  const warnings = all.flatMap((one) => one.warnings);
  if (all.length === 1) warnings.push("has only one channel, so there are no sides to tell apart");
  const close = async () => {
    for (const one of all) await one.close();
  };
  const whole = { audio: { ...audio, warnings, close }, recording };
  return all.length === 1 ? whole : { ...whole, sides };
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
  const transcribeSide = ({ recording }: ReadSide, ...rest: Transcribing) => {
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
  const transcribeAudio = (read: ReadAudio, ...rest: Transcribing) =>
    read.sides ? oneSideAfterTheOther(read.sides, transcribeSide, rest) : transcribeSide(read, ...rest);
  const engine = () => transcriber.engine();
  const memory = () => parts.availableMemory();
  const close = ({ audio }: ReadAudio) => audio.close();
  const steps = { decodesMax, read, close, engine, memory, transcribe: transcribeAudio };
  return new Prefetch(steps, sources[Symbol.iterator](), parts.terminal.stop.drain);
}

async function oneSideAfterTheOther(
  sides: readonly ReadSide[],
  transcribeSide: (side: ReadSide, ...rest: Transcribing) => Promise<Transcript>,
  [engine, memoryBytes, stop, onEvent]: Transcribing,
): Promise<Transcript> {
  const heard: Transcript[] = [];
  for (const [index, side] of sides.entries()) {
    onEvent({ kind: "side", index });
    const isLast = index === sides.length - 1;
    const pass = (event: TranscribeEvent) => event.kind === "submitted" && !isLast ? undefined : onEvent(event);
    heard.push(await transcribeSide(side, engine, memoryBytes, stop, pass));
    if (heard.at(-1)!.stopped) break;
  }
  const sum = (name: "textTokens" | "encodeMs" | "decodeMs") => heard.reduce((before, one) => before + one[name], 0);
  return {
    ...heard.at(-1)!,
    ...{ textTokens: sum("textTokens"), encodeMs: sum("encodeMs"), decodeMs: sum("decodeMs") },
    unvoiced: heard.find(({ unvoiced }) => unvoiced !== undefined)?.unvoiced,
  };
}
