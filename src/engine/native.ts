/**
 * The native library's calls: typed arrays in and out, every failure an EngineError. qwen_asr.h says what each one
 * does. Nothing else calls the library.
 */

import { dlopen, type Pointer, ptr } from "bun:ffi";
import type { ModelInfo, Weights } from "./engine.ts";
import { InternalError } from "../errors.ts";
import type { Span } from "../units.ts";
import { symbols } from "./symbols.ts";

const ABI_VERSION = 3;

type Symbols = ReturnType<typeof dlopen<typeof symbols>>["symbols"];

/** Values of qasr_status in qwen_asr.h that the host treats specially. */
export const STATUS = {
  invalid: -1,
  model: -2,
  memory: -3,
  tooSmall: -4,
  tooLong: -5,
  busy: -6,
  cancelled: -7,
} as const;

/** QASR_EVERYTHING: all of a recording, or no session in particular. */
const EVERYTHING = 0xffff_ffff;

/** The numbers of qasr_weights. */
const WEIGHTS: Readonly<Record<Weights, number>> = { bf16: 0, int8: 1, int4: 2 };

/** The numbers of qasr_measurement. */
const MEASURE = { read: 0, sgemm: 1, attention: 2, linear: 3, int8: 4 } as const;

/** A file of a model held in memory. */
export type ModelFile = { readonly name: string; readonly bytes: Uint8Array };

/** The header of a file of packed weights. */
export type PackedInfo = {
  /** Precision and arrangement. */
  readonly layout: string;
  /** The folder it was packed from. */
  readonly model: string;
  readonly bytes: number;
};

export type ModelHandle = Pointer;
export type EncoderHandle = Pointer;
export type SessionHandle = Pointer;
export type ListenerHandle = Pointer;
export type VadHandle = Pointer;
export type SpeakersHandle = Pointer;

/** QASR_VAD_FRAME: samples per voice probability. */
export const vadFrame = 512;

/** QASR_SPEAKERS_*: samples of a window, its frames, their classes, floats of a voice. */
export const speakerWindow = 160_000;
export const speakerFrames = 589;
export const speakerClasses = 7;
export const speakerFloats = 192;

/** The library's calls, typed and checked. Arrays passed in are borrowed for the call. */
export class Native {
  readonly #library: ReturnType<typeof dlopen<typeof symbols>>;
  readonly #symbols: Symbols;
  /** Files of models opened from memory: kept until the process ends. */
  readonly #kept: Uint8Array[] = [];
  readonly #count = new Uint32Array(1);
  readonly #pointer = new BigUint64Array(1);

  constructor(path: string) {
    this.#library = dlopen(path, symbols);
    this.#symbols = this.#library.symbols;
    const version = this.#symbols.qasr_abi_version();
    if (version !== ABI_VERSION) {
      throw new InternalError(`engine has ABI ${version}, this program needs ${ABI_VERSION}`);
    }
  }

  /** Gives back what the calls themselves take, some 15 kB, which no thread's end does. No other call may follow. */
  close(): void {
    this.#library.close();
  }

  /**
   * Packed weights are kept in `cacheFolder`, "" for none. `progress[0]` gets how far packing them is, 0 to 1000; in
   * shared memory another thread can read it meanwhile.
   */
  openFolder(
    path: string,
    threads: number,
    weights: Weights = "bf16",
    cacheFolder = "",
    progress?: Uint32Array,
  ): ModelHandle {
    checkText(path, "model folder");
    const cache = cacheFolder === "" ? null : new TextEncoder().encode(cacheFolder + "\0");
    const open = this.#symbols.qasr_model_open;
    const folder = path as unknown as Pointer;
    this.#check(open(folder, threads, WEIGHTS[weights], cache, progress ?? null, this.#pointer));
    return this.#handle();
  }

