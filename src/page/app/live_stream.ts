/**
 * The client of /v1/stream. In: samples as they come. Out: text as it settles. A connection that breaks is made again,
 * and the server gets what it has not got.
 */

import type { Fields } from "./api.ts";

export type LiveStreamHost = {
  /** Text that stays from now on, and text that follows it and may change. */
  onText(settled: string, tail: string): void;
  /** What somebody has said, who is known now; instead of settled text where speakers are told apart. */
  onTurn(text: string, speaker: string | undefined): void;
  /** Whether the connection is broken. */
  onBroken(isBroken: boolean): void;
  /** The stream is over: all is heard, or why not. */
  onEnd(failure: string | undefined): void;
};

type Message = {
  readonly type: string;
  readonly id?: string;
  readonly samples?: number;
  readonly text?: string;
  readonly event?: number;
  /** Of a final, where speakers are told apart. */
  readonly turns?: readonly { readonly text: string; readonly speaker?: string }[];
  readonly message?: string;
  readonly error?: { readonly message: string };
};

const againMs = 1000;
/** The server keeps a stream for a minute. */
const triesMax = 50;

export class LiveStream {
  readonly #fields: Fields;
  readonly #host: LiveStreamHost;
  #socket: WebSocket | undefined;
  #id: string | undefined;
  /** Samples that the server may lack: those from `#firstSample` on. */
  #held: Int16Array<ArrayBuffer>[] = [];
  #firstSample = 0;
  #isReady = false;
  #isEnding = false;
  #isOver = false;
  #events = 0;
  #tries = 0;
  /** Of the utterance, until it is known who says it. */
  #settled = "";

  constructor(fields: Fields, host: LiveStreamHost) {
    this.#fields = fields;
    this.#host = host;
    this.#connect();
  }

  push(samples: Int16Array<ArrayBuffer>): void {
    if (samples.length === 0 || this.#isOver) return;
    this.#held.push(samples);
    if (this.#isReady) this.#socket!.send(samples);
  }

  /** No more samples come; `onEnd` follows. */
  end(): void {
    this.#isEnding = true;
    if (this.#isReady) this.#sendEnd();
  }

  #connect(): void {
    const query = new URLSearchParams(
      this.#id === undefined ? { ...this.#fields, rate: "16000" } : { resume: this.#id, events: String(this.#events) },
    );
    const address = new URL(`v1/stream?${query}`, document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = this.#socket = new WebSocket(address);
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = () => this.#closed();
  }

  #closed(): void {
    this.#isReady = false;
    if (this.#isOver) return;
    // Without an id there is nothing to take up: the server has refused, or is not there.
    if (this.#id === undefined || ++this.#tries > triesMax) return this.#over("");
    this.#host.onBroken(true);
    setTimeout(() => this.#connect(), againMs);
  }

  #take(message: Message): void {
    if (message.event !== undefined) this.#events = message.event + 1;
    switch (message.type) {
      case "ready":
        return this.#ready(message);
      case "ack":
        return this.#acknowledged(message.samples ?? 0);
      case "commit":
        if (this.#fields["speakers"] === undefined) return this.#host.onText(message.text ?? "", "");
        this.#settled += message.text ?? "";
        return this.#host.onText("", this.#settled);
      case "partial":
        return this.#host.onText("", this.#settled + (message.text ?? ""));
      case "final":
        return this.#final(message);
      case "end":
        return this.#over(undefined);
      case "error":
        return this.#over(message.error?.message ?? "");
    }
  }

  #final({ turns, text = "" }: Message): void {
    if (this.#fields["speakers"] === undefined) return;
    this.#settled = "";
    for (const turn of turns ?? [{ text }]) if (turn.text !== "") this.#host.onTurn(turn.text, turn.speaker);
  }

  #ready({ id, samples = 0 }: Message): void {
    this.#id = id;
    this.#tries = 0;
    this.#host.onBroken(false);
    this.#acknowledged(samples);
    let skip = samples - this.#firstSample;
    for (const block of this.#held) {
      this.#socket!.send(skip > 0 ? block.subarray(skip) : block);
      skip = Math.max(0, skip - block.length);
    }
    this.#isReady = true;
    if (this.#isEnding) this.#sendEnd();
  }

  /** What the server has need not be held. */
  #acknowledged(samples: number): void {
    while (this.#held.length > 0 && this.#firstSample + this.#held[0]!.length <= samples) {
      this.#firstSample += this.#held.shift()!.length;
    }
  }

  #sendEnd(): void {
    this.#socket!.send(JSON.stringify({ type: "end" }));
  }

  #over(failure: string | undefined): void {
    this.#isOver = true;
    this.#held = [];
    this.#socket?.close();
    this.#host.onEnd(failure);
  }
}
