/** The rows of table.ts for transcripts as pages. Data. */

import { soundChoices } from "../output/writer.ts";

export const pageOptions = [
  {
    name: "html-audio",
    group: "Output",
    value: { placeholder: "HOW", type: "choice", words: soundChoices },
    default: "link",
    help: "recording in -f html: link|embed|none",
    more: "link: the page plays the file where it lies now, by its relative path. embed: the page holds it, up to " +
      "50 MB; a larger one is linked, with a line.",
    rare: true,
    commands: ["transcribe", "align", "render"],
    excludes: [{ option: "stream" }],
  },
] as const;
