/** The rows of table.ts for who speaks. Data. */

export const speakerOptions = [
  {
    name: "speakers",
    group: "Speech",
    value: { placeholder: "N", type: "text", offers: ["auto"] },
    help: "tell speakers apart: auto|N|MIN-MAX",
    more:
      "A line of text per turn, names in subtitles, the speaker in JSON; -f rttm writes turns. auto finds how many " +
      "there are. The text comes when all is heard. --split-channels goes first.",
    rare: true,
    excludes: [{ option: "stream" }, { option: "low-memory" }],
  },
  {
    name: "speaker-names",
    group: "Output",
    value: { placeholder: "FILE", type: "path" },
    help: "names for speakers: LABEL = NAME a line",
    more: "For example `Speaker 1 = Anna`. Labels without a line keep their name.",
    rare: true,
    commands: ["transcribe", "render"],
  },
] as const;
