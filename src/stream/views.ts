/**
 * Writes the text of a stream as its views say. In: events with what was spoken. Out: events with what is written.
 *
 * A commit is written once nothing that follows can change it: an open number waits, also a clause of Chinese whose
 * script is changed, until it is closed or the utterance ends. What waits is part of the partial text. The texts of all
 * commits are still the transcript.
 */

import { spokenWeight } from "../text/spoken.ts";
import { isKept, type Piece, tile, written } from "../views/piece.ts";
import type { TextView } from "../views/view.ts";
import type { TextEvent, UtteranceText } from "./text.ts";

type Commit = Extract<TextEvent, { kind: "commit" }>;
type Partial = Extract<TextEvent, { kind: "partial" }>;
type Final = Extract<TextEvent, { kind: "final" }>;

export class StreamViews {
  readonly #view: TextView;
  /** Text that is committed and not written yet, in one commit. */
  #waiting: Commit | undefined;
  /** Where the utterance starts, once an event has said so. */
  #startMs: number | undefined;
  /** The spoken text of the utterance that is written, and how. */
  #spoken = "";
  #pieces: Piece[] = [];
  /** The end of what is written, which spaces depend on. */
  #before = "";

  constructor(view: TextView) {
    this.#view = view;
  }

  push(event: TextEvent): TextEvent[] {
    switch (event.kind) {
      case "language":
        return [event];
      case "partial":
        this.#startMs = event.startMs;
        return [this.#partial(event)];
      case "commit":
        return this.#commit(event);
      case "final":
        return [...this.#write(Infinity), this.#final(event)];
    }
  }

  #commit(event: Commit): TextEvent[] {
    const { text = "", startMs = event.startMs } = this.#waiting ?? {};
    this.#waiting = { ...event, text: text + event.text, startMs };
    const events = this.#write(this.#view.closedLength(this.#waiting.text, event.language));
    if (!this.#waiting) return events;
    const partial = this.#partial({ ...event, kind: "partial", text: "", startMs: this.#startMs ?? event.startMs });
    return [...events, partial];
  }

  /** Writes the first `length` characters of what waits. */
  #write(length: number): TextEvent[] {
    const { text, ...place } = this.#waiting ?? { text: "" };
    if (text === "" || length === 0) return [];
    const [spoken, rest] = [text.slice(0, length), text.slice(length)];
    const commit = { ...place, text } as Commit;
    const share = spokenWeight(spoken) / (spokenWeight(spoken) + (rest === "" ? 0 : spokenWeight(rest)));
    const endMs = Math.round(commit.startMs + (commit.endMs - commit.startMs) * share);
    const pieces = this.#view.pieces(spoken, commit.language, this.#before);
    const offset = this.#spoken.length;
    this.#pieces.push(...pieces.map((piece) => ({ ...piece, from: piece.from + offset, to: piece.to + offset })));
    this.#spoken += spoken;
    this.#before = written(pieces).slice(-2);
    this.#waiting = rest === "" ? undefined : { ...commit, text: rest, startMs: endMs };
    return [{ ...commit, ...said(spoken, written(pieces)), endMs }];
  }

  /** What waits comes before what is partial. */
  #partial(event: Partial): Partial {
    const spoken = (this.#waiting?.text ?? "") + event.text;
    return { ...event, ...said(spoken, written(this.#view.pieces(spoken, event.language, this.#before))) };
  }

  /** All of the utterance, trimmed as the event is. */
  #final(event: Final): Final {
    const source = this.#spoken;
    const lead = source.length - source.trimStart().length;
    const end = lead + event.text.length;
    const changed = this.#pieces.filter((piece) => !isKept(source, piece) && piece.from >= lead && piece.to <= end);
    const pieces = tile(event.text, changed.map(({ from, to, text }) => ({ from: from - lead, to: to - lead, text })));
    [this.#spoken, this.#pieces, this.#startMs] = ["", [], undefined];
    const isChanged = changed.length > 0;
    return { ...event, ...said(event.text, written(pieces).trim()), ...(isChanged && { pieces }) };
  }
}

function said(spoken: string, text: string): Pick<UtteranceText, "text" | "spoken"> {
  return spoken === text ? { text } : { text, spoken };
}
