/**
 * The formats of replies: those of OpenAI's API, then others of the command line; its JSON is
 * "document", and "cues" the same with a segment for each cue. Data.
 */

import { extensionOf } from "../output/formats.ts";

export const replyFormats = [
  ...["json", "text", "srt", "vtt", "verbose_json", "diarized_json"] as const,
  ...["jsonl", "tsv", "csv", "lrc", "ass", "vtt-words", "html", "md", "rttm", "document", "cues"] as const,
] as const;

export type ReplyFormat = (typeof replyFormats)[number];

/** Of a file that holds such a reply. */
export function replyExtension(format: ReplyFormat): string {
  switch (format) {
    case "json":
    case "verbose_json":
    case "diarized_json":
    case "document":
    case "cues":
      return "json";
    default:
      return extensionOf(format);
  }
}

/** Whether a reply says when something was spoken. */
export function wantsTimes(format: ReplyFormat): boolean {
  return format !== "json" && format !== "text";
}
