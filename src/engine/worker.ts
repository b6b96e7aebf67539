/**
 * The engine's thread: opens a model, decodes up to eight utterances in lock-step, posts each token as it comes. Long
 * native calls block here and not in the main thread, which cancels them by the sessions' addresses.
 *
 * The first utterance starts at once; others join when their prompts are in, one between two steps, so that text
 * appears early and every later step reads the weights once for all. A live recording's hear runs whole, between two
 * steps.
 */

import { LoopDetector } from "../text/loop.ts";
import type {
  AlignRequest,
  AlignResult,
  DecodeRequest,
  DecodeResult,
  DecodeStop,
  DecodeToken,
  HearRequest,
  HearResult,
  ListenOptions,
  ModelInfo,
  Weights,
} from "./engine.ts";
import { Hearing, noHearResult } from "./hearing.ts";
import { type ModelSource, openModel } from "./model_source.ts";
import { CancelledError, EngineError, type ModelHandle, Native, type SessionHandle, STATUS } from "./native.ts";

export type ToWorker =
  | {
    readonly type: "open";
    readonly library: string;
    readonly model: ModelSource;
    readonly threads: number;
    readonly weights: Weights;
    /** Where packed weights are kept, "" for nowhere. */
    readonly cacheFolder: string;
  }
  | { readonly type: "decode"; readonly id: number; readonly request: DecodeRequest }
  | { readonly type: "listen"; readonly id: number; readonly options: ListenOptions }
  /** `listener`: the id it was opened with. */
  | { readonly type: "hear"; readonly id: number; readonly listener: number; readonly request: HearRequest }
  | { readonly type: "unlisten"; readonly id: number; readonly listener: number }
  | { readonly type: "align"; readonly id: number; readonly request: AlignRequest }
  /** Ends every decode, hear and alignment that was asked for before. */
  | { readonly type: "cancel" }
  | { readonly type: "close" };

export type FromWorker =
  | { readonly type: "opened"; readonly info: ModelInfo; readonly description: unknown }
  /** A session's address, for cancelling. */
  | { readonly type: "session"; readonly session: number }
  | { readonly type: "token"; readonly id: number; readonly token: DecodeToken }
  | { readonly type: "done"; readonly id: number; readonly result: DecodeResult }
  | { readonly type: "listening"; readonly id: number; readonly session: number }
  | { readonly type: "heard"; readonly id: number; readonly result: HearResult }
  | { readonly type: "unlistened"; readonly id: number }
  | { readonly type: "aligned"; readonly id: number; readonly result: AlignResult }
  | { readonly type: "closed" }
  /** Of one decode, or of opening (no id). `status` as in qwen_asr.h, 0 for errors of the host. */
  | { readonly type: "failed"; readonly id?: number; readonly message: string; readonly status: number };

declare const self: Worker;

/** As many as the engine takes in one step. */
const sequencesMax = 8;

/** "language", a name of a few tokens, and the header's end. */
const headerTokensMax = 6;

type Waiting = { readonly id: number; readonly request: DecodeRequest };

/** A decode under way: its session holds the prompt and all tokens but `next`. */
type Sequence = Waiting & {
  readonly session: SessionHandle;
  /** What it said first: of some length, or up to the end of the header that names the language. */
  readonly header: number[];
  readonly loop: LoopDetector;
  readonly counts: { -readonly [key in Exclude<keyof DecodeResult, "stop">]: number };
  next: { id: number; logprob: number };
};

/** A hear whose audio is taken in already. */
type Asked = { readonly id: number; readonly hearing: Hearing; readonly request: HearRequest };

let native: Native;
let model: ModelHandle;
let info: ModelInfo;
/** Sessions in no decode; they are opened as needed and used again. */
const free: SessionHandle[] = [];
/** The one that encodes for all: an encoder's buffers are 100 MB, and only one runs at a time. */
let encoder: SessionHandle | undefined;
const waiting: Waiting[] = [];
/** The header that was said last: most likely the next one's, too. Before the first, that of English. */
let lastHeader: readonly number[] = [];
const alignments: { readonly id: number; readonly request: AlignRequest }[] = [];
let active: Sequence[] = [];
let isRunning = false;
const hearings = new Map<number, Hearing>();
const asked: Asked[] = [];

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  switch (data.type) {
    case "open":
      return await attempt(undefined, () => open(data));
    case "decode":
      waiting.push({ id: data.id, request: data.request });
      return await run();
    case "listen":
      return void await attempt(data.id, () => listen(data.id, data.options));
    case "hear":
      if (await attempt(data.id, () => ask(data))) await run();
      return;
    case "unlisten":
      hearings.get(data.listener)?.close();
      hearings.delete(data.listener);
      return post({ type: "unlistened", id: data.id });
    case "align":
      alignments.push({ id: data.id, request: data.request });
      return await run();
    case "cancel":
      return cancelAll();
    case "close":
      hearings.forEach((hearing) => hearing.close());
      free.forEach((session) => native.closeSession(session));
      native.closeModel(model);
      post({ type: "closed" });
  }
};

