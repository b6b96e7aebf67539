/** The rows of table.ts for how compressed audio is decoded. Data. */

const onAudio = ["transcribe", "align", "inspect"] as const;

export const audioOptions = [
  {
    name: "mic",
    group: "Input",
    value: { placeholder: "DEVICE", type: "text" },
    help: "hear a microphone, with --stream --live",
    more: "default is the usual one, and list prints the names of all. Through arecord or ffmpeg, whichever is " +
      "installed; Ctrl-C ends it.",
    rare: true,
    implies: "stream",
    excludes: ["stdin", "input", "raw", "raw-format", "raw-rate", "raw-channels", "track", "channel", "from", "to"]
      .map((option) => ({ option, says: `{mic} has no use for {${option}}` })),
  },
  {
    name: "allow-url",
    group: "Input",
    help: "fetch inputs that are https:// or http://",
    more: "Through ffmpeg. Without it a URL is an error, also one in a list.",
    rare: true,
  },
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
