/**
 * One recording of a client through the core. In: a file and what is wanted of it. Out: events while it is heard, then
 * all that a reply of any format is made of. The texts are those of the command line with the same options.
 */

import type { AudioInput } from "../audio/input.ts";
import { speakerNames, turns, turnsOfWords } from "../document/turns.ts";
import type { Gap, TimedSegment } from "../document/document.ts";
import type { DocumentHead } from "../document/json.ts";
import { documentHead } from "../pipeline/head.ts";
import { segmentSecFor } from "../pipeline/estimate.ts";
import type { HeardSegment, Progress } from "../pipeline/events.ts";
import type { Models } from "../pipeline/models.ts";
import { TimedRecording } from "../pipeline/recording.ts";
import { SpeakerFinder, type SpeakerSearch } from "../pipeline/speakers.ts";
import { transcribe } from "../pipeline/transcribe.ts";
import { findSpeech } from "../segment/find_speech.ts";
import { Recording } from "../segment/recording.ts";
import type { KnownVoice } from "../speakers/names.ts";
import { type WhoSpeaks, whoSpeaks } from "../speakers/turns.ts";
import { Stopped } from "../stop.ts";
import { sampleRate } from "../units.ts";
import { contextsOf } from "../views/term_context.ts";
import { TextView } from "../views/view.ts";
import { printable } from "../writer.ts";
import { ApiError } from "./errors.ts";
import type { TranscriptionRequest } from "./fields.ts";
import { wantsTimes } from "./formats.ts";
import type { Arriving, LoadedAudio, ServerHost, ServerSettings } from "./host.ts";
import type { Share } from "./share.ts";
import type { SharedNetworks } from "./speakers.ts";
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
  /** Text as it is decoded, which a view will write another way: until the next segment, it stands for that. */
  | { readonly kind: "tail"; readonly text: string }
  | { readonly kind: "segment"; readonly segment: TimedSegment }
  /** What another run needs to go on from here: the segments since the last such event, as they were heard. */
  | { readonly kind: "progress"; readonly heardSec: number; readonly step: JournalStep };

export type JournalStep = { readonly segments: readonly HeardSegment[]; readonly progress: Progress };

/** What was heard, and who speaks when, where that is known. Plain data. */
export type Heard = Partial<WhoSpeaks> & {
  readonly head: DocumentHead;
  readonly text: string;
  readonly segments: readonly DoneSegment[];
  /** As the model names it, of the most text; "" where there is none. */
  readonly language: string;
  readonly durationSec: number;
  readonly textTokens: number;
  readonly audioTokens: number;
  /** Speech without text. */
  readonly gaps: readonly Gap[];
  /** What is wrong with the recording, a line each; absent where nothing is. */
  readonly warnings?: readonly string[];
  /** false: it was stopped early. */
  readonly isComplete?: false;
  /** Absent where nobody asked. */
  readonly voice?: VoiceLikelihoods;
};

/** How likely a voice is in each half second, 0 to 1, on each side of a recording; null where nothing says so. */
export type VoiceLikelihoods = {
  readonly startMs: number;
  readonly sides: readonly (readonly (number | null)[])[];
};

export type Core = {
  readonly host: ServerHost;
  readonly settings: ServerSettings;
  readonly models: Models;
  /** The model that will take the place of these; absent, or undefined: none. */
  readonly arriving?: () => Arriving | undefined;
};

/** The core, how long recordings share its engine, and what tells speakers apart. */
export type SharedCore = { readonly core: Core; readonly share: Share; readonly networks: SharedNetworks };

/** What is wanted of a recording, and voices whose names are known. */
export type HearWanted = TranscriptionRequest & { readonly voices: readonly KnownVoice[] };

/** A recording that was read, or its channels. */
export type ReadUpload = { readonly sides: readonly LoadedAudio[]; readonly durationSec: number };

const nameMax = 200;
/** Of ffmpeg. Its libraries take a quarter of it, and a hole in a recording as much as its silence. */
const decoderBytesMax = 2 ** 30;

/** Reads the file, no more of it than may be heard. Messages have the client's name for it. */
export async function readUpload(
  { host, settings }: Pick<Core, "host" | "settings">,
  { options }: TranscriptionRequest,
  file: UploadedFile,
): Promise<ReadUpload> {
  const { raw, track, channel, fromSec, toSec, splitChannels } = options;
  const { audioSecMax } = settings;
  const input: AudioInput = {
    // As bytes: a decoder that is given a path may open other files that a recording names.
    ...{ kind: "stream", name: printable(file.name.slice(0, nameMax)), stream: Bun.file(file.path).stream() },
    ...(raw && { raw }),
    ...(track !== undefined && { track }),
    ...(channel !== undefined && { channel }),
    ...(fromSec !== undefined && { fromSec }),
    limits: { cpuSec: 60 + audioSecMax / 50, memoryBytes: decoderBytesMax, fileBytes: file.bytes + 2 ** 20 },
    toSec: Math.min(toSec ?? Infinity, (fromSec ?? 0) + audioSecMax + 1),
  };
  const sides = splitChannels ? await host.readChannels({ ...input, channel: "each" }) : [await host.readAudio(input)];
  const durationSec = sides[0]!.length / sampleRate;
  if (durationSec <= audioSecMax) return { sides, durationSec };
  await closeUpload({ sides });
  const message = `the recording is longer than ${Number((audioSecMax / 3600).toFixed(2))} hours`;
  throw new ApiError(413, message, { param: "file", code: "audio_too_long" });
}

