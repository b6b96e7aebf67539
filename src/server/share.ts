/**
 * Shares the engine between long recordings. In: an engine. Out: one for each recording, whose decodes wait for a
 * place, the recordings taking turns. The other places are left to short ones, which need not wait for a long decode.
 */

import type { DecodeRequest, DecodeToken, Engine } from "../engine/engine.ts";

export class Share {
  /** Of each recording, what waits; the one whose turn is next comes first. */
  readonly #queues = new Map<object, (() => void)[]>();
  #taken = 0;

  /** Decodes of long recordings at a time. */
  constructor(readonly most: number) {}

  /** The engine as one recording sees it. */
  of(engine: Engine): Engine {
    const recording = {};
    const decode = (request: DecodeRequest, onToken: (token: DecodeToken) => void, signal?: AbortSignal) =>
      this.turn(recording, () => engine.decode(request, onToken, signal));
    return {
      ...{ info: engine.info, description: engine.description, decode },
      listen: (options) => engine.listen(options),
      align: (request, signal) => engine.align(request, signal),
      close: () => engine.close(),
    };
  }

  /** Does `work` when it is the recording's turn. */
  async turn<T>(recording: object, work: () => Promise<T>): Promise<T> {
    await this.#enter(recording);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  /** A cancelled decode gets its place, too, and gives it back at once. */
  async #enter(recording: object): Promise<void> {
    if (this.#taken < this.most) return void this.#taken++;
    await new Promise<void>((resolve) => {
      this.#queues.set(recording, [...(this.#queues.get(recording) ?? []), resolve]);
    });
  }

  #leave(): void {
    const next = this.#queues.entries().next().value;
    if (next === undefined) return void this.#taken--;
    const [recording, [first, ...rest]] = next;
    this.#queues.delete(recording);
    if (rest.length > 0) this.#queues.set(recording, rest); // Behind the others.
    first!();
  }
}
