/** The formats of transcripts: their names, their files' extensions, and a writer for each. Pure. */

import { assWriter, srtWriter, vttWordsWriter, vttWriter } from "./cues.ts";
import { htmlWriter } from "./html.ts";
import { jsonLinesWriter, jsonWriter } from "./json.ts";
import { rttmWriter } from "./rttm.ts";
import { csvWriter, lrcWriter, timestampedWriter, tsvWriter } from "./rows.ts";
import { markdownWriter } from "./markdown.ts";
import { textWriter } from "./text.ts";
import { labelled } from "./words.ts";
import { hasSpeakerColumn, type SegmentWriter, type WriterOptions } from "./writer.ts";

export const formatNames = [
  "text",
  "json",
  "jsonl",
  "srt",
  "vtt",
  "tsv",
  "lrc",
  "csv",
  "vtt-words",
  "ass",
  "html",
  "md",
  "rttm",
] as const;
export type Format = (typeof formatNames)[number];

export function extensionOf(format: Format): string {
  return format === "text" ? "txt" : format === "vtt-words" ? "words.vtt" : format;
}

/** The format that a file name's extension stands for; undefined for others. */
export function formatOf(name: string): Format | undefined {
  const extension = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase();
  return formatNames.find((format) => extensionOf(format) === extension);
}

/** Extensions of files that are no text, or text of a kind that is not written here. */
const elsewhere = new Set(
  ("doc docx odt rtf pdf epub pages xls xlsx ods ppt pptx odp htm xml zip gz xz zst 7z tar rar exe dll so " +
    "png jpg jpeg gif webp bmp tif tiff svg heic " +
    "wav mp3 m4a m4b aac ac3 flac ogg oga opus wma aif aiff amr " +
    "mp4 m4v mkv mka mov avi webm mpg mpeg ts m2ts flv 3gp " +
    "ssa sub sbv stl ttml dfxp smi").split(" "),
);

/** The extension of a name under which a text would pass for another kind of file. */
export function foreignExtension(name: string): string | undefined {
  const extension = /\.(\w+)$/.exec(name)?.[1];
  return elsewhere.has(extension?.toLowerCase() ?? "") ? extension : undefined;
}

/** Whether several recordings can go into one file or stream of this format, one after the other. */
export function holdsSeveral(format: Format): boolean {
  return ["text", "jsonl", "csv", "tsv", "md", "rttm"].includes(format);
}

export function createWriter(format: Format, options: WriterOptions): SegmentWriter {
  const writer = writerOf(format, options);
  // JSON has the speaker in a field, WebVTT in a tag, tables in a column; text, html, md and rttm write turns.
  const isOwn = ["json", "jsonl", "vtt", "vtt-words", "html", "md", "rttm"].includes(format) ||
    format === "text" && !options.timestamps || (format === "csv" || format === "tsv") && hasSpeakerColumn(options);
  return isOwn || options.speakerLabels === "off" ? writer : withLabels(writer);
}

/** Where speakers are told apart, a turn begins with the speaker's name. */
function withLabels(writer: SegmentWriter): SegmentWriter {
  let last: string | undefined;
  return {
    ...writer,
    add: (segment) => {
      const { speaker } = segment;
      const isTurn = speaker !== undefined && speaker !== last;
      last = speaker;
      return writer.add(isTurn ? labelled(segment, speaker) : segment);
    },
  };
}

function writerOf(format: Format, options: WriterOptions): SegmentWriter {
  switch (format) {
    case "text":
      return options.timestamps ? timestampedWriter(options) : textWriter(options);
    case "json":
      return jsonWriter(options);
    case "jsonl":
      return jsonLinesWriter(options);
    case "srt":
      return srtWriter(options);
    case "vtt":
      return vttWriter(options);
    case "vtt-words":
      return vttWordsWriter(options);
    case "ass":
      return assWriter(options);
    case "tsv":
      return tsvWriter(options);
    case "csv":
      return csvWriter(options);
    case "lrc":
      return lrcWriter(options);
    case "md":
      return markdownWriter(options);
    case "html":
      return htmlWriter(options);
    case "rttm":
      return rttmWriter(options);
  }
}
