/**
 * One recording of a client through the core. In: a file and what is wanted of it. Out: events while it is heard, then
 * all that a reply of any format is made of. The texts are those of the command line with the same options.
 */

import type { AudioInput } from "../audio/input.ts";
import { speakerNames, turns } from "../document/turns.ts";
import type { TimedSegment } from "../document/document.ts";
import type { DocumentHead } from "../document/json.ts";
import { InputError } from "../errors.ts";
import { documentHead } from "../pipeline/head.ts";
import { estimatedSegmentSec } from "../pipeline/estimate.ts";
import type { HeardSegment } from "../pipeline/events.ts";
import type { Models } from "../pipeline/models.ts";
import { TimedRecording } from "../pipeline/recording.ts";
import { transcribe } from "../pipeline/transcribe.ts";
import { Recording } from "../segment/recording.ts";
import { Stopped } from "../stop.ts";
import { sampleRate } from "../units.ts";
import { contextsOf } from "../views/term_context.ts";
import { TextView } from "../views/view.ts";
import { printable } from "../writer.ts";
import { ApiError } from "./errors.ts";
import type { TranscriptionRequest } from "./fields.ts";
import { wantsTimes } from "./formats.ts";
import type { LoadedAudio, ServerHost, ServerSettings } from "./host.ts";
import type { Share } from "./share.ts";
import type { UploadedFile } from "./upload.ts";

/** A segment, with what the model said of it. */
export type DoneSegment = TimedSegment & {
  /** Of its tokens, on average; undefined where it has none. */
  readonly avgLogprob: number | undefined;
  /** Why text is missing at its end. */
  readonly truncated: "cap" | "loop" | undefined;
};

export type HearEvent =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "segment"; readonly segment: TimedSegment }
  | { readonly kind: "progress"; readonly heardSec: number };

export type Heard = {
  readonly head: DocumentHead;
  readonly text: string;
  readonly segments: readonly DoneSegment[];
  /** As the model names it, of the most text; "" where there is none. */
  readonly language: string;
  readonly durationSec: number;
  readonly textTokens: number;
  readonly audioTokens: number;
  /** How likely there is no speech in a stretch; undefined where nobody asked. */
  readonly noSpeech: ((segment: TimedSegment) => number) | undefined;
};

export type Core = {
  readonly host: ServerHost;
  readonly settings: ServerSettings;
  readonly models: Models;
};

/** The core, and how long recordings share its engine. */
export type SharedCore = { readonly core: Core; readonly share: Share };

/** A recording that was read, or its channels. */
export type ReadUpload = { readonly sides: readonly LoadedAudio[]; readonly durationSec: number };

/** Reads the file, no more of it than may be heard. Messages have the client's name for it. */
export async function readUpload(
  { host, settings }: Pick<Core, "host" | "settings">,
  { options }: TranscriptionRequest,
  file: UploadedFile,
): Promise<ReadUpload> {
  const { raw, track, channel, fromSec, toSec, splitChannels } = options;
  const { audioSecMax } = settings;
  const input: AudioInput = {
    ...{ kind: "file", path: file.path },
    ...(raw && { raw }),
    ...(track !== undefined && { track }),
    ...(channel !== undefined && { channel }),
    ...(fromSec !== undefined && { fromSec }),
    toSec: Math.min(toSec ?? Infinity, (fromSec ?? 0) + audioSecMax + 1),
  };
  const sides = await named(
    file,
    () => splitChannels ? host.readChannels({ ...input, channel: "each" }) : host.readAudio(input).then((one) => [one]),
  );
  const durationSec = sides[0]!.length / sampleRate;
  if (durationSec <= audioSecMax) return { sides, durationSec };
  await closeUpload({ sides });
  const message = `the recording is longer than ${Number((audioSecMax / 3600).toFixed(2))} hours`;
  throw new ApiError(413, message, { param: "file", code: "audio_too_long" });
}

export async function closeUpload({ sides }: Pick<ReadUpload, "sides">): Promise<void> {
  for (const side of sides) await side.close();
}

