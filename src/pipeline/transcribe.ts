/**
 * Offline transcription: 16 kHz mono samples and options -> text, through an engine. No I/O of its own.
 *
 *     samples -> silence out -> cut points -> one decode per segment -> tokens -> language and text
 *
 * What becomes known goes to `onEvent` at once; the pieces of text add up to the text that is returned.
 */

import type { HeardToken } from "../document/document.ts";
import type { DecodeRequest, DecodeResult, DecodeToken, Engine, ModelInfo } from "../engine/engine.ts";
import type { TranscribeEvent } from "./events.ts";
import { planSegments, type SegmentLimits } from "../segment/plan.ts";
import { copyRanges, rangesWithoutSilence } from "../segment/speech.ts";
import { textTail, tokensEstimate, tokensMaxFor } from "../text/budget.ts";
import { separatorBetween } from "../text/join.ts";
import { LoopGuard } from "../text/loop.ts";
import { TranscriptParser } from "../text/transcript.ts";
import { sampleRate, type Span } from "../units.ts";

export type TranscribeRequest = {
  readonly samples: Float32Array;
  /** Where the samples begin in the recording, for messages. */
  readonly startSec: number;
  readonly segmentSec: number | "auto";
  readonly searchSec: number;
  readonly windowFrames: number;
  readonly language: string;
  readonly prompt: string;
  readonly skipSilence: boolean;
  readonly pastText: boolean;
  /** `-S auto` keeps audio up to this length whole. */
  readonly wholeSecMax: number;
  readonly memoryBytes: number | undefined;
  /** Segments decoded at a time at most, where that is to be less than is good for speed. */
  readonly decodesMax?: number;
};

export type Transcript = {
  readonly text: string;
  /** In the order heard, neighbours differ. */
  readonly languages: readonly string[];
  /** Generated after the header, tries that were thrown away included. */
  readonly textTokens: number;
  readonly encodeMs: number;
  /** Prefill and generation. */
  readonly decodeMs: number;
  /** Of the samples given, before silence was taken out; where stopped, up to the last segment that was heard whole. */
  readonly audioSec: number;
  readonly stopped: boolean;
};

/** One decode's outcome. */
type Piece = {
  readonly result: DecodeResult;
  readonly text: string;
  readonly language: string | undefined;
  readonly textTokens: number;
  readonly stop: "end" | "cap" | "loop" | "cancelled";
  readonly tokens: number;
  readonly heard: readonly HeardToken[];
};

/** What is gathered over the segments. */
type State = {
  text: string;
  languages: string[];
  textTokens: number;
  encodeMs: number;
  decodeMs: number;
  stopped: boolean;
  /** End of the last segment that was heard whole. */
  heardSamples: number;
  /** Conditioned segments that came out broken. */
  collapses: number;
};

type Run = {
  readonly request: TranscribeRequest;
  readonly engine: Engine;
  readonly stop: AbortSignal;
  readonly onEvent: (event: TranscribeEvent) => void;
  readonly state: State;
};

const templateTokens = 24; // Chat template 15, forced language and past text's tag the rest.
const pastTokensMax = 200;
const collapsesMax = 2;
/** Decodes asked for at a time: eight in step, and one that waits to join. */
export const decodesMax = 9;

/**
 * Transcribes the samples. When `stop` is aborted it ends after the running decode with what is known; the caller
 * makes the engine cancel that decode. Throws InputError where a segment is more than the model or the memory can
 * hold.
 */
export async function transcribe(
  request: TranscribeRequest,
  engine: Engine,
  stop: AbortSignal,
  onEvent: (event: TranscribeEvent) => void,
): Promise<Transcript> {
  const counts = { textTokens: 0, encodeMs: 0, decodeMs: 0, heardSamples: 0, collapses: 0 };
  const state = { text: "", languages: [], stopped: false, ...counts };
  const run: Run = { request, engine, stop, onEvent, state };
  const audioSec = request.samples.length / sampleRate;
  onEvent({ kind: "debug", text: `Audio: ${request.samples.length} samples (${audioSec.toFixed(1)} seconds)` });
  const kept = request.skipSilence ? withoutSilence(run) : undefined;
  const samples = kept ? copyRanges(request.samples, kept) : request.samples;
  const segments = cut(run, samples);
  const pieces = segments.map((segment, index) => ({
    samples: samples.subarray(segment.start, segment.end),
    ranges: originalRanges(segment, kept),
    place: () => placeOf(run, segment, index, segments.length, kept),
  }));
  await (request.pastText ? oneByOne(run, pieces) : together(run, pieces));
  const { collapses: _, heardSamples, ...known } = state;
  return { ...known, audioSec: state.stopped ? heardSamples / sampleRate : audioSec };
}

