/**
 * A live recording of a client. In: samples as they come. Out: events of its text. What is pushed after `finish` begins
 * anew, in the same recording's time.
 */

import { gapPlace } from "../document/audit.ts";
import type { HearRequest, HearResult, Listener } from "../engine/engine.ts";
import type { SampleSource } from "../audio/queue.ts";
import { InputError } from "../errors.ts";
import { SpeakerFinder } from "../pipeline/speakers.ts";
import type { SpeakerCount } from "../speakers/cluster.ts";
import { runStream, type StreamEvent, streamVoice, type UtteranceSpeakers } from "../stream/stream.ts";
import type { VoiceChoice } from "../segment/voice.ts";
import { StreamViews } from "../stream/views.ts";
import type { TextEvent } from "../stream/text.ts";
import { Stopper } from "../stop.ts";
import { sampleRate } from "../units.ts";
import { contextsOf, termsMax } from "../views/term_context.ts";
import { TextView } from "../views/view.ts";
import { ApiError } from "./errors.ts";
import type { Fields } from "./fields.ts";
import { Lead } from "./lead.ts";
import type { Service } from "./service.ts";
import { requestOf } from "./task.ts";

export type LiveOptions = {
  /** As the model names it; "" to detect it. */
  readonly language: string;
  readonly context: string;
  /** Length of a pause that ends an utterance; 0: none does. */
  readonly endpointMs: number;
  readonly vad: VoiceChoice;
  readonly view: TextView | undefined;
  /** How many speakers are told apart; absent: none are. */
  readonly speakers?: SpeakerCount | undefined;
};

/** What the fields of a stream ask for, as those of a form. Throws an ApiError. */
export async function liveOptions(service: Service, fields: Fields): Promise<Omit<LiveOptions, "endpointMs">> {
  const { options: { language, prompt, vad, views }, terms, speakers, knownNames } = requestOf(service, fields);
  if (knownNames.length > 0) {
    const message = "a stream has no references for known_speaker_names: use /v1/audio/transcriptions";
    throw new ApiError(400, message, { param: "known_speaker_names", code: "invalid_value" });
  }
  const { first: context } = await contextsOf(prompt, terms.slice(0, termsMax));
  return { language, context, vad, speakers, view: await TextView.open(views, terms) };
}

export type LiveEvent = TextEvent | { readonly kind: "loss"; readonly text: string };

const windowFrames = 800;
const chunkSec = 2;
/** Samples that may wait to be heard. */
const waitingMax = 600 * sampleRate;

export class Live {
  /** Samples that were pushed. */
  pushed = 0;
  #run: { readonly source: PushedSource; readonly stopper: Stopper; readonly done: Promise<void> } | undefined;
  #utterances = 0;
  #isClosed = false;
  readonly #lead = new Lead(Date.now);

  private constructor(
    readonly service: Service,
    readonly options: LiveOptions,
    readonly listener: Listener,
    readonly speakers: UtteranceSpeakers | undefined,
    readonly onEvent: (event: LiveEvent) => void,
    readonly leave: () => void,
  ) {}

  /** Throws an ApiError where as many are open as the engine allows. */
  static async open(service: Service, options: LiveOptions, onEvent: (event: LiveEvent) => void): Promise<Live> {
    if (service.core.settings.lowMemory && service.core.models.timer !== undefined) {
      // Its model is closed whenever words are timed.
      throw new ApiError(400, "live sound needs a server without --low-memory, or without an aligner");
    }
    const leave = service.admitStream();
    try {
      const engine = await service.core.models.transcriber.engine();
      const { language, context, speakers } = options;
      const finder = speakers && new SpeakerFinder(await service.networks.open(), speakers, new Map());
      const listener = await engine.listen({ windowFrames, context, language, usesCaches: true });
      return new Live(service, options, listener, finder?.live(), onEvent, leave);
    } catch (error) {
      leave();
      if (error instanceof InputError) {
        throw tooManyStreams();
      }
      throw error;
    }
  }

  /** Throws an ApiError where too much waits to be heard. */
  push(samples: Float32Array): void {
    if (samples.length === 0 || this.#isClosed) return;
    this.#run ??= this.#start();
    if (this.#run.source.waiting > waitingMax) {
      throw new ApiError(429, "audio comes faster than it can be heard", { code: "too_fast" });
    }
    this.pushed += samples.length;
    this.#lead.add(samples.length);
    this.#run.source.push(samples);
  }

  /** Resolves when all that was pushed is heard; its last utterance is then over. */
  async finish(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    run?.source.end();
    await run?.done;
  }

  /** Forgets what is not heard yet. */
  async clear(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    run?.stopper.drop();
    run?.source.end();
    await run?.done;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.clear();
    await this.listener.close();
    this.leave();
  }

  /** Sound that comes faster than it is spoken is heard as a long recording is; other sound at once. */
  readonly #inTurn = (request: HearRequest, signal?: AbortSignal): Promise<HearResult> => {
    if (!this.#lead.isAhead) return this.listener.hear(request, signal);
    return this.service.share.turn(this, () => this.listener.hear({ ...request, isAhead: true }, signal));
  };

  #start() {
    const [source, stopper] = [new PushedSource(), new Stopper()];
    return { source, stopper, done: this.#hear(source, stopper, this.pushed / sampleRate) };
  }

  async #hear(source: SampleSource, stopper: Stopper, startSec: number): Promise<void> {
    const { language, endpointMs, view, vad } = this.options;
    const { host, models } = this.service.core;
    const rules = {
      policy: { kind: "agreement" as const },
      feedsPast: true,
      asrTextId: models.transcriber.info.asrTextId,
      isHeaderless: language !== "",
    };
    const views = view && new StreamViews(view);
    const before = this.#utterances;
    const pass = (event: StreamEvent) => {
      if (event.kind === "loss") this.onEvent(event);
      if (event.kind === "gap") this.onEvent({ kind: "loss", text: `speech without text: ${gapPlace(event)}` });
      if (
        event.kind === "gap" || event.kind === "step" || event.kind === "loss" || event.kind === "notice" ||
        event.kind === "delay" || stopper.stop.drop.aborted
      ) return;
      for (const one of views?.push(event) ?? [event]) {
        if (one.kind !== "language") this.#utterances = before + one.id;
        this.onEvent(one.kind === "language" ? one : { ...one, id: before + one.id });
      }
    };
    const voice = await streamVoice(vad, host.openVoiceDetector);
    const options = { rules, chunkSec, endpointMs, tokensMax: undefined, language, startSec, isLive: true, voice };
    try {
      const listener = { hear: this.#inTurn, close: () => this.listener.close() };
      const given = { ...options, speakers: this.speakers, voiceJudge: () => host.voiceJudge() };
      await runStream(source, listener, given, stopper.stop, pass);
    } finally {
      if (typeof voice === "object") voice.detector.close();
    }
  }
}

export function tooManyStreams(): ApiError {
  return new ApiError(429, "too many streams are open", { code: "too_many_streams" });
}

/** Samples that are pushed, as a source. */
class PushedSource implements SampleSource {
  readonly #blocks: Float32Array[] = [];
  #isOver = false;
  #wake = () => {};

  /** Samples that were not taken yet. */
  get waiting(): number {
    return this.#blocks.reduce((sum, { length }) => sum + length, 0);
  }

  push(samples: Float32Array): void {
    this.#blocks.push(samples);
    this.#wake();
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  async next(): Promise<Float32Array | undefined> {
    while (this.#blocks.length === 0 && !this.#isOver) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#blocks.shift();
  }
}
