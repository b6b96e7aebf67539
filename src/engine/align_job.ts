/** An alignment on its way through the engine: audio is encoded, then one pass over audio and words finds classes. */

import { assert, InternalError } from "../errors.ts";
import { alignPositions, bytesOfPositions } from "./budget.ts";
import { ClipEncoding } from "./clip_encoding.ts";
import type { AlignRequest, AlignResult } from "./engine.ts";
import { Job, priorityOf, type Shared, sliceMs } from "./job.ts";
import { type EncoderHandle, EngineError, STATUS } from "./native.ts";
import type { Answer } from "./protocol.ts";

export class AlignJob extends Job {
  readonly #request: AlignRequest;
  readonly #encoding: ClipEncoding;
  readonly #counts = { promptTokens: 0, alignMs: 0 };
  #hasBegun = false;

  constructor(shared: Shared, id: number, request: AlignRequest) {
    const bytes = bytesOfPositions(alignPositions(request), shared.info);
    super(shared, id, request.priority ?? priorityOf(request.samples), bytes);
    this.#request = request;
    this.#encoding = new ClipEncoding(shared);
  }

  started(encoder: EncoderHandle): void {
    const { info } = this.shared;
    if (!info.alignment) throw new EngineError(`${info.name} transcribes and does not align`, STATUS.invalid);
    this.#encoding.begin(encoder, this.#request.samples, 0);
  }

  prepare(): void {
    if (this.stage === "encode") {
      if (this.#encoding.run()) this.stage = "prefill";
      return;
    }
    assert(this.stage === "prefill", `prepare: an alignment whose stage is ${this.stage}`);
    const began = this.shared.now();
    const isDone = this.#classify();
    this.#counts.alignMs += this.shared.now() - began;
    if (isDone) this.#finish();
  }

  #classify(): boolean {
    const { library } = this.shared;
    if (!this.#hasBegun) {
      const ids = this.#ids();
      this.#counts.promptTokens = ids.length;
      const { audioTokens } = this.#encoding.counts;
      library.classifyBegin(this.session, ids, this.#encoding.takeRows(), audioTokens, this.#alignment.markerId);
      this.#hasBegun = true;
    }
    return library.prefillRun(this.session, sliceMs);
  }

  /** The aligner's bare prompt: the audio, then the words one after the other, each with two markers. */
  #ids(): Uint32Array {
    const { library, model } = this.shared;
    const { markerId, audioStartId, audioPadId, audioEndId } = this.#alignment;
    const spoken = this.#request.words.flatMap((word) => [...library.tokenize(model, word), markerId, markerId]);
    const rows = Array(this.#encoding.counts.audioTokens).fill(audioPadId);
    return Uint32Array.from([audioStartId, ...rows, audioEndId, ...spoken]);
  }

  get #alignment() {
    const { alignment } = this.shared.info;
    assert(alignment, "an alignment with a model that is no aligner");
    return alignment;
  }

  #finish(): void {
    const { classes, margins } = this.shared.library.classifyResult(this.session, 2 * this.#request.words.length);
    const result: AlignResult = {
      stop: "end",
      classes: [...classes],
      margins: [...margins],
      ...this.#encoding.counts,
      ...this.#counts,
    };
    this.end({ type: "aligned", id: this.id, result });
  }

  get nextId(): number {
    throw new InternalError("an alignment takes no steps");
  }

  stepped(): void {
    throw new InternalError("an alignment takes no steps");
  }

  cancelled(): Answer {
    const result: AlignResult = {
      stop: "cancelled",
      classes: [],
      margins: [],
      ...this.#encoding.counts,
      ...this.#counts,
    };
    return { type: "aligned", id: this.id, result };
  }
}
