/**
 * Live text on a terminal: settled text in lines that break between words, and behind it, dim, what may still change.
 * In: text that is final, and the tail. Out: bytes for the terminal.
 *
 * Only the last row of the settled text and the tail are ever drawn again, in place; everything above stays as it is.
 * They never fill the screen, so drawing does not scroll. A row leaves its last column empty, because terminals differ
 * in where the cursor stands behind it.
 */

import { columnsOf, graphemesOf } from "../subtitles/width.ts";
import type { TextWriter } from "../writer.ts";
import type { Screen } from "./terminal.ts";
import { Wrapper } from "./wrap.ts";

export class LiveText implements TextWriter {
  readonly #wrapper: Wrapper;
  #tail = "";
  /** The widths of the rows that are drawn and may be drawn again; none: nothing is. */
  #drawn: readonly number[] = [];

  constructor(readonly out: TextWriter, readonly screen: Screen) {
    this.#wrapper = new Wrapper(() => this.#columns());
  }

  /** Text that is final, and what may follow it from now on. */
  write(text: string, tail = ""): void {
    this.#tail = tail;
    const { row } = this.#wrapper;
    this.out.write(this.#erased() + row + this.#wrapper.push(text) + this.#drawnTail());
  }

  /** What may follow the final text. */
  tail(text: string): void {
    this.#tail = text;
    this.show();
  }

  /** Makes place for other lines. */
  hide(): void {
    this.out.write(this.#erased());
  }

  /** Draws what was hidden. */
  show(): void {
    this.out.write(this.#erased() + this.#wrapper.row + this.#drawnTail());
  }

  /** Nothing follows the final text any more. */
  close(): void {
    this.#tail = "";
    this.show();
  }

  drained(): Promise<void> {
    return this.out.drained();
  }

  #columns(): number {
    return Math.max(1, this.screen.columns() - 1);
  }

  /** Moves to where the last row of the settled text began. A terminal that became narrower has broken rows in two. */
  #erased(): string {
    const columns = Math.max(1, this.screen.columns());
    const rows = this.#drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    this.#drawn = [];
    if (rows === 0) return "";
    return `\r${rows > 1 ? `\x1b[${rows - 1}A` : ""}\x1b[J`;
  }

  /** The tail behind the last row of the settled text, and a note of what is drawn. */
  #drawnTail(): string {
    const { row } = this.#wrapper;
    const rows = this.#fitting(`${row}${this.#wrapper.preview(this.#tail)}`.split("\n"));
    const text = rows.join("\n").slice(row.length);
    if (row + text === "") return "";
    this.#drawn = rows.map(columnsOf);
    return text !== "" && this.screen.dims ? `\x1b[2m${text}\x1b[22m` : text;
  }

  /** As many rows as the screen has, less the one that the next line needs. */
  #fitting(rows: readonly string[]): readonly string[] {
    const count = Math.max(1, this.screen.rows() - 1);
    const last = rows[count - 1];
    if (rows.length <= count || last === undefined) return rows;
    const isFull = columnsOf(last) >= this.#columns();
    return [...rows.slice(0, count - 1), `${isFull ? graphemesOf(last).slice(0, -1).join("") : last}\u2026`];
  }
}