function withoutSilence({ request, onEvent }: Run): Span[] {
  const ranges = rangesWithoutSilence(request.samples);
  const before = request.samples.length;
  const after = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  const usedPercent = before === 0 ? 100 : (after / before) * 100;
  const percents = `used ${usedPercent.toFixed(1)}%, skipped ${(100 - usedPercent).toFixed(1)}%`;
  onEvent({ kind: "notice", text: `Silence skip: ${percents} (${before} -> ${after} samples)` });
  return ranges;
}

function cut({ request, engine, onEvent }: Run, samples: Float32Array): readonly Span[] {
  const { positionsMax, positionBytes, hidden } = engine.info;
  const pastTokens = request.pastText ? pastTokensMax : 0;
  const limits: SegmentLimits = {
    wholeSecMax: request.wholeSecMax,
    positionsMax,
    // The cache, and about eight rows of activations in f32 while the prompt goes in.
    positionBytes: positionBytes + 8 * hidden * Float32Array.BYTES_PER_ELEMENT,
    memoryBytes: request.memoryBytes,
  };
  const promptTokens = templateTokens + tokensEstimate(request.prompt) + pastTokens;
  const plan = planSegments(samples, { ...request, promptTokens }, limits);
  if (plan.notice) onEvent({ kind: "notice", text: plan.notice });
  if (plan.segments.length > 1) onEvent({ kind: "debug", text: `Splitting into ${plan.segments.length} segments` });
  return plan.segments;
}

/** "segment 3 of 10, 60.0 to 90.0 s", in the recording's own time. */
function placeOf(
  { request, onEvent }: Run,
  segment: Span,
  index: number,
  count: number,
  kept: readonly Span[] | undefined,
): string {
  const second = (position: number) => (request.startSec + originalPosition(position, kept) / sampleRate).toFixed(1);
  const [from, to] = [second(segment.start), second(segment.end)];
  const samples = segment.end - segment.start;
  if (count > 1) {
    onEvent({ kind: "debug", text: `Segment ${index + 1}/${count}: core ${from}-${to}s (${samples} samples)` });
  }
  return count > 1 ? `segment ${index + 1} of ${count}, ${from} to ${to} s` : `${from} to ${to} s`;
}

function originalPosition(position: number, kept: readonly Span[] | undefined): number {
  let before = 0;
  for (const { start, end } of kept ?? []) {
    if (position <= before + end - start) return start + position - before;
    before += end - start;
  }
  return position;
}

/** What a segment of the kept samples is of the samples given. */
function originalRanges(segment: Span, kept: readonly Span[] | undefined): readonly Span[] {
  if (kept === undefined) return [segment];
  const ranges: Span[] = [];
  let before = 0;
  for (const { start, end } of kept) {
    const from = Math.max(segment.start - before, 0);
    const to = Math.min(segment.end - before, end - start);
    if (from < to) ranges.push({ start: start + from, end: start + to });
    before += end - start;
  }
  return ranges;
}

/** One segment to decode; `place` says where it is, and that it is its turn. */
type Part = {
  readonly samples: Float32Array;
  readonly ranges: readonly Span[];
  readonly place: () => string;
};

/**
 * Segments that know nothing of each other are decoded several at a time, in one pass over the weights per step. The
 * first that is not done shows its text as it comes, the others keep theirs until it is their turn. When the run is
 * stopped, what later segments had is dropped: a gap would mislead.
 */
async function together(run: Run, parts: readonly Part[]): Promise<void> {
  const { state, stop } = run;
  const ahead: Decoding[] = [];
  const most = parallelMax(run, parts);
  let started = 0;
  try {
    for (const { place, ranges } of parts) {
      if (stop.aborted) break;
      const where = place();
      const before = state.text.length;
      ahead[0]?.goLive();
      while (started < parts.length && ahead.length < most && !stop.aborted) {
        ahead.push(new Decoding(run, parts[started++]!.samples, "", ahead.length === 0));
        if (started === parts.length) run.onEvent({ kind: "asked" });
      }
      const current = ahead[0]!;
      const piece = await current.done;
      ahead.shift();
      reportSegment(run, piece, ranges, state.text.slice(before));
      reportStop(run, piece, where, ranges);
      if (state.stopped) break;
    }
  } finally {
    if (ahead.length > 0) run.engine.cancel();
    await Promise.allSettled(ahead.map(({ done }) => done));
  }
  if (stop.aborted) state.stopped = true;
}

