/** How long a step takes by the number of its rows: a running estimate, from times as they are measured. Pure. */

import { assert } from "../errors.ts";

/** A pass with a live row may cost this much of what it costs without the others. */
const costMax = 1.3;
/** Until it is measured, every row beyond the first costs this share of one row's step: four rows cost 1.3 of it. */
const rowCost = 0.1;
/** Share of a new time in the estimate, and how many times the estimate it counts at most: the system may pause. */
const newShare = 0.1;
const outlier = 3;

export class Pace {
  /** By rows; 0 where never measured. */
  readonly #ms: Float64Array;

  constructor(readonly rowsMax: number) {
    this.#ms = new Float64Array(rowsMax + 1);
  }

  record(rows: number, ms: number): void {
    assert(rows >= 1 && rows <= this.rowsMax, `pace: a step of ${rows} rows`);
    const before = this.#ms[rows]!;
    this.#ms[rows] = before === 0 ? ms : before + newShare * (Math.min(ms, outlier * before) - before);
  }

  /** Milliseconds of a step, by the nearest number of rows that was measured; without any, in units of one row's. */
  estimate(rows: number): number {
    for (let distance = 0; distance <= this.rowsMax; distance++) {
      for (const known of [rows - distance, rows + distance]) {
        const ms = this.#ms[known] ?? 0;
        if (ms > 0) return ms * relativeCost(rows) / relativeCost(known);
      }
    }
    return relativeCost(rows);
  }

  /** Rows of a step in which `live` of them go first: as many as cost 1.3 of those alone, `live` at least. */
  rowsBeside(live: number): number {
    const most = costMax * this.estimate(live) * (1 + Number.EPSILON * 8);
    let rows = live;
    while (rows < this.rowsMax && this.estimate(rows + 1) <= most) rows++;
    return rows;
  }
}

function relativeCost(rows: number): number {
  return 1 + rowCost * (rows - 1);
}
