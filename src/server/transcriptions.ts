/**
 * POST /v1/audio/transcriptions. In: a form with a recording. Out: its transcript in the format that was asked for, at
 * the end or as events while it is heard.
 */

import type { Heard, HearEvent } from "./hear.ts";
import type { TranscriptionRequest } from "./fields.ts";
import { extraHeaders, extras, replyOf, segmentFields, speakerLabels, usageOf, verboseSegments } from "./replies.ts";
import type { Service } from "./service.ts";
import { eventResponse, type ServerEvent } from "./sse.ts";
import { type Call, Task } from "./task.ts";

export async function transcription(service: Service, call: Call): Promise<Response> {
  const task = await Task.begin(service, call);
  if (task.wanted.isStreamed) return streamed(task, call);
  await using _ = task;
  return replyTo(await task.hear(call.stop), task);
}

/** The transcript as one body. */
function replyTo(heard: Heard, { wanted, service }: Task): Response {
  const { body, contentType } = replyOf(heard, wanted, service.core.host);
  return new Response(body, { headers: { "content-type": contentType, ...extraHeaders(heard) } });
}

/** As events of OpenAI's API; some clients want the segments once more at the end. */
function streamed(task: Task, { stop, facts, onFailure }: Call): Response {
  const gone = new AbortController();
  const work = async (send: (event: ServerEvent) => void) => {
    await using _ = task;
    const heard = await task.hear(AbortSignal.any([stop, gone.signal]), eventsTo(send, task.wanted));
    send(doneEvent(heard, task));
  };
  return eventResponse({ work, onGone: () => gone.abort(), onFailure }, facts);
}

/** What is heard, as events. */
export function eventsTo(
  send: (event: ServerEvent) => void,
  wanted: TranscriptionRequest,
): (event: HearEvent) => void {
  const labelOf = speakerLabels(wanted);
  let isFirst = true;
  let segments = 0;
  return (event) => {
    if (event.kind === "text") {
      const delta = isFirst ? event.text.trimStart() : event.text;
      isFirst &&= delta === "";
      if (delta !== "") send({ type: "transcript.text.delta", delta });
    } else if (event.kind === "segment") {
      const id = `seg_${String(++segments).padStart(3, "0")}`;
      send({ type: "transcript.text.segment", id, ...segmentFields(event.segment, labelOf) });
    }
  };
}

function doneEvent(heard: Heard, { wanted, service }: Task): ServerEvent {
  const isCues = wanted.format === "srt" || wanted.format === "vtt";
  return {
    type: "transcript.text.done",
    text: isCues ? replyOf(heard, wanted, service.core.host).body : heard.text.trim(),
    ...usageOf(heard),
    ...(wanted.format === "verbose_json" ? { segments: verboseSegments(heard) } : {}),
    ...extras(heard),
  };
}
