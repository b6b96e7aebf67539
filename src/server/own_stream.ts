/**
 * WebSocket /v1/stream: sound in, text out as it settles. Options are in the query, sound is in binary messages, and
 * {"type": "end"} ends it. A connection that breaks can be taken up for a minute: the session's id, which only its
 * client knows, says where to go on.
 */

import { randomBytes } from "node:crypto";
import { ApiError, apiError } from "./errors.ts";
import type { Fields } from "./fields.ts";
import { Live, type LiveEvent, liveOptions } from "./live.ts";
import type { Service } from "./service.ts";
import type { Socket, SocketSession } from "./socket.ts";
import { mainSpeaker, turnsOf } from "../stream/turns.ts";
import { SoundStream } from "./sound_stream.ts";

type Message = Readonly<Record<string, unknown>>;

const keptMs = 60_000;
const endpointMs = 800;
/** Events that a client has not seen may be as many. */
const eventsMax = 10_000;

/** A stream, which outlives a connection for a while. */
class OwnStream {
  readonly id = randomBytes(16).toString("hex");
  readonly sound: SoundStream;
  /** Since the first that may be asked for again. */
  readonly events: Message[] = [];
  /** Number of the first of `events`. */
  firstEvent = 0;
  bytes = 0;
  socket: Socket | undefined;
  live!: Live;
  timer: Timer | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(readonly owner: string, rate: number) {
    this.sound = new SoundStream(rate);
  }

  /** What the client need not send again. */
  get received(): Message {
    return { bytes: this.bytes, ...(this.sound.isEncoded ? {} : { samples: this.bytes >> 1 }) };
  }

  /** In the order of the calls, also where another connection has taken over meanwhile. */
  hear(pieces: Iterable<Float32Array>): Promise<void> {
    const heard = this.#last.then(() => this.#push(pieces));
    this.#last = heard.catch(() => {});
    return heard;
  }

  /** Others have their turn between two pieces: a few bytes can stand for minutes. */
  async #push(pieces: Iterable<Float32Array>): Promise<void> {
    for (const samples of pieces) {
      this.live.push(samples);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  emit(event: Message): void {
    const numbered = { ...event, event: this.firstEvent + this.events.length };
    this.events.push(numbered);
    if (this.events.length > eventsMax) this.firstEvent += this.events.splice(0, eventsMax / 2).length;
    this.socket?.send(numbered);
  }
}

/** The streams of a server. */
export class OwnStreams {
  readonly #streams = new Map<string, OwnStream>();

  constructor(readonly service: Service) {}

  /** The session of a connection. */
  session(socket: Socket, owner: string, query: Fields): SocketSession {
    return new OwnSession(this, socket, owner, query);
  }

  async begin(owner: string, query: Fields): Promise<OwnStream> {
    const wanted = { ...await liveOptions(this.service, query), endpointMs };
    const stream = new OwnStream(owner, Number(query["rate"]?.at(-1) ?? 16_000));
    stream.live = await this.#withRoom(() => {
      return Live.open(this.service, wanted, (event) => stream.emit(messageOf(event)));
    });
    this.#streams.set(stream.id, stream);
    return stream;
  }

  /** A stream whose client may come back gives its place to one that is there. */
  async #withRoom(open: () => Promise<Live>): Promise<Live> {
    try {
      return await open();
    } catch (error) {
      const parted = [...this.#streams.values()].find(({ socket }) => socket === undefined);
      if (!(error instanceof ApiError) || error.status !== 429 || parted === undefined) throw error;
      await this.end(parted);
      return await open();
    }
  }

  /** The stream of an earlier connection, from then on this one's. */
  resume(owner: string, id: string): OwnStream {
    const stream = this.#streams.get(id);
    if (stream?.owner !== owner) throw new ApiError(404, "there is no such stream", { code: "not_found" });
    clearTimeout(stream.timer);
    stream.socket?.close(1000, "taken up by another connection");
    return stream;
  }

  /** The connection is gone: it may come back. */
  part(stream: OwnStream): void {
    stream.socket = undefined;
    stream.timer = setTimeout(() => this.end(stream).catch(() => {}), keptMs);
    stream.timer.unref();
  }

  async end(stream: OwnStream): Promise<void> {
    if (!this.#streams.delete(stream.id)) return;
    clearTimeout(stream.timer);
    await stream.live.close();
  }

  async endAll(): Promise<void> {
    for (const stream of this.#streams.values()) {
      stream.socket?.close(1001, "the server ends");
      await this.end(stream);
    }
  }
}

