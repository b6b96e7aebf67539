/** The messages between the main thread (client.ts) and the engine's thread (worker.ts). Types alone. */

import type {
  AlignRequest,
  AlignResult,
  DecodeRequest,
  DecodeResult,
  DecodeToken,
  HearRequest,
  HearResult,
  ListenOptions,
  ModelInfo,
  Weights,
} from "./engine.ts";
import type { ModelSource } from "./model_source.ts";

/** `id` names a request for its answers and its cancelling; every message that gets an answer has one of its own. */
export type ToWorker =
  | {
    readonly type: "open";
    readonly library: string;
    readonly model: ModelSource;
    readonly threads: number;
    readonly weights: Weights;
    /** Where packed weights are kept, "" for nowhere. */
    readonly cacheFolder: string;
    /** A word of shared memory with how far the packing is, 0 to 1000. */
    readonly progress: SharedArrayBuffer;
    readonly listenersMax: number;
  }
  /** Bytes that may be used from now on; Infinity: no limit. Sent after opening, when the weights are in memory. */
  | { readonly type: "memory"; readonly bytes: number }
  | { readonly type: "decode"; readonly id: number; readonly request: DecodeRequest }
  | { readonly type: "align"; readonly id: number; readonly request: AlignRequest }
  | { readonly type: "listen"; readonly id: number; readonly options: ListenOptions }
  /** `listener`: the id it was opened with. */
  | { readonly type: "hear"; readonly id: number; readonly listener: number; readonly request: HearRequest }
  | { readonly type: "unlisten"; readonly id: number; readonly listener: number }
  /** Ends one decode, hear or alignment; harmless after its end. */
  | { readonly type: "cancel"; readonly id: number }
  | { readonly type: "close" };

/** The answers to one request: any number of tokens, then one of the others. */
export type Answer =
  | { readonly type: "token"; readonly id: number; readonly token: DecodeToken }
  | { readonly type: "done"; readonly id: number; readonly result: DecodeResult }
  | { readonly type: "aligned"; readonly id: number; readonly result: AlignResult }
  | { readonly type: "listening"; readonly id: number }
  | { readonly type: "heard"; readonly id: number; readonly result: HearResult }
  | { readonly type: "unlistened"; readonly id: number }
  /** `status` as in qwen_asr.h, 0 for errors of the host. */
  | { readonly type: "failed"; readonly id: number; readonly message: string; readonly status: number };

export type FromWorker =
  | Answer
  | { readonly type: "opened"; readonly info: ModelInfo; readonly description: unknown }
  | { readonly type: "unopened"; readonly message: string; readonly status: number }
  | { readonly type: "closed" };
