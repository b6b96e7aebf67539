/** The rows of table.ts for who speaks. Data. */

export const speakerOptions = [
  {
    name: "speaker-names",
    group: "Output",
    value: { placeholder: "FILE", type: "path" },
    help: "names for speakers: LABEL = NAME a line",
    more: "For example `left = Anna`. Labels without a line keep their name.",
    rare: true,
    commands: ["render"],
  },
] as const;
