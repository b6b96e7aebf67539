/**
 * The formats of replies: those of OpenAI's API, then others of the command line; its JSON is
 * "document", and "cues" the same with a segment for each cue. Data.
 */

export const replyFormats = [
  ...["json", "text", "srt", "vtt", "verbose_json", "diarized_json"] as const,
  ...["jsonl", "tsv", "csv", "lrc", "ass", "vtt-words", "html", "md", "document", "cues"] as const,
] as const;

export type ReplyFormat = (typeof replyFormats)[number];

/** Whether a reply says when something was spoken. */
export function wantsTimes(format: ReplyFormat): boolean {
  return format !== "json" && format !== "text";
}
