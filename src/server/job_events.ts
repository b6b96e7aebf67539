/**
 * What a job tells while it is heard. In: the core's events. Out: those of OpenAI's API, and our own beside them:
 *
 *     job.tail      text as it is decoded, which a view (numbers, script) will write another way: `drop` characters at
 *                   its front are settled by now, `delta` comes at its end
 *     job.srt       subtitles so far, where the form asks for them (`preview=srt`): `delta` comes at the end
 *     job.progress  seconds that are heard, of all; how long the rest may take; the language
 */

import type { SegmentWriter } from "../output/writer.ts";
import type { TranscriptionRequest } from "./fields.ts";
import type { HearEvent } from "./hear.ts";
import { cueWriter } from "./replies.ts";
import type { ServerEvent } from "./sse.ts";
import { eventsTo } from "./transcriptions.ts";

/** What is known of a recording that is being heard. */
export type JobProgress = {
  readonly audioSec: number;
  heardSec: number;
  /** Until all is heard, if it goes on as it did; undefined at first. */
  etaSec: number | undefined;
  /** Of most of the text, as the model names it. */
  language: string;
};

export class JobTeller {
  readonly progress: JobProgress;
  readonly #send: (event: ServerEvent) => void;
  readonly #pass: (event: HearEvent) => void;
  readonly #cues: SegmentWriter | undefined;
  readonly #characters = new Map<string, number>();
  readonly #now: () => number;
  #tailed = 0;
  /** When this run began to hear, and what an earlier one had heard by then. */
  #begun: { readonly ms: number; readonly heardSec: number } | undefined;

  constructor(
    audioSec: number,
    request: TranscriptionRequest,
    hasCues: boolean,
    send: (event: ServerEvent) => void,
    cutChinese: (text: string) => string[],
    now: () => number,
  ) {
    this.progress = { audioSec, heardSec: 0, etaSec: undefined, language: "" };
    this.#send = send;
    this.#pass = eventsTo(send, request);
    this.#cues = hasCues ? cueWriter("srt", request, cutChinese) : undefined;
    this.#now = now;
  }

  /** An earlier run has heard so much. */
  begin(heardSec: number): void {
    this.progress.heardSec = heardSec;
    this.#begun = { ms: this.#now(), heardSec };
  }

  take(event: HearEvent): void {
    this.#pass(event);
    if (event.kind === "tail") {
      this.#tailed += event.text.length;
      this.#send({ type: "job.tail", drop: 0, delta: event.text });
    } else if (event.kind === "segment") this.#segment(event.segment);
    else if (event.kind === "progress") this.#progress(event.heardSec);
  }

  /** All is heard. */
  end(): void {
    this.#cue(this.#cues?.rest(true) ?? "");
  }

  #segment(segment: Extract<HearEvent, { kind: "segment" }>["segment"]): void {
    const { text, spoken = text, language } = segment;
    const drop = Math.min(this.#tailed, spoken.length);
    this.#tailed -= drop;
    if (drop > 0) this.#send({ type: "job.tail", drop, delta: "" });
    this.#cue(this.#cues?.add(segment) ?? "");
    this.#characters.set(language, (this.#characters.get(language) ?? 0) + text.length);
    const most = [...this.#characters].toSorted((a, b) => b[1] - a[1])[0];
    this.progress.language = most?.[0] ?? "";
  }

  #cue(delta: string): void {
    if (delta !== "") this.#send({ type: "job.srt", delta });
  }

  #progress(heardSec: number): void {
    const { progress } = this;
    progress.heardSec = heardSec;
    const { ms, heardSec: before } = this.#begun ?? { ms: this.#now(), heardSec };
    const share = (progress.audioSec - heardSec) / (heardSec - before);
    // When all is heard, words are timed and speakers told apart: nobody knows for how long.
    const isKnown = Number.isFinite(share) && share > 0;
    progress.etaSec = isKnown ? (share * (this.#now() - ms)) / 1000 : undefined;
    this.#send({ type: "job.progress", ...progressJson(progress) });
  }
}

export function progressJson({ audioSec, heardSec, etaSec, language }: JobProgress): Readonly<Record<string, unknown>> {
  return {
    ...{ heard_seconds: heardSec, audio_seconds: audioSec },
    ...(etaSec !== undefined && { eta_seconds: Math.round(etaSec * 10) / 10 }),
    ...(language !== "" && { language }),
  };
}
