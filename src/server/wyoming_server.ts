/**
 * Speech to text for Home Assistant: a TCP port that speaks Wyoming. In: `describe`, and recordings between
 * `transcribe` and `audio-stop`. Out: what the server is, and transcripts. The protocol has no keys.
 */

import { randomUUID } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { Socket } from "bun";
import { InputError } from "../errors.ts";
import { findLanguage, languageCode, languageNames } from "../text/languages.ts";
import { apiError } from "./errors.ts";
import { remove } from "./folder.ts";
import type { Service } from "./service.ts";
import { Task } from "./task.ts";
import { wyomingBytes, WyomingError, type WyomingEvent, WyomingReader } from "./wyoming.ts";

/** Seconds without a byte after which a connection is closed. */
const idleSec = 120;
const connectionsMax = 64;

export type WyomingServer = { readonly port: number; stop(): void };

/** Throws an InputError where the port cannot be had. `log` is told of failures that are the server's own. */
export function startWyoming(
  service: Service,
  host: string,
  port: number,
  log: (error: unknown) => void,
): WyomingServer {
  let count = 0;
  const listen = () =>
    Bun.listen<Connection>({
      ...{ hostname: host, port },
      socket: {
        open: (socket) => {
          socket.data = new Connection(service, socket, log);
          socket.timeout(idleSec);
          if (++count > connectionsMax) socket.end();
        },
        data: (socket, bytes) => {
          socket.timeout(idleSec);
          socket.data.push(bytes.slice());
        },
        drain: (socket) => socket.data.flush(),
        timeout: (socket) => void socket.end(),
        close: (socket) => {
          count--;
          socket.data.end();
        },
        error: (socket) => void socket.end(),
      },
    });
  try {
    const server = listen();
    return { port: server.port, stop: () => server.stop(true) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new InputError(`port ${port} of ${host} is in use`, "--wyoming names another");
  }
}

type Recording = {
  readonly path: string;
  readonly handle: FileHandle;
  readonly rate: number;
  readonly channels: number;
  readonly leave: () => void;
  bytes: number;
};

/** A client. Its events are handled one at a time. */
class Connection {
  readonly #reader = new WyomingReader();
  readonly #gone = new AbortController();
  #last: Promise<void> = Promise.resolve();
  #language = "";
  #recording: Recording | undefined;
  #unsent: Uint8Array = new Uint8Array();

  constructor(readonly service: Service, readonly socket: Socket<Connection>, readonly log: (error: unknown) => void) {}

  push(bytes: Uint8Array): void {
    this.#last = this.#last.then(async () => {
      for (const event of this.#reader.push(bytes)) await this.#take(event);
    }).catch((error) => {
      const isTheirs = error instanceof WyomingError || apiError(error).status < 500;
      if (!isTheirs) this.log(error);
      const text = error instanceof WyomingError ? error.message : apiError(error).message;
      if (!this.#gone.signal.aborted) this.#send("error", { text, code: "failed" });
      this.socket.end();
    });
  }

  /** The client is gone. */
  end(): void {
    this.#gone.abort();
    this.#last = this.#last.then(() => this.#drop()).catch(this.log);
  }

  /** What the client did not take yet. */
  flush(): void {
    const rest = this.#unsent;
    this.#unsent = new Uint8Array();
    this.#write(rest);
  }

  async #take({ type, data, payload }: WyomingEvent): Promise<void> {
    switch (type) {
      case "describe":
        return this.#send("info", this.#info());
      case "ping":
        return this.#send("pong", data);
      case "transcribe":
        this.#language = findLanguage(String(data["language"] ?? "")) ?? "";
        return;
      case "audio-start":
        return await this.#begin(data);
      case "audio-chunk":
        if (!this.#recording) await this.#begin(data);
        return await this.#add(payload);
      case "audio-stop":
        return await this.#transcribe();
    }
  }

  async #begin({ rate = 16_000, width = 2, channels = 1 }: WyomingEvent["data"]): Promise<void> {
    await this.#drop();
    const isRight = width === 2 && Number.isInteger(rate) && Number.isInteger(channels);
    if (!isRight) throw new WyomingError("samples have 16 bits");
    const leave = this.service.admit();
    const path = join(this.service.core.settings.folder, "uploads", `wyoming-${randomUUID()}`);
    try {
      const handle = await open(path, "wx", 0o600);
      this.#recording = { path, handle, leave, rate: Number(rate), channels: Number(channels), bytes: 0 };
    } catch (error) {
      leave();
      throw error;
    }
  }

  async #add(payload: Uint8Array): Promise<void> {
    const recording = this.#recording!;
    recording.bytes += payload.length;
    if (recording.bytes > this.service.core.settings.uploadBytesMax) {
      throw new WyomingError("the recording is too long");
    }
    for (let rest = payload; rest.length > 0;) {
      rest = rest.subarray((await recording.handle.write(rest)).bytesWritten);
    }
  }

  async #transcribe(): Promise<void> {
    const recording = this.#recording;
    if (recording === undefined || recording.bytes === 0) {
      await this.#drop();
      return this.#send("transcript", { text: "" });
    }
    const { path, bytes, rate, channels } = recording;
    const fields = {
      raw: ["true"],
      "raw-rate": [String(rate)],
      "raw-channels": [String(channels)],
      language: [this.#language],
    };
    const stop = this.#gone.signal;
    try {
      const file = { name: "audio", path, bytes };
      await using task = await Task.open(this.service, { fields, file, stop, isKept: true });
      const { text, language } = await task.hear(stop);
      this.#send("transcript", { text: text.trim(), ...(language && { language: languageCode(language) }) });
    } finally {
      await this.#drop();
    }
  }

  /** Forgets the recording. */
  async #drop(): Promise<void> {
    const recording = this.#recording;
    this.#recording = undefined;
    if (recording === undefined) return;
    await recording.handle.close();
    await remove(recording.path);
    recording.leave();
  }

  #info(): Record<string, unknown> {
    const { host, models } = this.service.core;
    const { name, languages } = models.transcriber.info;
    const known = languages.length > 0 ? languages : languageNames;
    const about = {
      ...{ installed: true, version: host.version, attribution: { name: "Qwen", url: "https://github.com/QwenLM" } },
    };
    const codes = known.map(languageCode).filter(Boolean);
    return {
      asr: [{
        ...about,
        ...{ name: "qwen-asr", description: "Speech to text with Qwen3-ASR" },
        models: [{ ...about, name, description: name, languages: codes }],
      }],
    };
  }

  #send(type: string, data: Readonly<Record<string, unknown>>): void {
    this.#write(wyomingBytes(type, data));
  }

  #write(bytes: Uint8Array): void {
    if (this.#unsent.length > 0) return void (this.#unsent = Buffer.concat([this.#unsent, bytes]));
    const sent = Math.max(0, this.socket.write(bytes));
    this.#unsent = bytes.slice(sent);
  }
}
