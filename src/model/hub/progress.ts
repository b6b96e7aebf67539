/**
 * Shows how far a download is: on a terminal with a line that is rewritten, elsewhere with a line per finished file.
 * In: offsets per file and a clock. Out: text for standard error.
 */

export type ProgressOptions = {
  readonly label: string;
  readonly totalBytes: number;
  /** Bytes of files that were there before. */
  readonly doneBytes?: number;
  readonly isTerminal: boolean;
  /** How wide the terminal is now; undefined: not known. */
  readonly columns?: () => number | undefined;
  readonly write: (text: string) => void;
  /** Called with the bytes that are there and those of all files, as they come. */
  readonly onBytes?: (done: number, total: number) => void;
  /** A clock that never goes back, in ms. */
  readonly now?: () => number;
};

const redrawMs = 200;
/** The speed is that of the last seconds: that of an hour ago says nothing about the time left. */
const speedWindowMs = 10_000;

export class Progress {
  #finishedBytes: number;
  #fileBytes: number | undefined;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #drawnWidth = 0;
  #samples: { atMs: number; bytes: number }[] = [];

  constructor(readonly options: ProgressOptions) {
    this.#finishedBytes = options.doneBytes ?? 0;
  }

  /** The current file has this many bytes. Bytes found on disk count as done, but not towards the speed. */
  offset(bytes: number): void {
    const isJump = this.#fileBytes === undefined || bytes < this.#fileBytes;
    this.#fileBytes = bytes;
    if (isJump) this.#samples = [];
    this.#sample();
    this.#tell();
    this.#draw(false);
  }

  /** The current file is verified. */
  finished(name: string, size: number): void {
    this.#finishedBytes += size;
    this.#fileBytes = undefined;
    this.#samples = [];
    this.#tell();
    if (this.options.isTerminal) this.#draw(true);
    else this.note(`${name}: ${formatBytes(size)}, checked`);
  }

  /** Prints a line of its own. */
  note(text: string): void {
    this.clear();
    this.options.write(`${text}\n`);
  }

  /** Leaves the line as it is and starts the next. */
  end(): void {
    if (this.#drawnWidth > 0) this.options.write("\n");
    this.#drawnWidth = 0;
  }

  /** Erases the line. */
  clear(): void {
    const width = Math.min(this.#drawnWidth, lineWidth(this.options.columns?.()));
    if (width > 0) this.options.write(`\r${" ".repeat(width)}\r`);
    this.#drawnWidth = 0;
  }

  #now(): number {
    return this.options.now?.() ?? performance.now();
  }

  #tell(): void {
    this.options.onBytes?.(this.#doneBytes(), this.options.totalBytes);
  }

  #doneBytes(): number {
    return this.#finishedBytes + (this.#fileBytes ?? 0);
  }

  #sample(): void {
    const atMs = this.#now();
    const last = this.#samples.at(-1);
    // One sample per redraw is enough, whatever the size of the pieces.
    if (last && this.#samples.length > 1 && atMs - this.#samples.at(-2)!.atMs < redrawMs) this.#samples.pop();
    this.#samples.push({ atMs, bytes: this.#doneBytes() });
    while (this.#samples.length > 2 && atMs - this.#samples[0]!.atMs > speedWindowMs) this.#samples.shift();
  }

  #bytesPerSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.atMs - first.atMs < redrawMs) return 0;
    return (last.bytes - first.bytes) * 1000 / (last.atMs - first.atMs);
  }

  #draw(isForced: boolean): void {
    if (!this.options.isTerminal) return;
    const now = this.#now();
    if (!isForced && now - this.#drawnAt < redrawMs) return;
    this.#drawnAt = now;
    const line = fittingLine(this.#parts(), this.options.columns?.());
    const width = lineWidth(this.options.columns?.());
    this.options.write(`\r${line.padEnd(Math.min(this.#drawnWidth, width))}`);
    this.#drawnWidth = line.length;
  }

  #parts(): string[] {
    const { label, totalBytes } = this.options;
    const done = this.#doneBytes();
    const percent = totalBytes === 0 ? 100 : Math.floor(100 * done / totalBytes);
    const speed = this.#bytesPerSecond();
    const parts = [`${label}: ${percent} %`, `${formatBytes(done)} of ${formatBytes(totalBytes)}`];
    if (speed > 0) parts.push(`${formatBytes(speed)}/s`, `${formatDuration((totalBytes - done) / speed)} left`);
    return parts;
  }
}

/** A line that is rewritten must not reach the last column: the terminal would go to the next, and scroll. */
function lineWidth(columns = 80): number {
  return Math.max(1, (columns || 80) - 1);
}

/** As many of the parts, joined with commas, as a terminal of this width shows in a line; at least a bit of one. */
export function fittingLine(parts: readonly string[], columns?: number): string {
  const width = lineWidth(columns);
  const count = parts.findLastIndex((_, index) => parts.slice(0, index + 1).join(", ").length <= width) + 1;
  return parts.slice(0, Math.max(1, count)).join(", ").slice(0, width);
}

/** 1_880_000_000 -> "1.88 GB". Decimal units, as hubs and disks use them. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${units[unit]}`;
}

/** 3723 -> "1:02:03". */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(Math.min(seconds, 359_999));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
