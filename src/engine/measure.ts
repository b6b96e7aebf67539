/**
 * Measures the engine's stages one by one, on the calling thread, for `qwen-asr bench` and bench/. In: an opened model
 * and samples. Out: milliseconds and counts. Nothing else may run at the same time.
 */

import type { Weights } from "./engine.ts";
import { failure } from "./client.ts";
import { type EncoderHandle, EngineError, type ModelHandle, Native, type SessionHandle } from "./native.ts";
import { type ModelSource, openModel } from "./model_source.ts";
import { placedLibrary } from "./place_library.ts";

/** The parts of `qasr_model_info` that say what a stage costs. */
export type Dimensions = {
  readonly name: string;
  readonly isa: string;
  readonly blas: string;
  readonly threads: number;
  readonly hidden: number;
  readonly audio: {
    readonly mel_bins: number;
    readonly d_model: number;
    readonly layers: number;
    readonly ffn: number;
    readonly output_dim: number;
    readonly conv_channels: number;
    readonly window_frames: number;
  };
  readonly text: {
    readonly hidden: number;
    readonly layers: number;
    readonly heads: number;
    readonly kv_heads: number;
    readonly head_dim: number;
    readonly ffn: number;
    readonly vocab: number;
  };
};

/** One utterance through every stage. */
export type StageTimes = {
  readonly melMs: number;
  /** Without mel. */
  readonly encodeMs: number;
  /** The prompt, up to the first token. */
  readonly prefillMs: number;
  /** Every further token, in order. */
  readonly tokenMs: readonly number[];
  readonly audioTokens: number;
  readonly promptTokens: number;
};

export class Stopwatch {
  readonly #encoder: EncoderHandle;
  readonly #session: SessionHandle;

  constructor(readonly native: Native, readonly model: ModelHandle) {
    this.#encoder = native.openEncoder(model);
    this.#session = native.openSession(model);
  }

  dimensions(): Dimensions {
    return this.native.describe(this.model) as Dimensions;
  }

  /**
   * Decodes `tokens` tokens, whether or not the model would end before: the work is the same. `pause` is called between
   * native calls, untimed; what it throws ends the measurement.
   */
  async measure(samples: Float32Array, tokens: number, pause = () => Promise.resolve()): Promise<StageTimes> {
    const { native, model } = this;
    native.truncate(this.#session, 0);
    const { hidden, audio } = this.dimensions();
    const [melMs] = time(() => native.mel(this.#encoder, samples, audio.mel_bins));
    await pause();
    const [encodeMs, rows] = time(() => native.encode(this.#encoder, samples, 0, hidden));
    const audioTokens = rows.length / hidden;
    const ids = native.prompt(model, audioTokens, "", "");
    await pause();
    const [prefillMs, first] = time(() => this.#extend(ids, rows, audioTokens));
    const tokenMs: number[] = [];
    let id = first;
    for (let token = 0; token < tokens; token++) {
      await pause();
      const [ms, next] = time(() => this.#extend(Uint32Array.of(id), null, 0));
      tokenMs.push(ms);
      id = next;
    }
    const promptTokens = ids.length;
    return { melMs, encodeMs: Math.max(0, encodeMs - melMs), prefillMs, tokenMs, audioTokens, promptTokens };
  }

  /** Milliseconds of steps that append one token to each of `sequences` sessions, after a prompt of no audio. */
  steps(sequences: number, count: number): number[] {
    const { native, model } = this;
    const sessions = Array.from({ length: sequences }, () => native.openSession(model));
    const prompt = native.prompt(model, 0, "", "");
    sessions.forEach((session) => native.extend(session, prompt, null, 0));
    const ids = new Uint32Array(sequences).fill(prompt[0]!);
    const times = Array.from({ length: count }, () =>
      time(() => {
        native.step(sessions, ids);
        sessions.forEach((session) => native.next(session));
      })[0]);
    sessions.forEach((session) => native.closeSession(session));
    return times;
  }

  close(): void {
    this.native.closeSession(this.#session);
    this.native.closeEncoder(this.#encoder);
  }

  #extend(ids: Uint32Array, rows: Float32Array | null, rowsCount: number): number {
    this.native.extend(this.#session, ids, rows, rowsCount);
    return this.native.next(this.#session).id;
  }
}

function time<T>(action: () => T): [number, T] {
  const start = performance.now();
  const result = action();
  return [performance.now() - start, result];
}

/** A model on the calling thread, to be measured. */
export type Measured = {
  readonly info: Pick<Dimensions, "name" | "isa" | "threads">;
  measure(samples: Float32Array, tokens: number, pause: () => Promise<void>): Promise<StageTimes>;
  close(): void;
};

/**
 * Opens a model as often as asked, each time with another number of threads, by default at the precision that is used
 * where the user chooses none. Throws what openEngine throws.
 */
export function measurer(
  library: () => Promise<Uint8Array>,
  source: ModelSource,
  cacheFolder: string | undefined,
  weights: Weights = "int8",
): (threads: number) => Promise<Measured> {
  return async (threads) => {
    try {
      const native = new Native(await placedLibrary(library));
      const options = { threads, weights, cacheFolder: cacheFolder ?? "" };
      const model = await openModel(native, source, options);
      const stopwatch = new Stopwatch(native, model);
      return {
        info: stopwatch.dimensions(),
        measure: (samples, tokens, pause) => stopwatch.measure(samples, tokens, pause),
        close: () => {
          stopwatch.close();
          native.closeModel(model);
          native.close();
        },
      };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw failure(error);
    }
  };
}