function post(message: FromWorker): void {
  self.postMessage(message);
}

/** Does something for one decode (or for opening), and posts its failure. Returns undefined where it failed. */
async function attempt<T>(id: number | undefined, action: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const status = error instanceof EngineError ? error.status : 0;
    post(id === undefined ? { type: "failed", message, status } : { type: "failed", id, message, status });
    return undefined;
  }
}

async function open(message: Extract<ToWorker, { type: "open" }>): Promise<void> {
  const { library, model: source, threads, weights, cacheFolder } = message;
  native = new Native(library);
  model = await openModel(native, source, threads, weights, cacheFolder);
  info = native.info(model);
  if (info.kind === "asr") lastHeader = headerIds("English");
  post({ type: "opened", info, description: native.describe(model) });
}

/** Until nothing is left to decode: takes one more in, steps all, listens for messages. */
async function run(): Promise<void> {
  if (isRunning) return;
  isRunning = true;
  try {
    while (waiting.length > 0 || active.length > 0 || asked.length > 0 || alignments.length > 0) {
      const next = asked.shift();
      if (next) await attempt(next.id, () => answer(next));
      try {
        const next = active.length < sequencesMax ? waiting.shift() : undefined;
        if (next) await start(next);
        await step();
        await alignNext();
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error;
        cancelAll();
      }
      await new Promise((resolve) => setImmediate(resolve)); // Lets messages in.
    }
  } finally {
    isRunning = false;
  }
}

function listen(id: number, options: ListenOptions): void {
  if (encoder === undefined) free.push(takeSession());
  const hearing = new Hearing({ native, model, encoder: encoder! }, options);
  hearings.set(id, hearing);
  post({ type: "listening", id, session: hearing.session as number });
}

function ask({ id, listener, request }: Extract<ToWorker, { type: "hear" }>): boolean {
  const hearing = hearings.get(listener);
  if (!hearing) throw new Error("hear: the listener is closed");
  hearing.take(request);
  asked.push({ id, hearing, request });
  return true;
}

function answer({ id, hearing, request }: Asked): void {
  post({ type: "heard", id, result: hearing.hear(request) });
}

function takeSession(): SessionHandle {
  const known = free.pop();
  if (known !== undefined) return known;
  const session = native.openSession(model);
  encoder ??= session;
  post({ type: "session", session: session as number });
  return session;
}

async function start(waiter: Waiting): Promise<void> {
  const session = await attempt(waiter.id, takeSession);
  if (session === undefined) return;
  const counts = { promptTokens: 0, audioTokens: 0, generatedTokens: 0, encodeMs: 0, prefillMs: 0, decodeMs: 0 };
  const [loop, next] = [new LoopDetector(), { id: 0, logprob: 0 }];
  const sequence: Sequence = { ...waiter, session, counts, loop, next, header: [] };
  active.push(sequence); // A cancellation from here on ends it, too.
  const began = await attempt(waiter.id, () => prefill(sequence));
  if (!began) {
    active = active.filter((one) => one !== sequence);
    release(session);
  }
}

/** Takes the prompt in, and says as much of the last header as it would say, too: the same pass tells. */
function prefill(sequence: Sequence): boolean {
  const { request, session, counts } = sequence;
  let start = performance.now();
  const rows = native.encode(encoder ?? session, request.samples, request.windowFrames, info.hidden);
  if (waiting.length === 0 && active.length === 1) native.releaseEncoder(model); // The decoder needs the room.
  counts.audioTokens = rows.length / info.hidden;
  counts.encodeMs = performance.now() - start;
  start = performance.now();
  const ids = promptIds(request, counts.audioTokens);
  counts.promptTokens = ids.length;
  const draft = request.language === "" && request.pastText === "" ? lastHeader.slice(0, request.tokensMax) : [];
  const draftedIds = Uint32Array.from([...ids, ...draft]);
  const logprobs = native.verify(session, 0, draftedIds, rows, counts.audioTokens, draft.length);
  logprobs.forEach((logprob, i) => say(sequence, { id: draft[i]!, logprob }));
  Object.assign(sequence.next, native.next(session));
  counts.prefillMs = performance.now() - start;
  return true;
}

/** What an answer in this language begins with: what the prompt ends with where the language is given. */
function headerIds(language: string): number[] {
  return [...native.prompt(model, 0, "", language).subarray(native.prompt(model, 0, "", "").length)];
}

/** The prompt, and text already said as the start of the answer, closed by its own end of header. */
function promptIds(request: DecodeRequest, audioRows: number): Uint32Array {
  const prompt = native.prompt(model, audioRows, request.context, request.language);
  if (request.pastText === "") return prompt;
  return Uint32Array.from([...prompt, ...native.tokenize(model, request.pastText), info.asrTextId]);
}

