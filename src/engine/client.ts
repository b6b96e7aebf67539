/** The main thread's side of the engine: starts the worker, turns its messages into promises. */

import { InputError, InternalError, ModelError, UsageError } from "../errors.ts";
import type { DecodeRequest, DecodeResult, DecodeToken, Engine, ModelInfo, Weights } from "./engine.ts";
import { Native, placeLibrary, type SessionHandle, STATUS } from "./native.ts";
import type { FromWorker, ModelSource, ToWorker } from "./worker.ts";

export type EngineOptions = {
  /** The native library's bytes. */
  readonly library: Uint8Array;
  readonly model: ModelSource;
  /** 0: as many as the machine has physical cores, within the container's limits. */
  readonly threads: number;
  readonly weights: Weights;
  /** Where packed weights are kept; undefined: they are made in memory every time. */
  readonly cacheFolder: string | undefined;
  /** Hears now and then how far a packing is, 0 to 1. */
  readonly onPacking?: (share: number) => void;
};

/** Loads the model in a thread of its own. Throws ModelError where it cannot be used. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const library = placeLibrary(options.library);
  // In the executable all modules are one, at the place of src/main.ts; the worker is its own entry beside it.
  const path = Bun.isStandaloneExecutable ? "./engine/worker.ts" : "./worker.ts";
  const worker = new Worker(new URL(path, import.meta.url).href);
  const native = new Native(library);
  const engine = new WorkerEngine(worker, native);
  const { model, threads, weights, cacheFolder = "", onPacking } = options;
  const report = () => native.packingShare() > 0 && onPacking?.(native.packingShare());
  const timer = setInterval(report, 200);
  try {
    await engine.open({ type: "open", library, model, threads, weights, cacheFolder });
  } finally {
    clearInterval(timer);
  }
  return engine;
}

type Pending = {
  readonly resolve: (result: DecodeResult) => void;
  readonly reject: (error: Error) => void;
  readonly onToken: (token: DecodeToken) => void;
};

class WorkerEngine implements Engine {
  info!: ModelInfo;
  description: unknown;
  readonly #worker: Worker;
  readonly #native: Native;
  readonly #sessions: SessionHandle[] = [];
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #isClosed = false;
  /** Settles on the answer to open or close. */
  #answer: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(worker: Worker, native: Native) {
    this.#worker = worker;
    this.#native = native;
    worker.onmessage = (event: MessageEvent<FromWorker>) => this.#receive(event.data);
    worker.onerror = (event) => this.#failAll(new InternalError(`engine thread: ${event.message}`));
  }

  async open(message: ToWorker): Promise<void> {
    this.#worker.postMessage(message);
    await this.#answer.promise;
  }

  decode(request: DecodeRequest, onToken: (token: DecodeToken) => void): Promise<DecodeResult> {
    const { promise, resolve, reject } = Promise.withResolvers<DecodeResult>();
    const id = ++this.#lastId;
    this.#pending.set(id, { resolve, reject, onToken });
    const samples = request.samples.slice(); // A view would take its whole recording along.
    const message: ToWorker = { type: "decode", id, request: { ...request, samples } };
    this.#worker.postMessage(message, [samples.buffer]);
    return promise;
  }

  /** The flags stop what runs, the message what waits and what the flags came too late or too early for. */
  cancel(): void {
    if (this.#pending.size === 0) return;
    this.#sessions.forEach((session) => this.#native.cancel(session));
    this.#worker.postMessage({ type: "cancel" } satisfies ToWorker);
  }

  /** terminate() during a native call would not be safe; after the answer nothing runs. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#answer = Promise.withResolvers();
    this.#worker.postMessage({ type: "close" } satisfies ToWorker);
    await this.#answer.promise;
    this.#worker.terminate();
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case "opened":
        this.info = message.info;
        this.description = message.description;
        return this.#answer.resolve();
      case "session":
        return void this.#sessions.push(message.session as SessionHandle);
      case "token":
        return this.#pending.get(message.id)?.onToken(message.token);
      case "done":
        return this.#settle(message.id)?.resolve(message.result);
      case "closed":
        return this.#answer.resolve();
      case "failed":
        if (message.id === undefined) return this.#answer.reject(failure(message));
        return this.#settle(message.id)?.reject(failure(message));
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #failAll(error: Error): void {
    this.#answer.reject(error);
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(error);
  }
}

/** What the user can mend becomes a UserError: the model's files, the options and environment, the memory. */
export function failure({ message, status }: Extract<FromWorker, { type: "failed" }>): Error {
  switch (status) {
    case STATUS.model:
      return new ModelError(message);
    case STATUS.invalid:
      return new UsageError(message);
    case STATUS.memory:
    case STATUS.tooLong:
      return new InputError(message);
    default:
      return new InternalError(message);
  }
}
