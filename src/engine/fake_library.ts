/**
 * A stand-in for the native library, for tests of the scheduler: its "model" says next whatever a hash of all that a
 * session holds tells, so one token or row too many, too few or in another place changes all that follows. It counts
 * what is open, refuses what the real one refuses, and lets a clock run.
 *
 * Audio makes a row of every `rowSamples`, their sum. A sample of n x 1000 in it is a fault: see `Fault`.
 */

import { assert } from "../errors.ts";
import type { ModelInfo } from "./engine.ts";
import type { HearingFacts } from "./hearing.ts";
import type { Library, Token } from "./job.ts";
import {
  type EncoderHandle,
  EngineError,
  type ListenerHandle,
  type ModelHandle,
  type SessionHandle,
} from "./native.ts";

export const rowSamples = 4;
const rowsPerSlice = 2;
const idsPerSlice = 8;
const ids = { end: 1, asrText: 2, pad: 3, system: 4, assistant: 5, language: 6, marker: 9, text: 10 } as const;
const textIds = 40;

/**
 * Where a request fails: its clip when it begins, the encoder at its end, the prompt at its end, a step with or without
 * its name, the call that tells its next token; "crowd": any step fails that it shares with others.
 */
export const faults = ["none", "clip", "encoder", "prompt", "named", "unnamed", "next", "crowd"] as const;
export type Fault = (typeof faults)[number];
/** Tokens after the assistant's start that go well. */
export const healthyTokens = 3;

type Session = {
  /** By positions. */
  readonly hashes: number[];
  readonly held: number[];
  fault: Fault;
  begun: { left: number; readonly draft: readonly number[]; logprobs?: Float32Array; isClassify?: boolean } | undefined;
};

type Encoder = { rows: Float32Array; left: number; isBusy: boolean; fault: Fault; listener?: ListenerHandle };
/** `left`: slices of the encode under way, if there is one. */
type Listener = { samples: number[]; encoded: number; left: number | undefined };

export const fakeModel = 1 as ModelHandle;

export function fakeLibraryInfo(changes: Partial<ModelInfo> = {}): ModelInfo {
  return {
    ...{ kind: "asr", name: "fake", isa: "none", threads: 1, weights: "int8", hidden: 1, positionsMax: 4096 },
    ...{ stepMax: 3, positionBytes: 10, sessionBytes: 100, rowBytes: 5, blockRows: 16, encoderBytes: 50 },
    ...{ languages: [], asrTextId: ids.asrText },
    alignment: { markerMs: 80, markerId: ids.marker, audioStartId: 7, audioPadId: ids.pad, audioEndId: 8 },
    ...changes,
  };
}

export function fakeFacts(weights = "int8"): HearingFacts {
  const [text, audio, tokens] = [{ vocab: ids.text + textIds }, { chunk_frames: 8 }, { audio_pad: ids.pad }];
  return { hidden: 1, positions_max: 4096, weights, text, audio, tokens };
}

export class FakeLibrary implements Library {
  /** Milliseconds, moved on by native calls. */
  time = 0;
  /** The longest call. */
  longestMs = 0;
  /** Rows of every step, in order. */
  readonly steps: number[] = [];
  /** Names of calls and the first sample they are about, in order. */
  readonly calls: string[] = [];
  readonly sessions = new Map<SessionHandle, Session>();
  readonly encoders = new Map<EncoderHandle, Encoder>();
  readonly listeners = new Map<ListenerHandle, Listener>();
  /** What every row of a step takes, besides 20 ms. */
  rowMs = 2;
  #handles = 1;

  /** `jitter`: 0 to 1, how much longer than asked a slice takes, of 100 ms. */
  constructor(readonly jitter: () => number = () => 0) {}

  get open(): number {
    return this.sessions.size + this.encoders.size + this.listeners.size;
  }

