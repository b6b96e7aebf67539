/** A cue as a row: read, or written. In: a cue. Out: nodes, and what somebody does to it. */

import type { Gap, TimedSegment } from "../../document/document.ts";
import { timeButton, wordsMarkup } from "../../output/paragraphs.ts";
import { languageCode } from "../../text/languages.ts";
import type { TimeSpan } from "../../units.ts";
import { button, div, nodeOf } from "./dom.ts";
import { type SpeakerColours, speakerSelect } from "./speakers.ts";
import type { Strings } from "./strings.ts";
import { parsePreciseTime, preciseTime } from "./times.ts";

/** A row to read: a click on a word plays from there, as anywhere; two open the cue. */
export function readRow(
  cue: TimedSegment,
  strings: Strings,
  colours: SpeakerColours,
  onOpen: () => void,
): HTMLElement {
  const name = cue.speaker === undefined ? [] : [bold(cue.speaker), " "];
  const say = div("say", ...name, ...wordsMarkup(cue.words ?? []).map(nodeOf));
  say.dir = "auto";
  say.addEventListener("dblclick", onOpen);
  const open = button(strings.edit, onOpen);
  open.className = "open";
  open.setAttribute("aria-label", `${strings.edit} ${preciseTime(cue.startMs)}`);
  const row = div("par cue", nodeOf(timeButton(cue.startMs, preciseTime(cue.startMs))), say, open);
  row.lang = languageCode(cue.language);
  if (cue.speaker !== undefined) row.classList.add(colours.of(cue.speaker));
  return row;
}

/** Speech without text, which somebody may write. */
export function gapRow(gap: Gap, strings: Strings, onOpen: () => void): HTMLElement {
  const name = gap.speaker === undefined ? [] : [bold(gap.speaker), " "];
  const open = button(strings.write, onOpen);
  open.className = "open";
  const seconds = ((gap.endMs - gap.startMs) / 1000).toFixed(1);
  const says = div("say", ...name, `${strings.gap} (${seconds} s)`);
  return div("par cue gap", nodeOf(timeButton(gap.startMs, preciseTime(gap.startMs))), says, open);
}

function bold(speaker: string): HTMLElement {
  const name = document.createElement("bdi");
  name.className = "who";
  name.textContent = speaker;
  return name;
}

/** What can be done in a row that is open. The text and times that stand in it are taken over first. */
export type RowAct =
  | "done"
  | "cancel"
  | "split"
  | "mergeNext"
  | "mergeBefore"
  | "remove"
  | "realign"
  | "next"
  | "before";

export type OpenRowGiven = {
  readonly cue: TimedSegment;
  readonly strings: Strings;
  /** Who may have said it; none: speakers are not told apart. */
  readonly speakers: readonly string[];
  readonly canMerge: boolean;
  readonly canRealign: boolean;
  readonly positionMs: () => number;
  readonly onAct: (act: RowAct) => void;
};

/** A row to write in. */
export class OpenRow {
  readonly element: HTMLElement;
  readonly #text = document.createElement("textarea");
  readonly #start: HTMLInputElement;
  readonly #end: HTMLInputElement;
  readonly #speaker: HTMLSelectElement | undefined;
  readonly #cue: TimedSegment;

  constructor(given: OpenRowGiven) {
    const { cue, strings, speakers, canMerge, canRealign, positionMs, onAct } = given;
    this.#speaker = speakers.length === 0 ? undefined : speakerSelect(speakers, strings, cue.speaker);
    this.#cue = cue;
    this.#start = timeInput(cue.startMs, strings.startTime);
    this.#end = timeInput(cue.endMs, strings.endTime);
    this.#text.value = cue.text.trim();
    this.#text.rows = 1;
    this.#text.dir = "auto";
    this.#text.lang = languageCode(cue.language);
    this.#text.setAttribute("aria-label", strings.cueText);
    this.#text.addEventListener("input", () => this.#fit());
    this.#text.addEventListener("keydown", (event) => this.#takeKey(event, given));
    const here = (input: HTMLInputElement, label: string) =>
      div("time-field", input, button(label, () => input.value = preciseTime(positionMs())));
    const times = div(
      "times",
      here(this.#start, strings.startHere),
      here(this.#end, strings.endHere),
      ...(this.#speaker ? [this.#speaker] : []),
    );
    for (const input of [this.#start, this.#end]) {
      input.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== "Escape") return;
        event.preventDefault(); // Or it would press the button that has the focus next.
        onAct(event.key === "Enter" ? "done" : "cancel");
      });
    }
    const tools = div(
      "tools",
      button(strings.done, () => onAct("done")),
      button(strings.splitHere, () => onAct("split")),
      ...(canMerge ? [button(strings.mergeNext, () => onAct("mergeNext"))] : []),
      ...(canRealign ? [button(strings.realign, () => onAct("realign"))] : []),
      button(strings.removeCue, () => onAct("remove")),
      button(strings.cancel, () => onAct("cancel")),
    );
    this.element = div("cue editing", times, this.#text, tools);
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", `${strings.edit} ${preciseTime(cue.startMs)}`);
  }

  /** It is on the page: the caret goes to `offset` of the text. */
  focus(offset = this.#text.value.length): void {
    this.#fit();
    this.#text.focus();
    this.#text.setSelectionRange(offset, offset);
  }

  get text(): string {
    return this.#text.value;
  }

  /** Where the caret is in the text without spaces at its ends. */
  get caret(): number {
    const { value, selectionStart } = this.#text;
    return selectionStart - (value.length - value.trimStart().length);
  }

  /** Who is chosen; undefined: nobody. */
  get speaker(): string | undefined {
    return this.#speaker?.value || undefined;
  }

  /** What is typed; a time that is none, or was left as it is, is the cue's. */
  get span(): TimeSpan {
    return { startMs: timeIn(this.#start, this.#cue.startMs), endMs: timeIn(this.#end, this.#cue.endMs) };
  }

  #fit(): void {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
  }

  #takeKey(event: KeyboardEvent, { onAct, canMerge }: OpenRowGiven): void {
    if (event.isComposing) return; // The key belongs to an input method.
    const act = this.#keyAct(event, canMerge);
    if (!act) return;
    event.preventDefault();
    onAct(act);
  }

  #keyAct({ key, ctrlKey, metaKey, altKey }: KeyboardEvent, canMerge: boolean): RowAct | undefined {
    const { selectionStart, selectionEnd, value } = this.#text;
    const isCaret = selectionStart === selectionEnd;
    if (key === "Enter") return ctrlKey || metaKey ? "split" : "done";
    if (key === "Escape") return "cancel";
    if (altKey && key === "ArrowDown") return "next";
    if (altKey && key === "ArrowUp") return "before";
    if (key === "Backspace" && isCaret && selectionStart === 0) return "mergeBefore";
    if (key === "Delete" && isCaret && selectionEnd === value.length && canMerge) return "mergeNext";
    return undefined;
  }
}

function timeInput(ms: number, label: string): HTMLInputElement {
  const input = document.createElement("input");
  input.value = preciseTime(ms);
  input.inputMode = "decimal";
  input.autocomplete = "off";
  input.setAttribute("aria-label", label);
  input.addEventListener("input", () => {
    input.setAttribute("aria-invalid", String(parsePreciseTime(input.value) === undefined));
  });
  return input;
}

function timeIn({ value }: HTMLInputElement, knownMs: number): number {
  return value === preciseTime(knownMs) ? knownMs : parsePreciseTime(value) ?? knownMs;
}