/** Decodes at a time: what the engine takes in one step, while their caches stay within half the memory. */
function parallelMax({ request, engine }: Run, parts: readonly Part[]): number {
  const longest = Math.max(...parts.map(({ samples }) => samples.length));
  const fitting = Math.floor((request.memoryBytes ?? Infinity) / 2 / cacheBytes(longest, request.prompt, engine.info));
  return Math.max(1, Math.min(request.decodesMax ?? decodesMax, fitting));
}

/** The most that the cache of one decode takes. */
export function cacheBytes(samples: number, prompt: string, { positionBytes }: ModelInfo): number {
  const seconds = samples / sampleRate;
  return (13 * seconds + templateTokens + tokensEstimate(prompt) + tokensMaxFor(seconds)) * positionBytes;
}

/** Every segment is shown the text before it, so they come one after the other. */
async function oneByOne(run: Run, parts: readonly Part[]): Promise<void> {
  const { state, stop, onEvent } = run;
  for (const { samples, ranges, place } of parts) {
    if (stop.aborted) state.stopped = true;
    if (state.stopped) return;
    const where = place();
    const before = state.text.length;
    const conditioned = state.text !== "" && state.collapses < collapsesMax;
    // A broken try is thrown away, so nothing is shown before the segment is done.
    let piece = await new Decoding(run, samples, conditioned ? textTail(state.text, pastTokensMax) : "").done;
    if (conditioned && piece.stop !== "cancelled" && isCollapsed(piece, samples.length / sampleRate, state.text)) {
      reportDecode(run, piece.result);
      state.collapses++;
      const off = state.collapses === collapsesMax;
      onEvent({ kind: "debug", text: "Segment mode: retrying segment without past text" });
      if (off) onEvent({ kind: "debug", text: `Segment mode: past text is off after ${collapsesMax} collapses` });
      piece = await new Decoding(run, samples, "").done;
    }
    heardLanguage(run, piece.language);
    addText(run, piece.text, true);
    reportSegment(run, piece, ranges, state.text.slice(before));
    reportStop(run, piece, where, ranges);
  }
}

/** `text` is the piece's, as it was shown. */
function reportSegment({ onEvent }: Run, piece: Piece, ranges: readonly Span[], text: string): void {
  if (text === "") return;
  const separator = text.slice(0, text.length - piece.text.length);
  const first = piece.heard.findIndex((token) => token.text !== "");
  const tokens = [...piece.heard];
  if (first >= 0) tokens[first] = { ...tokens[first]!, text: separator + tokens[first]!.text };
  onEvent({ kind: "segment", segment: { ranges, text, language: piece.language ?? "", tokens } });
}

function reportStop(run: Run, piece: Piece, place: string, ranges: readonly Span[]): void {
  const { state, onEvent } = run;
  reportDecode(run, piece.result);
  if (piece.stop === "cancelled") state.stopped = true;
  else state.heardSamples = ranges.at(-1)?.end ?? 0;
  if (piece.stop === "loop") {
    onEvent({ kind: "loss", text: `${place}: repetition loop after ${piece.tokens} tokens, stopped there` });
  }
  if (piece.stop === "cap") {
    onEvent({ kind: "loss", text: `${place}: stopped after ${piece.tokens} tokens, more than speech takes` });
  }
}

/** One decode under way: tokens to text, shown at once when live, kept until then. */
class Decoding {
  readonly done: Promise<Piece>;
  readonly #run: Run;
  readonly #parser: TranscriptParser;
  readonly #guard = new LoopGuard<DecodeToken>();
  readonly #isForced: boolean;
  #text = "";
  #heard: HeardToken[] = [];
  #shown = 0;
  #isLive: boolean;
  #isOver = false;

