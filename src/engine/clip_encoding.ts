/** The samples of one request on their way through an encoder, slice by slice, to the rows that a prompt takes. */

import { assert } from "../errors.ts";
import { release } from "../memory.ts";
import { type Shared, sliceMs } from "./job.ts";
import type { EncoderHandle } from "./native.ts";

export class ClipEncoding {
  /** What was encoded, for the request's result. */
  readonly counts = { audioTokens: 0, encodeMs: 0 };
  #encoder: EncoderHandle | undefined;
  #rows: Float32Array | undefined;

  constructor(readonly shared: Shared) {}

  /** The encoder copies the samples, so theirs is given back. */
  begin(encoder: EncoderHandle, samples: Float32Array, windowFrames: number): void {
    const { library, now } = this.shared;
    const began = now();
    this.#encoder = encoder;
    library.encodeBegin(encoder, samples, windowFrames);
    release(samples);
    this.counts.encodeMs += now() - began;
  }

  /** Runs a slice. Returns true once all rows are there. */
  run(): boolean {
    const { library, info, now } = this.shared;
    const began = now();
    assert(this.#encoder, "no clip is being encoded");
    const isDone = library.encodeRun(this.#encoder, sliceMs);
    if (isDone) {
      this.#rows = library.encodeRows(this.#encoder, info.hidden);
      this.counts.audioTokens = this.#rows.length / info.hidden;
      this.#encoder = undefined;
    }
    this.counts.encodeMs += now() - began;
    return isDone;
  }

  /** The rows, which are not held from then on: the library copies them. */
  takeRows(): Float32Array {
    assert(this.#rows, "the clip's rows are not there, or were taken");
    const rows = this.#rows;
    this.#rows = undefined;
    return rows;
  }
}
