/**
 * POST /asr and /detect-language, as whisper-asr-webservice has them for Bazarr and others. In: a form whose options
 * are in the query. Out: the transcript, or its language. Speakers are called and written as that service does.
 */

import { cuesOf, punctuatedCue } from "../output/cues.ts";
import { layoutOf, speakersMax } from "../options/choices.ts";
import { unknownSpeaker } from "../speakers/label.ts";
import { type Cue, srtBlock, vttBlock, vttHeader } from "../subtitles/cue.ts";
import type { WordCutter } from "../text/chinese.ts";
import { languageCode } from "../text/languages.ts";
import { ApiError } from "./errors.ts";
import { type Fields, invalid, isOn, last, type TranscriptionRequest } from "./fields.ts";
import type { DoneSegment, Heard } from "./hear.ts";
import { extraHeaders, type Reply, replyOf, verbose, verboseSegments } from "./replies.ts";
import { noTranslation } from "./translations.ts";
import type { Service } from "./service.ts";
import { type Call, Task } from "./task.ts";

const formats: Readonly<Record<string, string>> = {
  ...{ txt: "text", text: "text", json: "verbose_json", srt: "srt", vtt: "vtt", tsv: "tsv" },
};

export async function asr(service: Service, call: Call): Promise<Response> {
  if (last(call.query, "task") === "translate") throw noTranslation();
  await using task = await Task.begin(service, call, () => fieldsOf(call.query));
  const heard = await task.hear(call.stop);
  const { contentType, body } = asrReply(heard, task);
  return new Response(body, { headers: { "content-type": contentType, ...extraHeaders(heard) } });
}

function fieldsOf(query: Fields): Fields {
  const output = last(query, "output") ?? "txt";
  const format = formats[output];
  if (format === undefined) {
    throw invalid("output", `output is one of ${Object.keys(formats).join(", ")}`);
  }
  return {
    ...rawFields(query),
    response_format: [format],
    language: [last(query, "language") ?? ""],
    prompt: [last(query, "initial_prompt") ?? ""],
    ...(isOn(query, "word_timestamps") && { timestamp_granularities: ["segment", "word"] }),
    ...speakerFields(query),
  };
}

/** Without `diarize` the numbers say nothing, as there. */
function speakerFields(query: Fields): Fields {
  const [min, max] = [countOf(query, "min_speakers"), countOf(query, "max_speakers")];
  if (min !== undefined && max !== undefined && min > max) {
    throw invalid("min_speakers", `min_speakers is ${min}, more than max_speakers, which is ${max}`);
  }
  if (!isOn(query, "diarize")) return {};
  return { speakers: [min === undefined && max === undefined ? "auto" : `${min ?? 1}-${max ?? speakersMax}`] };
}

function countOf(query: Fields, name: string): number | undefined {
  const given = last(query, name)?.trim() ?? "";
  if (given === "") return undefined;
  const count = /^\d+$/.test(given) ? Number(given) : 0;
  if (count < 1 || count > speakersMax) throw invalid(name, `${name} is a number from 1 to ${speakersMax}`);
  return count;
}

function asrReply(heard: Heard, { wanted, service: { core: { host } } }: Task): Reply {
  const { format, speakers } = wanted;
  const named = withLabels(heard, format === "text" ? (label) => `[${label}]` : (label) => label);
  if (format === "verbose_json") return jsonReply(named, wanted);
  const reply = replyOf(named, wanted, host);
  const isCues = format === "srt" || format === "vtt";
  return isCues && speakers !== undefined ? { ...reply, body: cueText(named, format, wanted, host.cutChinese) } : reply;
}

/** As Whisper's own program writes it: the language is a code, and segments have their words. */
function jsonReply(heard: Heard, wanted: TranscriptionRequest): Reply {
  const { granularities, speakers, options } = wanted;
  const hasWords = speakers !== undefined || granularities.includes("word");
  const body = JSON.stringify({
    ...verbose(heard, wanted),
    language: languageCode(heard.language || options.language) || "unknown",
    segments: verboseSegments(heard, hasWords),
  });
  return { contentType: "application/json", body };
}

/** Every cue says who speaks: its readers take cues one by one. */
function cueText(
  { segments }: Heard,
  format: "srt" | "vtt",
  { options }: TranscriptionRequest,
  cutChinese: WordCutter,
): string {
  const { rules, cuePunctuation = "keep" } = layoutOf(options);
  const cues = cuesOf(segments, rules, cutChinese).map((cue) => labelledCue(punctuatedCue(cue, cuePunctuation)));
  return format === "srt"
    ? cues.map((cue, index) => srtBlock(cue, index + 1)).join("")
    : vttHeader + cues.map(vttBlock).join("");
}

function labelledCue({ speaker, lines: [first = "", ...rest], ...cue }: Cue): Cue {
  return { ...cue, lines: [speaker === undefined ? first : `[${speaker}]: ${first}`, ...rest] };
}

/** Clients know by such a label that nobody has given the speaker a name yet. */
function withLabels(heard: Heard, shown: (label: string) => string): Heard {
  const rename = <T extends { readonly speaker?: string | undefined }>(one: T): T => {
    const number = one.speaker === undefined ? undefined : unknownSpeaker(one.speaker);
    if (number === undefined) return one;
    return { ...one, speaker: shown(`SPEAKER_${String(number - 1).padStart(2, "0")}`) };
  };
  const segments = heard.segments.map((segment): DoneSegment => {
    return rename({ ...segment, ...(segment.words && { words: segment.words.map(rename) }) });
  });
  return { ...heard, segments };
}

/** Without `encode` the recording is samples, 16 bits, 16 kHz, one channel. */
function rawFields(query: Fields): Fields {
  return isOn(query, "encode", true) ? {} : { raw: ["true"] };
}

const heardSec = 30;

/** By what is said in the first half minute. */
export async function detectLanguage(service: Service, call: Call): Promise<Response> {
  const start = { to: [String(heardSec)] };
  await using task = await Task.begin(service, call, () => ({ ...rawFields(call.query), ...start }));
  const { language } = await task.hear(call.stop);
  if (language === "") throw new ApiError(422, "nobody speaks in the first half minute", { code: "no_speech" });
  return Response.json({ detected_language: language.toLowerCase(), language_code: languageCode(language) });
}