  constructor(run: Run, samples: Float32Array, pastText: string, isLive = false) {
    const { windowFrames, language, prompt: context } = run.request;
    this.#run = run;
    this.#isLive = isLive;
    this.#isForced = language !== "";
    this.#parser = new TranscriptParser(run.engine.info.asrTextId, this.#isForced || pastText !== "");
    const tokensMax = tokensMaxFor(samples.length / sampleRate);
    const request: DecodeRequest = { samples, windowFrames, context, language, pastText, tokensMax };
    const decoded = run.engine.decode(request, (token) => {
      for (const free of this.#guard.push(token)) this.#take(free);
    });
    this.done = decoded.then((result) => this.#end(result));
    this.done.catch(() => {}); // Whoever waits for it hears of it; one that nobody waits for yet is not lost.
  }

  /** Shows what there is and all that comes. */
  goLive(): void {
    this.#isLive = true;
    this.#show();
    if (this.#isOver) heardLanguage(this.#run, this.#language);
  }

  #take(token: DecodeToken): void {
    const piece = this.#parser.push(token);
    if (token.bytes.length > 0 || piece !== "") this.#heard.push({ text: piece, logprob: token.logprob });
    // What came before the text were the header's tokens.
    if (token.id === this.#run.engine.info.asrTextId && this.#text === "") this.#heard = [];
    this.#add(piece);
  }

  #add(piece: string): void {
    this.#text += piece;
    if (this.#isLive) this.#show();
  }

  get #language(): string | undefined {
    return this.#isForced ? this.#run.request.language : this.#parser.language;
  }

  #show(): void {
    if (this.#shown === this.#text.length) return;
    heardLanguage(this.#run, this.#language);
    addText(this.#run, this.#text.slice(this.#shown), this.#shown === 0);
    this.#shown = this.#text.length;
  }

  #end(result: DecodeResult): Piece {
    for (const free of this.#guard.end()) this.#take(free);
    const rest = this.#parser.end(); // All of it, where the model gave no header.
    const joint = this.#heard.reduce((sum, { logprob }) => sum + logprob, 0);
    if (rest !== "") this.#heard = [{ text: rest, logprob: joint }];
    this.#add(rest);
    this.#isOver = true;
    if (this.#isLive) heardLanguage(this.#run, this.#language);
    const { state } = this.#run;
    state.textTokens += this.#parser.textTokens;
    state.encodeMs += result.encodeMs;
    state.decodeMs += result.prefillMs + result.decodeMs;
    return {
      result,
      text: this.#text,
      language: this.#language,
      textTokens: this.#parser.textTokens,
      stop: this.#guard.looped ? "loop" : result.stop,
      tokens: this.#guard.count,
      heard: this.#heard,
    };
  }
}

function reportDecode({ onEvent }: Run, result: DecodeResult): void {
  const { audioTokens, promptTokens, generatedTokens } = result;
  const [encodeMs, prefillMs, decodeMs] = [result.encodeMs, result.prefillMs, result.decodeMs].map((ms) =>
    ms.toFixed(0)
  );
  const perToken = (result.decodeMs / Math.max(1, generatedTokens)).toFixed(1);
  onEvent({ kind: "debug", text: `  Encoder: ${audioTokens} tokens (${encodeMs} ms)` });
  onEvent({ kind: "debug", text: `  Prefill: ${promptTokens} tokens (${prefillMs} ms)` });
  onEvent({ kind: "debug", text: `  Decode: ${generatedTokens} tokens (${decodeMs} ms, ${perToken} ms/token)` });
}

/**
 * Whether a decode that was shown past text came out broken by it: empty, in a loop, far too short for its audio, or a
 * repetition of what was said before. The numbers are the C program's.
 */
function isCollapsed(piece: Piece, seconds: number, before: string): boolean {
  if (piece.text === "" || piece.stop === "loop") return true;
  if (seconds >= 8 && piece.textTokens < Math.max(12, Math.floor(seconds * 1.75))) return true;
  return new TextEncoder().encode(piece.text).length >= 48 && before.includes(piece.text);
}

function heardLanguage({ state, onEvent }: Run, name: string | undefined): void {
  if (!name || state.languages.at(-1) === name) return;
  state.languages.push(name);
  onEvent({ kind: "language", name });
}

/** Appends a piece; between segments with the separator the scripts ask for. */
function addText({ state, onEvent }: Run, piece: string, startsSegment: boolean): void {
  if (piece === "") return;
  const text = (startsSegment ? separatorBetween(state.text, piece) : "") + piece;
  state.text += text;
  onEvent({ kind: "text", text });
}
