/** The formats of transcripts: their names, their files' extensions, and a writer for each. Pure. */

import { srtWriter, vttWriter } from "./cues.ts";
import { jsonLinesWriter, jsonWriter } from "./json.ts";
import { csvWriter, lrcWriter, tsvWriter } from "./rows.ts";
import { textWriter } from "./text.ts";
import type { SegmentWriter, WriterOptions } from "./writer.ts";

export const formatNames = ["text", "json", "jsonl", "srt", "vtt", "tsv", "lrc", "csv"] as const;
export type Format = (typeof formatNames)[number];

export function extensionOf(format: Format): string {
  return format === "text" ? "txt" : format;
}

/** The format that a file name's extension stands for; undefined for others. */
export function formatOf(name: string): Format | undefined {
  const extension = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase();
  return formatNames.find((format) => extensionOf(format) === extension);
}

/** Whether several recordings can go into one file or stream of this format, one after the other. */
export function holdsSeveral(format: Format): boolean {
  return format === "text" || format === "jsonl";
}

export function createWriter(format: Format, options: WriterOptions): SegmentWriter {
  switch (format) {
    case "text":
      return textWriter(options);
    case "json":
      return jsonWriter(options);
    case "jsonl":
      return jsonLinesWriter(options);
    case "srt":
      return srtWriter(options);
    case "vtt":
      return vttWriter(options);
    case "tsv":
      return tsvWriter();
    case "csv":
      return csvWriter();
    case "lrc":
      return lrcWriter(options);
  }
}
