/**
 * Measures what the machine gives right now: memory reads and f32 products. Other tenants of a machine come and go, and
 * with them up to half of its bandwidth, so a measurement is compared with this and not with the run's best moment.
 */

import { modelDir } from "../tests/fixtures.ts";
import { libraryPath } from "../tests/native.ts";
import { type ModelHandle, Native } from "../src/engine/native.ts";

export type Moment = {
  /** Bytes a second. */
  readonly read: number;
  /** FLOP a second of 585 rows with a matrix [ffn][hidden]. */
  readonly sgemm: number;
};

/** Several times the size of any last-level cache of a current CPU. */
const mebibytes = 256;
const rows = 585;

export function momentOf(native: Native, model: ModelHandle, shape: { ffn: number; hidden: number }): Moment {
  return {
    read: native.readSpeed(model, mebibytes),
    sgemm: native.sgemmSpeed(model, rows, shape.ffn, shape.hidden),
  };
}

/** The limits for what ran between two moments: the better of both. */
export function between(before: Moment, after: Moment): Moment {
  return { read: Math.max(before.read, after.read), sgemm: Math.max(before.sgemm, after.sgemm) };
}

/** Measures with any number of threads, in this process, with only a tiny model loaded. */
export class Gauge {
  readonly #native = new Native(libraryPath());
  readonly #models = new Map<number, ModelHandle>();

  now(threads: number, shape: { ffn: number; hidden: number }): Moment {
    let model = this.#models.get(threads);
    if (model === undefined) {
      model = this.#native.openFolder(modelDir(), threads, "bf16", "");
      this.#models.set(threads, model);
    }
    return momentOf(this.#native, model, shape);
  }

  close(): void {
    this.#models.forEach((model) => this.#native.closeModel(model));
    this.#models.clear();
  }
}
