/**
 * Standard output and the progress line of a run, where both are on one terminal. In: text, and what is heard. Out: the
 * text as ever, and below it one line that is drawn over and is gone at the end.
 *
 * Running text is drawn as live text is, with the progress line for its tail. Whole lines (cues, rows, words) stay as
 * they are: the progress line makes place for them.
 */

import type { TextWriter } from "../writer.ts";
import { LiveText } from "./live_text.ts";
import type { ProgramParts } from "./parts.ts";
import { RunProgress } from "./progress.ts";
import { page } from "./report.ts";

/** What a run writes to standard output: text as it comes, whole lines, or nothing. */
export type Written = "text" | "lines" | undefined;

export type Surface = {
  /** Standard output, for what was said to be written. */
  readonly out: TextWriter;
  readonly progress: RunProgress | undefined;
  /** What makes place for messages. */
  readonly drawing: { hide(): void; show(): void } | undefined;
};

export type SurfaceOptions = {
  readonly written: Written;
  readonly filesCount: number;
  readonly isSilent: boolean;
};

/** A run that is over sooner draws nothing below its text. */
const textDelayMs = 1000;

export function openSurface(
  { terminal, stopwatch: { now } }: Pick<ProgramParts, "terminal" | "stopwatch">,
  { written, filesCount, isSilent }: SurfaceOptions,
): Surface {
  const { stdout, stderr, status, screen, isWatched } = terminal;
  const plain = written === "text" ? page(stdout, terminal) : stdout;
  const nothing: Surface = { out: plain, progress: undefined, drawing: undefined };
  if (!status || isSilent) return nothing;
  const columns = () => status.columns();
  const over: Draw = (line) => stderr.write(line === undefined ? "\r\x1b[K" : `\r${line}\x1b[K`);
  if (!isWatched || written === undefined) {
    const progress = new RunProgress({ draw: over, columns, now, delayMs: 0 }, filesCount);
    return { out: plain, progress, drawing: progress };
  }
  if (written === "text" && !screen?.redraws) return nothing;
  const out = written === "text" ? new TextAbove(new LiveText(stdout, screen!)) : new LinesAbove(stdout, over);
  const place = { draw: (line: string | undefined) => out.draw(line), columns, now, delayMs: textDelayMs };
  return { out, progress: new RunProgress(place, filesCount), drawing: out };
}

/** Shows a line in place of the one before; undefined: none. */
type Draw = (line: string | undefined) => void;

class TextAbove implements TextWriter {
  #line: string | undefined;
  #isLineStart = true;

  constructor(readonly live: LiveText) {}

  write(text: string): void {
    if (text === "") return;
    this.#isLineStart = text.endsWith("\n");
    this.live.write(text, this.#tail());
  }

  draw(line: string | undefined): void {
    this.#line = line;
    this.live.tail(this.#tail());
  }

  hide(): void {
    this.live.hide();
  }

  show(): void {
    this.live.show();
  }

  drained(): Promise<void> {
    return this.live.drained();
  }

  #tail(): string {
    if (this.#line === undefined) return "";
    return this.#isLineStart ? this.#line : `\n${this.#line}`;
  }
}

class LinesAbove implements TextWriter {
  #line: string | undefined;
  #isLineStart = true;

  constructor(readonly out: TextWriter, readonly over: Draw) {}

  write(text: string): void {
    if (text === "") return;
    this.hide();
    this.out.write(text);
    this.#isLineStart = text.endsWith("\n");
    this.show();
  }

  draw(line: string | undefined): void {
    if (line === undefined) this.hide();
    this.#line = line;
    this.show();
  }

  hide(): void {
    if (this.#line !== undefined && this.#isLineStart) this.over(undefined);
  }

  show(): void {
    if (this.#line !== undefined && this.#isLineStart) this.over(this.#line);
  }

  drained(): Promise<void> {
    return this.out.drained();
  }
}
