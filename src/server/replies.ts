/** The bodies of replies. In: what was heard, and the format. Out: texts as OpenAI's API has them. Pure. */

import { deflateSync } from "node:zlib";
import { documentVersion, type Gap, type TimedSegment, type TimedWord } from "../document/document.ts";
import type { DocumentHead } from "../document/json.ts";
import { speakersOf } from "../document/speakers.ts";
import { speakerNames } from "../document/turns.ts";
import { cueSegments } from "../output/cue_segments.ts";
import { createWriter, type Format } from "../output/formats.ts";
import { timedWords } from "../output/words.ts";
import { layoutOf } from "../options/choices.ts";
import type { SegmentWriter, Sound, WriterOptions } from "../output/writer.ts";
import { unknownSpeaker } from "../speakers/label.ts";
import { endsSentence } from "../text/sentences.ts";
import type { WordCutter } from "../text/chinese.ts";
import type { TranscriptionRequest } from "./fields.ts";
import type { ReplyFormat } from "./formats.ts";
import type { ServerHost } from "./host.ts";
import type { DoneSegment, Heard, VoiceLikelihoods } from "./hear.ts";

export type Reply = { readonly contentType: string; readonly body: string };

type Json = Readonly<Record<string, unknown>>;

const jsonType = "application/json";
const contentTypes: Partial<Record<ReplyFormat, string>> = {
  srt: "application/x-subrip; charset=utf-8",
  vtt: "text/vtt; charset=utf-8",
  "vtt-words": "text/vtt; charset=utf-8",
  jsonl: "application/jsonl; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  html: "text/html; charset=utf-8",
  md: "text/markdown; charset=utf-8",
};

/** What a shell has that writers need. */
export type ReplyParts = Partial<Pick<ServerHost, "cutChinese" | "pageParts">>;

export function replyOf(heard: Heard, request: TranscriptionRequest, parts: ReplyParts = {}): Reply {
  const { format } = request;
  switch (format) {
    case "json":
      return jsonReply({ text: heard.text.trim(), ...usageOf(heard), ...extras(heard), ...logprobs(heard, request) });
    case "verbose_json":
      return jsonReply(verbose(heard, request));
    case "diarized_json":
      return jsonReply(diarized(heard, request));
    case "document":
      return { contentType: jsonType, body: written(heard, "json", request, parts) };
    case "cues": {
      const segments = cueSegments(heard.segments, request.options.rules, parts.cutChinese);
      return { contentType: jsonType, body: written({ ...heard, segments }, "json", request, parts) };
    }
    default:
      return {
        contentType: contentTypes[format] ?? "text/plain; charset=utf-8",
        body: written(heard, format, request, parts),
      };
  }
}

function jsonReply(value: Json): Reply {
  return { contentType: jsonType, body: JSON.stringify(value) };
}

type Written = Pick<Heard, "head" | "gaps" | "isComplete" | "speakers" | "turns"> & {
  readonly segments: readonly TimedSegment[];
};

