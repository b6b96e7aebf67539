/**
 * What the scheduler and its requests have in common: the native calls they use, and a request as the scheduler sees
 * it. Each call of `prepare` and each step is one native call, or a few that are quick; between them anything may
 * happen to other requests.
 *
 *     waiting -> "encode" -> "prefill" -> "step" (live: now and then "guess") -> "over"
 */

import { assert } from "../errors.ts";
import { sampleRate } from "../units.ts";
import type { ModelInfo, Priority } from "./engine.ts";
import type { EncoderHandle, ModelHandle, Native, SessionHandle } from "./native.ts";
import type { Answer } from "./protocol.ts";

/** The native calls that requests are made of. */
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
  | "listenerEncode"
>;

/** What all requests of one model share. */
export type Shared = {
  readonly library: Library;
  readonly model: ModelHandle;
  readonly info: ModelInfo;
  /** Milliseconds. */
  readonly now: () => number;
  readonly post: (answer: Answer) => void;
  /** The header that was said last: most likely the next one's, too. Before the first, that of English. */
  lastHeader: readonly number[];
};

/** A native call is asked to return after so many ms; it may take up to 150. */
export const sliceMs = 50;

export type JobClass = "live" | "short" | "long";
export type Stage = "encode" | "prefill" | "guess" | "step" | "over";
export type Token = { readonly id: number; readonly logprob: number };

/** Audio up to this length is a short request's. */
const shortSecMax = 30;

export function priorityOf(samples: Float32Array): Priority {
  return samples.length <= shortSecMax * sampleRate ? "short" : "long";
}

export abstract class Job {
  stage: Stage = "encode";
  /** What it says last, once it is over. */
  answer: Answer | undefined;
  /** Place in the order of arrival; set by the scheduler, as are the rest. */
  order = 0;
  /** Later requests that were let in before this one could decode. */
  overtaken = 0;
  /** Turn of its last native call. */
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

  /** The request is let in: from now on it has a session, and the encoder while its stage is "encode". */
  begin(session: SessionHandle, encoder: EncoderHandle): void {
    assert(this.#session === undefined, "the request was begun before");
    this.#session = session;
    this.started(encoder);
  }

  /** Before the first `prepare`. */
  abstract started(encoder: EncoderHandle): void;
  /** One slice of what its stage is, which is not "step". */
  abstract prepare(): void;
  /** What the next step appends to its session. */
  abstract get nextId(): number;
  /** That is done; `ms` is its share of the step. */
  abstract stepped(ms: number): void;
  /** The answer of one that is cancelled now. */
  abstract cancelled(): Answer;

  end(answer: Answer): void {
    assert(this.stage !== "over", "the request has ended before");
    this.stage = "over";
    this.answer = answer;
  }
}