export async function closeUpload({ sides }: Pick<ReadUpload, "sides">): Promise<void> {
  for (const side of sides) await side.close();
}

/**
 * Hears the recording and times it. Throws Stopped where `stop` was aborted first, and whatever fails; `onPart` has
 * what was heard until then. Leaves the recording open. `journal` has the steps of an earlier run of the same
 * recording, which has one side: it goes on from there.
 */
export async function hear(
  { core, share, networks }: SharedCore,
  request: HearWanted,
  file: UploadedFile,
  read: ReadUpload,
  stop: AbortSignal,
  onEvent: (event: HearEvent) => void,
  journal: readonly JournalStep[] = [],
  onPart: (part: Heard) => void = () => {},
): Promise<Heard> {
  const { options, terms } = request;
  const view = await TextView.open(options.views, terms);
  const contexts = await contextsOf(options.prompt, terms);
  const run = { core, share, networks, request, read, view, contexts, stop, onEvent, journal };
  const heard: HeardSide[] = [];
  let failure: unknown;
  for (const side of read.sides) {
    const one = await hearSide(run, side);
    heard.push(one);
    failure ??= one.failure;
  }
  const names = speakerNames(heard.length);
  const segments = heard.length === 1 ? heard[0]!.segments : inTurns(heard, onEvent);
  const who = heard.length === 1 ? heard[0]!.who : whoSpeaks(turnsOfWords(segments));
  const model = await core.models.transcriber.known();
  const aligner = options.align ? core.models.timer?.model : undefined;
  const { version } = core.host;
  const head = {
    ...options,
    speakers: request.speakers,
    segmentSec: segmentSecOf(request, core.models.transcriber.autoLimits),
  };
  const endMs = ((options.fromSec ?? 0) + read.durationSec) * 1000;
  const warnings = [...new Set(read.sides.flatMap((side) => side.warnings))];
  const sum = (of: (side: HeardSide) => number) => heard.reduce((total, side) => total + of(side), 0);
  const result: Heard = {
    head: documentHead({ version, options: head, model, aligner }, printable(file.name), endMs),
    text: segments.map(({ text }) => text).join(""),
    segments,
    language: mostSpoken(segments),
    durationSec: read.durationSec,
    textTokens: sum(({ textTokens }) => textTokens),
    audioTokens: sum(({ audioTokens }) => audioTokens),
    gaps: heard.flatMap(({ gaps }, index) => heard.length === 1 ? gaps : withSpeaker(gaps, names[index]!)),
    ...who,
    ...(warnings.length > 0 && { warnings }),
    ...(request.wantsVoice && {
      voice: { startMs: Math.round((options.fromSec ?? 0) * 1000), sides: heard.map(({ voice }) => voice) },
    }),
  };
  if (stop.aborted) failure = new Stopped();
  if (failure === undefined) return result;
  onPart({ ...result, isComplete: false });
  throw failure;
}

type HearRun = SharedCore & {
  readonly request: HearWanted;
  readonly read: ReadUpload;
  readonly view: TextView | undefined;
  readonly contexts: Awaited<ReturnType<typeof contextsOf>>;
  readonly stop: AbortSignal;
  readonly onEvent: (event: HearEvent) => void;
  readonly journal: readonly JournalStep[];
};

type HeardSide = {
  readonly segments: readonly DoneSegment[];
  readonly gaps: readonly Gap[];
  readonly who: WhoSpeaks | undefined;
  readonly textTokens: number;
  readonly audioTokens: number;
  readonly voice: VoiceLikelihoods["sides"][number];
  /** What ended it early; undefined where nothing did, or a stop. */
  readonly failure: unknown;
};