/** As the command line writes it. Of a page, the recording lies beside it, under the name that the client gave it. */
function written(heard: Written, format: Format, request: TranscriptionRequest, parts: ReplyParts): string {
  const { head, segments, isComplete = true } = heard;
  const name = head.source.name.replace(/^.*\//s, "");
  const href = encodeURIComponent(name.toWellFormed());
  const sound: Sound | undefined = href === "" ? undefined : { kind: "link", href, name };
  const writer = createWriter(format, { head, ...layoutOf(request.options), ...writerParts(parts), sound });
  return segments.map((segment) => writer.add(segment)).join("") + writer.rest(isComplete, heard);
}

/** Writes subtitles while the recording is heard. */
export function cueWriter(format: "srt", { options }: TranscriptionRequest, cutChinese: WordCutter): SegmentWriter {
  return createWriter(format, { head: noHead, ...layoutOf(options), cutChinese });
}

function writerParts({ cutChinese, pageParts }: ReplyParts): Partial<WriterOptions> {
  return { ...(cutChinese && { cutChinese }), page: pageParts };
}

/** Subtitles have no head. */
const noHead: DocumentHead = {
  ...{ version: documentVersion, program: "", options: {} },
  ...{ source: { name: "", durationMs: 0 }, model: { name: "", hash: "", weights: "int8", isa: "" } },
};

/** What OpenAI's API does not have; clients ignore it. */
export function extras({ segments, gaps, warnings }: Heard): Json {
  const truncated = truncatedOf(segments);
  return {
    ...(truncated.length > 0 && { truncated }),
    ...(gaps.length > 0 && { gaps: gaps.map(gapJson) }),
    ...(warnings && { warnings }),
  };
}

/** The same in headers, for formats that have no place for it. */
export function extraHeaders({ segments, warnings }: Heard): Record<string, string> {
  const truncated = truncatedOf(segments).length;
  return {
    ...(truncated > 0 && { "x-qwen-asr-truncated": String(truncated) }),
    // A header has one line of ASCII.
    ...(warnings && { "x-qwen-asr-warnings": warnings.join("; ").replaceAll(/[^ -~]/g, "?") }),
  };
}

function gapJson({ startMs, endMs, speaker }: Gap): Json {
  return { start: seconds(startMs), end: seconds(endMs), ...(speaker !== undefined && { speaker }) };
}

/** Segments whose end is missing, and why: the model repeated itself, or said more than speech takes. */
function truncatedOf(segments: readonly DoneSegment[]) {
  return segments.filter(({ truncated }) => truncated !== undefined)
    .map(({ startMs, endMs, truncated }) => ({ start: seconds(startMs), end: seconds(endMs), reason: truncated }));
}

export function usageOf({ durationSec }: Heard): Json {
  return { usage: { type: "duration", seconds: Math.round(durationSec * 1000) / 1000 } };
}

function logprobs({ segments }: Heard, { hasLogprobs }: TranscriptionRequest): Json {
  if (!hasLogprobs) return {};
  const words = segments.flatMap((segment) => timedWords(segment));
  return { logprobs: words.map(({ text, logprob = 0 }) => ({ token: text, logprob, bytes: [...Buffer.from(text)] })) };
}

export function verbose(heard: Heard, { granularities, options }: TranscriptionRequest): Json {
  const words = heard.segments.flatMap((segment) => timedWords(segment));
  return {
    task: "transcribe",
    language: heard.language.toLowerCase() || options.language.toLowerCase() || "unknown",
    duration: Math.round(heard.durationSec * 1000) / 1000,
    text: heard.text.trim(),
    ...(granularities.includes("segment") ? { segments: verboseSegments(heard) } : {}),
    ...(granularities.includes("word") ? { words: words.map(verboseWord) } : {}),
    ...usageOf(heard),
    ...extras(heard),
  };
}

function verboseWord({ text, startMs, endMs, speaker }: TimedWord): Json {
  return { word: text.trim(), start: seconds(startMs), end: seconds(endMs), ...(speaker !== undefined && { speaker }) };
}

/**
 * Whisper's fields. Clients read a segment as a phrase: a sentence is one, or a part of a long one. `hasWords`: each
 * has its words, as Whisper's own programs write them.
 */
export function verboseSegments({ segments, voice }: Pick<Heard, "segments" | "voice">, hasWords = false): Json[] {
  return segments.flatMap((segment) => phrasesOf(segment)).map((phrase, id) => ({
    id,
    seek: Math.round(phrase.startMs / 10),
    start: seconds(phrase.startMs),
    end: seconds(phrase.endMs),
    text: phrase.text,
    tokens: [],
    temperature: 0,
    avg_logprob: Number((phrase.avgLogprob ?? 0).toFixed(4)),
    compression_ratio: compressionRatio(phrase.text),
    no_speech_prob: voice === undefined ? 0 : noSpeech(voice, phrase),
    ...(phrase.speaker === undefined ? {} : { speaker: phrase.speaker }),
    ...(hasWords && { words: timedWords(phrase).map(verboseWord) }),
  }));
}

/** How unlikely a voice is in the likeliest half second of a stretch, on its speaker's side. */
function noSpeech({ startMs, sides }: VoiceLikelihoods, phrase: TimedSegment): number {
  const from = Math.floor((phrase.startMs - startMs) / 500);
  const to = Math.max(from + 1, Math.ceil((phrase.endMs - startMs) / 500));
  const index = sides.length === 1 ? 0 : speakerNames(sides.length).indexOf(phrase.speaker ?? "");
  const likely = sides[index]?.slice(from, to).map((likelihood) => likelihood ?? 1) ?? [];
  return Number((1 - Math.max(0, ...likely)).toFixed(2));
}

const phraseMsMax = 12_000;
const pauseMs = 1500;

function phrasesOf(segment: DoneSegment): DoneSegment[] {
  const groups: TimedWord[][] = [];
  let group: TimedWord[] = [];
  for (const word of timedWords(segment)) {
    const [first, last] = [group[0], group.at(-1)];
    const isLong = first !== undefined && word.endMs - first.startMs > phraseMsMax;
    if (last && (endsSentence(last.text) || word.startMs - last.endMs >= pauseMs || isLong)) {
      groups.push(group);
      group = [];
    }
    group.push(word);
  }
  if (group.length > 0) groups.push(group);
  return groups.map((words): DoneSegment => ({
    ...segment,
    startMs: words[0]!.startMs,
    endMs: words.at(-1)!.endMs,
    text: words.map(({ text }) => text).join(""),
    words,
  }));
}

function diarized(heard: Heard, request: TranscriptionRequest): Json {
  const labelOf = speakerLabels(request, heard.segments);
  return {
    task: "transcribe",
    duration: Math.round(heard.durationSec * 1000) / 1000,
    text: heard.text.trim(),
    segments: heard.segments.map((segment, index) => ({
      type: "transcript.text.segment",
      id: `seg_${String(index + 1).padStart(3, "0")}`,
      ...segmentFields(segment, labelOf),
    })),
    ...usageOf(heard),
    ...extras(heard),
  };
}

export function segmentFields({ startMs, endMs, text, speaker }: TimedSegment, labelOf: SpeakerLabel): Json {
  return { start: seconds(startMs), end: seconds(endMs), text: text.trim(), speaker: labelOf(speaker) };
}

export type SpeakerLabel = (speaker: string | undefined) => string;

/**
 * What speakers are called, asked in the order of segments. In diarized_json, those without a name are A, B …, but for
 * names that known voices have, or that a job's transcript got by hand.
 */
export function speakerLabels(
  { format, knownNames }: TranscriptionRequest,
  segments: readonly TimedSegment[] = [],
): SpeakerLabel {
  if (format !== "diarized_json") return (speaker = "speaker") => speaker;
  const labels = new Map<string, string>();
  const letters = letterNames([...knownNames, ...speakersOf(segments)]);
  return (speaker = "Speaker 1") => {
    if (unknownSpeaker(speaker) === undefined) return speaker;
    const label = labels.get(speaker) ?? letters.next().value!;
    labels.set(speaker, label);
    return label;
  };
}

/** A to Z, AA, AB and so on, without those that are taken. */
function* letterNames(taken: readonly string[]): Generator<string, never> {
  for (let number = 0;; number++) {
    let name = "";
    for (let rest = number; rest >= 0; rest = Math.floor(rest / 26) - 1) {
      name = String.fromCharCode(65 + rest % 26) + name;
    }
    if (!taken.includes(name)) yield name;
  }
}

/** As Whisper has it: more than about 2.4 where a text repeats itself. */
function compressionRatio(text: string): number {
  const bytes = new TextEncoder().encode(text);
  return bytes.length === 0 ? 0 : Number((bytes.length / deflateSync(bytes).length).toFixed(4));
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
