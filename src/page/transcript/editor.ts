/**
 * The cues of a transcript as rows that can be changed. In: cues. Out: the cues after every edit, which can be undone;
 * aligned again where their words have changed, if somebody can do that.
 */

import { canMerge, type Cues, merge, realigned, remove, retime, split, withText } from "../../document/cue_edits.ts";
import type { TimedSegment, TimedWord } from "../../document/document.ts";
import { begun, changed, type History, redone, undone } from "../../document/history.ts";
import type { TimeSpan } from "../../units.ts";
import { OpenRow, readRow, type RowAct } from "./cue_row.ts";
import { button, div, takesKeys } from "./dom.ts";
import type { Strings } from "./strings.ts";

/** A text, and where in the recording it is said. */
export type SpanToAlign = TimeSpan & { readonly text: string; readonly language: string };

/** The words of a text with their times in the recording; joined, they are the text but for spaces. May reject. */
export type Realign = (span: SpanToAlign) => Promise<readonly TimedWord[]>;

export type EditorGiven = {
  readonly strings: Strings;
  readonly realign?: Realign;
  readonly cues: Cues;
  readonly positionMs: () => number;
  /** The rows are others. */
  readonly onRows: () => void;
  /** The cues are others. */
  readonly onChange: (cues: Cues) => void;
};

/** Sound around a cue that an aligner gets, if nobody else speaks there. */
const aroundMs = 400;

export class Editor {
  readonly rows = div("rows");
  /** Undo, redo, align again. */
  readonly tools: HTMLElement;
  readonly #given: EditorGiven;
  readonly #undo: HTMLButtonElement;
  readonly #redo: HTMLButtonElement;
  readonly #realign: HTMLButtonElement;
  readonly #message = div("message");
  readonly #nodes = new WeakMap<TimedSegment, HTMLElement>();
  readonly #ending = new AbortController();
  /** As they were given, or as an aligner has left them. */
  readonly #timed: Set<TimedSegment>;
  #history: History<Cues>;
  #open: { readonly cue: TimedSegment; readonly row: OpenRow } | undefined;
  #isAligning = false;

