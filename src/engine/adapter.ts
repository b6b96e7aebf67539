/** The second ABI's calls by means of the first's, until the library has them. */

import type { Weights } from "./engine.ts";
import { type ModelFile, type ModelHandle, Native as First, type SessionHandle, STATUS as FIRST } from "./native.ts";
export { EngineError, placeLibrary } from "./native.ts";
export type { ListenerHandle, ModelHandle, SessionHandle } from "./native.ts";

export const STATUS = { ...FIRST, busy: -6 } as const;
export type EncoderHandle = SessionHandle;

type Begun = {
  keep: number;
  ids: Uint32Array;
  rows: Float32Array | null;
  count: number;
  draft: number;
  markerId?: number;
  logprobs?: Float32Array;
  found?: { classes: Uint32Array; margins: Float32Array };
};

export class Native extends First {
  readonly #clips = new Map<EncoderHandle, { samples: Float32Array; window: number; rows?: Float32Array }>();
  readonly #begun = new Map<SessionHandle, Begun>();

  override openFolder(
    path: string,
    threads: number,
    weights: Weights = "bf16",
    cacheFolder = "",
    progress?: Uint32Array,
  ): ModelHandle {
    progress?.fill(0);
    return super.openFolder(path, threads, weights, cacheFolder);
  }

  override openMemory(files: readonly ModelFile[], threads: number, weights: Weights = "bf16", _?: Uint32Array) {
    return super.openMemory(files, threads, weights);
  }

  openEncoder(model: ModelHandle): EncoderHandle {
    return this.openSession(model);
  }

  closeEncoder(encoder: EncoderHandle): void {
    this.closeSession(encoder);
  }

  encodeBegin(encoder: EncoderHandle, samples: Float32Array, window: number): number {
    this.#clips.set(encoder, { samples, window });
    return 0;
  }

  encodeRun(encoder: EncoderHandle, _: number): boolean {
    const clip = this.#clips.get(encoder)!;
    clip.rows = this.encode(encoder, clip.samples, clip.window, this.hidden);
    return true;
  }

  hidden = 0;

  override describe(model: ModelHandle): Record<string, unknown> {
    const all = super.describe(model);
    this.hidden = all.hidden as number;
    return all;
  }

  encodeRows(encoder: EncoderHandle, _: number): Float32Array {
    return this.#clips.get(encoder)!.rows!;
  }

  prefillBegin(
    session: SessionHandle,
    keep: number,
    ids: Uint32Array,
    rows: Float32Array | null,
    count: number,
    draft: number,
  ): void {
    this.#begun.set(session, { keep, ids, rows, count, draft });
  }

  prefillRun(session: SessionHandle, _: number): boolean {
    const one = this.#begun.get(session)!;
    if (one.markerId === undefined) {
      one.logprobs = this.verify(session, one.keep, one.ids, one.rows, one.count, one.draft);
    } else one.found = this.classify(session, one.ids, one.rows!, one.count, one.markerId);
    return true;
  }

  prefillResult(session: SessionHandle, _: number): Float32Array {
    return this.#begun.get(session)!.logprobs!;
  }

  classifyBegin(session: SessionHandle, ids: Uint32Array, rows: Float32Array, count: number, markerId: number): void {
    this.#begun.set(session, { keep: 0, ids, rows, count, draft: 0, markerId });
  }

  classifyResult(session: SessionHandle, _: number): { classes: Uint32Array; margins: Float32Array } {
    return this.#begun.get(session)!.found!;
  }

  releaseSession(session: SessionHandle): void {
    this.truncate(session, 0);
  }
}
