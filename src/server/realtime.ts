/**
 * WebSocket /v1/realtime: transcription sessions of OpenAI's Realtime API. In: its client events. Out: its server
 * events. The text of an utterance comes in deltas while it is spoken.
 */

import { randomUUID } from "node:crypto";
import { defaultVoiceRule } from "../segment/voice.ts";
import { findLanguage } from "../text/languages.ts";
import { ApiError, apiError } from "./errors.ts";
import { type Fields, transcriptionRequest } from "./fields.ts";
import { Live, type LiveEvent, liveOptions } from "./live.ts";
import { PcmStream } from "./pcm_stream.ts";
import type { Service } from "./service.ts";
import type { Socket, SocketSession } from "./socket.ts";

type Json = Readonly<Record<string, unknown>>;

type Session = {
  readonly rate: number;
  readonly model: string;
  readonly language: string;
  readonly prompt: string;
  /** Terms to expect. */
  readonly keywords: readonly string[];
  /** Of a pause that ends a turn; 0: only the client ends it. */
  readonly silenceMs: number;
  /** The probability from which it is a voice. */
  readonly threshold: number;
};

const { threshold } = defaultVoiceRule;
const defaults: Session = {
  ...{ rate: 24_000, model: "", language: "", prompt: "", keywords: [], silenceMs: 500, threshold },
};
const [silenceMsMin, silenceMsMax] = [100, 10_000];
const [thresholdMin, thresholdMax] = [0.01, 0.99];
const promptLengthMax = 16_384;
const [keywordsMax, keywordLengthMax] = [1000, 200];

type Item = { readonly id: string; readonly startMs: number; text: string };

export class RealtimeSession implements SocketSession {
  readonly #id = `sess_${randomUUID()}`;
  #session: Session = defaults;
  #pcm = new PcmStream(defaults.rate);
  #live: Live | undefined;
  /** By the number of its utterance. */
  #item: (Item & { readonly utterance: number }) | undefined;
  #lastItem: string | null = null;

  constructor(readonly service: Service, readonly socket: Socket, model: string) {
    this.#session = { ...defaults, model };
  }

  open(): Promise<void> {
    this.#send({ type: "session.created", session: this.#json() });
    return Promise.resolve();
  }

  async text(message: string): Promise<void> {
    let event: Json = {};
    try {
      event = objectOf(parsed(message), "the event");
      await this.#take(event);
    } catch (error) {
      const { status, body: { error: details } } = apiError(error);
      if (status >= 500 || status === 429) throw error;
      const id = typeof event["event_id"] === "string" ? event["event_id"] : null;
      this.#send({ type: "error", error: { ...details, event_id: id } });
    }
  }

  bytes(): Promise<void> {
    this.socket.close(1003, "events are JSON texts");
    return Promise.resolve();
  }

  async closed(): Promise<void> {
    await this.#live?.close();
    this.#live = undefined;
  }