  #spend(ms: number): void {
    this.time += ms;
    this.longestMs = Math.max(this.longestMs, ms);
  }

  openEncoder(_: ModelHandle): EncoderHandle {
    const handle = ++this.#handles as EncoderHandle;
    this.encoders.set(handle, { rows: new Float32Array(0), left: 0, isBusy: false, fault: "none" });
    return handle;
  }

  closeEncoder(encoder: EncoderHandle): void {
    get(this.encoders, encoder);
    this.encoders.delete(encoder);
  }

  encodeBegin(encoder: EncoderHandle, samples: Float32Array, _: number): number {
    const one = get(this.encoders, encoder);
    assert(!one.isBusy, "the encoder is at another clip");
    const rows = rowsOf(samples);
    const fault = faultOf(rows);
    this.calls.push(`encode ${(samples[0] ?? 0) % 1000}`);
    if (fault === "clip") throw new EngineError("no such clip", -1);
    Object.assign(one, { rows, fault, left: Math.ceil(rows.length / rowsPerSlice), isBusy: true });
    this.#spend(5);
    return rows.length;
  }

  encodeRun(encoder: EncoderHandle, budgetMs: number): boolean {
    const one = get(this.encoders, encoder);
    assert(one.isBusy && one.left > 0, "nothing to encode");
    this.#spend(budgetMs + 100 * this.jitter());
    one.left--;
    if (one.fault === "encoder" && one.left === 0) throw new EngineError("the encoder fails", -3);
    return one.left === 0;
  }

  encodeRows(encoder: EncoderHandle, _: number): Float32Array {
    const one = get(this.encoders, encoder);
    assert(one.isBusy && one.left === 0, "not encoded");
    one.isBusy = false;
    return one.rows;
  }

  releaseEncoder(_: ModelHandle): void {
    this.calls.push("release encoder");
  }

  openSession(_: ModelHandle): SessionHandle {
    const handle = ++this.#handles as SessionHandle;
    this.sessions.set(handle, { hashes: [], held: [], fault: "none", begun: undefined });
    return handle;
  }

  closeSession(session: SessionHandle): void {
    get(this.sessions, session);
    this.sessions.delete(session);
  }

  releaseSession(session: SessionHandle): void {
    this.calls.push("release session");
    this.truncate(session, 0);
  }

  truncate(session: SessionHandle, positions: number): void {
    const one = get(this.sessions, session);
    assert(positions <= one.held.length, "cannot truncate");
    one.held.length = one.hashes.length = positions;
    one.begun = undefined;
  }

  positions(session: SessionHandle): number {
    return get(this.sessions, session).held.length;
  }

  prefillBegin(
    session: SessionHandle,
    keep: number,
    ids_: Uint32Array,
    rows: Float32Array | null,
    rowsCount: number,
    draft: number,
  ): void {
    const one = get(this.sessions, session);
    assert(one.begun === undefined, "a prompt is going in already");
    assert(ids_.length > 0 && draft <= ids_.length, "nothing to take in");
    this.truncate(session, keep);
    const pads = ids_.reduce((sum, id) => sum + (id === ids.pad ? 1 : 0), 0);
    assert(pads === rowsCount && pads === (rows?.length ?? 0), `${rowsCount} rows for ${pads} places`);
    if (pads > 0) one.fault = faultOf(rows!);
    const prompt = ids_.subarray(0, ids_.length - draft);
    let row = 0;
    for (const id of prompt) append(one, id, id === ids.pad ? rows![row++]! : 0);
    one.begun = { left: Math.ceil(ids_.length / idsPerSlice), draft: [...ids_.subarray(ids_.length - draft)] };
  }

  prefillRun(session: SessionHandle, budgetMs: number): boolean {
    const one = get(this.sessions, session);
    assert(one.begun && one.begun.left > 0, "no prompt is going in");
    this.#spend(budgetMs + 100 * this.jitter());
    if (--one.begun.left > 0) return false;
    if (one.fault === "prompt") throw new EngineError("the prompt fails", -5);
    if (!one.begun.isClassify) one.begun.logprobs = accept(one, one.begun.draft);
    return true;
  }

  prefillResult(session: SessionHandle, draft: number): Float32Array {
    const one = get(this.sessions, session);
    assert(one.begun?.logprobs && one.begun.draft.length === draft, "the prompt is not in");
    const { logprobs } = one.begun;
    one.begun = undefined;
    return logprobs;
  }

  classifyBegin(session: SessionHandle, ids_: Uint32Array, rows: Float32Array, rowsCount: number, _: number): void {
    this.prefillBegin(session, 0, ids_, rows, rowsCount, 0);
    get(this.sessions, session).begun!.isClassify = true;
  }

  classifyResult(session: SessionHandle, markers: number): { classes: Uint32Array; margins: Float32Array } {
    const one = get(this.sessions, session);
    assert(one.begun?.isClassify && one.begun.left === 0, "nothing was classified");
    one.begun = undefined;
    const hash = one.hashes.at(-1)!;
    return {
      classes: Uint32Array.from({ length: markers }, (_, i) => hash % 1000 + i),
      margins: new Float32Array(markers),
    };
  }

  verify(
    session: SessionHandle,
    keep: number,
    ids_: Uint32Array,
    _rows: Float32Array | null,
    rowsCount: number,
    draft: number,
  ): Float32Array {
    const one = get(this.sessions, session);
    assert(one.begun === undefined && rowsCount === 0 && keep === one.held.length, "verify: not as expected");
    this.#spend(60);
    for (const id of ids_.subarray(0, ids_.length - draft)) append(one, id, 0);
    return accept(one, [...ids_.subarray(ids_.length - draft)]);
  }

  step(sessions: readonly SessionHandle[], next: Uint32Array): void {
    assert(sessions.length === next.length && new Set(sessions).size === sessions.length, "a session twice in a step");
    const rows = sessions.map((session) => get(this.sessions, session));
    assert(rows.every(({ begun }) => begun === undefined), "a step of a session whose prompt is going in");
    this.#spend(20 + this.rowMs * rows.length);
    const culprit = rows.findIndex((one) => one.fault === "named" && isDue(one));
    if (culprit >= 0) throw Object.assign(new EngineError("the step fails", -3), { culprit });
    const isUnnamed = rows.some((one) => one.fault === "unnamed" && isDue(one));
    if (isUnnamed) throw new EngineError("the step fails, who knows why", -3);
    if (rows.length > 1 && rows.some(({ fault }) => fault === "crowd")) throw new EngineError("too many", -3);
    rows.forEach((one, i) => append(one, next[i]!, 0));
    this.steps.push(rows.length);
  }

  next(session: SessionHandle): Token {
    const one = get(this.sessions, session);
    if (one.fault === "next" && isDue(one)) throw new EngineError("no next token", -1);
    return nextToken(one);
  }

  prompt(_: ModelHandle, audioRows: number, context: string, language: string): Uint32Array {
    const header = language === "" ? [] : [ids.language, languageId(language), ids.asrText];
    const rows = Array(audioRows).fill(ids.pad);
    return Uint32Array.from([ids.system, ...textOf(context), ...rows, ids.assistant, ...header]);
  }

  tokenize(_: ModelHandle, text: string): Uint32Array {
    return Uint32Array.from(textOf(text));
  }

  tokenBytes(_: ModelHandle, id: number): Uint8Array {
    return Uint8Array.of(id);
  }

  isEnd(_: ModelHandle, id: number): boolean {
    return id === ids.end;
  }

  openListener(_: ModelHandle, windowFrames: number, _keeps: boolean): ListenerHandle {
    if (windowFrames % 100 !== 0) throw new EngineError("a multiple of 100", -1);
    const handle = ++this.#handles as ListenerHandle;
    this.listeners.set(handle, { samples: [], encoded: 0, left: undefined });
    return handle;
  }

  closeListener(listener: ListenerHandle): void {
    get(this.listeners, listener);
    this.listeners.delete(listener);
  }

  listenerAppend(listener: ListenerHandle, samples: Float32Array): void {
    const one = get(this.listeners, listener);
    one.samples.push(...samples);
    one.left = undefined;
  }

  listenerForget(listener: ListenerHandle, windows: number): void {
    const one = get(this.listeners, listener);
    assert(windows === 0 || windows === Infinity, "this stand-in forgets all or nothing");
    if (windows === Infinity) Object.assign(one, { samples: [], encoded: 0 });
  }

  listenerRows(listener: ListenerHandle): number {
    return Math.max(1, Math.ceil(get(this.listeners, listener).samples.length / rowSamples));
  }

  listenerRun(listener: ListenerHandle, encoder: EncoderHandle, budgetMs: number): boolean {
    const [one, other] = [get(this.listeners, listener), get(this.encoders, encoder)];
    assert(!other.isBusy, "the encoder is at a clip");
    assert(one.left === undefined || other.listener === listener, "the encoder was used otherwise meanwhile");
    other.listener = listener;
    one.left ??= Math.max(0, Math.ceil((this.listenerRows(listener) - one.encoded / rowSamples) / rowsPerSlice));
    if (one.left === 0) return true;
    this.#spend(budgetMs + 100 * this.jitter());
    return --one.left === 0;
  }

  listenerEncode(listener: ListenerHandle, encoder: EncoderHandle, rows: Float32Array, capacity: number) {
    const one = get(this.listeners, listener);
    assert(get(this.encoders, encoder).listener === listener && one.left === 0, "not encoded");
    one.left = undefined;
    const all = rowsOf(Float32Array.from(one.samples));
    assert(all.length <= capacity && all.length <= rows.length, "no room for the rows");
    if (faultOf(all) === "encoder") throw new EngineError("the encoder fails", -3);
    rows.set(all);
    const kept = Math.floor(one.encoded / rowSamples);
    one.encoded = one.samples.length;
    return { rows: all.length, kept, unchanged: kept };
  }
}

