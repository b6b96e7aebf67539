/** The rows of table.ts for how a voice is found. Data. */

import { defaultVoiceRule } from "../segment/voice.ts";

const onVoice = ["inspect"] as const;

export const vadOptions = [
  {
    name: "vad",
    group: "Speech",
    value: { placeholder: "NAME", type: "choice", words: ["neural", "energy"] },
    default: "neural",
    help: "how speech is found: neural|energy",
    more: "neural is Silero VAD, which the program carries; energy is the level against the recording's own noise, " +
      "by which long recordings are cut.",
    rare: true,
    commands: onVoice,
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
  },
  {
    name: "vad-min-speech-ms",
    group: "Speech",
    value: { placeholder: "MS", type: "number", numberMin: 0, numberMax: 60_000, unit: "milliseconds" },
    default: `${defaultVoiceRule.minSpeechMs}`,
    help: "drop speech shorter than this",
    rare: true,
    commands: onVoice,
  },
  {
    name: "vad-min-silence-ms",
    group: "Speech",
    value: { placeholder: "MS", type: "number", numberMin: 0, numberMax: 60_000, unit: "milliseconds" },
    default: `${defaultVoiceRule.minSilenceMs}`,
    help: "shorter pauses belong to the speech",
    rare: true,
    commands: onVoice,
  },
  {
    name: "vad-pad-ms",
    group: "Speech",
    value: { placeholder: "MS", type: "number", numberMin: 0, numberMax: 60_000, unit: "milliseconds" },
    default: `${defaultVoiceRule.padMs}`,
    help: "widen speech on both sides",
    rare: true,
    commands: onVoice,
  },
  {
    name: "probs",
    group: "Speech",
    help: "with -f json, the probability per frame",
    rare: true,
    commands: onVoice,
  },
] as const;
