/**
 * Estimates how long a step takes by the number of its rows: a straight line through the times of the last steps, which
 * is near enough, and which every step improves for all numbers of rows. Pure.
 */

import { assert } from "../errors.ts";

/** A pass with live rows may take this many times as long as it takes without the others. */
const costMax = 1.3;
/** Before anything is measured, every row beyond the first costs this share of one row's step: four rows cost 1.3. */
const rowCost = 0.1;
/** The weight of that assumption against measurements, in rows squared. */
const priorWeight = 0.5;
/** A step's weight relative to the next one: about the last 30 count. */
const decay = 0.97;
/** A time counts at most this many times the estimate: the system may have been busy with something else. */
const outlier = 3;

export class Pace {
  #weight = 0;
  #rows = 0;
  #ms = 0;
  /** Weighted sums of squares around the means above. */
  #rowsRows = 0;
  #rowsMs = 0;

  constructor(readonly rowsMax: number) {}

  record(rows: number, ms: number): void {
    assert(rows >= 1 && rows <= this.rowsMax, `pace: a step of ${rows} rows`);
    const time = this.#weight === 0 ? ms : Math.min(ms, outlier * this.estimate(rows));
    const before = decay * this.#weight;
    this.#weight = before + 1;
    const share = 1 / this.#weight;
    const [fromRows, fromMs] = [rows - this.#rows, time - this.#ms];
    this.#rows += share * fromRows;
    this.#ms += share * fromMs;
    this.#rowsRows = decay * this.#rowsRows + before * share * fromRows * fromRows;
    this.#rowsMs = decay * this.#rowsMs + before * share * fromRows * fromMs;
  }

  /** Milliseconds of a step; before anything is measured, in units of one row's. */
  estimate(rows: number): number {
    if (this.#weight === 0) return 1 + rowCost * (rows - 1);
    const expected = rowCost * this.#ms / (1 + rowCost * (this.#rows - 1));
    const slope = (this.#rowsMs + priorWeight * expected) / (this.#rowsRows + priorWeight);
    const least = this.#ms / this.rowsMax;
    return Math.max(least, this.#ms + Math.max(0, slope) * (rows - this.#rows));
  }

  /** The most rows of a step with `live` live ones: it may take 1.3 times as long as those alone; at least `live`. */
  rowsBeside(live: number): number {
    const most = costMax * this.estimate(live) * (1 + 1e-9); // In floating point, four times 0.1 is not quite 0.4.
    let rows = live;
    while (rows < this.rowsMax && this.estimate(rows + 1) <= most) rows++;
    return rows;
  }
}
