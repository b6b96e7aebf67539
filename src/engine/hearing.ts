/**
 * Live recordings in the engine's thread. A `Hearing` is a recording: a listener that keeps what was computed of its
 * audio, and a session that keeps the positions of its prompt. A `HearJob` is one decode of all its audio (a "hear"),
 * as the scheduler sees it.
 *
 * Every hear prefills what is new: the prompt from the first row that changed, the committed tokens, and a draft of the
 * tokens after them, which is verified in the same pass. From the first wrong token of the draft on it decodes token by
 * token, in steps that it shares with other requests. A wrong draft is often right again further on: as soon as a token
 * of its rest is generated, the next few are guessed from there and verified in a small pass of their own.
 *
 * What is kept never changes a token. With packed weights a row's sums do not depend on the rows beside it, so the
 * prompt may be divided anywhere. With bf16 they may differ in the last bit, so the prompt is always prefilled by
 * attention windows, and only whole ones are kept.
 */

import { assert } from "../errors.ts";
import { LoopDetector } from "../text/loop.ts";
import { sampleRate } from "../units.ts";
import { bytesOfPositions, decodePositions } from "./budget.ts";
import type { DecodeStop, DecodeToken, HearRequest, HearResult, ListenOptions } from "./engine.ts";
import { Job, type Shared, sliceMs, type Token } from "./job.ts";
import type { EncoderHandle, ListenerHandle, SessionHandle } from "./native.ts";
import type { Answer } from "./protocol.ts";

/** Facts from the engine's description. */
export type HearingFacts = {
  readonly hidden: number;
  readonly positions_max: number;
  readonly weights: string;
  readonly text: { readonly vocab: number };
  readonly audio: { readonly chunk_frames: number };
  readonly tokens: { readonly audio_pad: number };
};

type Counts = { -readonly [key in Exclude<keyof HearResult, "stop" | "tokens">]: number };

/** One pass of the prefill: it appends ids from a position on, the last `draft` of them as a guess. */
type Pass = { readonly at: number; readonly ids: Uint32Array; readonly draft: number };

const hopSamples = 160;
/** How far ahead a token is looked for in the rest of a draft, and how many are then guessed: a pass of eight rows. */
const skippedMax = 4;
const guessMax = 7;

export class Hearing {
  readonly #listener: ListenerHandle;
  readonly session: SessionHandle;
  /** Encoder rows of all that is held, with room for more. */
  #rows = new Float32Array(0);
  /** What the session holds, position by position. */
  held: number[] = [];
  /** Time at which its last hear ended. */
  restsSince: number;

