/** The rows of table.ts for how subtitles are laid out. Data. */

import { styleNames } from "../subtitles/rules.ts";

const onCues = ["transcribe", "align", "render", "lint", "inspect"] as const;

export const cueOptions = [
  {
    name: "style",
    group: "Output",
    value: { placeholder: "NAME", type: "choice", words: styleNames },
    help: "subtitle rules: netflix|youtube|broadcast",
    more:
      "Individual options override it. youtube: 40 columns, up to 6 s, no gap. broadcast: 37 columns, 17 columns a " +
      "second. netflix: from 833 ms; full-width characters a line and a second: Chinese 16 and 9, Japanese 13 and 4, " +
      "Korean 16 and 12.",
    rare: true,
    commands: onCues,
    perRequest: true,
  },
  {
    name: "max-cols",
    group: "Output",
    value: { placeholder: "N", type: "integer", numberMin: 8, numberMax: 200, unit: "columns" },
    default: "42",
    help: "columns per line; full-width ones count 2",
    rare: true,
    commands: onCues,
    perRequest: true,
  },
  {
    name: "max-lines",
    group: "Output",
    value: { placeholder: "N", type: "integer", numberMin: 1, numberMax: 4, unit: "lines" },
    default: "2",
    help: "lines per cue",
    rare: true,
    commands: onCues,
    perRequest: true,
  },
  {
    name: "min-cue-sec",
    group: "Output",
    value: { placeholder: "SEC", type: "number", numberMin: 0, numberMax: 10, unit: "seconds" },
    default: "1",
    help: "minimum cue duration",
    rare: true,
    commands: onCues,
    perRequest: true,
  },
  {
    name: "max-cue-sec",
    group: "Output",
    value: { placeholder: "SEC", type: "number", numberMin: 1, numberMax: 60, unit: "seconds" },
    default: "7",
    help: "maximum cue duration",
    rare: true,
    commands: onCues,
    perRequest: true,
  },
  {
    name: "max-cps",
    group: "Output",
    value: { placeholder: "N", type: "number", numberMin: 5, numberMax: 100, unit: "columns a second" },
    default: "20",
    help: "maximum reading speed; target: 85 % of it",
    rare: true,
    commands: onCues,
    perRequest: true,
  },
  {
    name: "min-gap-ms",
    group: "Output",
    value: { placeholder: "MS", type: "integer", numberMin: 0, numberMax: 1000, unit: "ms" },
    default: "83",
    help: "minimum gap between cues",
    rare: true,
    commands: onCues,
    perRequest: true,
  },
] as const;
