/**
 * A request as the scheduler sees it, and the native calls that requests use. Each call of `prepare` and each step is
 * one native call, or a few quick ones; between them anything may happen to other requests.
 *
 *     waiting -> "encode" -> "prefill" -> "step" (live: now and then "guess") -> "over"
 */

import { assert } from "../errors.ts";
import { sampleRate } from "../units.ts";
import type { ModelInfo, Priority } from "./engine.ts";
import type { EncoderHandle, ModelHandle, Native, SessionHandle } from "./native.ts";
import type { Answer } from "./protocol.ts";

/** The native calls that requests use. */
export type Library = Pick<
  Native,
  | "openEncoder"
  | "closeEncoder"
  | "encodeBegin"
  | "encodeRun"
  | "encodeRows"
  | "releaseEncoder"
  | "openSession"
  | "closeSession"
  | "releaseSession"
  | "truncate"
  | "positions"
  | "prefillBegin"
  | "prefillRun"
  | "prefillResult"
  | "classifyBegin"
  | "classifyResult"
  | "verify"
  | "step"
  | "next"
  | "prompt"
  | "tokenize"
  | "tokenBytes"
  | "isEnd"
  | "openListener"
  | "closeListener"
  | "listenerAppend"
  | "listenerForget"
  | "listenerRows"
  | "listenerRun"
  | "listenerEncode"
>;

/** Shared by all requests of one model. */
export type Shared = {
  readonly library: Library;
  readonly model: ModelHandle;
  readonly info: ModelInfo;
  /** The clock, in ms. */
  readonly now: () => number;
  readonly post: (answer: Answer) => void;
  /** The last header, which is most likely also the next one. Before the first, it is that of English. */
  lastHeader: readonly number[];
};

/** A native call is asked to return after this time, in ms; it may take up to 150. */
export const sliceMs = 50;

export type JobClass = "live" | "short" | "long";
export type Stage = "encode" | "prefill" | "guess" | "step" | "over";
export type Token = { readonly id: number; readonly logprob: number };

/** A request with audio up to this length is short. */
const shortSecMax = 30;

export function priorityOf(samples: Float32Array): Priority {
  return samples.length <= shortSecMax * sampleRate ? "short" : "long";
}

export abstract class Job {
  stage: Stage = "encode";
  /** The final answer, once it is over. */
  answer: Answer | undefined;
  /** Place in the order of arrival. The scheduler sets this and the fields below. */
  order = 0;
  /** How many later requests were let in before this one could decode. */
  overtaken = 0;
  /** The turn of its last native call. */
  servedAt = 0;
  /** It was in a step that failed without naming a culprit. */
  isSuspect = false;
  #session: SessionHandle | undefined;

  constructor(readonly shared: Shared, readonly id: number, readonly kind: JobClass, readonly bytes: number) {}

  get hasSession(): boolean {
    return this.#session !== undefined;
  }

  get session(): SessionHandle {
    assert(this.#session !== undefined, "the request has no session");
    return this.#session;
  }

  /** Called when the request is let in. It has a session from now on, and the encoder while its stage is "encode". */
  begin(session: SessionHandle, encoder: EncoderHandle): void {
    assert(this.#session === undefined, "the request was begun before");
    this.#session = session;
    this.started(encoder);
  }

  /** Before the first `prepare`. */
  abstract started(encoder: EncoderHandle): void;
  /** Runs one slice of its stage, which is not "step". */
  abstract prepare(): void;
  /** The id that the next step appends to its session. */
  abstract get nextId(): number;
  /** Called when that was done; `ms` is its share of the step. */
  abstract stepped(ms: number): void;
  /** The answer if it is cancelled now. */
  abstract cancelled(): Answer;

  end(answer: Answer): void {
    assert(this.stage !== "over", "the request has ended before");
    this.stage = "over";
    this.answer = answer;
  }
}
