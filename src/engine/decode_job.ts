/** A decode on its way through the engine: the audio is encoded, the prompt prefilled, then tokens decoded greedily. */

import { assert } from "../errors.ts";
import { LoopDetector } from "../text/loop.ts";
import { bytesOfPositions, decodePositions } from "./budget.ts";
import { ClipEncoding } from "./clip_encoding.ts";
import type { DecodeRequest, DecodeResult, DecodeStop } from "./engine.ts";
import { Job, priorityOf, type Shared, sliceMs, type Token } from "./job.ts";
import type { EncoderHandle } from "./native.ts";
import type { Answer } from "./protocol.ts";

/** Longest header: "language", a name of a few tokens, and the end of the header. */
const headerTokensMax = 6;

/** The ids with which an answer in this language begins; if the language is given, the prompt ends with them. */
export function headerIds({ library, model }: Pick<Shared, "library" | "model">, language: string): readonly number[] {
  const bare = library.prompt(model, 0, "", "").length;
  return [...library.prompt(model, 0, "", language).subarray(bare)];
}

export class DecodeJob extends Job {
  readonly #request: DecodeRequest;
  readonly #encoding: ClipEncoding;
  readonly #counts = { promptTokens: 0, generatedTokens: 0, prefillMs: 0, decodeMs: 0 };
  readonly #loop = new LoopDetector();
  /** The first tokens, up to a limit or to the end of the header that names the language. */
  readonly #header: number[] = [];
  /** The last header, which is put after the prompt as a draft: the same pass tells how much of it is right. */
  #draft: readonly number[] | undefined;
  #next: Token | undefined;

  constructor(shared: Shared, id: number, request: DecodeRequest) {
    const bytes = bytesOfPositions(decodePositions(request), shared.info);
    super(shared, id, request.priority ?? priorityOf(request.samples), bytes);
    this.#request = request;
    this.#encoding = new ClipEncoding(shared);
  }

  started(encoder: EncoderHandle): void {
    this.#encoding.begin(encoder, this.#request.samples, this.#request.windowFrames);
  }

  prepare(): void {
    if (this.stage === "encode") {
      if (this.#encoding.run()) this.stage = "prefill";
      return;
    }
    assert(this.stage === "prefill", `prepare: a decode whose stage is ${this.stage}`);
    const began = this.shared.now();
    const isIn = this.#prefill();
    this.#counts.prefillMs += this.shared.now() - began;
    if (isIn) this.#speak();
  }

  /** Runs a slice of the prefill. Returns true once it is done. */
  #prefill(): boolean {
    const { library } = this.shared;
    if (this.#draft === undefined) this.#beginPrompt();
    return library.prefillRun(this.session, sliceMs);
  }

  #beginPrompt(): void {
    const { library, lastHeader } = this.shared;
    const { language, pastText, tokensMax } = this.#request;
    const ids = this.#promptIds();
    this.#counts.promptTokens = ids.length;
    this.#draft = language === "" && pastText === "" ? lastHeader.slice(0, tokensMax) : [];
    const drafted = Uint32Array.from([...ids, ...this.#draft]);
    const { audioTokens } = this.#encoding.counts;
    library.prefillBegin(this.session, 0, drafted, this.#encoding.takeRows(), audioTokens, this.#draft.length);
  }

  /** The prompt, and earlier text as the start of the answer, closed by its own end of header. */
  #promptIds(): Uint32Array {
    const { library, model, info } = this.shared;
    const { context, language, pastText } = this.#request;
    const prompt = library.prompt(model, this.#encoding.counts.audioTokens, context, language);
    if (pastText === "") return prompt;
    return Uint32Array.from([...prompt, ...library.tokenize(model, pastText), info.asrTextId]);
  }

  /** Emits as much of the draft as is right, and the token after it. */
  #speak(): void {
    const { library, now } = this.shared;
    const draft = this.#draft!;
    const logprobs = library.prefillResult(this.session, draft.length);
    assert(logprobs.length <= draft.length, "more of the draft was accepted than there is");
    logprobs.forEach((logprob, i) => this.#say({ id: draft[i]!, logprob }));
    const began = now();
    this.stage = "step";
    this.#advance();
    this.#counts.prefillMs += now() - began;
  }

  get nextId(): number {
    assert(this.stage === "step" && this.#next !== undefined, "the decode has no next token");
    return this.#next.id;
  }

  stepped(ms: number): void {
    this.#counts.decodeMs += ms;
    this.#advance();
  }

  /** Emits the token that the model has chosen, or ends. */
  #advance(): void {
    const stop = this.#isFull ? "cap" : this.#sayNext() ?? (this.#isFull ? "cap" : undefined);
    if (stop) this.end({ type: "done", id: this.id, result: this.#result(stop) });
  }

  #sayNext(): "end" | "loop" | undefined {
    const { library, model } = this.shared;
    this.#next = library.next(this.session);
    return library.isEnd(model, this.#next.id) ? "end" : this.#say(this.#next);
  }

  get #isFull(): boolean {
    return this.#counts.generatedTokens >= this.#request.tokensMax;
  }

  #say(token: Token): "loop" | undefined {
    const { shared, id } = this;
    const { asrTextId } = shared.info;
    this.#counts.generatedTokens += 1;
    const bytes = shared.library.tokenBytes(shared.model, token.id).slice();
    shared.post({ type: "token", id, token: { ...token, bytes } });
    if (this.#header.length < headerTokensMax && this.#header.at(-1) !== asrTextId) {
      this.#header.push(token.id);
      if (token.id === asrTextId) shared.lastHeader = [...this.#header];
    }
    return this.#loop.push(token.id) === "loop" ? "loop" : undefined;
  }

  cancelled(): Answer {
    return { type: "done", id: this.id, result: this.#result("cancelled") };
  }

  #result(stop: DecodeStop): DecodeResult {
    return { stop, ...this.#encoding.counts, ...this.#counts };
  }
}