  openMemory(
    files: readonly ModelFile[],
    threads: number,
    weights: Weights = "bf16",
    progress?: Uint32Array,
  ): ModelHandle {
    const names = files.map((file) => new TextEncoder().encode(file.name + "\0"));
    this.#kept.push(...files.map((file) => file.bytes));
    const addresses = (arrays: readonly Uint8Array[]) => BigUint64Array.from(arrays, (array) => BigInt(ptr(array)));
    const sizes = BigUint64Array.from(files, (file) => BigInt(file.bytes.length));
    const data = addresses(files.map((file) => file.bytes));
    this.#check(
      this.#symbols.qasr_model_open_memory(
        addresses(names),
        data,
        sizes,
        files.length,
        threads,
        WEIGHTS[weights],
        progress ?? null,
        this.#pointer,
      ),
    );
    return this.#handle();
  }

  /** Throws with STATUS.busy while sessions, encoders or listeners of the model are open. */
  closeModel(model: ModelHandle): void {
    this.#check(this.#symbols.qasr_model_close(model));
  }

  /** The engine's own description, whole. */
  describe(model: ModelHandle): Record<string, unknown> {
    const bytes = this.#grow(
      4096,
      Uint8Array,
      (out) => this.#symbols.qasr_model_info(model, out, out.length, this.#count),
    );
    return JSON.parse(new TextDecoder().decode(bytes));
  }

  info(model: ModelHandle): ModelInfo {
    const raw = this.describe(model) as {
      kind: "asr" | "aligner";
      name: string;
      isa: string;
      isa_notice: string;
      threads: number;
      weights: Weights;
      cache: { path: string; bytes: number; was_built: boolean; notice: string } | null;
      hidden: number;
      positions_max: number;
      position_bytes: number;
      step_max: number;
      session_bytes: number;
      row_bytes: number;
      block_rows: number;
      encoder_bytes: number;
      languages: string[];
      tokens: {
        asr_text: number | null;
        timestamp: number | null;
        audio_start: number;
        audio_pad: number;
        audio_end: number;
      };
      timestamp_segment_ms: number;
    };
    return {
      kind: raw.kind,
      name: raw.name,
      isa: raw.isa,
      ...(raw.isa_notice && { isaNotice: raw.isa_notice }),
      threads: raw.threads,
      weights: raw.weights,
      ...(raw.cache && { cache: { ...raw.cache, wasBuilt: raw.cache.was_built } }),
      hidden: raw.hidden,
      positionsMax: raw.positions_max,
      positionBytes: raw.position_bytes,
      stepMax: raw.step_max,
      sessionBytes: raw.session_bytes,
      rowBytes: raw.row_bytes,
      blockRows: raw.block_rows,
      encoderBytes: raw.encoder_bytes,
      languages: raw.languages,
      asrTextId: raw.tokens.asr_text ?? -1,
      ...(raw.tokens.timestamp !== null && {
        alignment: {
          markerMs: raw.timestamp_segment_ms,
          markerId: raw.tokens.timestamp,
          audioStartId: raw.tokens.audio_start,
          audioPadId: raw.tokens.audio_pad,
          audioEndId: raw.tokens.audio_end,
        },
      }),
    };
  }

  /** Lets the encoder's weights leave memory until they are used again. */
  releaseEncoder(model: ModelHandle): void {
    this.#symbols.qasr_model_release_encoder(model);
  }

  /** Reads only the header. */
  cacheInfo(path: string): PackedInfo {
    checkText(path, "cache file");
    const call = (out: Uint8Array) =>
      this.#symbols.qasr_cache_info(path as unknown as Pointer, out, out.length, this.#count);
    return JSON.parse(new TextDecoder().decode(this.#grow(1024, Uint8Array, call)));
  }

  /** Reads the whole file. Throws if it is not as it was packed. */
  cacheVerify(path: string): void {
    checkText(path, "cache file");
    this.#check(this.#symbols.qasr_cache_verify(path as unknown as Pointer));
  }

  /** `text` in NFC. Special tokens in it are plain text unless `withSpecial`. */
  tokenize(model: ModelHandle, text: string, withSpecial = false): Uint32Array {
    return this.tokenizeBytes(model, new TextEncoder().encode(text.normalize("NFC")), withSpecial);
  }

  tokenizeBytes(model: ModelHandle, bytes: Uint8Array, withSpecial = false): Uint32Array {
    return this.#grow(
      bytes.length + 16,
      Uint32Array,
      (ids) =>
        this.#symbols.qasr_tokenize(
          model,
          bytes.length > 0 ? bytes : null,
          bytes.length,
          withSpecial ? 1 : 0,
          ids,
          ids.length,
          this.#count,
        ),
    );
  }

  tokenBytes(model: ModelHandle, id: number): Uint8Array {
    const call = (out: Uint8Array) => this.#symbols.qasr_token_bytes(model, id, out, out.length, this.#count);
    return this.#grow(64, Uint8Array, call);
  }

  isEnd(model: ModelHandle, id: number): boolean {
    return this.#symbols.qasr_token_is_end(model, id) === 1;
  }

  prompt(model: ModelHandle, audioRows: number, context: string, language: string): Uint32Array {
    const encode = (text: string) => new TextEncoder().encode(text.normalize("NFC"));
    const [system, name] = [encode(context), encode(language)];
    const orNull = (bytes: Uint8Array) => (bytes.length > 0 ? bytes : null);
    return this.#grow(
      audioRows + system.length + name.length + 64,
      Uint32Array,
      (ids) =>
        this.#symbols.qasr_prompt(
          model,
          audioRows,
          orNull(system),
          system.length,
          orNull(name),
          name.length,
          ids,
          ids.length,
          this.#count,
        ),
    );
  }

  openEncoder(model: ModelHandle): EncoderHandle {
    this.#check(this.#symbols.qasr_encoder_open(model, this.#pointer));
    return this.#handle();
  }

  closeEncoder(encoder: EncoderHandle): void {
    this.#symbols.qasr_encoder_close(encoder);
  }

  /** From any thread. What the encoder begins next ends the cancellation. */
  cancelEncoder(encoder: EncoderHandle): void {
    this.#symbols.qasr_encoder_cancel(encoder);
  }

  /** Log-mel features, f32[bins][frames]. */
  mel(encoder: EncoderHandle, samples: Float32Array, bins: number): Float32Array {
    const capacity = Math.ceil(Math.max(samples.length, 8000) / 160) * bins;
    const mel = new Float32Array(capacity);
    const from = samples.length > 0 ? samples : null;
    this.#check(this.#symbols.qasr_mel(encoder, from, samples.length, mel, capacity, this.#count));
    return mel.subarray(0, this.#count[0]! * bins);
  }

  /** Encoder rows, f32[rows][hidden]. `windowFrames` 0 is the checkpoint's own window. */
  encode(encoder: EncoderHandle, samples: Float32Array, windowFrames: number, hidden: number): Float32Array {
    const from = samples.length > 0 ? samples : null;
    this.#check(this.#symbols.qasr_encode(encoder, from, samples.length, windowFrames, null, 0, this.#count));
    const count = this.#count[0]!;
    const rows = new Float32Array(count * hidden);
    this.#check(this.#symbols.qasr_encode(encoder, from, samples.length, windowFrames, rows, count, this.#count));
    return rows;
  }

  /** The same in slices: gives up a clip under way, copies the samples and returns the number of rows to come. */
  encodeBegin(encoder: EncoderHandle, samples: Float32Array, windowFrames: number): number {
    const from = samples.length > 0 ? samples : null;
    this.#check(this.#symbols.qasr_encode_begin(encoder, from, samples.length, windowFrames, this.#count));
    return this.#count[0]!;
  }

  /** Works for about that long. Returns true when the clip is done. After a failure the clip is gone. */
  encodeRun(encoder: EncoderHandle, budgetMs: number): boolean {
    this.#check(this.#symbols.qasr_encode_run(encoder, budgetMs, this.#count));
    return this.#count[0] === 1;
  }

  /** The rows of the clip that is done, f32[rows][hidden]. */
  encodeRows(encoder: EncoderHandle, hidden: number): Float32Array {
    const call = this.#symbols.qasr_encode_rows;
    const asked = call(encoder, null, 0, this.#count); // Too small, where there are rows at all.
    if (asked !== STATUS.tooSmall) this.#check(asked);
    const count = this.#count[0]!;
    const rows = new Float32Array(count * hidden);
    this.#check(call(encoder, rows, count, this.#count));
    return rows;
  }

  openSession(model: ModelHandle): SessionHandle {
    this.#check(this.#symbols.qasr_session_open(model, this.#pointer));
    return this.#handle();
  }

  closeSession(session: SessionHandle): void {
    this.#symbols.qasr_session_close(session);
  }

  /** From any thread. Truncating to 0 ends the cancellation. */
  cancel(session: SessionHandle): void {
    this.#symbols.qasr_session_cancel(session);
  }

  extend(session: SessionHandle, ids: Uint32Array, rows: Float32Array | null, rowsCount: number): void {
    if (ids.length === 0) return;
    this.#check(this.#symbols.qasr_session_extend(session, ids, ids.length, rows, rowsCount));
  }

  /**
   * Appends ids[i] to sessions[i], at most `step_max` of one model, in one pass over the weights. If it fails, none has
   * changed, and the error's `culprit` is the index of the session at fault, if there is one.
   */
  step(sessions: readonly SessionHandle[], ids: Uint32Array): void {
    if (sessions.length !== ids.length) throw new InternalError("step: as many ids as sessions");
    const handles = BigUint64Array.from(sessions, (session) => BigInt(session));
    const status = this.#symbols.qasr_sessions_step(handles, ids, ids.length, this.#count);
    this.#check(status, this.#count[0] === EVERYTHING ? undefined : this.#count[0]);
  }

  truncate(session: SessionHandle, positions: number): void {
    this.#check(this.#symbols.qasr_session_truncate(session, positions));
  }

  /** Truncates to 0 and gives the memory of positions and rows back. */
  releaseSession(session: SessionHandle): void {
    this.#check(this.#symbols.qasr_session_release(session));
  }

  positions(session: SessionHandle): number {
    return this.#symbols.qasr_session_positions(session);
  }

  next(session: SessionHandle): { id: number; logprob: number } {
    const logprob = new Float32Array(1);
    this.#check(this.#symbols.qasr_session_next(session, this.#count, logprob));
    return { id: this.#count[0]!, logprob: logprob[0]! };
  }

  /** The k best next tokens, best first. */
  top(session: SessionHandle, k: number): { ids: Uint32Array; logits: Float32Array } {
    const [ids, logits] = [new Uint32Array(k), new Float32Array(k)];
    this.#check(this.#symbols.qasr_session_top(session, k, ids, logits));
    return { ids, logits };
  }

  /**
   * Keeps the session's first positions and appends ids, the last `draft` of them as a guess. Returns the
   * log-probabilities of that part of the guess that is right.
   */
  verify(
    session: SessionHandle,
    keep: number,
    ids: Uint32Array,
    rows: Float32Array | null,
    rowsCount: number,
    draft: number,
  ): Float32Array {
    const logprobs = new Float32Array(draft);
    const [some, to] = [ids.length > 0 ? ids : null, draft > 0 ? logprobs : null];
    const from = rowsCount > 0 ? rows : null;
    const call = this.#symbols.qasr_session_verify;
    this.#check(call(session, keep, some, ids.length, from, rowsCount, draft, to, this.#count));
    return logprobs.subarray(0, this.#count[0]!);
  }

  /** `verify` in slices: copies ids and rows. Until it is done the session does nothing else. */
  prefillBegin(
    session: SessionHandle,
    keep: number,
    ids: Uint32Array,
    rows: Float32Array | null,
    rowsCount: number,
    draft: number,
  ): void {
    const some = ids.length > 0 ? ids : null;
    const from = rowsCount > 0 ? rows : null;
    this.#check(this.#symbols.qasr_session_begin(session, keep, some, ids.length, from, rowsCount, draft));
  }

  /** Works for about that long on the prefill or classification that was begun. Returns true when it is done. */
  prefillRun(session: SessionHandle, budgetMs: number): boolean {
    this.#check(this.#symbols.qasr_session_run(session, budgetMs, this.#count));
    return this.#count[0] === 1;
  }

  /** The log-probabilities of that part of the draft that is right, of a prefill that is done. */
  prefillResult(session: SessionHandle, draft: number): Float32Array {
    const logprobs = new Float32Array(draft);
    const to = draft > 0 ? logprobs : null;
    this.#check(this.#symbols.qasr_session_verified(session, to, draft, this.#count));
    return logprobs.subarray(0, this.#count[0]!);
  }

  openListener(model: ModelHandle, windowFrames: number, keeps: boolean): ListenerHandle {
    this.#check(this.#symbols.qasr_listener_open(model, windowFrames, keeps ? 1 : 0, this.#pointer));
    return this.#handle();
  }

  closeListener(listener: ListenerHandle): void {
    this.#symbols.qasr_listener_close(listener);
  }

  listenerAppend(listener: ListenerHandle, samples: Float32Array): void {
    const from = samples.length > 0 ? samples : null;
    this.#check(this.#symbols.qasr_listener_append(listener, from, samples.length));
  }

  /** The first windows, or with Infinity everything. */
  listenerForget(listener: ListenerHandle, windows: number): void {
    this.#check(this.#symbols.qasr_listener_forget(listener, windows === Infinity ? EVERYTHING : windows));
  }

  listenerRows(listener: ListenerHandle): number {
    return this.#symbols.qasr_listener_rows(listener);
  }

  /** Works for about that long on what `listenerEncode` gives; true once that has only to copy. */
  listenerRun(listener: ListenerHandle, encoder: EncoderHandle, budgetMs: number): boolean {
    this.#check(this.#symbols.qasr_listener_run(listener, encoder, budgetMs, this.#count));
    return this.#count[0] === 1;
  }

  /** Encoder rows of all that is held into `rows`, which has room for `listenerRows` of them. */
  listenerEncode(
    listener: ListenerHandle,
    encoder: EncoderHandle,
    rows: Float32Array,
    capacity: number,
  ): { rows: number; kept: number; unchanged: number } {
    const [kept, unchanged] = [new Uint32Array(1), new Uint32Array(1)];
    const call = this.#symbols.qasr_listener_encode;
    this.#check(call(listener, encoder, rows, capacity, this.#count, kept, unchanged));
    return { rows: this.#count[0]!, kept: kept[0]!, unchanged: unchanged[0]! };
  }

  /** `weights`: the bytes of a safetensors file; those of the library by default. */
  openVad(weights?: Uint8Array): VadHandle {
    this.#check(this.#symbols.qasr_vad_open(weights ?? null, weights?.length ?? 0, this.#pointer));
    return this.#handle();
  }

  closeVad(vad: VadHandle): void {
    this.#symbols.qasr_vad_close(vad);
  }

  /** Voice probabilities of the frames that these samples complete; of the rest too, if it is the last. */
  vadRun(vad: VadHandle, samples: Float32Array, isLast: boolean): Float32Array {
    const out = new Float32Array(Math.floor(samples.length / vadFrame) + 2); // Some are held from before.
    const from = samples.length > 0 ? samples : null;
    this.#check(
      this.#symbols.qasr_vad_run(vad, from, samples.length, isLast ? 1 : 0, out, out.length, this.#count),
    );
    return out.subarray(0, this.#count[0]!);
  }

  openSpeakers(weights: Uint8Array, threads: number): SpeakersHandle {
    const from = weights.length > 0 ? weights : null;
    this.#check(this.#symbols.qasr_speakers_open(from, weights.length, threads, this.#pointer));
    return this.#handle();
  }

  closeSpeakers(speakers: SpeakersHandle): void {
    this.#symbols.qasr_speakers_close(speakers);
  }

  /** f32[windows][speakerFrames][speakerClasses] of whole windows. */
  speakersSegment(speakers: SpeakersHandle, samples: Float32Array): Float32Array<ArrayBuffer> {
    const out = new Float32Array(Math.floor(samples.length / speakerWindow) * speakerFrames * speakerClasses);
    const from = samples.length > 0 ? samples : null;
    const to = out.length > 0 ? out : null;
    this.#check(
      this.#symbols.qasr_speakers_segment(speakers, from, samples.length, to, out.length, this.#count),
    );
    return out;
  }

  /** f32[voices.length][speakerFloats]: each voice has the ranges of samples in which it is heard. */
  speakersEmbed(
    speakers: SpeakersHandle,
    samples: Float32Array,
    voices: readonly (readonly Span[])[],
  ): Float32Array<ArrayBuffer> {
    const out = new Float32Array(voices.length * speakerFloats);
    if (out.length === 0) return out;
    const ranges = Uint32Array.from(voices.flat().flatMap(({ start, end }) => [start, end]));
    const counts = Uint32Array.from(voices, (spans) => spans.length);
    this.#check(
      this.#symbols.qasr_speakers_embed(
        speakers,
        samples.length > 0 ? samples : null,
        samples.length,
        ranges.length > 0 ? ranges : null,
        ranges.length / 2,
        counts,
        counts.length,
        out,
        out.length,
        this.#count,
      ),
    );
    return out;
  }

  /** The class at every marker of `ids`, and its lead over the second best. */
  classify(
    session: SessionHandle,
    ids: Uint32Array,
    rows: Float32Array,
    rowsCount: number,
    markerId: number,
  ): { classes: Uint32Array; margins: Float32Array } {
    const markers = ids.reduce((count, id) => count + (id === markerId ? 1 : 0), 0);
    const [classes, margins] = [new Uint32Array(markers), new Float32Array(markers)];
    this.#check(
      this.#symbols.qasr_session_classify(
        session,
        ids,
        ids.length,
        rowsCount > 0 ? rows : null,
        rowsCount,
        markerId,
        markers > 0 ? classes : null,
        markers > 0 ? margins : null,
        markers,
        this.#count,
      ),
    );
    return { classes, margins };
  }

  /** `classify` in slices, which `prefillRun` does. */
  classifyBegin(
    session: SessionHandle,
    ids: Uint32Array,
    rows: Float32Array,
    rowsCount: number,
    markerId: number,
  ): void {
    const from = rowsCount > 0 ? rows : null;
    const some = ids.length > 0 ? ids : null;
    this.#check(this.#symbols.qasr_session_classify_begin(session, some, ids.length, from, rowsCount, markerId));
  }

  /** The results of a classification that is done, at its `markers` markers. */
  classifyResult(session: SessionHandle, markers: number): { classes: Uint32Array; margins: Float32Array } {
    const [classes, margins] = [new Uint32Array(markers), new Float32Array(markers)];
    this.#check(this.#symbols.qasr_session_classified(session, classes, margins, markers, this.#count));
    return { classes, margins };
  }

  /** c[m][n] = a[m][k] b[n][k]^T on the calling thread. */
  sgemm(a: Float32Array, b: Float32Array, c: Float32Array, m: number, n: number, k: number): void {
    if (a.length < m * k || b.length < n * k || c.length < m * n) throw new InternalError("sgemm: array too short");
    this.#check(this.#symbols.qasr_sgemm(a, b, c, m, n, k));
  }

  /** Bytes read per second, over so many MiB of memory, by all threads of the model. */
  readSpeed(model: ModelHandle, mebibytes: number): number {
    return this.#measure(model, MEASURE.read, mebibytes, 0, 0);
  }

  /** FLOP per second of an f32 product c[m][n] = a[m][k] b[n][k]^T. */
  sgemmSpeed(model: ModelHandle, m: number, n: number, k: number): number {
    return this.#measure(model, MEASURE.sgemm, m, n, k);
  }

  /** FLOP per second of the decoder's causal attention. */
  attentionSpeed(model: ModelHandle, positions: number): number {
    return this.#measure(model, MEASURE.attention, positions, 0, 0);
  }

  /** FLOP per second of so many rows through a decoder matrix [ffn][hidden], at the model's precision. */
  linearSpeed(model: ModelHandle, rows: number): number {
    return this.#measure(model, MEASURE.linear, rows, 0, 0);
  }

  /** Operations per second of the int8 kernel on what stays in the first cache. */
  int8Speed(model: ModelHandle): number {
    return this.#measure(model, MEASURE.int8, 0, 0, 0);
  }

  #measure(model: ModelHandle, what: number, m: number, n: number, k: number): number {
    const perSecond = new Float64Array(1);
    this.#check(this.#symbols.qasr_measure(model, what, m, n, k, perSecond));
    return perSecond[0]!;
  }

  /** Calls with a first guess of the result's size, and again with the true one if that was too small. */
  #grow<T extends Uint8Array | Uint32Array>(
    guess: number,
    make: new (length: number) => T,
    call: (out: T) => number,
  ): T {
    let out = new make(guess);
    let status = call(out);
    if (status === STATUS.tooSmall) {
      out = new make(this.#count[0]!);
      status = call(out);
    }
    this.#check(status);
    return out.subarray(0, this.#count[0]!) as T;
  }

  #handle(): Pointer {
    return Number(this.#pointer[0]!) as Pointer;
  }

  #check(status: number, culprit?: number): void {
    if (status === 0) return;
    const buffer = new Uint8Array(1024);
    const length = Math.min(this.#symbols.qasr_error_message(buffer, buffer.length), buffer.length);
    const message = new TextDecoder().decode(buffer.subarray(0, length));
    throw new EngineError(message, status, culprit);
  }
}

/** A native call failed: `status` as in qwen_asr.h, `culprit` the index of the session that made a step fail. */
export class EngineError extends Error {
  constructor(message: string, readonly status: number, readonly culprit?: number) {
    super(message);
  }
}

function checkText(text: string, what: string): void {
  if (text.includes("\0")) throw new EngineError(`${what} has a NUL character in its name`, STATUS.model);
}
