/** The rows of table.ts for how a voice is found. Data. */

import { defaultVoiceRule } from "../segment/voice.ts";

const onVoice = ["transcribe", "align", "inspect", "eval", "batch"] as const;

/** A number of the neural detector's. */
function ofNeural(name: string) {
  return ["energy", "off"].map((value) => ({ option: "vad", value, says: `{vad} ${value} has no use for {${name}}` }));
}

const milliseconds = {
  ...{ placeholder: "MS", type: "number" as const, numberMin: 0, numberMax: 60_000, unit: "milliseconds" },
};

export const vadOptions = [
  {
    name: "vad",
    group: "Speech",
    value: { placeholder: "NAME", type: "choice", words: ["auto", "neural", "energy", "off"] },
    default: "auto",
    help: "how speech is found: auto|neural|energy|off",
    more: "auto is neural: Silero VAD, which the program carries. energy is the level against the recording's own " +
      "noise. off looks for none: everything is decoded, and silence may get text.",
    rare: true,
    commands: onVoice,
    perRequest: true,
  },
  {
    name: "vad-model",
    group: "Speech",
    value: { placeholder: "FILE", type: "path" },
    help: "other weights of the detector",
    more: "A safetensors file with the tensors of Silero VAD v6, in f32.",
    rare: true,
    commands: onVoice,
    excludes: ofNeural("vad-model"),
  },
  {
    name: "vad-threshold",
    group: "Speech",
    value: { placeholder: "P", type: "number", numberMin: 0.01, numberMax: 0.99 },
    default: `${defaultVoiceRule.threshold}`,
    help: "probability from which it is a voice",
    more: "Speech goes on until it stays 0.15 below.",
    rare: true,
    commands: onVoice,
    perRequest: true,
    excludes: ofNeural("vad-threshold"),
  },
  {
    name: "vad-min-speech-ms",
    group: "Speech",
    value: milliseconds,
    default: `${defaultVoiceRule.minSpeechMs}`,
    help: "shorter sounds are no speech",
    rare: true,
    commands: onVoice,
    perRequest: true,
    excludes: ofNeural("vad-min-speech-ms"),
  },
  {
    name: "vad-min-silence-ms",
    group: "Speech",
    value: milliseconds,
    default: `${defaultVoiceRule.minSilenceMs}`,
    help: "shorter pauses belong to the speech",
    more: "For whole recordings; --endpoint-ms is the pause that ends an utterance of a stream.",
    rare: true,
    commands: onVoice,
    perRequest: true,
    excludes: ofNeural("vad-min-silence-ms"),
  },
  {
    name: "vad-pad-ms",
    group: "Speech",
    value: milliseconds,
    default: `${defaultVoiceRule.padMs}`,
    help: "widen speech on both sides",
    rare: true,
    commands: onVoice,
    perRequest: true,
    excludes: ofNeural("vad-pad-ms"),
  },
  {
    name: "probs",
    group: "Speech",
    help: "with -f json, the probability per frame",
    rare: true,
    commands: ["inspect"],
  },
] as const;
