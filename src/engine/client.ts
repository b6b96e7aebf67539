/** The main thread's side of the engine: starts the worker, turns its messages into promises. */

import { assert, InputError, InternalError, ModelError, ShortageError, UsageError } from "../errors.ts";
import type {
  AlignRequest,
  AlignResult,
  DecodeRequest,
  DecodeResult,
  DecodeToken,
  Engine,
  HearRequest,
  HearResult,
  Listener,
  ListenOptions,
  ModelInfo,
  Weights,
} from "./engine.ts";
import type { ModelSource } from "./model_source.ts";
import { STATUS } from "./native.ts";
import { placedLibrary } from "./place_library.ts";
import type { Answer, FromWorker, ToWorker } from "./protocol.ts";

export type EngineOptions = {
  /** Reads the native library. */
  readonly library: () => Promise<Uint8Array>;
  readonly model: ModelSource;
  /** 0: as many as the machine has physical cores, within the container's limits. */
  readonly threads: number;
  readonly weights: Weights;
  /** The folder of packed weights; undefined: they are made in memory every time. */
  readonly cacheFolder: string | undefined;
  /** Bytes that may still be used, asked for once the model is open; requests get half of them. Absent: no limit. */
  readonly memoryBytes?: () => number;
  /** How many live recordings may be open at a time; absent: 8. */
  readonly listenersMax?: number;
  /** Called now and then with how far the packing is, 0 to 1. */
  readonly onPacking?: (share: number) => void;
};

const defaultListenersMax = 8;

/** Loads the model in a thread of its own. Throws a ModelError if it cannot be used. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  // In the executable all modules are one, at the place of src/main.ts; the worker is a separate entry beside it.
  const path = Bun.isStandaloneExecutable ? "./engine/worker.ts" : "./worker.ts";
  const worker = new Worker(new URL(path, import.meta.url).href);
  const engine = new WorkerEngine(worker);
  try {
    const library = await placedLibrary(options.library); // Meanwhile the worker starts.
    await openModel(engine, library, options);
    return engine;
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

async function openModel(engine: WorkerEngine, library: string, options: EngineOptions): Promise<void> {
  const { model, threads, weights, cacheFolder = "", listenersMax = defaultListenersMax, onPacking } = options;
  const progress = new SharedArrayBuffer(Uint32Array.BYTES_PER_ELEMENT);
  const [permille] = [new Uint32Array(progress)];
  const report = () => permille[0]! > 0 && onPacking?.(permille[0]! / 1000);
  const timer = setInterval(report, 200);
  try {
    await engine.open({ type: "open", library, model, threads, weights, cacheFolder, progress, listenersMax });
  } finally {
    clearInterval(timer);
  }
  if (options.memoryBytes) engine.send({ type: "memory", bytes: options.memoryBytes() });
}

/** A request that the worker has; each kind knows which answer ends it. */
type Pending = {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly onToken: (token: DecodeToken) => void;
};

type AnswerOf<Type extends Answer["type"]> = Extract<Answer, { type: Type }>;

