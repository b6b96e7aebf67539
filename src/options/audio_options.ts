/** The rows of table.ts for how compressed audio is decoded. Data. */

const onAudio = ["transcribe", "align", "inspect"] as const;

export const audioOptions = [
  {
    name: "decoder",
    group: "Input",
    value: { placeholder: "NAME", type: "choice", words: ["auto", "builtin", "ffmpeg"] },
    default: "auto",
    help: "what decodes: auto|builtin|ffmpeg",
    more: "auto is this program itself where it can, else ffmpeg.",
    rare: true,
    commands: onAudio,
    perRequest: true,
  },
] as const;
