/**
 * A live recording in the engine's thread: a listener that keeps what is computed of its audio, and a session that
 * keeps what it has taken in of the prompt.
 *
 * Every hear takes in what is new: the prompt from the first row that changed, the committed tokens, and a draft of
 * what follows, which is checked in the same pass. Then it decodes token by token from where the draft was wrong.
 *
 * What is kept never changes a token. Where weights are packed a row's sums do not depend on those beside it, so any
 * cut will do. With bf16 they may, in the last bit; there the prompt is always taken in by attention windows, and only
 * whole ones are kept.
 */

import { LoopDetector } from "../text/loop.ts";
import type { DecodeStop, DecodeToken, HearRequest, HearResult, ListenOptions } from "./engine.ts";
import { CancelledError, type ListenerHandle, type ModelHandle, type Native, type SessionHandle } from "./native.ts";

/** What an engine's recordings share. */
export type HearingParts = {
  readonly native: Native;
  readonly model: ModelHandle;
  /** Whose encoder is used. */
  readonly encoder: SessionHandle;
};

/** Of the engine's description. */
type Facts = {
  readonly hidden: number;
  readonly positions_max: number;
  readonly weights: string;
  readonly text: { readonly vocab: number };
  readonly audio: { readonly chunk_frames: number };
  readonly tokens: { readonly audio_pad: number };
};

type Counts = { -readonly [key in Exclude<keyof HearResult, "stop" | "tokens">]: number };

const hopSamples = 160;
/** How far on a token is looked for in the rest of a draft, and how many are then guessed: a pass of eight rows. */
const skippedMax = 4;
const guessMax = 7;

export class Hearing {
  readonly #parts: HearingParts;
  readonly #options: ListenOptions;
  readonly #facts: Facts;
  readonly #listener: ListenerHandle;
  readonly session: SessionHandle;
  /** Room for the rows of all that is held; grows. */
  #rows = new Float32Array(0);
  /** What the session holds, position by position. */
  #held: number[] = [];

