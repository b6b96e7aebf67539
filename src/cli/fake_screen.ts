/**
 * A terminal for tests: it shows what a person would see. In: bytes. Out: rows. It knows the few controls that the
 * program uses, breaks rows that are too long, and scrolls.
 */

import { columnsOf, graphemesOf } from "../subtitles/width.ts";

export class FakeScreen {
  /** All rows since the start; those above the last `height` cannot be reached any more. */
  readonly rows: string[] = [""];
  #row = 0;
  #column = 0;
  #isDim = false;
  /** The characters that are dim, in order. */
  dim = "";

  constructor(readonly width: number, readonly height: number) {}

  /** How often a row left the screen. */
  get scrolled(): number {
    return Math.max(0, this.rows.length - this.height);
  }

  /** The rows without what is empty at the end. */
  shown(): string {
    return this.rows.map((row) => row.trimEnd()).join("\n").trimEnd();
  }

  write(bytes: string): void {
    // deno-lint-ignore no-control-regex
    for (const [part] of bytes.matchAll(/\x1b\[(\d*)([A-Za-z])|[\r\n]|[^\x1b\r\n]+/g)) {
      if (part === "\r") this.#column = 0;
      else if (part === "\n") this.#newline();
      else if (part.startsWith("\x1b[")) this.#control(part.at(-1)!, part.slice(2, -1));
      else for (const grapheme of graphemesOf(part)) this.#put(grapheme);
    }
  }

  #control(name: string, digits: string): void {
    if (name === "A") {
      const target = this.#row - Number(digits);
      if (target < this.scrolled) throw new Error(`row ${target} is above the screen`);
      this.#row = target;
    } else if (name === "J") {
      this.rows.length = this.#row + 1;
      this.rows[this.#row] = this.#left();
      if (this.#column === 0) this.dim = "";
    } else if (name === "K") {
      this.rows[this.#row] = this.#left();
    } else if (name === "m") {
      this.#isDim = digits === "2";
    } else throw new Error(`unknown control ${digits}${name}`);
  }

  #left(): string {
    let [text, columns] = ["", 0];
    for (const grapheme of graphemesOf(this.rows[this.#row]!)) {
      if (columns >= this.#column) break;
      text += grapheme;
      columns += columnsOf(grapheme);
    }
    return text + " ".repeat(Math.max(0, this.#column - columns));
  }

  #put(grapheme: string): void {
    const columns = columnsOf(grapheme);
    if (this.#column + columns > this.width) this.#newline();
    this.rows[this.#row] = this.#left() + grapheme;
    this.#column += columns;
    if (this.#isDim) this.dim += grapheme;
  }

  #newline(): void {
    this.#row++;
    this.#column = 0;
    this.rows[this.#row] ??= "";
  }
}
