/** The engine as the rest of the program sees it: data types and two interfaces, no I/O. */

/** Precision of the weights: as the file has them, or rounded to 8 bits, or mostly to 4, in blocks of 32. */
export type Weights = "bf16" | "int8" | "int4";

/** The answer of `qasr_model_info`, in this program's names. */
export type ModelInfo = {
  readonly kind: "asr" | "aligner";
  /** "Qwen3-ASR-0.6B", or "Qwen3-ASR (custom size)" if the dimensions are not those of an official size. */
  readonly name: string;
  readonly isa: string;
  /** A sentence where a better instruction set had to be left alone. */
  readonly isaNotice?: string;
  readonly threads: number;
  readonly weights: Weights;
  /** The packed weights: their file ("" in memory), its size, whether it was made just now, why there is none. */
  readonly cache?: {
    readonly path: string;
    readonly bytes: number;
    readonly wasBuilt: boolean;
    readonly notice: string;
  };
  readonly hidden: number;
  readonly positionsMax: number;
  /** The most sequences that take a step together. */
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
  /** Set for an aligner. */
  readonly alignment?: {
    /** Duration of one class, in ms. */
    readonly markerMs: number;
    readonly markerId: number;
    readonly audioStartId: number;
    readonly audioPadId: number;
    readonly audioEndId: number;
  };
};

/** Priority among waiting requests: short ones go before long ones, and live recordings before both. */
export type Priority = "short" | "long";

/** One utterance to decode greedily. */
export type DecodeRequest = {
  /** 16 kHz mono, [-1, 1]. */
  readonly samples: Float32Array;
  /** Encoder attention window in mel frames, 100 to 800. */
  readonly windowFrames: number;
  /** Text of the system turn; "" for none. */
  readonly context: string;
  /** The model's name of the language ("English"); "" to detect it. */
  readonly language: string;
  /** Earlier text, put after the assistant's start and closed by `<asr_text>`; "" for none. */
  readonly pastText: string;
  /** The most tokens to generate, including the language header. */
  readonly tokensMax: number;
  /** Absent: by the length of the audio, of which up to 30 s are short. */
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
  /** False: everything is computed again at every call. The tokens are the same. */
  readonly usesCaches: boolean;
};

/** More audio, then greedy decoding of all that is held. */
export type HearRequest = {
  /** 16 kHz mono; it follows the samples given before. */
  readonly samples: Float32Array;
  /** Samples to drop first, from the start of those held: a multiple of the encoder window, or all (Infinity). */
  readonly forget: number;
  /** The committed ids, header included, with which the answer starts. They are never decided again. */
  readonly prefix: readonly number[];
  /** A guess at the tokens that follow, without the end. It changes the time, never the tokens. */
  readonly draft: readonly number[];
  /** The most tokens after the prefix. */
  readonly tokensMax: number;
  /** It is given faster than it is spoken, and waits as a long recording does, not before all others. */
  readonly isAhead?: boolean;
};

export type HearResult = DecodeResult & {
  /** The tokens after the prefix, without the end. A loop is one of prefix and tokens together. */
  readonly tokens: readonly DecodeToken[];
  readonly draftTokens: number;
  readonly draftAccepted: number;
  /** Encoder rows, and positions of the decoder's cache, that were kept from earlier calls. */
  readonly rowsReused: number;
  readonly positionsReused: number;
  /** The draft's share, by positions, of the time that prompt and draft took; `prefillMs` is the rest. */
  readonly verifyMs: number;
};

export interface Listener {
  /**
   * One call at a time. Aborting `signal` ends it early with stop "cancelled" and the tokens so far. The audio that it
   * was given is kept in any case, unless the samples to drop are rejected.
   */
  hear(request: HearRequest, signal?: AbortSignal): Promise<HearResult>;
  /** Gives its memory back. Not during a call. */
  close(): Promise<void>;
}

/** Words to find in audio, in the order in which they are spoken. */
export type AlignRequest = {
  /** 16 kHz mono, [-1, 1]; the model was trained for at most 180 s. */
  readonly samples: Float32Array;
  /** The words as the aligner takes them: cleaned, without spaces; at least one. */
  readonly words: readonly string[];
  /** As for a decode. */
  readonly priority?: Priority;
};

export type AlignResult = {
  readonly stop: "end" | "cancelled";
  /** Start and end of every word, in classes of `markerMs`, as the model gives them: perhaps not in order. */
  readonly classes: readonly number[];
  /** How far the best class is ahead of the second, in logits. */
  readonly margins: readonly number[];
  readonly promptTokens: number;
  readonly audioTokens: number;
  readonly encodeMs: number;
  readonly alignMs: number;
};

/**
 * A loaded model. Any number of requests may be made at once. As many run as the memory allows, up to `info.stepMax` of
 * them share every pass over the weights, and the rest waits. The answer of a request does not depend on those beside
 * it, and one that fails or is cancelled affects no other. A cancelled request ends with stop "cancelled", within one
 * native call of at most about 150 ms. Samples are copied. After close() every call rejects with an InternalError.
 */
export interface Engine {
  readonly info: ModelInfo;
  /** The engine's whole description of the model, for reports. */
  readonly description: unknown;
  /** Tokens arrive in order while decoding; the promise settles after the last. */
  decode(request: DecodeRequest, onToken: (token: DecodeToken) => void, signal?: AbortSignal): Promise<DecodeResult>;
  /**
   * Opens a live recording, which is given piece by piece and goes before all other requests while it is as fast as
   * speech. Throws an InputError if as many are open as the engine allows.
   */
  listen(options: ListenOptions): Promise<Listener>;
  /** For an aligner's model, which in turn cannot decode. */
  align(request: AlignRequest, signal?: AbortSignal): Promise<AlignResult>;
  /** Closes the model. Running requests are cancelled first; live recordings end. */
  close(): Promise<void>;
}
