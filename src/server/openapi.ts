/** The server's endpoints as an OpenAPI document. In: the version. Out: data, which a test holds against routes. */

import { languageNames } from "../text/languages.ts";
import { replyFormats } from "./formats.ts";
import { referencesMax } from "./upload.ts";

type Json = Readonly<Record<string, unknown>>;

const string = { type: "string" };
const number = { type: "number" };
const integer = { type: "integer" };
const boolean = { type: "boolean" };

const object = (properties: Json, required: readonly string[] = Object.keys(properties)): Json => (
  { type: "object", properties, required }
);
const array = (items: Json): Json => ({ type: "array", items });
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: Json): Json => ({ content: { "application/json": { schema } } });
const ok = (description: string, content: Json = {}): Json => ({ description, ...content });
const failure = { default: { description: "what is wrong", ...json(ref("Error")) } };
const idParameter = [{ name: "id", in: "path", required: true, schema: string }];
const query = (...names: string[]) => names.map((name) => ({ name, in: "query", schema: string }));

const span = { start: number, end: number };
const usage = object({ type: { const: "duration" }, seconds: number });
const extras = {
  ...{ gaps: array(object(span)), warnings: array(string) },
  truncated: array(object({ ...span, reason: { enum: ["cap", "loop"] } })),
};

const whisperSegment = {
  ...{ id: integer, seek: integer, ...span, text: string, tokens: array(integer), temperature: number },
  ...{ avg_logprob: number, compression_ratio: number, no_speech_prob: number },
};

export const schemas: Readonly<Record<string, Json>> = {
  Error: object({
    error: object({
      message: string,
      type: string,
      param: { type: ["string", "null"] },
      code: { type: ["string", "null"] },
    }),
  }),
  Transcription: object({ text: string, usage, ...extras }, ["text", "usage"]),
  Segment: object({ ...whisperSegment, speaker: string }, Object.keys(whisperSegment)),
  Word: object({ word: string, ...span, speaker: string }, ["word", "start", "end"]),
  VerboseTranscription: object({
    ...{ task: { const: "transcribe" }, language: string, duration: number, text: string, usage, ...extras },
    ...{ segments: array(ref("Segment")), words: array(ref("Word")) },
  }, ["task", "language", "duration", "text", "usage"]),
  DiarizedTranscription: object({
    ...{ task: { const: "transcribe" }, duration: number, text: string, usage, ...extras },
    segments: array(object({
      ...{ type: { const: "transcript.text.segment" }, id: string, ...span, text: string },
      speaker: { ...string, description: "A, B and so on, or a name of known_speaker_names" },
    })),
  }, ["task", "duration", "text", "segments", "usage"]),
  Alignment: object({
    ...{ task: { const: "align" }, duration: number, words: array(ref("Word")) },
    segments: array(object({ id: integer, ...span, text: string, words: array(ref("Word")) })),
  }),
  Job: object({
    ...{ id: string, object: { const: "transcription.job" }, name: string, bytes: integer, created_at: integer },
    status: { enum: ["queued", "running", "done", "failed", "cancelled"] },
    ...{ finished_at: integer, audio_seconds: number, heard_seconds: number, eta_seconds: number, language: string },
    partial: { const: true },
    error: { type: "object" },
  }, ["id", "object", "name", "bytes", "created_at", "status"]),
  Jobs: object({ object: { const: "list" }, data: array(ref("Job")) }),
  Peaks: object({ object: { const: "transcription.peaks" }, seconds: number, peaks: array(number) }),
  Words: object({ object: string, words: array(object({ text: string, ...span, flag: string }, ["text"])) }),
  Info: object({
    ...{ object: { const: "server" }, version: string, model: string, owner: string },
    ...{ aligner: boolean, speakers: boolean },
    ...{ samples: array(string), upload_bytes_max: integer, audio_seconds_max: number, keys: boolean },
    languages: array(object({ name: string, code: string })),
    demo: boolean,
    download: object({ model: string, bytes_done: integer, bytes_total: integer, error: string }),
  }),
  Model: object({ id: string, object: { const: "model" }, created: integer, owned_by: string }),
  Models: object({ object: { const: "list" }, data: array(ref("Model")) }),
};

const file = { type: "string", format: "binary" };
const formFields = {
  ...{ file, model: string, prompt: string, response_format: { enum: replyFormats }, stream: boolean },
  language: { ...string, description: `A code, a locale, or one of: ${languageNames.join(", ")}` },
  timestamp_granularities: array({ enum: ["segment", "word"] }),
  keywords: array(string),
  include: array({ enum: ["logprobs"] }),
  speakers: { ...string, description: "who speaks: auto, how many there are, or a range such as 2-4" },
  known_speaker_names: { ...array(string), maxItems: referencesMax },
  known_speaker_references: {
    ...array({ ...string, description: "a data URL, or a file: 2 to 10 s of the voice of that name" }),
    maxItems: referencesMax,
  },
  chunking_strategy: { description: "makes no difference: recordings are cut at pauses" },
};

const jobFields = {
  preview: { enum: ["srt"] },
  recording: { ...string, description: "id of a job whose recording is heard again, instead of a file" },
};

function form(properties: Json, required: readonly string[]): Json {
  return {
    requestBody: { required: true, content: { "multipart/form-data": { schema: object(properties, required) } } },
  };
}

function jsonBody(schema: Json): Json {
  return { requestBody: { required: true, content: { "application/json": { schema } } } };
}