/** Where the upload lies is not the client's business. */
async function named<T>(file: UploadedFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const name = printable(file.name.slice(0, 200));
    throw new InputError(error.message.replaceAll(file.path, name), undefined, { cause: error });
  }
}

/** Hears the recording and times it. Throws Stopped where `stop` was aborted first. Leaves it open. */
export async function hear(
  { core, share }: SharedCore,
  request: TranscriptionRequest,
  file: UploadedFile,
  read: ReadUpload,
  stop: AbortSignal,
  onEvent: (event: HearEvent) => void,
): Promise<Heard> {
  const { options, terms } = request;
  const view = await TextView.open(options.views, terms);
  const contexts = await contextsOf(options.prompt, terms);
  const run = { core, share, request, read, view, contexts, stop, onEvent };
  const heard: HeardSide[] = [];
  for (const side of read.sides) heard.push(await hearSide(run, side));
  if (stop.aborted) throw new Stopped();
  const segments = heard.length === 1 ? heard[0]!.segments : inTurns(heard, onEvent);
  const model = await core.models.transcriber.known();
  const aligner = options.align ? core.models.timer?.model : undefined;
  const { version } = core.host;
  const head = { ...options, segmentSec: segmentSecOf(request) };
  const endMs = ((options.fromSec ?? 0) + read.durationSec) * 1000;
  const sum = (of: (side: HeardSide) => number) => heard.reduce((total, side) => total + of(side), 0);
  return {
    head: documentHead({ version, options: head, model, aligner }, printable(file.name), endMs),
    text: segments.map(({ text }) => text).join(""),
    segments,
    language: mostSpoken(segments),
    durationSec: read.durationSec,
    textTokens: sum(({ textTokens }) => textTokens),
    audioTokens: sum(({ audioTokens }) => audioTokens),
    noSpeech: request.format === "verbose_json" ? await noSpeechOf(core, read, options.fromSec ?? 0) : undefined,
  };
}

type HearRun = SharedCore & {
  readonly request: TranscriptionRequest;
  readonly read: ReadUpload;
  readonly view: TextView | undefined;
  readonly contexts: Awaited<ReturnType<typeof contextsOf>>;
  readonly stop: AbortSignal;
  readonly onEvent: (event: HearEvent) => void;
};

type HeardSide = {
  readonly segments: readonly DoneSegment[];
  readonly textTokens: number;
  readonly audioTokens: number;
};

async function hearSide(run: HearRun, side: LoadedAudio): Promise<HeardSide> {
  const { core: { models, settings }, request: { options }, read, view, stop, onEvent } = run;
  const recording = Recording.of(side);
  const isApart = read.sides.length > 1;
  const heardSegments: HeardSegment[] = [];
  const segments: DoneSegment[] = [];
  const write = view?.recording();
  const add = (spoken: TimedSegment) => {
    const segment = write ? write(spoken) : spoken;
    segments.push({ ...segment, ...saidOf(heardSegments[segments.length]!) });
    if (isApart) return; // Its turn comes when all are heard.
    if (view) onEvent({ kind: "text", text: segment.text });
    onEvent({ kind: "segment", segment });
  };
  const timed = new TimedRecording(
    {
      recording,
      startMs: Math.round((options.fromSec ?? 0) * 1000),
      timer: options.align ? models.timer : undefined,
      beforeTiming: settings.lowMemory ? () => models.transcriber.close() : undefined,
    },
    stop,
    add,
  );
  try {
    const opened = await models.transcriber.engine();
    const engine = read.durationSec > shortSecMax ? run.share.of(opened) : opened;
    const transcript = await transcribe(requestOf(run, recording), engine, stop, (event) => {
      if (event.kind === "text" && !view && !isApart) onEvent({ kind: "text", text: event.text });
      else if (event.kind === "segment") timed.add((heardSegments.push(event.segment), event.segment));
      else if (event.kind === "progress") {
        onEvent({ kind: "progress", heardSec: event.progress.heardSamples / sampleRate });
      }
    });
    await timed.time();
    const audioTokens = Math.ceil(read.durationSec * 13);
    return { segments, textTokens: transcript.textTokens, audioTokens };
  } finally {
    await timed.end();
  }
}

