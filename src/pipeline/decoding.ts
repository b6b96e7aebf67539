/**
 * One decode of a transcription, and what a run gathers over all of them. In: samples and the run. Out: tokens as they
 * come, as text that is shown or kept, and at last the piece that a segment gets. No I/O of its own.
 */

import type { Coverage } from "../document/audit.ts";
import type { HeardToken } from "../document/document.ts";
import type { DecodeRequest, DecodeResult, DecodeToken, Engine, Priority } from "../engine/engine.ts";
import { release } from "../memory.ts";
import type { VoiceJudge } from "../segment/has_voice.ts";
import type { Recording } from "../segment/recording.ts";
import { tokensMaxFor } from "../text/budget.ts";
import { separatorBetween } from "../text/join.ts";
import { RepeatGuard } from "../text/loop.ts";
import { TranscriptParser } from "../text/transcript.ts";
import { sampleRate, type Span } from "../units.ts";
import type { LaterContext } from "../views/term_context.ts";
import type { HeardSegment, Progress, Resume, TranscribeEvent, Unvoiced } from "./events.ts";

export type TranscribeRequest = {
  readonly recording: Recording;
  /** Where its first sample is in the file, for messages. */
  readonly startSec: number;
  readonly segmentSec: number | "auto";
  readonly searchSec: number;
  readonly windowFrames: number;
  readonly language: string;
  readonly prompt: string;
  /** Asked for the context with which a segment is decoded again. */
  readonly later?: LaterContext;
  readonly skipSilence: boolean;
  readonly pastText: boolean;
  /** `-S auto` keeps audio up to this length whole. */
  readonly wholeSecMax: number;
  /** It cuts longer audio about every so many seconds. */
  readonly cutSec: number;
  readonly memoryBytes: number | undefined;
  /** A new one for every segment that may have no voice: the model would invent words for it. */
  readonly voiceJudge: () => VoiceJudge;
  /** Segments decoded at a time at most, where that is to be less than is good for speed. */
  readonly decodesMax?: number;
  /** Of its decodes among those of others; absent: by the length of each. */
  readonly priority?: Priority;
  /** Goes on from there. */
  readonly resume?: Resume;
};

export type Run = {
  readonly request: TranscribeRequest;
  readonly engine: Engine;
  readonly stop: AbortSignal;
  /** Aborted where decodes ahead are no longer wanted. */
  readonly ended: AbortController;
  readonly onEvent: (event: TranscribeEvent) => void;
  readonly state: State;
  /** Where somebody speaks in the recording. */
  speech: readonly Span[];
};

/** What is gathered over the segments. */
export type State = {
  text: string;
  languages: readonly string[];
  /** End of the last segment that was heard whole. */
  heardSamples: number;
  /** Conditioned segments that came out broken. */
  collapses: number;
  stopped: boolean;
  /** Which speech of what was heard has text. */
  coverage: Coverage;
  unvoiced: Unvoiced;
  /** What all decodes took. */
  spent: Costs;
  /** The same of those that were reported: of a run that is stopped, some are not. */
  reported: Costs;
};

type Costs = Pick<Progress, "textTokens" | "encodeMs" | "decodeMs">;

/** One decode's outcome. */
export type Piece = {
  /** Otherwise it was not decoded. */
  readonly hasVoice: boolean;
  readonly result: DecodeResult;
  readonly text: string;
  readonly language: string | undefined;
  /** Of the language, where the model named it; 0 to 1. */
  readonly languageProbability?: number | undefined;
  readonly textTokens: number;
  readonly stop: HeardSegment["stop"];
  readonly tokens: number;
  readonly heard: readonly HeardToken[];
  /** So much of the text, and so many of what was heard, came before a repetition that is doubtful. */
  readonly certain?: { readonly length: number; readonly tokens: number };
  /** How a repetition was mended. */
  readonly repaired?: "cuts" | "context";
};

/** One decode under way: tokens to text, shown at once when live, kept until then. */
export class Decoding {
  readonly done: Promise<Piece>;
  readonly #run: Run;
  readonly #parser: TranscriptParser;
  readonly #guard = new RepeatGuard<DecodeToken>(textKey);
  readonly #isForced: boolean;
  #text = "";
  #heard: HeardToken[] = [];
  #languageProbability: number | undefined;
  /** Characters of the text that were shown. */
  shown = 0;
  /** A repetition may still be mended: what follows is not shown. */
  #certain: Piece["certain"];
  #isLive: boolean;
  #isOver = false;