const transcriptions = ["Transcription", "VerboseTranscription", "DiarizedTranscription"].map(ref);
const transcript = {
  description: "the transcript",
  content: {
    "application/json": { schema: { anyOf: transcriptions } },
    "text/plain": { schema: string },
    "text/event-stream": { schema: string },
  },
};

function audioPaths(): Record<string, Json> {
  const recording = form({ audio_file: file }, ["audio_file"]);
  return {
    "/v1/audio/transcriptions": { post: { ...form(formFields, ["file"]), responses: { 200: transcript, ...failure } } },
    "/v1/audio/translations": { post: { responses: { 501: ok("not possible", json(ref("Error"))) } } },
    "/v1/audio/alignments": {
      post: {
        ...form({ file, text: string, language: string }, ["file", "text"]),
        responses: { 200: ok("when each word is said", json(ref("Alignment"))), ...failure },
      },
    },
    "/asr": {
      post: {
        parameters: [
          ...query("task", "language", "output", "encode", "initial_prompt", "word_timestamps"),
          ...query("diarize", "min_speakers", "max_speakers", "key"),
        ],
        ...recording,
        responses: { 200: transcript, ...failure },
      },
    },
    "/detect-language": {
      post: {
        ...{ parameters: query("encode", "key"), ...recording },
        responses: {
          200: ok("the language", json(object({ detected_language: string, language_code: string }))),
          ...failure,
        },
      },
    },
  };
}

function jobPaths(): Record<string, Json> {
  const job = ok("the job", json(ref("Job")));
  return {
    "/v1/jobs": {
      post: { ...form({ ...formFields, ...jobFields }, []), responses: { 202: job, ...failure } },
      get: { responses: { 200: ok("the jobs of this key", json(ref("Jobs"))), ...failure } },
    },
    "/v1/results": {
      get: { parameters: query("response_format"), responses: { 200: ok("all results as a ZIP"), ...failure } },
    },
    "/v1/jobs/{id}": {
      get: { parameters: idParameter, responses: { 200: job, ...failure } },
      delete: { parameters: idParameter, responses: { 200: ok("it is gone"), ...failure } },
    },
    "/v1/jobs/{id}/cancel": { post: { parameters: idParameter, responses: { 200: job, ...failure } } },
    "/v1/jobs/{id}/result": {
      get: { parameters: [...idParameter, ...query("response_format")], responses: { 200: transcript, ...failure } },
      put: {
        ...{ parameters: idParameter, ...jsonBody({ type: "object", description: "as docs/transcript.schema.json" }) },
        responses: { 200: ok("the transcript is this one"), ...failure },
      },
    },
    "/v1/jobs/{id}/audio": {
      get: { parameters: idParameter, responses: { 200: ok("as WAV, also in ranges"), ...failure } },
    },
    "/v1/jobs/{id}/peaks": {
      get: { parameters: idParameter, responses: { 200: ok("how loud it is", json(ref("Peaks"))), ...failure } },
    },
    "/v1/jobs/{id}/align": {
      post: {
        ...{ parameters: idParameter, ...jsonBody(object({ ...span, text: string, language: string })) },
        responses: { 200: ok("when each word is said", json(ref("Words"))), ...failure },
      },
    },
    "/v1/jobs/{id}/events": {
      get: {
        parameters: idParameter,
        responses: { 200: ok("events", { content: { "text/event-stream": { schema: string } } }), ...failure },
      },
    },
    "/v1/realtime": {
      get: { parameters: query("intent", "model"), responses: { 101: ok("a WebSocket"), ...failure } },
    },
    "/v1/stream": {
      get: {
        parameters: query("language", "rate", "prompt", "resume", "events", "key"),
        responses: { 101: ok("a WebSocket"), ...failure },
      },
    },
  };
}

function otherPaths(): Record<string, Json> {
  return {
    "/v1/models": { get: { responses: { 200: ok("the model", json(ref("Models"))), ...failure } } },
    "/v1/models/{id}": {
      get: { parameters: idParameter, responses: { 200: ok("the model", json(ref("Model"))), ...failure } },
    },
    "/v1/info": { get: { responses: { 200: ok("what the server can do", json(ref("Info"))), ...failure } } },
    "/v1/samples/{id}": { get: { parameters: idParameter, responses: { 200: ok("a recording to try"), ...failure } } },
    ...pagePaths(),
    "/metrics": { get: { responses: { 200: ok("for Prometheus"), ...failure } } },
    "/openapi.json": { get: { security: [], responses: { 200: ok("this document") } } },
    "/healthz": { get: { security: [], responses: { 200: ok("OK") } } },
  };
}

function pagePaths(): Record<string, Json> {
  return {
    "/": { get: { security: [], responses: { 200: ok("the page") } } },
    "/page/{id}": { get: { security: [], parameters: idParameter, responses: { 200: ok("a file of the page") } } },
    "/login": {
      post: { security: [], ...jsonBody(object({ key: string })), responses: { 200: ok("the cookie"), ...failure } },
    },
    "/logout": { post: { security: [], responses: { 200: ok("the cookie is gone"), ...failure } } },
  };
}

export function openApi(version: string): Json {
  return {
    openapi: "3.1.0",
    info: {
      title: "qwen-asr",
      version,
      description: "Speech to text with Qwen3-ASR. Paths are there without /v1, too.",
    },
    security: [{ key: [] }, {}],
    paths: { ...audioPaths(), ...jobPaths(), ...otherPaths() },
    components: { securitySchemes: { key: { type: "http", scheme: "bearer" } }, schemas },
  };
}
