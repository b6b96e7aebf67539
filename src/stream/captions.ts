/**
 * Writes the text of a stream in a format. In: events. Out: text, at once or when an utterance ends. Pure.
 *
 * Text has a line per utterance, or paragraphs as whole recordings have. jsonl has one object per event. srt and vtt
 * get the cues of an utterance when it has ended. They are laid out by the rules of whole recordings, from words whose
 * times are estimated within the utterance.
 */

import type { TimedSegment } from "../document/document.ts";
import { jsonText } from "../path_bytes.ts";
import type { WordCutter } from "../text/chinese.ts";
import { separatorBetween } from "../text/join.ts";
import { type Cue, srtBlock, vttBlock, vttHeader } from "../subtitles/cue.ts";
import { labelled } from "../output/words.ts";
import type { SpeakerLabels } from "../output/writer.ts";
import { Paragraphs } from "../output/text.ts";
import { punctuatedCue } from "../output/cues.ts";
import { CueLayout } from "../subtitles/layout.ts";
import type { LayoutRules } from "../subtitles/rules.ts";
import type { CuePunctuation } from "../views/punctuation.ts";
import type { GapEvent, TextEvent, UtteranceText } from "./text.ts";
import { mainSpeaker, turnsOf } from "./turns.ts";

export const streamFormats = ["text", "jsonl", "srt", "vtt"] as const;
export type StreamFormat = (typeof streamFormats)[number];

export type CaptionOptions = {
  /** What the lines of jsonl call the recording. */
  readonly file: string;
  /** The rules by which cues are laid out. */
  readonly rules: LayoutRules;
  /** Text starts a paragraph after a pause of so many ms between utterances; 0: it has a line per utterance. */
  readonly paragraphMs: number;
  /** Text without paragraphs is one line, whatever the utterances. */
  readonly runsOn: boolean;
  /** Speakers are told apart: text has a line for each turn, when its utterance has ended. */
  readonly hasSpeakers?: boolean;
  readonly speakerLabels?: SpeakerLabels;
  readonly cuePunctuation: CuePunctuation;
  readonly cutChinese?: WordCutter;
};

export interface StreamWriter {
  /** The text before the first event. */
  readonly header: string;
  write(event: TextEvent | GapEvent): string;
  /**
   * What would come next, if the text of the utterance that is not written yet were settled; undefined where the event
   * says nothing of it. Absent where a format has other events for it.
   */
  tail?(event: TextEvent | GapEvent): string | undefined;
}

/** Use a writer for one stream: it numbers the cues and keeps them from overlapping. */
export function streamWriter(format: StreamFormat, options: CaptionOptions): StreamWriter {
  switch (format) {
    case "text":
      return options.hasSpeakers ? turnWriter(options) : textWriter(options);
    case "jsonl":
      return { header: "", write: (event) => event.kind === "language" ? "" : jsonLine(event, options.file) };
    case "srt":
      return cueWriter("", srtBlock, options, labelTurns());
    case "vtt": // It has a tag for the speaker.
      return cueWriter(vttHeader, vttBlock, options, (turn) => turn);
  }
}

function textWriter({ paragraphMs, runsOn }: CaptionOptions): StreamWriter {
  const paragraphs = new Paragraphs(paragraphMs);
  const hasLines = !runsOn && paragraphMs === 0;
  let isLineStart = true;
  let [id, end] = [0, ""];
  const write = (event: TextEvent | GapEvent): string => {
    if (event.kind === "final" && hasLines && !event.goesOn && !isLineStart) {
      isLineStart = true;
      return "\n";
    }
    if (event.kind !== "commit") return "";
    id = event.id;
    end = (end + event.text).slice(-32);
    const text = paragraphs.add(event.text, event.startMs, event.endMs);
    if (!hasLines) return text;
    const own = isLineStart ? text.trimStart() : text;
    isLineStart &&= own === "";
    return own;
  };
  const tail: StreamWriter["tail"] = (event) => {
    if (event.kind !== "partial") return undefined;
    if (hasLines || event.id === id) return event.text;
    if (paragraphs.startsAt(event.startMs)) return `\n\n${event.text.trimStart()}`;
    return separatorBetween(end, event.text) + event.text;
  };
  return { header: "", write, tail };
}

