/**
 * POST /v1/audio/transcriptions. In: a form with a recording. Out: its transcript in the format that was asked for, at
 * the end or as events while it is heard.
 */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { Stopped } from "../stop.ts";
import { ApiError, apiError } from "./errors.ts";
import { type TranscriptionRequest, transcriptionRequest } from "./fields.ts";
import { closeUpload, hear, type Heard, type HearEvent, type ReadUpload, readUpload, shortSecMax } from "./hear.ts";
import { remove } from "./folder.ts";
import type { Service } from "./service.ts";
import { replyOf, segmentFields, truncatedOf, usageOf, verboseSegments } from "./replies.ts";
import { eventStream } from "./sse.ts";
import { takeForm, type UploadedFile } from "./upload.ts";

/** What a request's log line says of it. */
export type RequestFacts = { audioSec?: number };

const stallMs = 30_000;
const largeBytesMin = 8 * 2 ** 20;

/** `stop` is aborted when the client has left, or the server ends. */
export async function transcription(
  service: Service,
  request: Request,
  stop: AbortSignal,
  facts: RequestFacts,
  onTaken: () => void,
): Promise<Response> {
  const { settings, models } = service.core;
  const leave = service.admit();
  const path = join(settings.folder, `upload-${randomUUID()}`);
  let isHandedOn = false;
  let read: ReadUpload | undefined;
  const clean = async () => {
    leave();
    if (read) await closeUpload(read);
    await remove(path);
  };
  try {
    const rules = { path, bytesMax: settings.uploadBytesMax, stallMs, now: Date.now };
    const form = await takeForm(request, rules);
    onTaken(); // From here on the client waits in silence.
    const wanted = transcriptionRequest(form.fields, models.timer !== undefined);
    checkPossible(service, wanted);
    const file = fileOf(form.file);
    read = await readInTurn(service, wanted, file, stop);
    facts.audioSec = read.durationSec;
    const opened = read;
    const work = (onEvent: (event: HearEvent) => void, signal: AbortSignal) =>
      hearInTurn(service, wanted, file, opened, signal, onEvent);
    if (wanted.isStreamed) {
      isHandedOn = true;
      return streamed(service, wanted, stop, work, clean);
    }
    const heard = await work(() => {}, stop);
    const { body, contentType } = replyOf(heard, wanted, service.core.host.cutChinese);
    return new Response(body, { headers: { "content-type": contentType, ...headersOf(heard) } });
  } finally {
    if (!isHandedOn) await clean();
  }
}

function headersOf({ segments }: Heard): Record<string, string> {
  const count = truncatedOf(segments).length;
  return count === 0 ? {} : { "x-qwen-asr-truncated": String(count) };
}

function fileOf(file: UploadedFile | undefined): UploadedFile {
  if (file === undefined) {
    throw new ApiError(400, "the form has no 'file'", { param: "file", code: "missing_required_parameter" });
  }
  if (file.bytes === 0) throw new ApiError(400, "the file is empty", { param: "file", code: "invalid_file" });
  return file;
}

function checkPossible({ core: { models } }: Service, { options, format }: TranscriptionRequest): void {
  if (options.align && models.timer === undefined) {
    throw new ApiError(400, "this server has no aligner (see --aligner)", { param: "align", code: "no_aligner" });
  }
  const { language } = options;
  const { languages } = models.transcriber.info;
  if (language !== "" && languages.length > 0 && !languages.includes(language)) {
    throw new ApiError(400, `the model does not know ${language}`, { param: "language", code: "invalid_value" });
  }
  if (format === "diarized_json" && !options.splitChannels) {
    const message = "diarized_json needs split-channels: speakers are told apart by their channels";
    throw new ApiError(400, message, { param: "response_format", code: "invalid_value" });
  }
}

/** Large files are read beside small ones, which need not wait for them. */
function readInTurn(
  { core, reading }: Service,
  wanted: TranscriptionRequest,
  file: UploadedFile,
  stop: AbortSignal,
): Promise<ReadUpload> {
  const places = file.bytes < largeBytesMin ? reading.small : reading.large;
  return places.run(file.bytes, stop, () => readUpload(core, wanted, file));
}

const graceMs = 300_000;
const slownessMax = 60;

/** Hears it when it is its turn. What takes far longer than any recording of its length should is given up. */
async function hearInTurn(
  service: Service,
  wanted: TranscriptionRequest,
  file: UploadedFile,
  read: ReadUpload,
  stop: AbortSignal,
  onEvent: (event: HearEvent) => void,
): Promise<Heard> {
  const { durationSec } = read;
  const places = durationSec <= shortSecMax ? service.hearing.short : service.hearing.long;
  return await places.run(durationSec, stop, async () => {
    const deadline = AbortSignal.timeout(graceMs + durationSec * 1000 * slownessMax);
    try {
      return await hear(service, wanted, file, read, AbortSignal.any([stop, deadline]), onEvent);
    } catch (error) {
      if (!(error instanceof Stopped) || stop.aborted || !deadline.aborted) throw error;
      throw new ApiError(504, "the recording took too long", { code: "deadline_exceeded" });
    }
  });
}

/** As events of OpenAI's API; some clients want the segments once more at the end. */
function streamed(
  { core }: Service,
  wanted: TranscriptionRequest,
  stop: AbortSignal,
  work: (onEvent: (event: HearEvent) => void, stop: AbortSignal) => Promise<Heard>,
  clean: () => Promise<void>,
): Response {
  const gone = new AbortController();
  const stream = eventStream(
    async (send) => {
      let isFirst = true;
      let segments = 0;
      try {
        const heard = await work((event) => {
          if (event.kind === "text") {
            const delta = isFirst ? event.text.trimStart() : event.text;
            isFirst &&= delta === "";
            if (delta !== "") send({ type: "transcript.text.delta", delta });
          } else if (event.kind === "segment") {
            const id = `seg_${String(++segments).padStart(3, "0")}`;
            send({ type: "transcript.text.segment", id, ...segmentFields(event.segment) });
          }
        }, AbortSignal.any([stop, gone.signal]));
        send(doneEvent(heard, wanted, core.host.cutChinese));
      } finally {
        await clean();
      }
    },
    (error) => error instanceof Stopped ? undefined : { type: "error", ...apiError(error).body },
    () => gone.abort(),
  );
  const headers = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };
  return new Response(stream, { headers });
}

function doneEvent(heard: Heard, wanted: TranscriptionRequest, cutChinese: (text: string) => string[]) {
  const { format } = wanted;
  const isText = format === "srt" || format === "vtt";
  return {
    type: "transcript.text.done",
    text: isText ? replyOf(heard, wanted, cutChinese).body : heard.text.trim(),
    ...usageOf(heard),
    ...(format === "verbose_json" ? { segments: verboseSegments(heard) } : {}),
  };
}
