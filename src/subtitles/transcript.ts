/** Subtitles as a transcript: to align them with a recording, or to lay them out anew. Pure. */

import { documentVersion, type TimedSegment, type TranscriptDocument } from "../document/document.ts";
import { unalignedSegment } from "../document/unaligned.ts";
import { separatorBetween } from "../text/join.ts";
import type { Utterance } from "./stream_lines.ts";
import type { ParsedCue, ParsedSubtitles } from "./parse.ts";

/** The texts of the cues that have one, in the order of the file, each on one line. */
export function cueTexts({ cues }: ParsedSubtitles): string[] {
  return cues.map(oneLine).filter((text) => text !== "");
}

/** A segment per cue; its words share the cue's time. `name` is the file's. */
export function transcriptOf({ cues }: ParsedSubtitles, name: string): TranscriptDocument {
  const segments: TimedSegment[] = [];
  for (const cue of cues.toSorted((a, b) => a.startMs - b.startMs)) {
    const own = oneLine(cue);
    if (own === "") continue;
    const text = separatorBetween(segments.at(-1)?.text ?? "", own) + own;
    const span = { startMs: cue.startMs, endMs: Math.max(cue.startMs, cue.endMs) };
    segments.push(spokenBy(cue.speaker, unalignedSegment({ text, language: "", tokens: [] }, [span])));
  }
  return documentOf(segments, name);
}

/** The same of what a stream's jsonl says; `name` is the file's. */
export function transcriptOfUtterances(utterances: readonly Utterance[], name: string): TranscriptDocument {
  let end = "";
  const segments = utterances.map(({ text: own, language, startMs, endMs, speaker }) => {
    const text = separatorBetween(end, own) + own;
    end = own;
    return spokenBy(speaker, unalignedSegment({ text, language, tokens: [] }, [{ startMs, endMs }]));
  });
  return documentOf(segments, name);
}

function spokenBy(speaker: string | undefined, segment: TimedSegment): TimedSegment {
  if (speaker === undefined) return segment;
  const { words = [] } = segment;
  return { ...segment, speaker, words: words.map((word) => ({ ...word, speaker })) };
}

function documentOf(segments: readonly TimedSegment[], name: string): TranscriptDocument {
  return {
    version: documentVersion,
    program: "qwen-asr render",
    source: { name, durationMs: Math.max(0, ...segments.map(({ endMs }) => endMs)) },
    model: { name: "none", hash: "0".repeat(16), weights: "bf16", isa: "" },
    options: {},
    isComplete: true,
    segments,
  };
}

function oneLine({ lines }: ParsedCue): string {
  return lines.reduce((text, line) => text + separatorBetween(text, line) + line, "").replace(/\s+/gu, " ").trim();
}
