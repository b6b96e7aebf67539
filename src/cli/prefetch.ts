/**
 * Recordings of a command on their way to the engine: options and inputs in, recordings that are read and begun early
 * out (pipeline/prefetch.ts). For the commands that decode several.
 */

import { speakerNames } from "../document/turns.ts";
import type { Engine } from "../engine/engine.ts";
import { auditOfSides } from "../document/audit.ts";
import type { Resume, TranscribeEvent } from "../pipeline/events.ts";
import type { Models } from "../pipeline/models.ts";
import { Prefetch } from "../pipeline/prefetch.ts";
import { noVoice, transcribe, type Transcript } from "../pipeline/transcribe.ts";
import { findSpeech } from "../segment/find_speech.ts";
import { Recording } from "../segment/recording.ts";
import { untilStopped } from "../stop.ts";
import type { Contexts } from "../views/term_context.ts";
import { audioInput } from "./inputs.ts";
import type { Past } from "./journal.ts";
import type { InputSource, TranscribeOptions } from "./parse.ts";
import type { LoadedAudio, ProgramParts } from "./parts.ts";

type PrefetchHost = Pick<
  ProgramParts,
  "terminal" | "readAudio" | "readChannels" | "availableMemory" | "voiceJudge" | "openVoiceDetector"
>;

/** A channel, or all of them mixed; `recording` is what is worked with. */
export type ReadSide = {
  readonly audio: LoadedAudio;
  readonly recording: Recording;
  /** Where an interrupted run is gone on from. */
  readonly resume?: Resume;
};

/** An input that was read, and its channels where they are heard each for itself. */
export type ReadAudio = ReadSide & {
  readonly sides?: readonly ReadSide[];
  /** Tells it from other recordings, where it has a journal. */
  readonly identity?: string;
  /** What an interrupted run heard of it. */
  readonly past?: Past;
};

export async function readAudio(
  parts: PrefetchHost,
  options: Parameters<typeof audioInput>[1] & Pick<TranscribeOptions, "splitChannels" | "vad">,
  source: InputSource,
): Promise<ReadAudio> {
  const stop = parts.terminal.stop.drain;
  const input = audioInput(source, options);
  const all = options.splitChannels
    ? await untilStopped(parts.readChannels({ ...input, channel: "each" }), stop)
    : [await untilStopped(parts.readAudio(input), stop)];
  const sides = all.map((audio): ReadSide => {
    const speech = findSpeech(audio, options.vad, parts.openVoiceDetector, stop); // Meanwhile the model is opened.
    return { audio, recording: Recording.of(audio, speech) };
  });
  return options.splitChannels ? apart(sides) : sides[0]!;
}

function apart(sides: readonly ReadSide[]): ReadAudio {
  const all = sides.map(({ audio }) => audio);
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

/** How a recording is heard: the options that concern it, and what the model is told of what may be said. */
export type Hearing = { readonly options: HearingOptions; readonly contexts: Contexts };

export type HearingOptions = Pick<
  TranscribeOptions,
  "searchSec" | "segmentSec" | "windowFrames" | "language" | "skipSilence" | "pastText" | "fromSec"
>;

/** Decodes at a time of recordings that are all heard with these options; undefined: as many as is fastest. */
export function decodesAtOnce(
  { pastText, lowMemory, decodesMax }: Pick<TranscribeOptions, "pastText" | "lowMemory" | "decodesMax">,
): number | undefined {
  // What follows needs what was said before, or the memory.
  return pastText || lowMemory ? 1 : decodesMax;
}

/** `hearing` says how a source is heard. `read` reads it, or has it already. */
export function prefetchRecordings<Source>(
  parts: PrefetchHost,
  decodesMax: number | undefined,
  hearing: (source: Source) => Hearing,
  { transcriber }: Pick<Models, "transcriber">,
  sources: Iterable<Source>,
  read: (source: Source) => Promise<ReadAudio>,
): Prefetch<Source, ReadAudio> {
  const transcribeSide = (source: Source, { recording, resume }: ReadSide, ...rest: Transcribing) => {
    const { options, contexts: { first: prompt, later } } = hearing(source);
    const { searchSec, segmentSec, windowFrames, language, skipSilence, pastText } = options;
    const [engine, memoryBytes, stop, onEvent] = rest;
    const request = {
      ...{ recording, memoryBytes, searchSec, segmentSec, windowFrames, language, prompt, skipSilence, pastText },
      startSec: options.fromSec ?? 0,
      ...transcriber.autoLimits,
      voiceJudge: parts.voiceJudge,
      ...(decodesMax !== undefined && { decodesMax }),
      ...(later && { later }),
      ...(resume && { resume }),
    };
    return transcribe(request, engine, stop, onEvent);
  };
  const transcribeAudio = (source: Source, read: ReadAudio, ...rest: Transcribing) => {
    const one = (side: ReadSide, ...rest: Transcribing) => transcribeSide(source, side, ...rest);
    return read.sides ? oneSideAfterTheOther(read.sides, one, rest) : one(read, ...rest);
  };
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
  const names = speakerNames(sides.length);
  return {
    ...heard.at(-1)!,
    ...{ textTokens: sum("textTokens"), encodeMs: sum("encodeMs"), decodeMs: sum("decodeMs") },
    unvoiced: unvoicedSides(heard.map(({ unvoiced }) => unvoiced), names),
    audit: auditOfSides(heard.map(({ audit }) => audit), names),
  };
}

/** A line for each channel without a voice somewhere; one where none has any. */
function unvoicedSides(lines: readonly (string | undefined)[], names: readonly string[]): string | undefined {
  if (lines.every((line) => line === noVoice)) return noVoice;
  const told = lines.flatMap((line, index) => line === undefined ? [] : [`${names[index]}: ${line}`]);
  return told.length > 0 ? told.join("\n") : undefined;
}
