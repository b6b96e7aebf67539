/**
 * The cues of a transcript as rows that can be changed. In: cues. Out: the cues after every edit, which can be undone;
 * aligned again where their words have changed, if somebody can do that.
 */

import {
  canMerge,
  type Cues,
  insert,
  merge,
  openGaps,
  realigned,
  remove,
  retime,
  split,
  spokenBy,
  stretchOf,
  withText,
} from "../../document/cue_edits.ts";
import type { Ending, Gap, TimedSegment, TimedWord } from "../../document/document.ts";
import { givenEnding, renamed, renamedEnding, speakersOf } from "../../document/speakers.ts";
import { begun, changed, type History, redone, undone } from "../../document/history.ts";
import type { TimeSpan } from "../../units.ts";
import { gapRow, OpenRow, readRow, type RowAct } from "./cue_row.ts";
import { button, div, takesKeys } from "./dom.ts";
import type { SpeakerColours } from "./speakers.ts";
import type { Strings } from "./strings.ts";

/** A text, and where in the recording it is said. */
export type SpanToAlign = TimeSpan & { readonly text: string; readonly language: string };

/** The words of a text with their times in the recording; joined, they are the text but for spaces. May reject. */
export type Realign = (span: SpanToAlign) => Promise<readonly TimedWord[]>;

export type EditorGiven = {
  readonly strings: Strings;
  readonly realign?: Realign;
  readonly cues: Cues;
  /** Speech without text, and who speaks when. */
  readonly ending: Ending;
  readonly colours: SpeakerColours;
  readonly positionMs: () => number;
  /** The rows are others. */
  readonly onRows: () => void;
  /** The cues are others, or who speaks when. */
  readonly onChange: (cues: Cues, ending: Ending) => void;
};

