/**
 * Reads ahead of whoever takes: a source of sample blocks in, the same blocks out, bounded in between. No I/O of its
 * own.
 *
 * The reader runs while a chunk is decoded, so a pipe is emptied in time; beyond `samplesMax` it waits, and the pipe's
 * writer with it. Nothing is dropped.
 */

export type SampleSource = {
  /** The next samples, never none; undefined at the end. */
  next(): Promise<Float32Array | undefined>;
};

export class SampleQueue {
  #blocks: Float32Array[] = [];
  #count = 0;
  #isOver = false;
  #isStopped = false;
  /** Why the source ended early. */
  failure: unknown;
  /** Settles when something was added or the end came, and when something was taken. */
  #changed = Promise.withResolvers<void>();

  constructor(readonly source: SampleSource, readonly samplesMax: number) {
    this.#pump();
  }

  /** Samples that were read and not taken. */
  get count(): number {
    return this.#count;
  }

  /** The next block; undefined at the end, also where the source failed. */
  async take(): Promise<Float32Array | undefined> {
    for (;;) {
      const block = this.#blocks.shift();
      if (block) {
        this.#count -= block.length;
        this.#notify();
        return block;
      }
      if (this.#isOver || this.#isStopped) return undefined;
      await this.#changed.promise;
    }
  }

  /** No more is read: what is there is all. */
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
