/** What the page has to know of the server. In: the core. Out: JSON. */

import { languageCode, languageNames } from "../text/languages.ts";
import type { Core } from "./hear.ts";
import type { Arriving } from "./host.ts";

/** `owner`: whose request it is; "" without keys. */
export function infoReply(
  { host, settings, models, arriving }: Core,
  owner: string,
  samples: readonly string[],
): Response {
  const { name, languages } = models.transcriber.info;
  const coming = arriving?.();
  const known = languages.length > 0 ? languages : languageNames;
  return Response.json({
    object: "server",
    version: host.version,
    model: name,
    demo: models.transcriber.choice.model.kind === "demo",
    ...(coming && { download: downloadJson(coming) }),
    languages: known.map((language) => ({ name: language, code: languageCode(language) })),
    aligner: models.timer !== undefined,
    speakers: host.hasSpeakers() && !settings.lowMemory,
    samples,
    upload_bytes_max: settings.uploadBytesMax,
    audio_seconds_max: settings.audioSecMax,
    keys: settings.keys.length > 0,
    owner,
  });
}

function downloadJson({ model, doneBytes, totalBytes, fault }: Arriving) {
  return { model, bytes_done: doneBytes, bytes_total: totalBytes, ...(fault && { error: fault }) };
}
