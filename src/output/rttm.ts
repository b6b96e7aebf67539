/** Writes who speaks when as RTTM: a line for each turn. In: segments, and turns where they are known. Pure. */

import type { TimedSegment } from "../document/document.ts";
import { turnsOfWords } from "../document/turns.ts";
import { withoutExtension } from "../path_bytes.ts";
import { rttmLine } from "../speakers/rttm.ts";
import type { SegmentWriter, WriterOptions } from "./writer.ts";

/**
 * Turns are those that were heard, overlaps with them, else what the words of the segments make; a segment without a
 * speaker has none. The recording is called by its file's name, without the extension.
 */
export function rttmWriter({ head, table }: WriterOptions): SegmentWriter {
  const { name } = head.source;
  const file = table?.isTwin ? withoutExtension(name) : rttmName(name);
  const segments: TimedSegment[] = [];
  return {
    add: (segment) => {
      segments.push(segment);
      return "";
    },
    rest: (_, { turns = turnsOfWords(segments) } = {}) => turns.map((turn) => rttmLine(file, turn)).join(""),
  };
}

/** What a recording is called among others: those of one name in several folders need their paths. */
export function rttmName(source: string): string {
  return withoutExtension(source.replace(/^.*[/\\]/, ""));
}
