/** POST /v1/audio/alignments. In: a form with a recording and its text. Out: when each word of it is said, as JSON. */

import { Recording } from "../segment/recording.ts";
import { Stopped } from "../stop.ts";
import { separatorBetween } from "../text/join.ts";
import { ApiError } from "./errors.ts";
import type { Service } from "./service.ts";
import { type Call, noAligner, Task } from "./task.ts";

/** Each line of the text becomes a segment. */
export async function alignment(service: Service, call: Call): Promise<Response> {
  const { timer } = service.core.models;
  if (timer === undefined) throw noAligner();
  await using task = await Task.begin(service, call);
  const lines = linesOf(task.fields["text"]?.at(-1) ?? "");
  const { language, fromSec = 0 } = task.wanted.options;
  const job = { startMs: Math.round(fromSec * 1000), texts: lines, language };
  const { words, stopped } = await task.inTurn(call.stop, (_, { sides: [side] }) => {
    return timer.texts({ ...job, recording: Recording.of(side!) });
  });
  if (stopped || call.stop.aborted) throw new Stopped();
  const segments = words.filter((own) => own.length > 0).map((own, id) => ({
    id,
    start: own[0]!.startMs / 1000,
    end: own.at(-1)!.endMs / 1000,
    text: own.map(({ text }) => text).join(""),
    words: own.map(({ text, startMs, endMs, flag }) => (
      { word: text.trim(), start: startMs / 1000, end: endMs / 1000, ...(flag && { flag }) }
    )),
  }));
  return Response.json({
    task: "align",
    duration: Math.round(task.durationSec * 1000) / 1000,
    segments,
    words: segments.flatMap((segment) => segment.words),
  });
}

function linesOf(text: string): string[] {
  const lines = text.normalize("NFC").split(/[\r\n]+/).map((line) => line.trim().replace(/\s+/g, " ")).filter(Boolean);
  if (!lines.some((line) => /[\p{L}\p{N}]/u.test(line))) {
    throw new ApiError(400, "the form has no 'text' with words", { param: "text", code: "missing_required_parameter" });
  }
  return lines.map((line, index) => separatorBetween(lines[index - 1] ?? "", line) + line);
}