  constructor(given: EditorGiven) {
    this.#given = given;
    this.#history = begun(given.cues);
    this.#timed = new Set(given.cues);
    const { strings } = given;
    this.#undo = button(strings.undo, () => this.#step(undone));
    this.#redo = button(strings.redo, () => this.#step(redone));
    this.#realign = button(strings.realignAll, () => void this.#alignAgain(this.#mended()));
    this.#message.setAttribute("role", "status");
    this.tools = div("row options", this.#undo, this.#redo, this.#realign, this.#message);
    const on = { signal: this.#ending.signal, capture: true };
    document.addEventListener("keydown", (event) => this.#takeKey(event), on);
    // Whoever goes elsewhere on the page, to save perhaps, is done with the row.
    for (const kind of ["pointerdown", "focusin"]) {
      document.addEventListener(kind, ({ target }) => this.#isElsewhere(target) && this.close(), on);
    }
    this.#show();
  }

  get #cues(): Cues {
    return this.#history.present;
  }

  /** What stands in an open row is taken over. */
  close(): void {
    this.#takeOver();
    this.#show();
  }

  dispose(): void {
    this.#takeOver();
    this.#ending.abort();
  }

  #openAt(index: number, offset?: number): void {
    this.#takeOver();
    const cue = this.#cues[Math.min(Math.max(0, index), this.#cues.length - 1)];
    this.#open = cue && { cue, row: this.#openRow(cue) };
    this.#show();
    this.#open?.row.focus(offset);
  }

  #openRow(cue: TimedSegment): OpenRow {
    const { strings, realign, positionMs } = this.#given;
    return new OpenRow({
      ...{ cue, strings, positionMs, canMerge: canMerge(this.#cues, this.#cues.indexOf(cue)) },
      canRealign: realign !== undefined,
      onAct: (act) => this.#act(act),
    });
  }

  #act(act: RowAct): void {
    const { cue, row } = this.#open!;
    const index = this.#cues.indexOf(cue);
    const { caret } = row;
    if (act === "cancel") this.#open = undefined;
    if (act === "remove") {
      this.#open = undefined;
      this.#set(remove(this.#cues, index));
    } else this.#takeOver();
    // A row without text is gone, and with it what could be done to it.
    const isThere = this.#cues[index]?.startMs !== undefined && act !== "remove";
    if (isThere) this.#actOn(act, index, caret);
    if (!this.#open) this.#show();
    if (!this.#open) this.#focusRow(index);
  }

  #actOn(act: RowAct, index: number, caret: number): void {
    const lengthOf = (at: number) => this.#cues[at]!.text.trim().length;
    if (act === "split") {
      this.#set(split(this.#cues, index, caret));
      this.#openAt(index + 1, 0);
    } else if (act === "mergeNext" || act === "mergeBefore") {
      const first = act === "mergeNext" ? index : index - 1;
      if (first < 0 || !canMerge(this.#cues, first)) return this.#openAt(index, 0);
      const seam = lengthOf(first);
      this.#set(merge(this.#cues, first));
      this.#openAt(first, seam);
    } else if (act === "next" || act === "before") this.#openAt(index + (act === "next" ? 1 : -1));
    else if (act === "realign") void this.#alignAgain([this.#cues[index]!]);
  }

  /** Text and times of the open row, as one edit. */
  #takeOver(): void {
    if (!this.#open) return;
    const { cue, row } = this.#open;
    this.#open = undefined;
    const index = this.#cues.indexOf(cue);
    if (index < 0) return;
    const timed = retime(this.#cues, index, row.span);
    this.#set(withText(timed, index, row.text));
  }

  #step(by: (history: History<Cues>) => History<Cues>): void {
    this.#takeOver();
    const before = this.#cues;
    this.#history = by(this.#history);
    this.#show();
    if (this.#cues !== before) this.#given.onChange(this.#cues);
    const at = this.#cues.findIndex((cue, index) => cue !== before[index]);
    if (at >= 0) this.#nodes.get(this.#cues[at]!)?.scrollIntoView({ block: "nearest" });
  }

  #set(cues: Cues): void {
    if (cues === this.#cues) return;
    this.#history = changed(this.#history, cues);
    this.#show();
    this.#given.onChange(cues);
  }

  #takeKey(event: KeyboardEvent): void {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || takesKeys(event.target) || !this.rows.isConnected) return;
    const key = event.key.toLowerCase();
    const isRedo = key === "y" || key === "z" && event.shiftKey;
    if (!isRedo && key !== "z") return;
    event.preventDefault();
    this.#step(isRedo ? redone : undone);
  }

  #isElsewhere(target: EventTarget | null): boolean {
    const home = this.rows.closest(".transcript");
    return this.#open !== undefined && home !== null && target instanceof Node && !home.contains(target);
  }

  /** Cues that were changed and whose words were not aligned since. */
  #mended(): TimedSegment[] {
    return this.#cues.filter((cue) =>
      !this.#timed.has(cue) && cue.words?.some(({ flag }) => flag === "spread" || flag === "unaligned")
    );
  }

  /** All in one edit. What cannot be aligned keeps its times. */
  async #alignAgain(cues: readonly TimedSegment[]): Promise<void> {
    const { realign, strings } = this.#given;
    if (!realign || this.#isAligning || cues.length === 0) return;
    this.#isAligning = true;
    let failed = 0;
    const found = new Map<TimedSegment, readonly TimedWord[]>();
    for (const [at, cue] of cues.entries()) {
      this.#say(`${strings.aligning} ${at + 1}/${cues.length}`);
      try {
        found.set(cue, await realign(this.#spanOf(cue)));
      } catch {
        failed++; // Told below.
      }
      if (this.#ending.signal.aborted) return;
    }
    this.#isAligning = false;
    let aligned = this.#cues;
    for (const [cue, words] of found) {
      const index = aligned.indexOf(cue);
      const next = index < 0 ? undefined : realigned(aligned, index, words);
      if (next) {
        this.#timed.add(next[index]!);
        aligned = next;
      } else failed++; // It was changed meanwhile, or the words are others.
    }
    this.#set(aligned);
    this.#say(failed > 0 ? `${strings.notAligned} ${failed}` : "");
    this.#showTools();
  }

  #spanOf(cue: TimedSegment) {
    const index = this.#cues.indexOf(cue);
    const [before, after] = [this.#cues[index - 1], this.#cues[index + 1]];
    const startMs = Math.min(cue.startMs, Math.max(before?.endMs ?? 0, cue.startMs - aroundMs));
    const endMs = Math.max(cue.endMs, Math.min(after?.startMs ?? Infinity, cue.endMs + aroundMs));
    return { startMs, endMs, text: cue.text.trim(), language: cue.language };
  }

  #say(text: string): void {
    this.#message.textContent = text;
  }

  #nodeOf(cue: TimedSegment): HTMLElement {
    if (this.#open?.cue === cue) return this.#open.row.element;
    const known = this.#nodes.get(cue);
    if (known) return known;
    const node = readRow(cue, this.#given.strings, () => this.#openAt(this.#cues.indexOf(cue)));
    this.#nodes.set(cue, node);
    return node;
  }

  /** Changes only the rows that are others: thousands may be there. */
  #show(): void {
    const nodes = this.#cues.map((cue) => this.#nodeOf(cue));
    const old = [...this.rows.children];
    let front = 0;
    while (front < nodes.length && nodes[front] === old[front]) front++;
    let [newEnd, oldEnd] = [nodes.length, old.length];
    while (newEnd > front && oldEnd > front && nodes[newEnd - 1] === old[oldEnd - 1]) {
      [newEnd, oldEnd] = [newEnd - 1, oldEnd - 1];
    }
    for (const node of old.slice(front, oldEnd)) node.remove();
    const after = old[oldEnd] ?? null;
    for (const node of nodes.slice(front, newEnd)) this.rows.insertBefore(node, after);
    this.#showTools();
    this.#given.onRows();
  }

  #showTools(): void {
    this.#undo.disabled = this.#history.past.length === 0;
    this.#redo.disabled = this.#history.future.length === 0;
    const mended = this.#given.realign ? this.#mended().length : 0;
    this.#realign.hidden = mended === 0;
    this.#realign.disabled = this.#isAligning;
    this.#realign.textContent = `${this.#given.strings.realignAll} (${mended})`;
  }

  #focusRow(index: number): void {
    const cue = this.#cues[Math.min(index, this.#cues.length - 1)];
    if (cue) this.#nodes.get(cue)?.querySelector<HTMLElement>(".open")?.focus();
  }
}