async function hearSide(run: HearRun, side: LoadedAudio): Promise<HeardSide> {
  const { core, request: { options }, read, view, stop, onEvent } = run;
  const recording = Recording.of(side, findSpeech(side, options.vad, core.host.openVoiceDetector, stop));
  const { models, settings } = core;
  const isApart = read.sides.length > 1;
  const segments: DoneSegment[] = [];
  const write = view?.recording() ?? ((spoken: TimedSegment) => spoken);
  const timed = new TimedRecording<DoneSegment>(
    {
      recording,
      startMs: Math.round((options.fromSec ?? 0) * 1000),
      timer: options.align ? models.timer : undefined,
      beforeTiming: settings.lowMemory ? () => models.transcriber.close() : undefined,
      who: run.request.speakers && !isApart ? await beginSpeakers(run, recording) : undefined,
      write: (spoken, heard) => ({ ...write(spoken), ...saidOf(heard) }),
    },
    stop,
    (part) => {
      // Of a segment that was parted between speakers, text is missing at the end of the last part alone.
      const segment = part.isTruncated || part.isLooped ? part : { ...part, truncated: undefined };
      segments.push(segment);
      if (isApart) return; // Its turn comes when all are heard.
      if (view) onEvent({ kind: "text", text: segment.text });
      onEvent({ kind: "segment", segment });
    },
  );
  const earlier = run.journal.flatMap((step) => step.segments);
  const hearAll = async () => {
    const sayText = (text: string) => isApart || onEvent({ kind: view ? "tail" : "text", text });
    if (earlier.length > 0) await recording.found; // Their times need it.
    for (const segment of earlier) {
      if (!view) sayText(segment.text);
      timed.add(segment);
    }
    const opened = await models.transcriber.engine();
    const engine = read.durationSec > shortSecMax ? run.share.of(opened) : opened;
    let fresh: HeardSegment[] = [];
    const transcript = await transcribe(requestOf(run, recording), engine, stop, (event) => {
      if (event.kind === "text") sayText(event.text);
      else if (event.kind === "segment") timed.add((fresh.push(event.segment), event.segment));
      else if (event.kind === "progress") {
        const step = { segments: fresh, progress: event.progress };
        fresh = [];
        onEvent({ kind: "progress", heardSec: event.progress.heardSamples / sampleRate, step });
      }
    });
    await timed.time();
    await recording.found;
    return { textTokens: transcript.textTokens, gaps: transcript.audit.gaps, failure: undefined };
  };
  const known = await hearAll().catch((failure: unknown) => ({ textTokens: 0, gaps: [], failure }));
  await timed.end();
  const voice = run.request.wantsVoice && known.failure === undefined ? likelihoods(recording) : [];
  return { segments, audioTokens: Math.ceil(read.durationSec * 13), voice, who: timed.who, ...known };
}

async function beginSpeakers({ networks, request, stop }: HearRun, recording: Recording): Promise<SpeakerSearch> {
  const { options: { fromSec = 0 }, speakers, voices } = request;
  const finder = new SpeakerFinder(await networks.open(), speakers!, new Map(), voices);
  return finder.begin(recording, Math.round(fromSec * 1000), stop);
}

/** Recordings up to this length go before others. */
export const shortSecMax = 60;

function requestOf({ core, request, read, contexts, journal }: HearRun, recording: Recording) {
  const [earlier, last] = [journal.flatMap((step) => step.segments), journal.at(-1)];
  const { host, settings, models } = core;
  const { options } = request;
  const { searchSec, windowFrames, language, skipSilence, pastText } = options;
  const { stepMax } = models.transcriber.info;
  const isLong = read.durationSec > shortSecMax;
  const decodesMax = settings.lowMemory || pastText ? 1 : stepMax;
  return {
    ...{ recording, searchSec, windowFrames, language, skipSilence, pastText, decodesMax },
    ...{
      segmentSec: segmentSecOf(request, models.transcriber.autoLimits),
      startSec: options.fromSec ?? 0,
      ...models.transcriber.autoLimits,
    },
    ...{ prompt: contexts.first, ...(contexts.later && { later: contexts.later }) },
    ...{ memoryBytes: host.availableMemory(), voiceJudge: () => host.voiceJudge() },
    ...(isLong && { priority: "long" as const }),
    ...(last && { resume: { text: earlier.map(({ text }) => text).join(""), progress: last.progress } }),
  };
}

function segmentSecOf(
  { options, format, speakers }: TranscriptionRequest,
  limits: { readonly cutSec: number },
): number | "auto" {
  const isEstimated = !options.align && (wantsTimes(format) || options.splitChannels || speakers !== undefined);
  return segmentSecFor(options.segmentSec, isEstimated, limits);
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

function withSpeaker(gaps: readonly Gap[], speaker: string): Gap[] {
  return gaps.map((gap) => ({ ...gap, speaker }));
}

function mostSpoken(segments: readonly TimedSegment[]): string {
  const lengths = new Map<string, number>();
  for (const { language, text } of segments) lengths.set(language, (lengths.get(language) ?? 0) + text.length);
  return [...lengths].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? "";
}

const halfSecond = sampleRate / 2;

/** Of each half second, by what was found of its speech: no finer than clients ask, and little to keep. */
function likelihoods({ length, speech }: Recording): (number | null)[] {
  return Array.from({ length: Math.ceil(length / halfSecond) }, (_, index) => {
    const start = index * halfSecond;
    const doubt = speech.noSpeech([{ start, end: Math.min(length, start + halfSecond) }]);
    return doubt === undefined ? null : 1 - doubt;
  });
}
