/**
 * The progress line of a run on a terminal: files done, the current file, its share, speed, time left. In: what is
 * heard. Out: one line that is drawn over.
 */

import { fittingLine, formatDuration } from "../model/hub/progress.ts";

export type ProgressPlace = {
  /** Shows the line in place of the one before; undefined: none. */
  draw(line: string | undefined): void;
  /** The width of the terminal. */
  columns(): number | undefined;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** A run that is over sooner draws nothing. */
  readonly delayMs: number;
};

const redrawMs = 200;

export class RunProgress {
  readonly #place: ProgressPlace;
  readonly #filesCount: number;
  #filesDone = 0;
  #name = "";
  /** Seconds of audio: of the current file, of those that are done. */
  #fileSec = 0;
  #heardSec = 0;
  #doneSec = 0;
  /** Of the current file, by an earlier run; it tells nothing of the speed. */
  #knownSec = 0;
  #knownDoneSec = 0;
  #startedMs: number | undefined;
  #drawnMs = -Infinity;
  #isDrawn = false;

  constructor(place: ProgressPlace, filesCount: number) {
    this.#place = place;
    this.#filesCount = filesCount;
  }

  /** A file's turn has come. `knownSec` of it was heard by an earlier run. */
  begin(name: string, fileSec: number, knownSec = 0): void {
    [this.#name, this.#fileSec, this.#heardSec, this.#knownSec] = [name, fileSec, knownSec, knownSec];
    this.#startedMs ??= this.#place.now();
    this.#draw(true);
  }

  /** So many seconds of the current file are heard. */
  heard(seconds: number): void {
    this.#heardSec = seconds;
    this.#draw(false);
  }

  /** The current file is over, or has failed. */
  over(): void {
    this.#filesDone++;
    this.#doneSec += this.#heardSec;
    this.#knownDoneSec += this.#knownSec;
    [this.#fileSec, this.#heardSec, this.#knownSec] = [0, 0, 0];
  }

  /** Makes place for a line. */
  hide(): void {
    if (this.#isDrawn) this.#place.draw(undefined);
    this.#isDrawn = false;
  }

  show(): void {
    if (this.#startedMs !== undefined) this.#draw(true);
  }

  /** The line is gone for good. */
  end(): void {
    this.hide();
    this.#startedMs = undefined;
  }

  #draw(isForced: boolean): void {
    const now = this.#place.now();
    if (this.#startedMs === undefined || now - this.#startedMs < this.#place.delayMs) return;
    if (!isForced && now - this.#drawnMs < redrawMs) return;
    this.#drawnMs = now;
    this.#isDrawn = true;
    this.#place.draw(fittingLine(this.#parts(now), this.#place.columns()));
  }

  #parts(now: number): string[] {
    const share = this.#fileSec > 0 ? Math.floor(100 * this.#heardSec / this.#fileSec) : 0;
    const count = this.#filesCount > 1 ? `${this.#filesDone}/${this.#filesCount} ` : "";
    const elapsedSec = (now - this.#startedMs!) / 1000;
    const newSec = this.#doneSec + this.#heardSec - this.#knownDoneSec - this.#knownSec;
    const speed = elapsedSec > 0 ? newSec / elapsedSec : 0;
    const parts = [`${count}${this.#name} ${share} %`];
    if (speed > 0) {
      const left = formatDuration(Math.max(0, this.#leftSec()) / speed);
      parts.push(`${speed.toFixed(speed < 10 ? 1 : 0)}x real time`, `${left} left`);
    }
    return parts;
  }

  /** Audio that is still to be heard; files of unknown length are taken for average ones. */
  #leftSec(): number {
    const files = this.#filesCount - this.#filesDone - (this.#fileSec > 0 ? 1 : 0);
    const known = this.#filesDone + (this.#fileSec > 0 ? 1 : 0);
    const average = (this.#doneSec + this.#fileSec) / Math.max(1, known);
    return this.#fileSec - this.#heardSec + Math.max(0, files) * average;
  }
}
