/**
 * The words of a transcript by their times. In: an element with words and lines that know theirs. Out: which one is
 * being said, marked; the lines before and after; the next doubtful word.
 */

export type TrackedWord = { readonly startMs: number; readonly endMs: number; readonly node: HTMLElement };

export class WordTrack {
  /** By start. */
  words: readonly TrackedWord[] = [];
  doubts = 0;
  /** When the lines begin, in order. */
  #lines: readonly number[] = [];
  #marked: HTMLElement | undefined;

  constructor(readonly text: HTMLElement) {
    this.read();
  }

  /** Reads the words anew. */
  read(): void {
    const nodes = [...this.text.querySelectorAll<HTMLElement>(".w")];
    this.words = nodes
      .map((node) => ({ startMs: Number(node.dataset["s"]), endMs: Number(node.dataset["e"]), node }))
      .sort((a, b) => a.startMs - b.startMs);
    this.doubts = nodes.filter(({ tagName }) => tagName === "MARK").length;
    this.#lines = [...this.text.querySelectorAll<HTMLElement>(".par > .at")].map((node) => Number(node.dataset["s"]))
      .sort((a, b) => a - b);
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

  /** Scrolls to the marked word, if it is not on the screen. */
  showMarked(): void {
    if (!this.#marked) return;
    const { top, bottom } = this.#marked.getBoundingClientRect();
    const [high, low] = [innerHeight * 0.2, innerHeight * 0.8];
    if (top >= high && bottom <= low) return;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#marked.scrollIntoView({ block: "center", behavior: isCalm ? "auto" : "smooth" });
  }

  lineBefore(ms: number): number | undefined {
    return this.#lines.findLast((start) => start < ms - 1000);
  }

  lineAfter(ms: number): number | undefined {
    return this.#lines.find((start) => start > ms + 1);
  }

  nextDoubt(ms: number): number | undefined {
    const doubtful = this.words.filter(({ node }) => node.tagName === "MARK");
    return (doubtful.find(({ startMs }) => startMs > ms + 1) ?? doubtful[0])?.startMs;
  }

  /** The index of the last word that has begun, or -1. */
  #lastBefore(ms: number): number {
    let [low, high] = [0, this.words.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.words[middle]!.startMs <= ms) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
