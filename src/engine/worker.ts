/**
 * The engine's thread: messages in, messages out. It opens the model, hands requests to the scheduler, and gives it
 * turn after turn while there is work; messages are taken between two turns, so none waits longer than one native call.
 */

import { EngineError, type ModelHandle, Native } from "./native.ts";
import { openModel } from "./model_source.ts";
import type { HearingFacts } from "./hearing.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";
import { idleMs, Scheduler } from "./scheduler.ts";

declare const self: Worker;

let native: Native | undefined;
let model: ModelHandle;
let scheduler: Scheduler;
let isRunning = false;
let isClosed = false;
let resting: ReturnType<typeof setTimeout> | undefined;

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "open") return await open(data);
  receive(data);
  if (data.type !== "close") await run();
};

function post(message: FromWorker): void {
  self.postMessage(message);
}

async function open(message: Extract<ToWorker, { type: "open" }>): Promise<void> {
  const { library, model: source, threads, weights, cacheFolder, progress, listenersMax } = message;
  try {
    native = new Native(library);
    model = await openModel(native, source, { threads, weights, cacheFolder, progress: new Uint32Array(progress) });
    const info = native.info(model);
    const description = native.describe(model);
    const facts = description as HearingFacts;
    const now = () => performance.now();
    scheduler = new Scheduler({ library: native, model, info, facts, listenersMax, now, post });
    post({ type: "opened", info, description });
  } catch (error) {
    native?.close();
    const status = error instanceof EngineError ? error.status : 0;
    post({ type: "unopened", message: error instanceof Error ? error.message : String(error), status });
  }
}

function receive(message: Exclude<ToWorker, { type: "open" }>): void {
  switch (message.type) {
    case "memory":
      return scheduler.setMemory(message.bytes);
    case "decode":
      return scheduler.decode(message.id, message.request);
    case "align":
      return scheduler.align(message.id, message.request);
    case "listen":
      return scheduler.listen(message.id, message.options);
    case "hear":
      return scheduler.hear(message.id, message.listener, message.request);
    case "unlisten":
      return scheduler.unlisten(message.id, message.listener);
    case "cancel":
      return scheduler.cancel(message.id);
    case "close":
      return close();
  }
}

/** Gives turns until nothing is left to do. */
async function run(): Promise<void> {
  if (isRunning) return;
  isRunning = true;
  clearTimeout(resting);
  try {
    // Messages are taken between turns, the one that closes among them.
    while (!isClosed && scheduler.turn()) await new Promise((resolve) => setImmediate(resolve));
    if (!isClosed) resting = setTimeout(() => scheduler.rest(), idleMs);
  } finally {
    isRunning = false;
  }
}

function close(): void {
  isClosed = true;
  clearTimeout(resting);
  scheduler.close();
  native!.closeModel(model);
  native!.close();
  post({ type: "closed" });
}
