/** What a transcript says about how it was made: a run and a recording in, the head of its document out. Pure. */

import { documentVersion } from "../document/document.ts";
import type { DocumentHead } from "../document/json.ts";
import type { ModelInfo } from "../engine/engine.ts";
import type { TranscribeOptions } from "../cli/parse.ts";

/** A model that took part, and the hash of its weights. */
export type KnownModel = { readonly info: ModelInfo; readonly hash: string };

export type HeadOf = {
  readonly parts: { readonly version: string };
  readonly options: TranscribeOptions;
  readonly model: KnownModel;
  readonly aligner?: KnownModel | undefined;
  readonly prompt: string;
};

export function documentHead({ parts, options, model, aligner, prompt }: HeadOf, name: string, durationMs: number) {
  const head: DocumentHead = {
    version: documentVersion,
    program: `qwen-asr ${parts.version}`,
    source: { name, durationMs },
    model: modelHead(model),
    ...(aligner ? { aligner: modelHead(aligner) } : {}),
    options: {
      "language": options.language || "detect",
      ...(prompt === "" ? {} : { prompt }),
      ...(options.fromSec === undefined ? {} : { from: options.fromSec }),
      ...(options.toSec === undefined ? {} : { to: options.toSec }),
      "skip-silence": options.skipSilence,
      "segment-sec": segmentSecOf(options),
      "search-sec": options.searchSec,
      "past-text": options.pastText ? "yes" : "no",
      "enc-window-sec": options.windowFrames / 100,
    },
  };
  return head;
}

function modelHead({ info, hash }: KnownModel): DocumentHead["model"] {
  return { name: info.name, hash, weights: info.weights, isa: info.isa };
}

/** Estimated times stray within a segment: where cues are made of them, the segments are short. */
const cueSegmentSec = 15;

export function segmentSecOf(options: TranscribeOptions): number | "auto" {
  return needsTimes(options) && options.segmentSec === "auto" ? cueSegmentSec : options.segmentSec;
}

/** Whether cues are made of estimated times. */
export function needsTimes({ formats, align }: TranscribeOptions): boolean {
  return !align && (formats?.some((format) => format === "srt" || format === "vtt" || format === "lrc") ?? false);
}