/** What can be undone. */
type Edited = { readonly cues: Cues; readonly ending: Ending };

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
  readonly #nodes = new WeakMap<TimedSegment | Gap, HTMLElement>();
  readonly #ending = new AbortController();
  /** As they were given, or as an aligner has left them. */
  readonly #timed: Set<TimedSegment>;
  #history: History<Edited>;
  /** `gap`: the row is not there yet, and `cue` stands for what may be written in it. */
  #open: { readonly cue: TimedSegment; readonly row: OpenRow; readonly gap?: Gap } | undefined;
  #isAligning = false;

  constructor(given: EditorGiven) {
    this.#given = given;
    this.#history = begun({ cues: given.cues, ending: given.ending });
    this.#timed = new Set(given.cues);
    const { strings } = given;
    this.#undo = button(strings.undo, () => this.#step(undone));
    this.#redo = button(strings.redo, () => this.#step(redone));
    this.#realign = button(strings.realignAll, () => {
      this.close();
      void this.#alignAgain(this.#mended());
    });
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
    return this.#history.present.cues;
  }

  /** Whether there is anything to undo, or to do again. */
  get hasSteps(): boolean {
    return this.#history.past.length + this.#history.future.length > 0;
  }

  /** All that `from` says is `to`'s from now on, who may speak already. */
  rename(from: string, to: string): void {
    this.#takeOver();
    const { cues, ending } = this.#history.present;
    const own = new Map([[from, to]]);
    const next = cues.map((cue) => {
      if (cue.speaker !== from) return cue;
      const other = renamed([cue], own)[0]!;
      if (this.#timed.has(cue)) this.#timed.add(other);
      return other;
    });
    this.#change({ cues: next, ending: renamedEnding(ending, own) });
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
    this.#open = cue && { cue, row: this.#openRow(cue, canMerge(this.#cues, this.#cues.indexOf(cue))) };
    this.#show();
    this.#open?.row.focus(offset);
  }

  /** Somebody wants to write what is said in a gap. */
  #openGap(gap: Gap): void {
    this.#takeOver();
    const { language = "" } = this.#cues.findLast(({ startMs }) => startMs < gap.startMs) ?? this.#cues[0] ?? {};
    const cue: TimedSegment = { ...gap, text: "", language, isCue: true, words: [] };
    this.#open = { cue, gap, row: this.#openRow(cue, false) };
    this.#show();
    this.#open.row.focus();
  }

  #openRow(cue: TimedSegment, mayMerge: boolean): OpenRow {
    const { strings, realign, positionMs } = this.#given;
    return new OpenRow({
      ...{ cue, strings, positionMs, canMerge: mayMerge, canRealign: realign !== undefined },
      speakers: speakersOf(this.#cues),
      onAct: (act) => this.#act(act),
    });
  }

  #act(act: RowAct): void {
    const { cue, row } = this.#open!;
    const { caret } = row;
    const before = this.#cues.indexOf(cue);
    if (act === "cancel" || act === "remove") this.#open = undefined;
    if (act === "remove" && before >= 0) this.#set(remove(this.#cues, before));
    const index = this.#takeOver();
    if (index !== undefined) this.#actOn(act, index, caret);
    else if (act === "mergeBefore" && before > 0) this.#openAt(before - 1); // It was emptied, and is gone.
    if (this.#open) return;
    this.#show();
    this.#focusRow(index ?? Math.max(0, before));
  }

  #actOn(act: RowAct, index: number, caret: number): void {
    if (act === "split") {
      const parts = split(this.#cues, index, caret);
      const isCut = parts !== this.#cues;
      this.#set(parts);
      this.#openAt(isCut ? index + 1 : index, isCut ? 0 : caret);
    } else if (act === "mergeNext" || act === "mergeBefore") {
      const first = act === "mergeNext" ? index : index - 1;
      if (first < 0 || !canMerge(this.#cues, first)) return this.#openAt(index, caret);
      const seam = this.#cues[first]!.text.trim().length;
      this.#set(merge(this.#cues, first));
      this.#openAt(first, seam);
    } else if (act === "next" || act === "before") this.#openAt(index + (act === "next" ? 1 : -1));
    else if (act === "realign") void this.#alignAgain([this.#cues[index]!]);
  }

  /** Text and times of the open row, as one edit. Returns where its cue is then; undefined: there is none. */
  #takeOver(): number | undefined {
    if (!this.#open) return undefined;
    const { cue, row, gap } = this.#open;
    this.#open = undefined;
    const before = this.#cues;
    if (gap) {
      const cues = insert(before, { ...gap, ...row.span }, row.text, cue.language);
      const index = cues.findIndex((each, at) => each !== before[at]);
      if (index < 0) return undefined;
      this.#setSpoken(cues, index, row.speaker);
      return index;
    }
    const index = before.indexOf(cue);
    if (index < 0) return undefined;
    const cues = withText(retime(before, index, row.span), index, row.text);
    if (row.text.trim() === "") return void this.#set(cues);
    this.#setSpoken(cues, index, row.speaker);
    return index;
  }

  /** The cue is that speaker's, whoever said it before; undefined: it stays as it is. */
  #setSpoken(cues: Cues, index: number, speaker: string | undefined): void {
    const cue = cues[index]!;
    if (speaker === undefined || speaker === cue.speaker) return this.#set(cues);
    const next = spokenBy(cues, index, speaker);
    if (this.#timed.has(cue)) this.#timed.add(next[index]!);
    const given = { ...stretchOf(cues, index), from: cue.speaker, to: speaker };
    this.#change({ cues: next, ending: givenEnding(this.#history.present.ending, given) });
  }

  #step(by: (history: History<Edited>) => History<Edited>): void {
    this.#takeOver();
    const before = this.#cues;
    const { present } = this.#history;
    this.#history = by(this.#history);
    if (this.#history.present === present) this.#show();
    else this.#changed();
    const at = this.#cues.findIndex((cue, index) => cue !== before[index]);
    if (at >= 0) this.#nodes.get(this.#cues[at]!)?.scrollIntoView({ block: "nearest" });
  }

  #set(cues: Cues): void {
    if (cues !== this.#cues) this.#change({ ...this.#history.present, cues });
  }

  #change(edited: Edited): void {
    this.#history = changed(this.#history, edited);
    this.#changed();
  }

  #changed(): void {
    const { cues, ending } = this.#history.present;
    this.#show();
    this.#given.onChange(cues, ending);
  }

  #takeKey(event: KeyboardEvent): void {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || takesKeys(event.target) || !this.tools.isConnected) return;
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
      if (this.#open?.cue === cue) continue; // Somebody writes in it: other words will be timed.
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
    const node = readRow(cue, this.#given.strings, this.#given.colours, () => this.#openAt(this.#cues.indexOf(cue)));
    this.#nodes.set(cue, node);
    return node;
  }

  #gapNodeOf(gap: Gap): HTMLElement {
    if (this.#open?.gap === gap) return this.#open.row.element;
    const known = this.#nodes.get(gap);
    if (known) return known;
    const node = gapRow(gap, this.#given.strings, () => this.#openGap(gap));
    this.#nodes.set(gap, node);
    return node;
  }

  /** Cues, and the gaps between them, in order of time. */
  #rowNodes(): HTMLElement[] {
    const gaps = [...openGaps(this.#history.present.ending.gaps ?? [], this.#cues)];
    const nodes = this.#cues.flatMap((cue) => {
      const before = gaps.splice(0, gaps.findLastIndex(({ startMs }) => startMs <= cue.startMs) + 1);
      return [...before.map((gap) => this.#gapNodeOf(gap)), this.#nodeOf(cue)];
    });
    return [...nodes, ...gaps.map((gap) => this.#gapNodeOf(gap))];
  }

  /** Changes only the rows that are others: thousands may be there. */
  #show(): void {
    const nodes = this.#rowNodes();
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
