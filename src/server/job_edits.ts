/**
 * A transcript that its owner mends. In: documents of a job, and texts of its stretches. Out: the job's result is the
 * document from then on, in every format; when the words of a text are said.
 */

import { samplesInMemory } from "../audio/sample_store.ts";
import { acceptEdits } from "../document/edits.ts";
import { readDocument } from "../document/json.ts";
import { Recording } from "../segment/recording.ts";
import { Stopped } from "../stop.ts";
import { findLanguage } from "../text/languages.ts";
import { ApiError } from "./errors.ts";
import type { DoneSegment, Heard } from "./hear.ts";
import { soundOf, soundSamples } from "./job_sound.ts";
import type { Job, Jobs } from "./jobs.ts";
import { jsonObject, jsonText } from "./json_request.ts";
import { type Call, noAligner } from "./task.ts";

const documentBytesMax = 64 * 2 ** 20;
const alignBytesMax = 2 ** 18;
const alignSecMax = 300;

/** Takes a document, as `-f json` writes it, mended as `render` takes one. The head is the job's own. */
export async function putTranscript(jobs: Jobs, { request }: Call, job: Job): Promise<Response> {
  const heard = jobs.state.result(job.row.id);
  if (heard === undefined) throw new ApiError(409, `the job is ${job.row.status}`, { code: `job_${job.row.status}` });
  const { segments: given, gaps, speakers, turns } = readDocument(
    await jsonText(request, documentBytesMax),
    "the transcript",
  );
  const { segments } = acceptEdits(given);
  const { speakers: _, turns: __, ...rest } = heard; // Of other segments.
  const edited: Heard = {
    ...rest,
    text: segments.map(({ text }) => text).join(""),
    segments: segments.map((segment): DoneSegment => ({
      ...segment,
      avgLogprob: undefined,
      truncated: segment.isTruncated ? "cap" : segment.isLooped ? "loop" : undefined,
    })),
    gaps: gaps ?? heard.gaps,
    ...(speakers && { speakers }),
    ...(turns && { turns }),
  };
  jobs.state.finish(job.row, edited);
  return Response.json({ id: job.row.id, object: "transcription.transcript", segments: segments.length });
}

/** `{"start", "end", "text", "language"}`: seconds of the recording, and what is said there. */
export async function alignStretch(jobs: Jobs, call: Call, job: Job): Promise<Response> {
  const { timer } = jobs.service.core.models;
  if (timer === undefined) throw noAligner();
  const { start, end, text, language } = await stretchOf(call.request);
  const sound = await soundOf(jobs, job);
  const samples = await soundSamples(sound, start, end);
  if (samples.length === 0) throw invalid("start and end are no part of the recording");
  const recording = Recording.of(samplesInMemory(samples));
  const work = { recording, startMs: Math.round(start * 1000), texts: [text], language };
  const { words, stopped } = await jobs.service.hearing(end - start, call.stop, () => timer.texts(work));
  if (stopped || call.stop.aborted) throw new Stopped();
  return Response.json({
    object: "transcription.alignment",
    words: words.flat().map(({ text, startMs, endMs, flag }) => (
      { text, start: startMs / 1000, end: endMs / 1000, ...(flag && { flag }) }
    )),
  });
}

async function stretchOf(request: Request) {
  const { start, end, text, language = "" } = await jsonObject(request, alignBytesMax);
  if (typeof start !== "number" || typeof end !== "number" || !(0 <= start && start < end)) {
    throw invalid("start and end are seconds, the end after the start");
  }
  if (end - start > alignSecMax) throw invalid(`at most ${alignSecMax} s can be aligned at a time`);
  if (typeof text !== "string" || !/[\p{L}\p{N}]/u.test(text)) throw invalid("text has no words");
  if (typeof language !== "string") throw invalid("language is a text");
  const bare = text.normalize("NFC").replace(/\s+/g, " ");
  return { start, end, text: bare, language: findLanguage(language) ?? "" };
}

function invalid(message: string): ApiError {
  return new ApiError(400, message, { code: "invalid_value" });
}
