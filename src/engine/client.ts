/** The main thread's side of the engine: starts the worker, turns its messages into promises. */

import { InputError, InternalError, ModelError, UsageError } from "../errors.ts";
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
import { Native, placeLibrary, type SessionHandle, STATUS } from "./native.ts";
import type { ModelSource } from "./model_source.ts";
import type { FromWorker, ToWorker } from "./worker.ts";

export type EngineOptions = {
  /** Reads the native library. */
  readonly library: () => Promise<Uint8Array>;
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
  // In the executable all modules are one, at the place of src/main.ts; the worker is its own entry beside it.
  const path = Bun.isStandaloneExecutable ? "./engine/worker.ts" : "./worker.ts";
  const worker = new Worker(new URL(path, import.meta.url).href);
  try {
    const library = placeLibrary(await options.library()); // While the worker starts.
    return await openModel(worker, library, options);
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

async function openModel(worker: Worker, library: string, options: EngineOptions): Promise<Engine> {
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

/** A question to the worker: of what it answers, each kind of question knows its own. */
type Pending = {
  readonly resolve: (answer: FromWorker) => void;
  readonly reject: (error: Error) => void;
  readonly onToken: (token: DecodeToken) => void;
};

type Answer<Type extends FromWorker["type"]> = Extract<FromWorker, { type: Type }>;

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

  async decode(request: DecodeRequest, onToken: (token: DecodeToken) => void): Promise<DecodeResult> {
    const samples = request.samples.slice(); // A view would take its whole recording along.
    const message = (id: number): ToWorker => ({ type: "decode", id, request: { ...request, samples } });
    return (await this.#ask<"done">(message, [samples.buffer], onToken)).result;
  }

  async align(request: AlignRequest): Promise<AlignResult> {
    const samples = request.samples.slice();
    const message = (id: number): ToWorker => ({ type: "align", id, request: { ...request, samples } });
    return (await this.#ask<"aligned">(message, [samples.buffer])).result;
  }

  async listen(options: ListenOptions): Promise<Listener> {
    const { id, session } = await this.#ask<"listening">((id) => ({ type: "listen", id, options }));
    const handle = session as SessionHandle;
    this.#sessions.push(handle);
    const hear = async (request: HearRequest): Promise<HearResult> => {
      const samples = request.samples.slice();
      const message = (own: number): ToWorker => ({
        type: "hear",
        id: own,
        listener: id,
        request: { ...request, samples },
      });
      return (await this.#ask<"heard">(message, [samples.buffer])).result;
    };
    const close = async (): Promise<void> => {
      this.#sessions.splice(this.#sessions.indexOf(handle), 1); // It must not be cancelled any more.
      if (!this.#isClosed) await this.#ask<"unlistened">((own) => ({ type: "unlisten", id: own, listener: id }));
    };
    return new OneAtATime(hear, close);
  }

  #ask<Type extends FromWorker["type"]>(
    message: (id: number) => ToWorker,
    transfer: ArrayBuffer[] = [],
    onToken: Pending["onToken"] = () => {},
  ): Promise<Answer<Type>> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer<Type>>();
    const id = ++this.#lastId;
    this.#pending.set(id, { resolve: resolve as Pending["resolve"], reject, onToken });
    this.#worker.postMessage(message(id), transfer);
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
      case "listening":
      case "heard":
      case "unlistened":
      case "aligned":
        return this.#settle(message.id)?.resolve(message);
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

/** A listener as the program sees it: refuses a call during another. */
class OneAtATime implements Listener {
  readonly #hear: Listener["hear"];
  readonly #close: Listener["close"];
  #state: "free" | "busy" | "closed" = "free";

  constructor(hear: Listener["hear"], close: Listener["close"]) {
    this.#hear = hear;
    this.#close = close;
  }

  async hear(request: HearRequest): Promise<HearResult> {
    if (this.#state !== "free") throw new InternalError(`hear: the listener is ${this.#state}`);
    this.#state = "busy";
    try {
      return await this.#hear(request);
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
