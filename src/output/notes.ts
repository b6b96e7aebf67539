/** What is missing of a transcript, told on a page, with times to hear it. In: what is known. Out: markup. Pure. */

import type { Gap, TimedSegment } from "../document/document.ts";
import { element, type Markup } from "./markup.ts";
import { clock, timeButton } from "./paragraphs.ts";

export type Missing = {
  /** The recording was heard to its end. */
  readonly isComplete: boolean;
  /** There is no text. */
  readonly isEmpty: boolean;
  /** Segments whose text was cut short. */
  readonly cuts: readonly TimedSegment[];
  readonly gaps: readonly Gap[];
};

export type NoteName = "incomplete" | "empty" | "cuts" | "gaps";

export const englishNotes: Readonly<Record<NoteName, string>> = {
  incomplete: "Incomplete: the recording was not heard to its end.",
  empty: "No speech was heard.",
  cuts: "Text that ends too early:",
  gaps: "Speech without text:",
};

/** Whether what was said in it after its text is missing. */
export function isCut({ isTruncated, isLooped }: TimedSegment): boolean {
  return isTruncated === true || isLooped === true;
}

/** A paragraph each. What names one carries its name, for scripts that have it in other languages. */
export function notesMarkup({ isComplete, isEmpty, cuts, gaps }: Missing, says = englishNotes): Markup[] {
  const note = (name: NoteName, places: readonly (Gap | TimedSegment)[] = []) =>
    element(
      "p",
      { class: "note" },
      element("span", { "data-string": name }, says[name]),
      ...places.flatMap(placeMarkup),
    );
  return [
    ...(isComplete ? [] : [note("incomplete")]),
    ...(isComplete && isEmpty ? [note("empty")] : []),
    ...(cuts.length > 0 ? [note("cuts", cuts)] : []),
    ...(gaps.length > 0 ? [note("gaps", gaps)] : []),
  ];
}

function placeMarkup({ startMs, endMs, speaker }: Gap | TimedSegment): (Markup | string)[] {
  const times = timeButton(startMs, `${clock(startMs)} \u2013 ${clock(endMs)}`);
  return [" ", times, ...(speaker === undefined ? [] : [" ", element("bdi", {}, speaker)])];
}
