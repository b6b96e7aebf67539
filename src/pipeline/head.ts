/** The head of a document, which says how a transcript was made. In: a request and a recording. Out: the head. Pure. */

import { documentVersion } from "../document/document.ts";
import type { DocumentHead } from "../document/json.ts";
import type { ModelInfo } from "../engine/engine.ts";
import { defaultVoiceRule, type VoiceChoice } from "../segment/voice.ts";
import type { SpeakerCount } from "../speakers/cluster.ts";
import { type ViewOptions, viewsHead } from "../views/view.ts";

/** A model that took part, and the hash of its weights. */
export type KnownModel = { readonly info: ModelInfo; readonly hash: string };

/** The request, as far as the document records it. */
export type HeadOptions = {
  /** "" to detect. */
  readonly language: string;
  readonly prompt: string;
  readonly fromSec: number | undefined;
  readonly toSec: number | undefined;
  readonly channel?: number | undefined;
  readonly splitChannels?: boolean;
  readonly speakers?: SpeakerCount | undefined;
  readonly voices?: string | undefined;
  readonly skipSilence: boolean;
  readonly vad: VoiceChoice;
  readonly segmentSec: number | "auto";
  readonly searchSec: number;
  readonly pastText: boolean;
  readonly windowFrames: number;
  readonly views: ViewOptions;
};

export type HeadOf = {
  /** Of the program. */
  readonly version: string;
  readonly options: HeadOptions;
  readonly model: KnownModel;
  readonly aligner?: KnownModel | undefined;
};

/** `name` and `durationMs` are the recording's. */
export function documentHead({ version, options, model, aligner }: HeadOf, name: string, durationMs: number) {
  const head: DocumentHead = {
    version: documentVersion,
    program: `qwen-asr ${version}`,
    source: { name, durationMs },
    model: modelHead(model),
    ...(aligner ? { aligner: modelHead(aligner) } : {}),
    options: {
      "language": options.language || "detect",
      ...(options.prompt === "" ? {} : { prompt: options.prompt }),
      ...(options.fromSec === undefined ? {} : { from: options.fromSec }),
      ...(options.toSec === undefined ? {} : { to: options.toSec }),
      ...(options.channel === undefined ? {} : { channel: options.channel }),
      ...(options.splitChannels ? { "split-channels": true } : {}),
      ...(options.speakers === undefined ? {} : { speakers: countText(options.speakers) }),
      ...(options.voices === undefined ? {} : { voices: options.voices }),
      "skip-silence": options.skipSilence,
      ...voiceHead(options.vad),
      "segment-sec": options.segmentSec,
      "search-sec": options.searchSec,
      "past-text": options.pastText ? "yes" : "no",
      "enc-window-sec": options.windowFrames / 100,
      ...viewsHead(options.views),
    },
  };
  return head;
}

function countText({ min, max }: SpeakerCount): string {
  if (max === Infinity) return "auto";
  return min === max ? `${min}` : `${min}-${max}`;
}

/** What differs from the defaults. */
function voiceHead(vad: VoiceChoice): Record<string, string | number> {
  if (vad.kind !== "neural") return { vad: vad.kind };
  const { threshold, minSpeechMs, minSilenceMs, padMs } = vad.rule;
  const all = [
    ["vad-threshold", threshold, defaultVoiceRule.threshold],
    ["vad-min-speech-ms", minSpeechMs, defaultVoiceRule.minSpeechMs],
    ["vad-min-silence-ms", minSilenceMs, defaultVoiceRule.minSilenceMs],
    ["vad-pad-ms", padMs, defaultVoiceRule.padMs],
  ] as const;
  return Object.fromEntries(all.filter(([, value, usual]) => value !== usual).map(([name, value]) => [name, value]));
}

export function modelHead({ info, hash }: KnownModel): DocumentHead["model"] {
  return { name: info.name, hash, weights: info.weights, isa: info.isa };
}