class OwnSession implements SocketSession {
  #stream: OwnStream | undefined;

  constructor(
    readonly streams: OwnStreams,
    readonly socket: Socket,
    readonly owner: string,
    readonly query: Fields,
  ) {}

  async open(): Promise<void> {
    const resumed = this.query["resume"]?.at(-1);
    const isNew = resumed === undefined;
    const stream = isNew ? await this.streams.begin(this.owner, this.query) : this.streams.resume(this.owner, resumed);
    [this.#stream, stream.socket] = [stream, this.socket];
    this.socket.send({ type: "ready", id: stream.id, ...stream.received });
    const seen = Number(this.query["events"]?.at(-1) ?? 0);
    if (!isNew) stream.events.slice(Math.max(0, seen - stream.firstEvent)).forEach((event) => this.socket.send(event));
  }

  text(message: string): Promise<void> {
    return this.#orEnd(() => this.#end(message));
  }

  async #end(message: string): Promise<void> {
    const stream = this.#stream!;
    if (typeOf(message) !== "end") throw new ApiError(400, 'messages are sound, or {"type": "end"}');
    await stream.hear(stream.sound.end());
    for (const message of stream.sound.losses) stream.emit({ type: "loss", message });
    await stream.live.finish();
    stream.emit({ type: "end" });
    this.#stream = undefined;
    await this.streams.end(stream);
    this.socket.close(1000, "done");
  }

  bytes(message: Uint8Array): Promise<void> {
    const stream = this.#stream!;
    return this.#orEnd(async () => {
      stream.bytes += message.length;
      await stream.hear(stream.sound.push(message));
      this.socket.send({ type: "ack", ...stream.received });
    });
  }

  /** A stream that failed cannot be taken up. */
  async #orEnd(work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#stream) await this.streams.end(this.#stream);
      this.#stream = undefined;
      throw error;
    }
  }

  closed(): Promise<void> {
    const stream = this.#stream;
    if (stream?.socket === this.socket) this.streams.part(stream);
    return Promise.resolve();
  }
}

function typeOf(message: string): unknown {
  try {
    return (JSON.parse(message) as Message | null)?.["type"];
  } catch {
    return undefined;
  }
}

function messageOf(event: LiveEvent): Message {
  if (event.kind === "language") return { type: "language", language: event.name };
  if (event.kind === "loss") return { type: "loss", message: event.text };
  const { kind, id, text, language, startMs, endMs } = event;
  const said = { type: kind, utterance: id, text, language, start: startMs / 1000, end: endMs / 1000 };
  if (event.turns === undefined) return said;
  const turns = turnsOf(event).map(({ speaker, startMs, endMs, text }) => (
    { speaker, start: startMs / 1000, end: endMs / 1000, text: text.trim() }
  ));
  return { ...said, speaker: mainSpeaker(event), turns };
}

/** What a client is told when its connection ends by a failure: that of a busy server may be tried again later. */
export function closing(error: unknown) {
  const { status, message, body } = apiError(error);
  const code = status >= 500 ? 1011 : status === 429 ? 1013 : 1008;
  // A reason has 123 bytes at most.
  const reason = Buffer.from(message).subarray(0, 120).toString().replace(/\ufffd+$/, "");
  return { status, code, reason, message: { type: "error", ...body } satisfies Message };
}