  async #take(event: Json): Promise<void> {
    switch (event["type"]) {
      case "session.update":
        return await this.#update(objectOf(event["session"], "session"));
      case "input_audio_buffer.append":
        return await this.#append(event["audio"]);
      case "input_audio_buffer.commit":
        return await this.#commit();
      case "input_audio_buffer.clear":
        this.#pcm.end();
        await this.#live?.clear();
        this.#item = undefined;
        return this.#send({ type: "input_audio_buffer.cleared" });
      default:
        throw wrong(`no event ${JSON.stringify(event["type"] ?? null)} in transcription sessions`, "type");
    }
  }

  async #update(given: Json): Promise<void> {
    const next = updated(this.#session, given);
    const pcm = new PcmStream(next.rate);
    transcriptionRequest(fieldsOf(next), false); // What is wrong with it is said now.
    await this.#live?.finish(); // What was said before is heard as it was asked for then.
    await this.#live?.close();
    this.#live = undefined;
    [this.#session, this.#pcm] = [next, pcm];
    this.#send({ type: "session.updated", session: this.#json() });
  }

  async #append(audio: unknown): Promise<void> {
    if (typeof audio !== "string" || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(audio)) {
      throw wrong("audio is not base64", "audio");
    }
    const samples = this.#pcm.push(Buffer.from(audio, "base64"));
    this.#live ??= await this.#listen();
    this.#live.push(samples);
  }

  async #listen(): Promise<Live> {
    const { silenceMs, threshold } = this.#session;
    const vad = { kind: "neural" as const, rule: { ...defaultVoiceRule, threshold } };
    const options = { ...await liveOptions(this.service, fieldsOf(this.#session)), endpointMs: silenceMs, vad };
    return await Live.open(this.service, options, (event) => this.#heard(event));
  }

  async #commit(): Promise<void> {
    this.#live?.push(this.#pcm.end());
    const before = this.#lastItem;
    await this.#live?.finish();
    if (this.#lastItem !== before) return;
    // Nobody spoke: the client waits for an item all the same.
    const atMs = Math.round((this.#live?.pushed ?? 0) / 16);
    this.#item = { id: newItem(), utterance: 0, startMs: atMs, text: "" };
    this.#complete("", atMs);
  }

  #heard(event: LiveEvent): void {
    if (event.kind === "language" || event.kind === "loss") return;
    const { id, text, startMs, endMs } = event;
    if (this.#item?.utterance !== id) {
      if (text === "") return;
      this.#item = { id: newItem(), utterance: id, startMs, text: "" };
      const speech = { type: "input_audio_buffer.speech_started", audio_start_ms: startMs, item_id: this.#item.id };
      if (this.#session.silenceMs > 0) this.#send(speech);
    }
    if (event.kind === "commit") this.#delta(text);
    if (event.kind === "final") this.#complete(text, endMs);
  }

  #delta(delta: string): void {
    const item = this.#item!;
    const shown = item.text === "" ? delta.trimStart() : delta;
    item.text += shown;
    if (shown === "") return;
    const type = "conversation.item.input_audio_transcription.delta";
    this.#send({ type, item_id: item.id, content_index: 0, delta: shown });
  }

  #complete(transcript: string, endMs: number): void {
    const { id, startMs } = this.#item!;
    const previous = this.#lastItem;
    [this.#item, this.#lastItem] = [undefined, id];
    if (this.#session.silenceMs > 0) {
      this.#send({ type: "input_audio_buffer.speech_stopped", audio_end_ms: endMs, item_id: id });
    }
    this.#send({ type: "input_audio_buffer.committed", item_id: id, previous_item_id: previous });
    const content = [{ type: "input_audio", transcript: null }];
    const item = { id, object: "realtime.item", type: "message", status: "completed", role: "user", content };
    this.#send({ type: "conversation.item.added", previous_item_id: previous, item });
    this.#send({
      type: "conversation.item.input_audio_transcription.completed",
      ...{ item_id: id, content_index: 0, transcript: transcript.trim() },
      usage: { type: "duration", seconds: Math.max(0, endMs - startMs) / 1000 },
    });
  }

  #json(): Json {
    const { rate, model, language, prompt, keywords, silenceMs, threshold } = this.#session;
    const hints = {
      ...(language && { language }),
      ...(prompt && { prompt }),
      ...(keywords.length > 0 && { keywords }),
    };
    const turns = { type: "server_vad", threshold, silence_duration_ms: silenceMs };
    return {
      ...{ id: this.#id, object: "realtime.session", type: "transcription" },
      audio: {
        input: {
          format: { type: "audio/pcm", rate },
          transcription: { model, ...hints },
          turn_detection: silenceMs === 0 ? null : turns,
        },
      },
    };
  }

  #send(event: Json): void {
    this.socket.send({ event_id: `event_${randomUUID()}`, ...event });
  }
}

function newItem(): string {
  return `item_${randomUUID()}`;
}

function updated(session: Session, given: Json): Session {
  if (given["type"] !== undefined && given["type"] !== "transcription") {
    throw wrong("only sessions of type transcription are served", "session.type");
  }
  const input = objectOf(objectOf(given["audio"] ?? {}, "session.audio")["input"] ?? {}, "session.audio.input");
  const format = objectOf(input["format"] ?? { rate: session.rate }, "session.audio.input.format");
  if (format["type"] !== undefined && format["type"] !== "audio/pcm") {
    throw wrong("the format is audio/pcm", "session.audio.input.format");
  }
  const transcription = objectOf(input["transcription"] ?? {}, "session.audio.input.transcription");
  const { model = session.model, language, languages, prompt = session.prompt, keywords } = transcription;
  return {
    ...session,
    rate: typeof format["rate"] === "number" ? format["rate"] : session.rate,
    model: String(model).slice(0, 200),
    language: languageOf(language ?? onlyOf(languages) ?? session.language),
    keywords: keywords === undefined ? session.keywords : keywordsOf(keywords),
    prompt: String(prompt).slice(0, promptLengthMax).normalize("NFC"),
    ...("turn_detection" in input ? turnsOf(input["turn_detection"]) : {}),
  };
}

/** As a form has them. */
function fieldsOf({ language, prompt, keywords }: Session): Fields {
  return { language: [language], prompt: [prompt], keywords: [...keywords] };
}

/** Of several languages the model finds out itself which it is. */
function onlyOf(languages: unknown): unknown {
  if (!Array.isArray(languages)) return languages;
  return languages.length === 1 ? languages[0] : "";
}

function languageOf(given: unknown): string {
  if (given === null || given === "" || given === "auto") return "";
  const isKnown = typeof given === "string" && findLanguage(given) !== undefined;
  if (!isKnown) throw wrong("the language is not known", "session.audio.input.transcription.language");
  return given;
}

function keywordsOf(given: unknown): string[] {
  if (given === null) return [];
  const isRight = Array.isArray(given) && given.length <= keywordsMax && given.every((one) => typeof one === "string");
  if (!isRight) throw wrong(`keywords are at most ${keywordsMax} texts`, "session.audio.input.transcription.keywords");
  return given.map((keyword) => keyword.slice(0, keywordLengthMax));
}

const turnsName = "session.audio.input.turn_detection";

function turnsOf(given: unknown): Pick<Session, "silenceMs" | "threshold"> {
  if (given === null) return { silenceMs: 0, threshold };
  const turns = objectOf(given, turnsName);
  return {
    silenceMs: within(turns, "silence_duration_ms", defaults.silenceMs, [silenceMsMin, silenceMsMax]),
    threshold: within(turns, "threshold", threshold, [thresholdMin, thresholdMax]),
  };
}

function within(turns: Json, name: string, otherwise: number, [least, most]: readonly [number, number]): number {
  const value = turns[name] ?? otherwise;
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw wrong(`${name} is ${least} to ${most}`, `${turnsName}.${name}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong("the event is not JSON");
  }
}

function objectOf(value: unknown, name: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw wrong(`${name} is not an object`, name);
}

function wrong(message: string, param?: string): ApiError {
  return new ApiError(400, message, { ...(param !== undefined && { param }), code: "invalid_value" });
}
