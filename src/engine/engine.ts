/** What the rest of the program sees of the native engine: data types and one interface, no I/O. */

/** Precision of the weights: as the file has them, or 8 bits in blocks of 32. */
export type Weights = "bf16" | "int8" | "int4";

/** From `qasr_model_info`, plus what the host knows. */
export type ModelInfo = {
  readonly kind: "asr" | "aligner";
  /** "Qwen3-ASR-0.6B", or "Qwen3-ASR (custom)" where the dimensions are not an official size. */
  readonly name: string;
  readonly isa: string;
  readonly threads: number;
  readonly weights: Weights;
  /** Of packed weights: their file ("" in memory), its size, whether it was made just now, why there is none. */
  readonly cache?: {
    readonly path: string;
    readonly bytes: number;
    readonly wasBuilt: boolean;
    readonly notice: string;
  };
  readonly hidden: number;
  readonly positionsMax: number;
  /** Sequences that one step moves on at most. */
  readonly stepMax: number;
  /** What requests cost in bytes, see budget.ts: a position of a KV cache, an open session without any, */
  readonly positionBytes: number;
  readonly sessionBytes: number;
  /** a row of a prompt while it goes in, of which at most `blockRows` are held at a time, */
  readonly rowBytes: number;
  readonly blockRows: number;
  /** and an encoder's buffers. */
  readonly encoderBytes: number;
  readonly languages: readonly string[];
  readonly asrTextId: number;
  /** Of an aligner. */
  readonly alignment?: {
    /** Duration of one class, in ms. */
    readonly markerMs: number;
    readonly markerId: number;
    readonly audioStartId: number;
    readonly audioPadId: number;
    readonly audioEndId: number;
  };
};

/** Which of the requests that wait goes first: short ones. Live recordings go before both. */
export type Priority = "short" | "long";

/** One utterance to decode greedily. */
export type DecodeRequest = {
  /** 16 kHz mono, [-1, 1]. */
  readonly samples: Float32Array;
  /** Encoder attention window in mel frames, 100 to 800. */
  readonly windowFrames: number;
  /** System-turn text, "" for none. */
  readonly context: string;
  /** A language name ("English"), "" to detect. */
  readonly language: string;
  /** Text already said, put after the assistant's start and closed by `<asr_text>`; "" for none. */
  readonly pastText: string;
  /** Generated tokens at most, the language header included. */
  readonly tokensMax: number;
  /** By the length of its audio where absent: up to 30 s is short. */
  readonly priority?: Priority;
};

export type DecodeToken = {
  readonly id: number;
  /** UTF-8, possibly cut inside a character; empty for special tokens. */
  readonly bytes: Uint8Array;
  readonly logprob: number;
};

export type DecodeStop = "end" | "cap" | "loop" | "cancelled";

export type DecodeResult = {
  readonly stop: DecodeStop;
  readonly promptTokens: number;
  readonly audioTokens: number;
  readonly generatedTokens: number;
  /** Mel and encoder. */
  readonly encodeMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
};

/** A live recording: its audio and what is computed of it stay in the engine between calls. */
export type ListenOptions = Pick<DecodeRequest, "windowFrames" | "context" | "language"> & {
  /** False: everything is computed anew at every call. The tokens are the same. */
  readonly usesCaches: boolean;
};

/** More audio, then greedy decoding of all that is held. */
export type HearRequest = {
  /** 16 kHz mono, follows what was given before. */
  readonly samples: Float32Array;
  /** Samples to forget first, from the start of what is held; a multiple of the encoder window, or all (Infinity). */
  readonly forget: number;
  /** Ids the answer starts with, header included: what is committed. They are never decided again. */
  readonly prefix: readonly number[];
  /** A guess at what follows them, its end left out. It changes the time, never the tokens. */
  readonly draft: readonly number[];
  /** Tokens after the prefix at most. */
  readonly tokensMax: number;
};

export type HearResult = DecodeResult & {
  /** After the prefix, without the end. A loop is one of prefix and tokens together. */
  readonly tokens: readonly DecodeToken[];
  readonly draftTokens: number;
  readonly draftAccepted: number;
  /** Encoder rows, and positions of the decoder's cache, that were there from before. */
  readonly rowsReused: number;
  readonly positionsReused: number;
  /** The draft's part, by positions, of the time that prompt and draft took; `prefillMs` is the rest of it. */
  readonly verifyMs: number;
};

export interface Listener {
  /**
   * One call at a time. Aborting `signal` ends it early with stop "cancelled" and the tokens so far. The audio it was
   * given is held in any case, unless what is to be forgotten is refused.
   */
  hear(request: HearRequest, signal?: AbortSignal): Promise<HearResult>;
  /** Gives its memory back. Not during a call. */
  close(): Promise<void>;
}

/** Words to find in audio, in the order spoken. */
export type AlignRequest = {
  /** 16 kHz mono, [-1, 1]; at most 180 s are what the model was made for. */
  readonly samples: Float32Array;
  /** As the aligner takes them: cleaned, without spaces. At least one. */
  readonly words: readonly string[];
  /** As for a decode. */
  readonly priority?: Priority;
};

export type AlignResult = {
  readonly stop: "end" | "cancelled";
  /** Start and end of every word, in classes of `markerMs`, as the model says them: maybe in no order. */
  readonly classes: readonly number[];
  /** How far the best class is ahead of the second, in logits. */
  readonly margins: readonly number[];
  readonly promptTokens: number;
  readonly audioTokens: number;
  readonly encodeMs: number;
  readonly alignMs: number;
};

/**
 * A loaded model. Any number of requests may be made at once: as many run as the memory allows, up to `info.stepMax`
 * of them share every pass over the weights, the rest waits. What one says does not depend on those beside it, and one
 * that fails or is cancelled concerns no other. A cancelled request ends with stop "cancelled", within one native call
 * of about 150 ms at most. Samples are copied. After close() every call rejects with an InternalError.
 */
export interface Engine {
  readonly info: ModelInfo;
  /** All that the native engine says of the model, for reports. */
  readonly description: unknown;
  /** Tokens arrive in order while decoding; the promise settles after the last. */
  decode(request: DecodeRequest, onToken: (token: DecodeToken) => void, signal?: AbortSignal): Promise<DecodeResult>;
  /**
   * A new recording, which is given piece by piece and goes before all other requests. Throws InputError where as many
   * are open as the engine was opened for.
   */
  listen(options: ListenOptions): Promise<Listener>;
  /** With an aligner's model, which in turn cannot decode. */
  align(request: AlignRequest, signal?: AbortSignal): Promise<AlignResult>;
  /** Requests under way end cancelled first; live recordings end with it. */
  close(): Promise<void>;
}