/** Recordings up to this length go before others. */
export const shortSecMax = 60;

function requestOf({ core, request, read, contexts }: HearRun, recording: Recording) {
  const { host, settings, models } = core;
  const { options } = request;
  const { searchSec, windowFrames, language, skipSilence, pastText } = options;
  const { stepMax } = models.transcriber.info;
  const isLong = read.durationSec > shortSecMax;
  const decodesMax = settings.lowMemory || pastText ? 1 : stepMax;
  return {
    ...{ recording, searchSec, windowFrames, language, skipSilence, pastText, decodesMax },
    ...{ segmentSec: segmentSecOf(request), startSec: options.fromSec ?? 0, ...models.transcriber.autoLimits },
    ...{ prompt: contexts.first, ...(contexts.later && { later: contexts.later }) },
    ...{ memoryBytes: host.availableMemory(), voiceJudge: () => host.voiceJudge() },
    ...(isLong && { priority: "long" as const }),
  };
}

/** Times that are estimated can only be wrong within a segment: where they are wanted, segments are short. */
function segmentSecOf({ options, format }: TranscriptionRequest): number | "auto" {
  const isEstimated = !options.align && (wantsTimes(format) || options.splitChannels);
  return isEstimated && options.segmentSec === "auto" ? estimatedSegmentSec : options.segmentSec;
}

function saidOf({ tokens, stop }: HeardSegment): Pick<DoneSegment, "avgLogprob" | "truncated"> {
  const sum = tokens.reduce((total, { logprob }) => total + logprob, 0);
  return {
    avgLogprob: tokens.length === 0 ? undefined : sum / tokens.length,
    truncated: stop === "cap" || stop === "loop" ? stop : undefined,
  };
}

function inTurns(sides: readonly HeardSide[], onEvent: HearRun["onEvent"]): DoneSegment[] {
  const names = speakerNames(sides.length);
  return turns(sides.map(({ segments }, index) => ({ speaker: names[index]!, segments }))).map((segment) => {
    onEvent({ kind: "text", text: segment.text });
    onEvent({ kind: "segment", segment });
    return { avgLogprob: undefined, truncated: undefined, ...segment };
  });
}

function mostSpoken(segments: readonly TimedSegment[]): string {
  const lengths = new Map<string, number>();
  for (const { language, text } of segments) lengths.set(language, (lengths.get(language) ?? 0) + text.length);
  return [...lengths].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? "";
}

const loudestMs = 500;

/** By the voice detector: of a stretch, how unlikely a voice is in its likeliest half second. */
async function noSpeechOf(
  { host }: Core,
  { sides }: ReadUpload,
  fromSec: number,
): Promise<NonNullable<Heard["noSpeech"]>> {
  const detector = await host.openVoiceDetector();
  const frames: number[] = [];
  const { frameSamples } = detector;
  try {
    const [side] = sides;
    const block = frameSamples * 1024;
    for (let at = 0; at < side!.length; at += block) {
      const end = Math.min(side!.length, at + block);
      frames.push(...detector.run(await side!.read(at, end), end === side!.length));
    }
  } finally {
    detector.close();
  }
  return ({ startMs, endMs }) => {
    const frameOf = (ms: number) => Math.round(((ms - fromSec * 1000) * sampleRate) / 1000 / frameSamples);
    const own = frames.slice(frameOf(startMs), Math.max(frameOf(startMs) + 1, frameOf(endMs))).toSorted((a, b) =>
      b - a
    );
    const loudest = own.slice(0, Math.max(1, Math.round((loudestMs * sampleRate) / 1000 / frameSamples)));
    if (loudest.length === 0) return 1;
    return 1 - loudest.reduce((sum, one) => sum + one, 0) / loudest.length;
  };
}
