/**
 * The speaker networks of the native library, in a thread of their own: who talks when within ten seconds, and what a
 * voice is like. In: samples, 16 kHz mono. Out: log-probabilities and embeddings. They need no model; their weights
 * come with the program, or do not (scripts/setup).
 */

import { InternalError, ModelError, ShortageError } from "../errors.ts";
import { gaveBack } from "../memory.ts";
import type { Span } from "../units.ts";
import { STATUS } from "./native.ts";
import { placedLibrary } from "./place_library.ts";

export { speakerClasses, speakerFloats, speakerFrames, speakerWindow } from "./native.ts";

/** Samples are handed over, and nobody may use them afterwards; a view of a larger buffer is copied and stays. */
export type SpeakerNetworks = {
  /**
   * Windows of speakerWindow samples one after the other, the last one filled up with zeros, to f32[windows]
   * [speakerFrames][speakerClasses]: natural logarithms of the probabilities of nobody, speaker 1, 2, 3, 1 and 2, 1 and
   * 3, 2 and 3. Numbers hold within a window. A dozen windows is a good number.
   */
  segmentation(samples: Float32Array): Promise<Float32Array>;
  /**
   * One embedding for each voice, f32[voices][speakerFloats], not normalised. A voice is a list of ranges of `samples`
   * in which it is heard alone; each makes frames of 25 ms every 10 ms from its own start. Fewer than ten frames make
   * zeros: no voice can be told from so little. The work grows with the frames of all voices.
   */
  embed(samples: Float32Array, voices: readonly (readonly Span[])[]): Promise<Float32Array>;
  /** The thread has ended, by `close` or by a failure: nothing can be asked of it. */
  readonly isClosed: boolean;
  /** Ends the thread. What is under way is rejected. */
  close(): void;
};

export type SpeakerSource = {
  /** Reads the native library. */
  readonly library: () => Promise<Uint8Array>;
  /** Reads the networks' weights, which the thread takes over; of a build that has none, nothing. */
  readonly weights: () => Promise<Uint8Array>;
  /** 0: as many as the machine has physical cores, within the container's limits. */
  readonly threads: number;
  /** The thread leaves processors to others where they are wanted. With one thread alone, and only Linux knows how. */
  readonly isYielding?: boolean;
};

export type ToSpeakersWorker =
  | {
    readonly type: "open";
    readonly library: string;
    readonly weights: Uint8Array;
    readonly threads: number;
    readonly isYielding: boolean;
  }
  | { readonly type: "segmentation"; readonly samples: Float32Array }
  | { readonly type: "embed"; readonly samples: Float32Array; readonly voices: readonly (readonly Span[])[] }
  | { readonly type: "close" };

/** One for each message, in their order: the result (of open, nothing in it), or why there is none; or the end. */
export type FromSpeakersWorker =
  | { readonly type: "closed" }
  | { readonly type: "done"; readonly result: Float32Array<ArrayBuffer> }
  | { readonly type: "failed"; readonly message: string; readonly status: number };

const absent = "this build of qwen-asr has no weights of the speaker networks";
const hint = "build it where pip can fetch them: scripts/setup --speakers, then scripts/build";

/** Throws a ModelError where there are no weights, or other ones. */
export async function openSpeakerNetworks(source: SpeakerSource): Promise<SpeakerNetworks> {
  const weights = await source.weights();
  if (weights.length === 0) throw new ModelError(absent, hint);
  const path = Bun.isStandaloneExecutable ? "./engine/speakers_worker.ts" : "./speakers_worker.ts";
  const thread = new SpeakersThread(new Worker(new URL(path, import.meta.url).href));
  try {
    const library = await placedLibrary(source.library); // Meanwhile the worker starts.
    const { threads, isYielding = false } = source;
    await thread.ask({ type: "open", library, weights, threads, isYielding });
    return {
      segmentation: (samples) => thread.ask({ type: "segmentation", samples }),
      embed: (samples, voices) => thread.ask({ type: "embed", samples, voices }),
      get isClosed() {
        return thread.isClosed;
      },
      close: () => thread.close(new InternalError("the speaker networks were closed")),
    };
  } catch (error) {
    thread.end(error as Error);
    throw error;
  }
}

class SpeakersThread {
  readonly #worker: Worker;
  /** What was asked and not answered, oldest first. */
  readonly #asked: PromiseWithResolvers<Float32Array>[] = [];
  #closed: Error | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<FromSpeakersWorker>) => {
      if (data.type === "closed") return worker.terminate();
      const asked = this.#asked.shift();
      if (data.type === "done") asked?.resolve(data.result);
      else asked?.reject(errorOf(data.message, data.status));
    };
    worker.onerror = (event) => this.end(new InternalError(`thread of the speaker networks: ${event.message}`));
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Transferring a view would take its whole recording along. */
  ask(message: Exclude<ToSpeakersWorker, { type: "close" }>): Promise<Float32Array> {
    if (this.#closed) return Promise.reject(this.#closed);
    const asked = Promise.withResolvers<Float32Array>();
    this.#asked.push(asked);
    if (message.type === "open") this.#worker.postMessage(message, [message.weights.buffer as ArrayBuffer]);
    else {
      const { buffer, byteLength } = message.samples;
      const samples = buffer.byteLength === byteLength ? message.samples : message.samples.slice();
      this.#worker.postMessage({ ...message, samples }, [samples.buffer as ArrayBuffer]);
      gaveBack(byteLength);
    }
    return asked.promise;
  }

  /** The thread gives its memory back after what it is at, and ends. */
  close(reason: Error): void {
    if (this.#closed) return;
    this.#reject(reason);
    this.#worker.postMessage({ type: "close" });
  }

  /** Of a thread that has opened nothing, or that has failed. */
  end(reason: Error): void {
    this.#reject(reason);
    this.#worker.terminate();
  }

  #reject(reason: Error): void {
    this.#closed ??= reason;
    for (const { reject } of this.#asked.splice(0)) reject(reason);
  }
}

function errorOf(message: string, status: number): Error {
  if (status === STATUS.model) return new ModelError(message);
  return status === STATUS.memory ? new ShortageError(message) : new InternalError(message);
}
