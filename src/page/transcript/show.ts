/**
 * A transcript on a page: player, waveform, text. In: a transcript and an element to show it in. Out: its nodes; what
 * ends them.
 */

import type { TimedWord, TranscriptDocument } from "../../document/document.ts";
import { paragraphMarkup, paragraphsOf } from "../../output/paragraphs.ts";
import type { TimeSpan } from "../../units.ts";
import { div, nodeOf } from "./dom.ts";
import { Player } from "./player.ts";
import type { Strings } from "./strings.ts";

/** A text, and where in the recording it is said. */
export type SpanToAlign = TimeSpan & { readonly text: string; readonly language: string };

export type TranscriptGiven = {
  readonly transcript: TranscriptDocument;
  /** Something that <audio> plays. Absent: the reader may choose a file. */
  readonly audioUrl?: string | undefined;
  /** How loud the recording is, 0 to 1, in parts of equal length. */
  readonly peaks?: readonly number[] | undefined;
  readonly strings: Strings;
  readonly editable: boolean;
  /** The words of a text with their times in the recording; joined, they are the text but for spaces. May reject. */
  readonly realign?: (span: SpanToAlign) => Promise<readonly TimedWord[]>;
  /** After every edit. */
  readonly onChange?: (transcript: TranscriptDocument) => void;
};

export function showTranscript(root: HTMLElement, given: TranscriptGiven): { dispose(): void } {
  const { transcript, audioUrl, peaks = [], strings } = given;
  const [place, text] = [div(""), div("text")];
  const audio = document.createElement("audio");
  audio.preload = "metadata";
  if (audioUrl !== undefined) audio.src = audioUrl;
  root.classList.add("transcript");
  root.replaceChildren(place, text);
  text.append(...paragraphsOf(transcript.segments).map((paragraph) => nodeOf(paragraphMarkup(paragraph))));
  if (transcript.segments.length === 0) text.append(strings.empty);
  const player = new Player({ place, text, audio, strings, peaks, durationMs: transcript.source.durationMs });
  return {
    dispose: () => {
      player.dispose();
      audio.removeAttribute("src");
      root.replaceChildren();
    },
  };
}