/** A line for each turn. Who speaks is known when an utterance has ended: until then its text is all tail. */
function turnWriter({ speakerLabels }: CaptionOptions): StreamWriter {
  let settled = "";
  const write = (event: TextEvent | GapEvent): string => {
    if (event.kind === "commit") settled += event.text;
    if (event.kind !== "final") return "";
    settled = "";
    return turnsOf(event).map(({ speaker, text }) => {
      return text.trim() === ""
        ? ""
        : `${speaker === undefined || speakerLabels === "off" ? "" : `${speaker}: `}${text.trim()}\n`;
    }).join("");
  };
  const tail: StreamWriter["tail"] = (event) => {
    if (event.kind === "commit") return settled.trimStart();
    return event.kind === "partial" ? (settled + event.text).trimStart() : undefined;
  };
  return { header: "", write, tail };
}

function jsonLine(event: Exclude<TextEvent, { kind: "language" }> | GapEvent, file: string): string {
  const { kind: type, startMs, endMs } = event;
  const places = { start_ms: startMs, end_ms: endMs };
  if (type === "gap") return `${jsonText({ type, file, ...places })}\n`;
  const { id, language, text, spoken, isTruncated: truncated, isLooped: loop, repaired, noSpeech: no_speech } = event;
  const said = { type, file, id, ...places, language, text, spoken, truncated, loop, repaired, no_speech };
  return `${jsonText({ ...said, ...speakerFields(event) })}\n`;
}

/** Of a final, where speakers are told apart. */
function speakerFields(event: UtteranceText) {
  if (event.turns === undefined) return {};
  const turns = turnsOf(event).map(({ speaker, startMs, endMs, text }) => (
    { speaker, start_ms: startMs, end_ms: endMs, text: text.trim() }
  ));
  return { speaker: mainSpeaker(event), turns };
}

function cueWriter(
  header: string,
  block: (cue: Cue, number: number) => string,
  { rules, cutChinese, cuePunctuation, speakerLabels }: CaptionOptions,
  nameOf: SpeakerLabel,
): StreamWriter {
  const layout = new CueLayout(rules, cutChinese);
  let number = 0;
  const shown = (cue: Cue) => block(punctuatedCue(cue, cuePunctuation), ++number);
  return {
    header,
    write: (event) =>
      event.kind === "final"
        ? cuesOf(layout, speakerLabels === "off" ? withoutTurns(event) : event, nameOf).map(shown).join("")
        : "",
  };
}

/** It is not known yet when the next utterance begins, so the last cue ends with its own. */
function cuesOf(layout: CueLayout, event: UtteranceText, nameOf: SpeakerLabel): Cue[] {
  const turns = turnsOf(event);
  return turns.flatMap((turn, index) => {
    const { words = [] } = nameOf(turn);
    const endMs = index === turns.length - 1 ? event.endMs : turn.endMs;
    const { speaker } = turn;
    const cues = [...layout.push(words), ...layout.flush(endMs)];
    return speaker === undefined ? cues : cues.map((cue) => ({ ...cue, speaker }));
  });
}

function withoutTurns({ turns: _, ...event }: UtteranceText): UtteranceText {
  return event;
}

type SpeakerLabel = (turn: TimedSegment) => TimedSegment;

/** Where a turn begins, its speaker's name comes before its words. */
function labelTurns(): SpeakerLabel {
  let last: string | undefined;
  return (turn) => {
    const { speaker } = turn;
    const isNew = speaker !== undefined && speaker !== last;
    last = speaker;
    return isNew ? labelled(turn, speaker) : turn;
  };
}