  constructor(parts: HearingParts, options: ListenOptions) {
    this.#parts = parts;
    this.#options = options;
    const { native, model } = parts;
    this.#facts = native.describe(model) as Facts;
    this.#listener = native.openListener(model, options.windowFrames, options.usesCaches);
    try {
      this.session = native.openSession(model);
    } catch (error) {
      native.closeListener(this.#listener);
      throw error;
    }
  }

  close(): void {
    this.#parts.native.closeListener(this.#listener);
    this.#parts.native.closeSession(this.session);
  }

  /** Forgets and appends audio. What is wrong with the request is said before anything has changed. */
  take({ forget, samples, tokensMax }: HearRequest): void {
    const { native } = this.#parts;
    const windowSamples = this.#options.windowFrames * hopSamples;
    const windows = forget / windowSamples;
    if (!(windows === Infinity || (Number.isInteger(windows) && windows >= 0))) {
      throw new Error(`forget ${forget} samples: must be a multiple of the encoder window, ${windowSamples}, or all`);
    }
    if (!(tokensMax >= 0)) throw new Error(`at most ${tokensMax} tokens: must be 0 or more`);
    native.listenerForget(this.#listener, windows);
    native.listenerAppend(this.#listener, samples);
  }

  /** Ends a cancellation, too. */
  reset(): void {
    this.#parts.native.truncate(this.session, 0);
    this.#held = [];
  }

  /** Decodes all that is held. After a failure the next one takes in its prompt from the start. */
  hear(request: HearRequest): HearResult {
    const [tokens, counts]: [DecodeToken[], Counts] = [[], noCounts()];
    let stop: DecodeStop;
    try {
      stop = this.#hear(request, counts, tokens);
    } catch (error) {
      this.reset();
      if (!(error instanceof CancelledError)) throw error;
      stop = "cancelled";
    }
    return { stop, ...counts, generatedTokens: tokens.length, tokens };
  }

  #hear(request: HearRequest, counts: Counts, tokens: DecodeToken[]): DecodeStop {
    const loop = new LoopDetector();
    for (const id of request.prefix) loop.push(id);
    const unchanged = this.#encode(counts);
    const ids = this.#promptIds(counts.audioTokens, request.prefix);
    counts.promptTokens = ids.length;
    const draft = this.#cleanDraft(request, ids.length);
    const logprobs = this.#takeIn(ids, draft, unchanged, counts);
    const began = performance.now();
    try {
      return this.#decode(request.tokensMax, draft, logprobs, loop, tokens, counts);
    } finally {
      counts.decodeMs = performance.now() - began;
    }
  }

  /** Returns how many rows are where they were. */
  #encode(counts: Counts): number {
    const { native, encoder } = this.#parts;
    const began = performance.now();
    const room = native.listenerRows(this.#listener);
    const floats = room * this.#facts.hidden;
    if (this.#rows.length < floats) this.#rows = new Float32Array(floats + floats / 2);
    const { rows, kept, unchanged } = native.listenerEncode(this.#listener, encoder, this.#rows, room);
    counts.audioTokens = rows;
    counts.rowsReused = kept;
    counts.encodeMs = performance.now() - began;
    return unchanged;
  }

  #promptIds(rows: number, prefix: readonly number[]): Uint32Array {
    const { context, language } = this.#options;
    const prompt = this.#parts.native.prompt(this.#parts.model, rows, context, language);
    const ids = new Uint32Array(prompt.length + prefix.length);
    ids.set(prompt);
    ids.set(prefix, prompt.length);
    return ids;
  }

  /** As much of the draft as the model could say. */
  #cleanDraft({ draft, tokensMax }: HearRequest, positions: number): Uint32Array {
    const { text: { vocab }, tokens: { audio_pad }, positions_max } = this.#facts;
    const cannotSay = (id: number) =>
      !(Number.isInteger(id) && id >= 0 && id < vocab) || id === audio_pad ||
      this.#parts.native.isEnd(this.#parts.model, id);
    const bad = draft.findIndex(cannotSay);
    const most = Math.max(0, Math.min(tokensMax, positions_max - positions, bad < 0 ? Infinity : bad));
    return Uint32Array.from(draft.slice(0, most));
  }

  /** Prompt and draft to the session. Returns the log-probabilities of as much of the draft as is right. */
  #takeIn(ids: Uint32Array, draft: Uint32Array, unchanged: number, counts: Counts): Float32Array {
    const { native } = this.#parts;
    const began = performance.now();
    const audioFirst = Math.max(0, ids.indexOf(this.#facts.tokens.audio_pad));
    const same = this.#sameIds(ids, audioFirst + unchanged);
    const cuts = this.#cuts(audioFirst, counts.audioTokens);
    let at = this.#facts.weights === "bf16" ? cuts.findLast((cut) => cut <= same) ?? 0 : Math.min(same, ids.length - 1);
    counts.positionsReused = at;
    this.#held.length = at;
    for (const cut of cuts) {
      if (cut > at) this.#append(at, ids.subarray(at, cut), audioFirst, counts.audioTokens, 0);
      at = Math.max(at, cut);
    }
    const last = Uint32Array.from([...ids.subarray(at), ...draft]);
    const logprobs = this.#append(at, last, audioFirst, counts.audioTokens, draft.length);
    counts.draftTokens = draft.length;
    counts.draftAccepted = logprobs.length;
    const passed = performance.now() - began;
    const taken = ids.length - counts.positionsReused;
    counts.verifyMs = passed * draft.length / (taken + draft.length);
    counts.prefillMs = passed - counts.verifyMs;
    if (native.positions(this.session) !== this.#held.length) throw new Error("the session holds something else");
    return logprobs;
  }

  /** Positions at the start that already hold these ids, and where they are audio, these rows. */
  #sameIds(ids: Uint32Array, rowsEnd: number): number {
    const most = this.#options.usesCaches ? Math.min(ids.length, this.#held.length) : 0;
    let same = 0;
    while (same < most && ids[same] === this.#held[same]) {
      if (same >= rowsEnd && ids[same] === this.#facts.tokens.audio_pad) break;
      same++;
    }
    return same;
  }

  /** Where the prompt is cut whatever is kept: behind every whole attention window. */
  #cuts(audioFirst: number, rows: number): number[] {
    if (this.#facts.weights !== "bf16") return [];
    const { chunk_frames: chunkFrames } = this.#facts.audio;
    const windowRows = this.#options.windowFrames / chunkFrames * Math.ceil(chunkFrames / 8);
    return Array.from({ length: Math.floor(rows / windowRows) }, (_, i) => audioFirst + (i + 1) * windowRows);
  }

  #append(at: number, ids: Uint32Array, audioFirst: number, audioRows: number, draft: number): Float32Array {
    const { hidden } = this.#facts;
    const [from, to] = [at, at + ids.length].map((place) => Math.min(Math.max(place - audioFirst, 0), audioRows));
    const rows = this.#rows.subarray(from! * hidden, to! * hidden);
    const logprobs = this.#parts.native.verify(this.session, at, ids, rows, to! - from!, draft);
    for (const id of ids.subarray(0, ids.length - draft + logprobs.length)) this.#held.push(id);
    return logprobs;
  }

  /**
   * Where the draft is wrong, its rest is often right again: as soon as a token of it is said, the next few are guessed
   * from there.
   */
  #decode(
    tokensMax: number,
    draft: Uint32Array,
    logprobs: Float32Array,
    loop: LoopDetector,
    tokens: DecodeToken[],
    counts: Counts,
  ): DecodeStop {
    const { native, model } = this.#parts;
    const known: { id: number; logprob: number }[] = Array.from(logprobs, (logprob, i) => ({ id: draft[i]!, logprob }));
    let used = known.length;
    while (tokens.length < tokensMax) {
      const next = known.shift();
      const { id, logprob } = next ?? native.next(this.session);
      if (native.isEnd(model, id)) return "end";
      tokens.push({ id, logprob, bytes: native.tokenBytes(model, id).slice() });
      if (loop.push(id) === "loop") return "loop";
      if (next || tokens.length >= tokensMax) continue;
      const place = draft.subarray(used, used + skippedMax).indexOf(id);
      used += place + 1;
      const room = Math.min(guessMax, tokensMax - tokens.length, this.#facts.positions_max - this.#held.length - 1);
      const guess = place < 0 ? draft.subarray(0, 0) : draft.subarray(used, used + Math.max(0, room));
      const right = this.#append(this.#held.length, Uint32Array.of(id, ...guess), 0, 0, guess.length);
      right.forEach((logprob, i) => known.push({ id: guess[i]!, logprob }));
      used += right.length;
      counts.draftAccepted += right.length;
    }
    return "cap";
  }
}

/** What a hear says that was cancelled before it began. */
export function noHearResult(): HearResult {
  return { stop: "cancelled", ...noCounts(), tokens: [] };
}

function noCounts(): Counts {
  return {
    promptTokens: 0,
    audioTokens: 0,
    generatedTokens: 0,
    encodeMs: 0,
    prefillMs: 0,
    decodeMs: 0,
    draftTokens: 0,
    draftAccepted: 0,
    rowsReused: 0,
    positionsReused: 0,
    verifyMs: 0,
  };
}
