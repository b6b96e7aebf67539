/** Writes JSON and JSON lines, as docs/transcript.schema.json describes them. In: segments. Out: text. Pure. */

import { endingJson, headJson, segmentJson } from "../document/json.ts";
import { roundedLogprob } from "../document/logprobs.ts";
import { jsonText } from "../path_bytes.ts";
import { printable } from "../writer.ts";
import { meanLogprob } from "./words.ts";
import type { SegmentWriter, WriterOptions } from "./writer.ts";

/** One object per recording. Each segment is on its own line, so that a diff shows what changed. */
export function jsonWriter({ head }: WriterOptions): SegmentWriter {
  const opening = `${jsonText(headJson(head), 2).slice(0, -2)},\n  "segments": [`;
  let count = 0;
  return {
    add: (segment) => `${count++ === 0 ? opening : ","}\n    ${jsonText(segmentJson(segment))}`,
    rest: (isComplete, ending = {}) => {
      const lists = Object.entries(endingJson(ending)).map(([name, list]) => `\n  "${name}": ${listText(list)},`);
      return `${count === 0 ? opening : "\n  "}],${lists.join("")}\n  "complete": ${isComplete}\n}\n`;
    },
  };
}

/** Each on its own line. */
function listText(list: readonly unknown[]): string {
  return list.length === 0 ? "[]" : `[${list.map((one) => `\n    ${jsonText(one)}`).join(",")}\n  ]`;
}

/** A line about the recording, one per segment, one at the end. Every line is written as soon as it is known. */
export function jsonLinesWriter({ head, table }: WriterOptions): SegmentWriter {
  const file = head.source.name;
  const opening = line({ type: "document", file, ...headJson(head) });
  let count = 0;
  return {
    add: (segment) => {
      const mean = table && meanLogprob(segment.words ?? []);
      const logprob = mean === undefined ? {} : { logprob: roundedLogprob(mean) };
      return (count++ === 0 ? opening : "") + line({ type: "segment", file, ...segmentJson(segment), ...logprob });
    },
    // A file that is still being written, or was left by a kill, has no end line.
    rest: (isComplete, ending = {}) =>
      (count === 0 ? opening : "") +
      (isComplete ? line({ type: "end", file, complete: true, ...endingJson(ending) }) : ""),
  };
}

/** The line of a recording that could not be transcribed, or not to its end. */
export function errorLine(file: string, message: string): string {
  const own = `${printable(file)}: `;
  return line({ type: "error", file, message: message.startsWith(own) ? message.slice(own.length) : message });
}

function line(value: unknown): string {
  return `${jsonText(value)}\n`;
}
