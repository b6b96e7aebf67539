/**
 * A bounded queue that reads ahead of its consumer. In: a source of sample blocks. Out: the same blocks. No I/O of its
 * own.
 *
 * The reader runs while a chunk is decoded, so a pipe is emptied in time. Once `samplesMax` are held, the reader waits,
 * and so does the writer of the pipe. Nothing is dropped.
 */

export type SampleSource = {
  /** The next samples, never empty; undefined at the end. */
  next(): Promise<Float32Array | undefined>;
};

export class SampleQueue {
  #blocks: Float32Array[] = [];
  #count = 0;
  #isOver = false;
  #isStopped = false;
  /** Why the source ended early. */
  failure: unknown;
  /** Settled when something was added, taken, or the source ended. */
  #changed = Promise.withResolvers<void>();

  constructor(readonly source: SampleSource, readonly samplesMax: number) {
    this.#pump();
  }

  /** Samples that were read and not taken yet. */
  get count(): number {
    return this.#count;
  }

  /**
   * The next block; undefined at the end, also if the source failed (see `failure`); "stalled" where `waitMs` is given
   * and nothing comes for so long.
   */
  async take(waitMs?: number): Promise<Float32Array | "stalled" | undefined> {
    let isLate = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      for (;;) {
        const block = this.#blocks.shift();
        if (block) {
          this.#count -= block.length;
          this.#notify();
          return block;
        }
        if (this.#isOver || this.#isStopped) return undefined;
        if (isLate) return "stalled";
        if (waitMs !== undefined) {
          timer ??= setTimeout(() => {
            isLate = true;
            this.#notify();
          }, waitMs);
        }
        await this.#changed.promise;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Stops reading: what was read so far can still be taken. */
  stop(): void {
    this.#isStopped = true;
    this.#notify();
  }

  async #pump(): Promise<void> {
    try {
      while (!this.#isStopped) {
        const block = await this.source.next();
        if (block === undefined || this.#isStopped) break;
        this.#blocks.push(block);
        this.#count += block.length;
        this.#notify();
        while (this.#count >= this.samplesMax && !this.#isStopped) await this.#changed.promise;
      }
    } catch (error) {
      if (!this.#isStopped) this.failure = error;
    }
    this.#isOver = true;
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
