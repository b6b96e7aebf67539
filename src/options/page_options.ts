/** The rows of table.ts for transcripts as pages, and as tables for people. Data. */

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
  {
    name: "spreadsheet",
    group: "Output",
    help: "csv, tsv: no text is taken for a formula",
    more:
      "Texts and names that begin with =, +, - or @ get an apostrophe before them: spreadsheets would run them as " +
      "formulas. Programs that read the file get the apostrophe, too.",
    rare: true,
    commands: ["transcribe", "align", "render"],
    perRequest: true,
    excludes: [{ option: "stream" }],
  },
] as const;
