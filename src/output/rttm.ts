/** Writes who speaks when as RTTM: a line for each turn. In: segments, and turns where they are known. Pure. */

import type { TimedSegment } from "../document/document.ts";
import { turnsOfWords } from "../document/turns.ts";
import { rttmLine } from "../speakers/rttm.ts";
import type { SegmentWriter, WriterOptions } from "./writer.ts";

/**
 * Turns are those that were heard, overlaps with them, else what the words of the segments make; a segment without a
 * speaker has none. The recording is called by its file's name, without the extension.
 */
export function rttmWriter({ head }: WriterOptions): SegmentWriter {
  const file = head.source.name.replace(/^.*[/\\]/, "").replace(/(?<=.)\.\w+$/, "");
  const segments: TimedSegment[] = [];
  return {
    add: (segment) => {
      segments.push(segment);
      return "";
    },
    rest: (_, { turns = turnsOfWords(segments) } = {}) => turns.map((turn) => rttmLine(file, turn)).join(""),
  };
}