class WorkerEngine implements Engine {
  info!: ModelInfo;
  description: unknown;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #closing: Promise<void> | undefined;
  /** Settled by the answer to open or close. */
  #answer: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = (event: MessageEvent<FromWorker>) => this.#receive(event.data);
    worker.onerror = (event) => this.#failAll(new InternalError(`engine thread: ${event.message}`));
  }

  async open(message: ToWorker): Promise<void> {
    this.send(message);
    await this.#answer.promise;
  }

  send(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  async decode(
    request: DecodeRequest,
    onToken: (token: DecodeToken) => void,
    signal?: AbortSignal,
  ): Promise<DecodeResult> {
    const samples = request.samples.slice(); // Transferring a view would take its whole recording along.
    const message = (id: number): ToWorker => ({ type: "decode", id, request: { ...request, samples } });
    return (await this.#ask<"done">(message, { transfer: [samples.buffer], signal, onToken })).result;
  }

  async align(request: AlignRequest, signal?: AbortSignal): Promise<AlignResult> {
    const samples = request.samples.slice();
    const message = (id: number): ToWorker => ({ type: "align", id, request: { ...request, samples } });
    return (await this.#ask<"aligned">(message, { transfer: [samples.buffer], signal })).result;
  }

  async listen(options: ListenOptions): Promise<Listener> {
    const { id: listener } = await this.#ask<"listening">((id) => ({ type: "listen", id, options }));
    const hear = async (request: HearRequest, signal?: AbortSignal): Promise<HearResult> => {
      const samples = request.samples.slice();
      const message = (id: number): ToWorker => ({ type: "hear", id, listener, request: { ...request, samples } });
      return (await this.#ask<"heard">(message, { transfer: [samples.buffer], signal })).result;
    };
    const close = async (): Promise<void> => {
      if (!this.#closing) await this.#ask<"unlistened">((id) => ({ type: "unlisten", id, listener }));
    };
    return new OneAtATime(hear, close);
  }

  /** Sends a request and waits for its answer. The signal makes it end early; it is answered in any case. */
  async #ask<Type extends Answer["type"]>(
    message: (id: number) => ToWorker,
    { transfer = [], signal, onToken = () => {} }: {
      readonly transfer?: ArrayBuffer[];
      readonly signal?: AbortSignal | undefined;
      readonly onToken?: Pending["onToken"];
    } = {},
  ): Promise<AnswerOf<Type>> {
    if (this.#closing) throw new InternalError("the engine is closed");
    const { promise, resolve, reject } = Promise.withResolvers<AnswerOf<Type>>();
    const id = ++this.#lastId;
    this.#pending.set(id, { resolve: resolve as Pending["resolve"], reject, onToken });
    this.send(message(id), transfer);
    const cancel = () => this.send({ type: "cancel", id });
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel);
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Waits for the answer first: terminate() would not be safe during a native call. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#answer = Promise.withResolvers();
    this.send({ type: "close" });
    await this.#answer.promise;
    assert(this.#pending.size === 0, "requests are left after closing");
    this.#worker.terminate();
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case "opened":
        this.info = message.info;
        this.description = message.description;
        return this.#answer.resolve();
      case "unopened":
        return this.#answer.reject(failure(message));
      case "closed":
        return this.#answer.resolve();
      case "token":
        return this.#pending.get(message.id)?.onToken(message.token);
      case "failed":
        return this.#settle(message.id)?.reject(failure(message));
      default:
        return this.#settle(message.id)?.resolve(message);
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

/** A listener as the program sees it: it rejects a call during another. */
class OneAtATime implements Listener {
  readonly #hear: Listener["hear"];
  readonly #close: Listener["close"];
  #state: "free" | "busy" | "closed" = "free";

  constructor(hear: Listener["hear"], close: Listener["close"]) {
    this.#hear = hear;
    this.#close = close;
  }

  async hear(request: HearRequest, signal?: AbortSignal): Promise<HearResult> {
    if (this.#state !== "free") throw new InternalError(`hear: the listener is ${this.#state}`);
    this.#state = "busy";
    try {
      return await this.#hear(request, signal);
    } finally {
      this.#state = "free";
    }
  }

  async close(): Promise<void> {
    if (this.#state === "busy") throw new InternalError("close: the listener is busy");
    if (this.#state === "closed") return;
    this.#state = "closed";
    await this.#close();
  }
}

/** Makes UserErrors of failures that the user can mend: the model's files, options and environment, memory. */
export function failure({ message, status }: { readonly message: string; readonly status: number }): Error {
  switch (status) {
    case STATUS.model:
      return new ModelError(message);
    case STATUS.invalid:
      return new UsageError(message);
    case STATUS.memory:
      return new ShortageError(message);
    case STATUS.tooLong:
    case STATUS.busy:
      return new InputError(message);
    default:
      return new InternalError(message);
  }
}