  constructor(readonly shared: Shared, readonly facts: HearingFacts, readonly options: ListenOptions) {
    const { library, model } = shared;
    this.#listener = library.openListener(model, options.windowFrames, options.usesCaches);
    this.restsSince = shared.now();
    try {
      this.session = library.openSession(model);
    } catch (error) {
      library.closeListener(this.#listener);
      throw error;
    }
  }

  close(): void {
    this.shared.library.closeListener(this.#listener);
    this.shared.library.closeSession(this.session);
  }

  /** Drops and appends audio. Throws, before anything has changed, if the request is wrong. */
  take({ forget, samples, tokensMax }: HearRequest): void {
    const { library } = this.shared;
    const windowSamples = this.options.windowFrames * hopSamples;
    const windows = forget / windowSamples;
    if (!(windows === Infinity || (Number.isInteger(windows) && windows >= 0))) {
      throw new Error(`forget ${forget} samples: must be a multiple of the encoder window, ${windowSamples}, or all`);
    }
    if (!(tokensMax >= 0)) throw new Error(`at most ${tokensMax} tokens: must be 0 or more`);
    library.listenerForget(this.#listener, windows);
    library.listenerAppend(this.#listener, samples);
  }

  /** Bytes that it comes to hold during a hear of all its audio. */
  bytesFor({ prefix, tokensMax }: HearRequest): number {
    const seconds = this.shared.library.listenerRows(this.#listener) / 13;
    const samples = { length: seconds * sampleRate };
    const most = Math.min(tokensMax, this.facts.positions_max) + prefix.length;
    const { context } = this.options;
    return bytesOfPositions(decodePositions({ samples, context, pastText: "", tokensMax: most }), this.shared.info);
  }

  /** Forgets all positions: the next prompt is prefilled from its start. */
  reset(): void {
    this.shared.library.truncate(this.session, 0);
    this.held = [];
  }

  /** Does the same, and gives the session's memory back to the system. */
  release(): void {
    this.shared.library.releaseSession(this.session);
    this.held = [];
  }

  /** Computes a slice of the rows of all audio held, reusing those that are kept; undefined until all are there. */
  encode(encoder: EncoderHandle): { rows: number; kept: number; unchanged: number } | undefined {
    const { library } = this.shared;
    if (!library.listenerRun(this.#listener, encoder, sliceMs)) return undefined;
    const room = library.listenerRows(this.#listener);
    const floats = room * this.facts.hidden;
    if (this.#rows.length < floats) this.#rows = new Float32Array(floats + floats / 2);
    return library.listenerEncode(this.#listener, encoder, this.#rows, room);
  }

  rows(from: number, to: number): Float32Array {
    return this.#rows.subarray(from * this.facts.hidden, to * this.facts.hidden);
  }
}

export class HearJob extends Job {
  readonly #hearing: Hearing;
  readonly #request: HearRequest;
  readonly #counts: Counts = noCounts();
  readonly #tokens: DecodeToken[] = [];
  readonly #loop = new LoopDetector();
  #encoder: EncoderHandle | undefined;
  #draft = new Uint32Array(0);
  /** Remaining passes of the prefill; the first may be running. */
  #passes: Pass[] = [];
  #hasBegun = false;
  #audioFirst = 0;
  #prefillMs = 0;
  /** Tokens of the draft that are known to be right and not emitted yet. */
  #known: Token[] = [];
  /** Tokens of the draft that are dealt with. */
  #used = 0;
  /** The ids that the next pass appends: the last emitted token and the guess at those after it. */
  #append = new Uint32Array(0);

  constructor(id: number, hearing: Hearing, request: HearRequest) {
    // What a recording holds is counted as long as it is open.
    super(hearing.shared, id, request.isAhead ? "long" : "live", 0);
    this.#hearing = hearing;
    this.#request = request;
    for (const id of request.prefix) this.#loop.push(id);
  }

  get hearing(): Hearing {
    return this.#hearing;
  }

  started(encoder: EncoderHandle): void {
    this.#encoder = encoder;
  }

  prepare(): void {
    switch (this.stage) {
      case "encode":
        return this.#encode();
      case "prefill":
        return this.#prefill();
      case "guess":
        return this.#guess();
      default:
        assert(false, `prepare: a hear whose stage is ${this.stage}`);
    }
  }

  #encode(): void {
    const began = this.shared.now();
    const made = this.#hearing.encode(this.#encoder!);
    const encoded = this.shared.now();
    this.#counts.encodeMs += encoded - began;
    if (made === undefined) return;
    this.#encoder = undefined;
    this.#counts.audioTokens = made.rows;
    this.#counts.rowsReused = made.kept;
    this.#planPrompt(made.unchanged);
    this.stage = "prefill";
    this.#prefillMs = this.shared.now() - encoded;
  }

  /** Plans the passes that prefill prompt and draft, from the first position that has changed. */
  #planPrompt(unchanged: number): void {
    const { facts, held } = this.#hearing;
    const ids = this.#promptIds();
    this.#counts.promptTokens = ids.length;
    this.#draft = this.#cleanDraft(ids.length);
    this.#audioFirst = Math.max(0, ids.indexOf(facts.tokens.audio_pad));
    const same = this.#sameIds(ids, this.#audioFirst + unchanged);
    const cuts = this.#cuts();
    let at = facts.weights === "bf16" ? cuts.findLast((cut) => cut <= same) ?? 0 : Math.min(same, ids.length - 1);
    this.#counts.positionsReused = at;
    held.length = at;
    for (const cut of cuts) {
      if (cut > at) this.#passes.push({ at, ids: ids.subarray(at, cut), draft: 0 });
      at = Math.max(at, cut);
    }
    const last = Uint32Array.from([...ids.subarray(at), ...this.#draft]);
    this.#passes.push({ at, ids: last, draft: this.#draft.length });
  }

  #promptIds(): Uint32Array {
    const { library, model } = this.shared;
    const { context, language } = this.#hearing.options;
    const { prefix } = this.#request;
    const prompt = library.prompt(model, this.#counts.audioTokens, context, language);
    const ids = new Uint32Array(prompt.length + prefix.length);
    ids.set(prompt);
    ids.set(prefix, prompt.length);
    return ids;
  }

  /** The part of the draft that the model could generate. */
  #cleanDraft(positions: number): Uint32Array<ArrayBuffer> {
    const { library, model } = this.shared;
    const { text: { vocab }, tokens: { audio_pad }, positions_max } = this.#hearing.facts;
    const { draft, tokensMax } = this.#request;
    const cannotSay = (id: number) =>
      !(Number.isInteger(id) && id >= 0 && id < vocab) || id === audio_pad || library.isEnd(model, id);
    const bad = draft.findIndex(cannotSay);
    const most = Math.max(0, Math.min(tokensMax, positions_max - positions, bad < 0 ? Infinity : bad));
    return Uint32Array.from(draft.slice(0, most));
  }

  /** How many positions at the start already hold these ids and, for audio, these rows. */
  #sameIds(ids: Uint32Array, rowsEnd: number): number {
    const { held, facts, options } = this.#hearing;
    const most = options.usesCaches ? Math.min(ids.length, held.length) : 0;
    let same = 0;
    while (same < most && ids[same] === held[same]) {
      if (same >= rowsEnd && ids[same] === facts.tokens.audio_pad) break;
      same++;
    }
    return same;
  }

  /** Where the prompt is divided, whatever is kept: after every whole attention window. */
  #cuts(): number[] {
    const { facts, options } = this.#hearing;
    if (facts.weights !== "bf16") return [];
    const { chunk_frames: chunkFrames } = facts.audio;
    const windowRows = options.windowFrames / chunkFrames * Math.ceil(chunkFrames / 8);
    const count = Math.floor(this.#counts.audioTokens / windowRows);
    return Array.from({ length: count }, (_, i) => this.#audioFirst + (i + 1) * windowRows);
  }

  /** Runs a slice of the first remaining pass. After the last one, tokens are emitted. */
  #prefill(): void {
    const { library, now } = this.shared;
    const began = now();
    const pass = this.#passes[0]!;
    if (!this.#hasBegun) this.#beginPass(pass);
    this.#hasBegun = true;
    const isIn = library.prefillRun(this.session, sliceMs);
    const logprobs = isIn ? library.prefillResult(this.session, pass.draft) : undefined;
    this.#prefillMs += now() - began;
    if (logprobs === undefined) return;
    this.#passes.shift();
    this.#hasBegun = false;
    this.#hold(pass.ids, pass.draft, logprobs.length);
    if (this.#passes.length === 0) this.#speak(logprobs);
  }

  #beginPass({ at, ids, draft }: Pass): void {
    const { audioTokens } = this.#counts;
    const place = (position: number) => Math.min(Math.max(position - this.#audioFirst, 0), audioTokens);
    const [from, to] = [place(at), place(at + ids.length)];
    this.shared.library.prefillBegin(this.session, at, ids, this.#hearing.rows(from, to), to - from, draft);
  }

  #hold(ids: Uint32Array, draft: number, accepted: number): void {
    const { held } = this.#hearing;
    for (const id of ids.subarray(0, ids.length - draft + accepted)) held.push(id);
    assert(this.shared.library.positions(this.session) === held.length, "the recording's session holds something else");
  }

  #speak(logprobs: Float32Array): void {
    const counts = this.#counts;
    counts.draftTokens = this.#draft.length;
    const taken = counts.promptTokens - counts.positionsReused;
    counts.verifyMs = this.#prefillMs * this.#draft.length / (taken + this.#draft.length);
    counts.prefillMs = this.#prefillMs - counts.verifyMs;
    const began = this.shared.now();
    this.#know(this.#draft, logprobs);
    this.#advance();
    counts.decodeMs += this.shared.now() - began;
  }

  /** The first of these, one per log-probability, are the tokens that the model generates next. */
  #know(guess: Uint32Array, logprobs: Float32Array): void {
    logprobs.forEach((logprob, i) => this.#known.push({ id: guess[i]!, logprob }));
    this.#used += logprobs.length;
    this.#counts.draftAccepted += logprobs.length;
  }

  /** Emits the known tokens and the one after them. That one is appended next, with a guess if there is one. */
  #advance(): void {
    const { library, model } = this.shared;
    const { tokensMax } = this.#request;
    while (this.#tokens.length < tokensMax) {
      const known = this.#known.shift();
      const { id, logprob } = known ?? library.next(this.session);
      if (library.isEnd(model, id)) return this.#finish("end");
      this.#tokens.push({ id, logprob, bytes: library.tokenBytes(model, id).slice() });
      if (this.#loop.push(id) === "loop") return this.#finish("loop");
      if (known || this.#tokens.length >= tokensMax) continue;
      this.#append = Uint32Array.of(id, ...this.#guessAfter(id));
      this.stage = this.#append.length === 1 ? "step" : "guess";
      return;
    }
    this.#finish("cap");
  }

  /** The rest of the draft after this token, if it is found nearby. */
  #guessAfter(id: number): Uint32Array {
    const place = this.#draft.subarray(this.#used, this.#used + skippedMax).indexOf(id);
    this.#used += place + 1;
    if (place < 0) return this.#draft.subarray(0, 0);
    const { facts, held } = this.#hearing;
    const room = Math.min(
      guessMax,
      this.#request.tokensMax - this.#tokens.length,
      facts.positions_max - held.length - 1,
    );
    return this.#draft.subarray(this.#used, this.#used + Math.max(0, room));
  }

  #guess(): void {
    const { library, now } = this.shared;
    const began = now();
    const [ids, guess] = [this.#append, this.#append.subarray(1)];
    const logprobs = library.verify(this.session, this.#hearing.held.length, ids, null, 0, guess.length);
    this.#hold(ids, guess.length, logprobs.length);
    this.#know(guess, logprobs);
    this.#advance();
    this.#counts.decodeMs += now() - began;
  }

  get nextId(): number {
    assert(this.stage === "step" && this.#append.length === 1, "the hear has no next token");
    return this.#append[0]!;
  }

  stepped(ms: number): void {
    this.#hold(this.#append, 0, 0);
    this.#counts.decodeMs += ms;
    this.#advance();
  }

  #finish(stop: DecodeStop): void {
    this.end({ type: "heard", id: this.id, result: this.#result(stop) });
  }

  cancelled(): Answer {
    return { type: "heard", id: this.id, result: this.#result("cancelled") };
  }

  #result(stop: DecodeStop): HearResult {
    return { stop, ...this.#counts, generatedTokens: this.#tokens.length, tokens: this.#tokens };
  }
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
