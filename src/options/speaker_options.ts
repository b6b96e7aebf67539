/** The rows of table.ts for who speaks. Data. */

import { speakerLabelChoices } from "../output/writer.ts";

export const speakerOptions = [
  {
    name: "speakers",
    group: "Speech",
    value: { placeholder: "N", type: "text", offers: ["auto"] },
    help: "tell speakers apart: auto|N|MIN-MAX",
    more:
      "A line of text per turn, names in subtitles, the speaker in JSON; -f rttm writes turns. auto finds how many " +
      "there are. The text comes when all is heard, of a stream when an utterance has ended. Of channels that " +
      "--split-channels hears, each is a speaker.",
    rare: true,
    commands: ["transcribe", "batch"],
    excludes: [{ option: "low-memory" }],
  },
  {
    name: "voices",
    group: "Speech",
    value: { placeholder: "DIR", type: "path" },
    help: "name speakers by recordings of their voices",
    more: "anna.wav in DIR is a recording of anna alone, as are those in the folder anna; 3 s at least, 10 s or more " +
      "are good. Who sounds like none of them keeps a number. Without --speakers, as with --speakers auto.",
    rare: true,
    commands: ["transcribe", "batch"],
    excludes: [{ option: "low-memory" }],
  },
  {
    name: "speaker-names",
    group: "Output",
    value: { placeholder: "FILE", type: "path" },
    help: "names for speakers: LABEL = NAME a line",
    more: "For example `Speaker 1 = Anna`, or `left = Anna`. It names what --voices has named, too. Labels without a " +
      "line stay.",
    rare: true,
    commands: ["transcribe", "render", "batch"],
  },
  {
    name: "speaker-labels",
    group: "Output",
    value: { placeholder: "WHEN", type: "choice", words: speakerLabelChoices },
    default: "auto",
    help: "names of speakers shown: on|off|auto",
    more:
      "auto: where speakers are told apart. on: tables have the column in any case. off: none are shown; JSON and " +
      "RTTM have them.",
    rare: true,
    commands: ["transcribe", "render"],
  },
] as const;
