/** Writes who speaks when as RTTM: a line for each stretch of words without a long pause. In: segments. Pure. */

import { rttmLine } from "../speakers/rttm.ts";
import type { SegmentWriter, WriterOptions } from "./writer.ts";
import { timedWords } from "./words.ts";

/** A pause from here on ends a line: nobody is said to speak in it. */
const pauseMsMin = 500;

/** Segments without a speaker have no line. The recording is called by its file's name, without the extension. */
export function rttmWriter({ head }: WriterOptions): SegmentWriter {
  const file = head.source.name.replace(/^.*[/\\]/, "").replace(/(?<=.)\.\w+$/, "");
  return {
    add: (segment) => {
      const { speaker } = segment;
      if (speaker === undefined) return "";
      const turns: { speaker: string; startMs: number; endMs: number }[] = [];
      for (const { startMs, endMs } of timedWords(segment)) {
        const last = turns.at(-1);
        if (last && startMs - last.endMs < pauseMsMin) last.endMs = Math.max(last.endMs, endMs);
        else turns.push({ speaker, startMs, endMs });
      }
      return turns.map((turn) => rttmLine(file, turn)).join("");
    },
    rest: () => "",
  };
}
