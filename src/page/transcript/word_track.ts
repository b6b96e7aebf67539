/**
 * The words of a transcript by their times. In: an element with words and lines that know theirs. Out: which one is
 * being said, marked; the lines before and after; the next doubtful word.
 */

import { firstIndex } from "../../search.ts";

export type TrackedWord = { readonly startMs: number; readonly endMs: number; readonly node: HTMLElement };

export class WordTrack {
  /** By start. */
  words: readonly TrackedWord[] = [];
  doubts = 0;
  /** When the lines begin, in order. */
  #lines: readonly number[] = [];
  #marked: HTMLElement | undefined;

  constructor(readonly text: HTMLElement) {}

  /** Reads the words anew. */
  read(): void {
    const nodes = [...this.text.querySelectorAll<HTMLElement>(".w")];
    this.words = nodes
      .map((node) => ({ startMs: timeOf(node, "data-s"), endMs: timeOf(node, "data-e"), node }))
      .sort((a, b) => a.startMs - b.startMs);
    this.doubts = this.text.querySelectorAll("mark.w").length;
    const lines = [...this.text.querySelectorAll<HTMLElement>(".par > .at")];
    this.#lines = lines.map((node) => timeOf(node, "data-s")).sort((a, b) => a - b);
    this.#marked = undefined;
  }

  /** Marks the word that is said then, or was said last; `follows`: the page goes to it. */
  mark(ms: number, follows: boolean): void {
    const word = this.words[this.#lastBefore(ms)];
    // A word is over when it is over, but between two that are close the eye need not lose its place.
    const node = word && ms <= word.endMs + 400 ? word.node : undefined;
    if (node === this.#marked) return;
    this.#marked?.classList.remove("on");
    this.#marked?.closest(".par")?.classList.remove("now");
    node?.classList.add("on");
    node?.closest(".par")?.classList.add("now");
    this.#marked = node;
    if (follows && node) this.showMarked();
  }

  /**
   * Scrolls to the marked word, if it is not on the screen. Far off, where nothing is laid out yet, places are guesses:
   * it is looked for again when it is there.
   */
  showMarked(triesLeft = 3): void {
    const marked = this.#marked;
    if (!marked) return;
    const { top, bottom } = marked.getBoundingClientRect();
    const [high, low] = [innerHeight * 0.2, innerHeight * 0.8];
    if (top >= high && bottom <= low) return;
    const isFar = Math.abs(top) > 2 * innerHeight || triesLeft < 3;
    const isCalm = isFar || matchMedia("(prefers-reduced-motion: reduce)").matches;
    marked.scrollIntoView({ block: "center", behavior: isCalm ? "auto" : "smooth" });
    if (!isFar || triesLeft === 0) return;
    requestAnimationFrame(() => this.#marked === marked && this.showMarked(triesLeft - 1));
  }

  lineBefore(ms: number): number | undefined {
    return this.#lines.findLast((start) => start < ms - 1000);
  }

  lineAfter(ms: number): number | undefined {
    return this.#lines.find((start) => start > ms + 1);
  }

  nextDoubt(ms: number): number | undefined {
    const isDoubtful = ({ node }: TrackedWord) => node.tagName === "MARK";
    const next = this.words.find((word) => word.startMs > ms + 1 && isDoubtful(word));
    return (next ?? this.words.find(isDoubtful))?.startMs;
  }

  /** Where there is text, as low bars: not the sound, but its shape in time. */
  shape(durationMs: number): number[] {
    const bars = Array<number>(Math.min(400, Math.max(1, Math.ceil(durationMs / 100)))).fill(0);
    for (const { startMs, endMs } of this.words) {
      const [from, to] = [startMs, endMs].map((ms) => (ms / durationMs) * bars.length);
      for (let bar = Math.floor(from!); bar < Math.min(bars.length, to!); bar++) bars[bar] = 0.4;
    }
    return bars;
  }

  /** The index of the last word that has begun, or -1. */
  #lastBefore(ms: number): number {
    return firstIndex(this.words.length, (index) => this.words[index]!.startMs > ms) - 1;
  }
}

function timeOf(node: HTMLElement, name: "data-s" | "data-e"): number {
  return Number(node.getAttribute(name));
}