  /** `samples`: undefined if there is no voice in them. */
  constructor(
    run: Run,
    samples: Float32Array | undefined,
    pastText: string,
    isLive = false,
    context = run.request.prompt,
  ) {
    const { windowFrames, language, priority } = run.request;
    this.#run = run;
    this.#isLive = isLive;
    this.#isForced = language !== "";
    this.#parser = new TranscriptParser(run.engine.info.asrTextId, this.#isForced || pastText !== "");
    if (!samples) {
      this.done = Promise.resolve(unvoicedPiece);
      return;
    }
    const tokensMax = tokensMaxFor(samples.length / sampleRate);
    const limits = { tokensMax, ...(priority && { priority }) };
    const request: DecodeRequest = { samples, windowFrames, context, language, pastText, ...limits };
    const decoded = run.engine.decode(request, (token) => {
      for (const free of this.#guard.push(token)) this.#take(free);
    }, AbortSignal.any([run.stop, run.ended.signal]));
    this.done = decoded.then((result) => {
      release(samples);
      return this.#end(result);
    });
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
    if (token.id === this.#run.engine.info.asrTextId && this.#text === "") this.#endHeader();
    this.#add(piece);
  }

  /** What was heard so far is "language English". */
  #endHeader(): void {
    const [, ...name] = this.#heard;
    this.#heard = [];
    if (this.#isForced || this.#parser.language === undefined || name.length === 0) return;
    this.#languageProbability = Math.exp(name.reduce((sum, { logprob }) => sum + logprob, 0));
  }

  #add(piece: string): void {
    this.#text += piece;
    if (this.#isLive) this.#show();
  }

  get #language(): string | undefined {
    return this.#isForced ? this.#run.request.language : this.#parser.language;
  }

  #show(): void {
    const text = this.#text.slice(0, this.#certain?.length);
    if (this.shown === text.length) return;
    heardLanguage(this.#run, this.#language);
    addText(this.#run, text.slice(this.shown), this.shown === 0);
    this.shown = text.length;
  }

  #end(result: DecodeResult): Piece {
    if (this.#guard.isDoubtful) this.#certain = { length: this.#text.length, tokens: this.#heard.length };
    for (const free of this.#guard.end()) this.#take(free);
    const rest = this.#parser.end(); // All of it, where the model gave no header.
    const joint = this.#heard.reduce((sum, { logprob }) => sum + logprob, 0);
    if (rest !== "") {
      this.#heard = [{ text: rest, logprob: joint }];
      this.#certain &&= { length: 0, tokens: 0 };
    }
    this.#add(rest);
    this.#isOver = true;
    if (this.#isLive) heardLanguage(this.#run, this.#language);
    const { state } = this.#run;
    state.spent = plus(state.spent, { result, textTokens: this.#parser.textTokens });
    return {
      hasVoice: true,
      result,
      text: this.#text,
      language: this.#language,
      languageProbability: this.#languageProbability,
      textTokens: this.#parser.textTokens,
      stop: this.#guard.looped ? "loop" : result.stop,
      tokens: this.#guard.count,
      heard: this.#heard,
      ...(this.#certain && { certain: this.#certain }),
    };
  }
}

const utf8 = new TextDecoder();

/** A word is the same at the start of a text, where it has no space and a capital letter. */
function textKey({ id, bytes }: DecodeToken): string | number {
  const key = bytes.length === 0 ? "" : utf8.decode(bytes).trim().toLowerCase();
  return key === "" || key.includes("\ufffd") ? id : key;
}

const unvoicedPiece: Piece = {
  ...{ hasVoice: false, text: "", language: undefined, textTokens: 0, stop: "end", tokens: 0, heard: [] },
  result: {
    ...{ stop: "end", promptTokens: 0, audioTokens: 0, generatedTokens: 0, encodeMs: 0, prefillMs: 0, decodeMs: 0 },
  },
};

function plus(costs: Costs, { result, textTokens }: Pick<Piece, "result" | "textTokens">): Costs {
  return {
    textTokens: costs.textTokens + textTokens,
    encodeMs: costs.encodeMs + result.encodeMs,
    decodeMs: costs.decodeMs + result.prefillMs + result.decodeMs,
  };
}

export function reportDecode({ state, onEvent }: Run, { result, textTokens }: Piece): void {
  state.reported = plus(state.reported, { result, textTokens });
  const { audioTokens, promptTokens, generatedTokens } = result;
  const [encodeMs, prefillMs, decodeMs] = [result.encodeMs, result.prefillMs, result.decodeMs].map((ms) =>
    ms.toFixed(0)
  );
  const perToken = (result.decodeMs / Math.max(1, generatedTokens)).toFixed(1);
  onEvent({ kind: "debug", text: `  Encoder: ${audioTokens} tokens (${encodeMs} ms)` });
  onEvent({ kind: "debug", text: `  Prefill: ${promptTokens} tokens (${prefillMs} ms)` });
  onEvent({ kind: "debug", text: `  Decode: ${generatedTokens} tokens (${decodeMs} ms, ${perToken} ms/token)` });
}

export function heardLanguage({ state, onEvent }: Run, name: string | undefined): void {
  if (!name || state.languages.at(-1) === name) return;
  state.languages = [...state.languages, name];
  onEvent({ kind: "language", name });
}

/** Appends a piece; between segments with the separator the scripts ask for. */
export function addText({ state, onEvent }: Run, piece: string, startsSegment: boolean): void {
  if (piece === "") return;
  const text = (startsSegment ? separatorBetween(state.text, piece) : "") + piece;
  state.text += text;
  onEvent({ kind: "text", text });
}
