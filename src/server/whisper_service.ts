/**
 * POST /asr and /detect-language, as whisper-asr-webservice has them for Bazarr and others. In: a form whose options
 * are in the query. Out: the transcript, or its language.
 */

import { languageCode } from "../text/languages.ts";
import { ApiError } from "./errors.ts";
import type { Fields } from "./fields.ts";
import { noTranslation } from "./translations.ts";
import type { Service } from "./service.ts";
import { type Call, Task } from "./task.ts";
import { replyTo } from "./transcriptions.ts";

const formats: Readonly<Record<string, string>> = {
  ...{ txt: "text", text: "text", json: "verbose_json", srt: "srt", vtt: "vtt", tsv: "tsv" },
};

export async function asr(service: Service, call: Call): Promise<Response> {
  if (last(call.query, "task") === "translate") throw noTranslation();
  await using task = await Task.begin(service, call, () => fieldsOf(call.query));
  return replyTo(await task.hear(call.stop), task);
}

function fieldsOf(query: Fields): Fields {
  const output = last(query, "output") ?? "txt";
  const format = formats[output];
  if (format === undefined) {
    throw new ApiError(400, `output is one of ${Object.keys(formats).join(", ")}`, { param: "output" });
  }
  return {
    ...rawFields(query),
    response_format: [format],
    language: [last(query, "language") ?? ""],
    prompt: [last(query, "initial_prompt") ?? ""],
    ...(last(query, "word_timestamps") === "true" && { timestamp_granularities: ["segment", "word"] }),
  };
}

/** Without `encode` the recording is samples, 16 bits, 16 kHz, one channel. */
function rawFields(query: Fields): Fields {
  return last(query, "encode") === "false" ? { raw: ["true"] } : {};
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

function last(fields: Fields, name: string): string | undefined {
  return fields[name]?.at(-1);
}