/** What greedy decoding says after this: the end left out, at most so many. */
export function greedy(prompt: readonly number[], rows: Float32Array, tokensMax: number): Token[] {
  const one: Session = { hashes: [], held: [], fault: "none", begun: undefined };
  let row = 0;
  for (const id of prompt) append(one, id, id === ids.pad ? rows[row++]! : 0);
  const tokens: Token[] = [];
  while (tokens.length < tokensMax) {
    const token = nextToken(one);
    if (token.id === ids.end) break;
    tokens.push(token);
    append(one, token.id, 0);
  }
  return tokens;
}

export function rowsOf(samples: Float32Array): Float32Array {
  const rows = new Float32Array(Math.max(1, Math.ceil(samples.length / rowSamples)));
  samples.forEach((sample, i) => rows[Math.floor(i / rowSamples)]! += sample);
  return rows;
}

function faultOf(rows: Float32Array): Fault {
  return faults[rows.reduce((worst, row) => Math.max(worst, Math.floor(row / 1000)), 0)]!;
}

function nextToken({ held, hashes }: Session): Token {
  const [last, hash] = [held.at(-1), hashes.at(-1)!];
  assert(last !== undefined, "nothing was appended");
  const logprob = -(hash % 64) / 64;
  if (last === ids.assistant) return { id: ids.language, logprob };
  if (last === ids.language) return { id: 7 + hash % 2, logprob };
  if (held.at(-2) === ids.language) return { id: ids.asrText, logprob };
  const mayEnd = held.length - held.lastIndexOf(ids.assistant) > healthyTokens + 2;
  return { id: mayEnd && hash % 9 === 0 ? ids.end : ids.text + (hash >>> 8) % textIds, logprob };
}

function isDue({ held }: Session): boolean {
  return held.length - held.lastIndexOf(ids.assistant) > healthyTokens;
}

function append(one: Session, id: number, row: number): void {
  let hash = one.hashes.at(-1) ?? 2_166_136_261;
  for (const part of [id, row]) hash = Math.imul(hash ^ part, 16_777_619) ^ (hash >>> 15);
  one.held.push(id);
  one.hashes.push(hash >>> 0);
}

/** As much of the draft as is right is appended. */
function accept(one: Session, draft: readonly number[]): Float32Array {
  const logprobs: number[] = [];
  for (const id of draft) {
    const next = nextToken(one);
    if (next.id !== id) break;
    append(one, id, 0);
    logprobs.push(next.logprob);
  }
  return Float32Array.from(logprobs);
}

function languageId(language: string): number {
  return language === "English" ? 7 : 8;
}

function textOf(text: string): number[] {
  return [...text].map((character) => ids.text + character.codePointAt(0)! % textIds);
}

function get<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key): Value {
  const value = map.get(key);
  assert(value !== undefined, "a handle that is not open");
  return value;
}