/** Posts every sequence's next token, ends those that are done, and moves the others on together. */
async function step(): Promise<void> {
  for (const sequence of [...active]) {
    const stop = emit(sequence);
    if (stop) finish(sequence, stop);
  }
  if (active.length === 0) return;
  const began = performance.now();
  const moving = [...active];
  const done = await attempt(moving[0]!.id, () => {
    native.step(moving.map(({ session }) => session), Uint32Array.from(moving, ({ next }) => next.id));
    for (const { session, next } of moving) Object.assign(next, native.next(session));
    return true;
  });
  const share = (performance.now() - began) / moving.length;
  for (const { counts } of moving) counts.decodeMs += share;
  if (!done) moving.forEach(fail);
}

/** Why a sequence ends here; undefined while it goes on. */
function emit(sequence: Sequence): DecodeStop | undefined {
  const { request, counts, next } = sequence;
  if (counts.generatedTokens >= request.tokensMax) return "cap";
  if (native.isEnd(model, next.id)) return "end";
  return say(sequence, next);
}

function say({ id, counts, loop, header }: Sequence, token: { id: number; logprob: number }): DecodeStop | undefined {
  counts.generatedTokens += 1;
  post({ type: "token", id, token: { ...token, bytes: native.tokenBytes(model, token.id).slice() } });
  if (header.length < headerTokensMax && header.at(-1) !== info.asrTextId) {
    header.push(token.id);
    if (token.id === info.asrTextId) lastHeader = [...header];
  }
  return loop.push(token.id) === "loop" ? "loop" : undefined;
}

function finish(sequence: Sequence, stop: DecodeStop): void {
  active = active.filter((one) => one !== sequence);
  release(sequence.session);
  post({ type: "done", id: sequence.id, result: { stop, ...sequence.counts } });
}

/** After a step that failed for all: the first has been told why already. */
function fail(sequence: Sequence, index: number): void {
  active = active.filter((one) => one !== sequence);
  release(sequence.session);
  if (index === 0) return;
  post({ type: "failed", id: sequence.id, message: "a decode beside it failed", status: 0 });
}

/** The oldest alignment that waits, if there is one. */
async function alignNext(): Promise<void> {
  const next = alignments[0];
  if (next === undefined) return;
  const session = await attempt(next.id, takeSession);
  if (session !== undefined) {
    const result = await attempt(next.id, () => align(session, next.request)).finally(() => release(session));
    if (result) post({ type: "aligned", id: next.id, result });
  }
  alignments.shift();
}

function align(session: SessionHandle, { samples, words }: AlignRequest): AlignResult {
  const start = performance.now();
  const rows = native.encode(encoder ?? session, samples, 0, info.hidden);
  if (alignments.length === 1) native.releaseEncoder(model);
  const encoded = performance.now();
  const ids = alignmentIds(words, rows.length / info.hidden);
  const markerId = info.alignment?.markerId ?? -1;
  const { classes, margins } = native.classify(session, ids, rows, rows.length / info.hidden, markerId);
  return {
    stop: "end",
    classes: [...classes],
    margins: [...margins],
    promptTokens: ids.length,
    audioTokens: rows.length / info.hidden,
    encodeMs: encoded - start,
    alignMs: performance.now() - encoded,
  };
}

/** The aligner's bare prompt: the audio, then the words one after the other, each with two markers. */
function alignmentIds(words: readonly string[], audioRows: number): Uint32Array {
  const { alignment } = info;
  if (!alignment) throw new EngineError(`${info.name} transcribes and does not align`, STATUS.invalid);
  const { markerId, audioStartId, audioPadId, audioEndId } = alignment;
  const spoken = words.flatMap((word) => [...native.tokenize(model, word), markerId, markerId]);
  return Uint32Array.from([audioStartId, ...Array(audioRows).fill(audioPadId), audioEndId, ...spoken]);
}

function release(session: SessionHandle): void {
  native.truncate(session, 0); // Also ends a cancellation.
  free.push(session);
}

function cancelAll(): void {
  for (const sequence of [...active]) finish(sequence, "cancelled");
  const none = { promptTokens: 0, audioTokens: 0, generatedTokens: 0, encodeMs: 0, prefillMs: 0, decodeMs: 0 };
  for (const { id } of waiting.splice(0)) post({ type: "done", id, result: { stop: "cancelled", ...none } });
  for (const { id } of asked.splice(0)) post({ type: "heard", id, result: noHearResult() });
  const unaligned = { classes: [], margins: [], promptTokens: 0, audioTokens: 0, encodeMs: 0, alignMs: 0 };
  for (const { id } of alignments.splice(0)) {
    post({ type: "aligned", id, result: { stop: "cancelled", ...unaligned } });
  }
  free.forEach((session) => native.truncate(session, 0)); // Flags that came after their decode's end.
  hearings.forEach((hearing) => hearing.reset());
}
