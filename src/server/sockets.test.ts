import { connect } from "node:net";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { fakeSecond } from "../../tests/support/fake_parts.ts";
import { type FakeServer, fakeServer, sayingEngine } from "../../tests/support/fake_server.ts";
import { parseKeys } from "./keys.ts";

type Message = Readonly<Record<string, unknown>> & { readonly type: string };

/** A client that keeps what it is sent. */
class Client {
  readonly messages: Message[] = [];
  readonly #socket: WebSocket;
  #closed: { readonly code: number; readonly reason: string } | undefined;
  #wake = () => {};

  constructor({ url }: FakeServer, path: string, protocols: string[] = [], headers: Record<string, string> = {}) {
    this.#socket = new WebSocket(url.replace("http", "ws") + path, { protocols, headers } as never);
    this.#socket.onmessage = ({ data }) => {
      this.messages.push(JSON.parse(String(data)));
      this.#wake();
    };
    this.#socket.onclose = ({ code, reason }) => {
      this.#closed = { code, reason };
      this.#wake();
    };
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get types(): string[] {
    return this.messages.map(({ type }) => type);
  }

  send(message: unknown): void {
    this.#socket.send(message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  close(): void {
    this.#socket.close();
  }

  /** The first message of the type, from `from` on. */
  async until(type: string, from = 0): Promise<Message> {
    for (;;) {
      const found = this.messages.slice(from).find((message) => message.type === type);
      if (found) return found;
      if (this.#closed) throw new Error(`closed: ${JSON.stringify([this.#closed, this.messages])}`);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async closed(): Promise<{ readonly code: number }> {
    while (!this.#closed) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#closed;
  }
}

/** Seconds of speech, then of silence, as 16 bits. */
function pcm(speechSec: number, silenceSec = 0): Uint8Array {
  const samples = new Int16Array((speechSec + silenceSec) * 16_000);
  for (let second = 0; second < speechSec; second++) {
    samples.set(Int16Array.from(fakeSecond(), (sample) => sample * 32_767), second * 16_000);
  }
  return new Uint8Array(samples.buffer);
}

function append(bytes: Uint8Array) {
  return { type: "input_audio_buffer.append", audio: Buffer.from(bytes).toString("base64") };
}

const session = (input: Record<string, unknown>) => ({
  type: "session.update",
  session: { type: "transcription", audio: { input: { format: { type: "audio/pcm", rate: 16_000 }, ...input } } },
});

test("a realtime session transcribes turns as they are spoken", async () => {
  await using server = await fakeServer(sayingEngine());
  const client = new Client(server, "/v1/realtime?intent=transcription&model=any", ["realtime"]);
  expect(await client.until("session.created")).toMatchObject({
    session: { type: "transcription", audio: { input: { format: { rate: 24_000 }, transcription: { model: "any" } } } },
  });
  expect(client.protocol).toBe("realtime");
  client.send(session({ transcription: { language: "en" } }));
  expect(await client.until("session.updated")).toMatchObject({
    session: { audio: { input: { transcription: { language: "en" }, format: { rate: 16_000 } } } },
  });
  const audio = pcm(3, 2);
  for (let at = 0; at < audio.length; at += 3201) client.send(append(audio.subarray(at, at + 3201)));
  const done = await client.until("conversation.item.input_audio_transcription.completed");
  expect(done).toMatchObject({
    transcript: "Hello there. All is well.",
    content_index: 0,
    usage: { type: "duration" },
  });
  const own = client.messages.filter(({ item_id }) => item_id === done["item_id"]);
  expect([...new Set(own.map(({ type }) => type))]).toEqual([
    "input_audio_buffer.speech_started",
    "conversation.item.input_audio_transcription.delta",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.input_audio_transcription.completed",
  ]);
  expect(own.map(({ delta = "" }) => delta).join("")).toBe("Hello there. All is well.");
  client.close();
});

test("a client may end its turns by itself", async () => {
  await using server = await fakeServer(sayingEngine());
  const client = new Client(server, "/v1/realtime?intent=transcription");
  await client.until("session.created");
  client.send(session({ turn_detection: null }));
  for (let turn = 0; turn < 2; turn++) {
    const before = client.messages.length;
    client.send(append(pcm(2)));
    client.send({ type: "input_audio_buffer.commit" });
    const done = await client.until("conversation.item.input_audio_transcription.completed", before);
    expect(done["transcript"]).toBe("Hello there. All is well.");
  }
  const before = client.messages.length;
  client.send({ type: "input_audio_buffer.commit" });
  const empty = await client.until("conversation.item.input_audio_transcription.completed", before);
  expect(empty["transcript"]).toBe("");
  client.send({ type: "input_audio_buffer.clear" });
  await client.until("input_audio_buffer.cleared");
  expect(client.types).not.toContain("input_audio_buffer.speech_started");
  client.close();
});

test("wrong events are answered, and the session goes on", async () => {
  await using server = await fakeServer(sayingEngine());
  const client = new Client(server, "/v1/realtime");
  await client.until("session.created");
  const wrong = [
    { type: "response.create", event_id: "mine" },
    { type: "session.update", session: { type: "realtime" } },
    session({ format: { type: "audio/pcm", rate: 1 } }),
    session({ turn_detection: { type: "server_vad", silence_duration_ms: -1 } }),
    session({ transcription: { language: "Klingon" } }),
    session({ transcription: { keywords: "Qwen" } }),
    session({ transcription: { keywords: ["a => b => c"] } }),
    { type: "input_audio_buffer.append", audio: "*" },
    [],
    null,
  ];
  for (const event of wrong) {
    const before = client.messages.length;
    client.send(event);
    expect(await client.until("error", before)).toMatchObject({ error: { type: "invalid_request_error" } });
  }
  expect(client.messages[1]).toMatchObject({ error: { event_id: "mine" } });
  client.close();
});

test("a realtime session has languages and keywords as newer models take them", async () => {
  const engine = sayingEngine("the qwen model");
  await using server = await fakeServer(engine);
  const client = new Client(server, "/v1/realtime?intent=transcription");
  await client.until("session.created");
  client.send(session({ transcription: { languages: ["en"], keywords: ["Qwen"] }, turn_detection: null }));
  expect(await client.until("session.updated")).toMatchObject({
    session: { audio: { input: { transcription: { language: "en", keywords: ["Qwen"] } } } },
  });
  client.send(session({ transcription: { languages: ["en", "zh"] } }));
  client.send(append(pcm(2)));
  client.send({ type: "input_audio_buffer.commit" });
  const done = await client.until("conversation.item.input_audio_transcription.completed");
  expect(done["transcript"]).toBe("the Qwen model");
  client.close();
});

test("sockets have keys, too, and pages of others are refused", async () => {
  const keys = parseKeys("ann:secret-of-ann", "keys");
  await using server = await fakeServer(sayingEngine(), { keys });
  const ours = new Client(server, "/v1/realtime", ["realtime", "openai-insecure-api-key.secret-of-ann"]);
  await ours.until("session.created");
  ours.close();
  const bare = new Client(server, "/v1/realtime", ["realtime"]);
  expect([1002, 1006]).toContain((await bare.closed()).code);
  const headers = { authorization: "Bearer secret-of-ann", origin: "https://evil.example" };
  expect([1002, 1006]).toContain((await new Client(server, "/v1/stream", [], headers).closed()).code);
  const plain = await fetch(`${server.url}/v1/realtime`, { headers: { authorization: "Bearer secret-of-ann" } });
  expect(plain.status).toBe(426);
  expect(server.lines.join("\n")).not.toContain("secret");
});

test("a stream refuses names without voices", async () => {
  await using server = await fakeServer(sayingEngine());
  const client = new Client(server, "/v1/stream?known_speaker_names=Ann");
  expect((await client.closed()).code).toBe(1008);
  expect(client.messages[0]).toMatchObject({ type: "error", error: { param: "known_speaker_names" } });
});

test("a stream gives text as it settles, and acknowledges samples", async () => {
  await using server = await fakeServer(sayingEngine());
  const client = new Client(server, "/v1/stream?language=en");
  const { id, samples } = await client.until("ready");
  expect([String(id).length, samples]).toEqual([32, 0]);
  const audio = pcm(4);
  for (let at = 0; at < audio.length; at += 8001) client.send(audio.subarray(at, at + 8001));
  client.send({ type: "end" });
  await client.until("end");
  expect((await client.closed()).code).toBe(1000);
  expect(client.messages.findLast(({ type }) => type === "ack")!["samples"]).toBe(64_000);
  const text = client.messages.filter(({ type }) => type === "commit").map((message) => message["text"]).join("");
  expect(text).toBe("Hello there. All is well.");
  expect(client.messages.find(({ type }) => type === "final")).toMatchObject({
    utterance: 1,
    text,
    language: "English",
  });
});

test("a stream that is pushed faster than it is spoken waits as a recording does, another does not", async () => {
  const engine = sayingEngine();
  const ahead: (boolean | undefined)[] = [];
  const listen: typeof engine.listen = async (options) => {
    const listener = await engine.listen(options);
    return {
      hear: (request, signal) => {
        ahead.push(request.isAhead);
        return listener.hear(request, signal);
      },
      close: () => listener.close(),
    };
  };
  await using server = await fakeServer({ ...engine, listen });
  for (const [seconds, isAhead] of [[3, undefined], [20, true]] as const) {
    ahead.splice(0);
    const client = new Client(server, "/v1/stream?language=en");
    await client.until("ready");
    client.send(pcm(seconds));
    client.send({ type: "end" });
    await client.until("end");
    expect(new Set(ahead)).toEqual(new Set([isAhead]));
  }
});

test("a stream is taken up where its connection broke, by its owner alone", async () => {
  const keys = parseKeys("ann:secret-of-ann\nbob:secret-of-bob", "keys");
  await using server = await fakeServer(sayingEngine(), { keys });
  const [ann, bob] = ["ann", "bob"].map((name) => ({ authorization: `Bearer secret-of-${name}` }));
  const first = new Client(server, "/v1/stream", [], ann);
  const { id } = await first.until("ready");
  first.send(pcm(4));
  await first.until("commit");
  first.close();
  await first.closed();
  const other = new Client(server, `/v1/stream?resume=${id}`, [], bob);
  expect((await other.closed()).code).toBe(1008);
  expect(other.messages).toMatchObject([{ type: "error", error: { code: "not_found" } }]);
  const second = new Client(server, `/v1/stream?resume=${id}&events=0`, [], ann);
  expect(await second.until("ready")).toMatchObject({ id, samples: 64_000 });
  second.send(pcm(1));
  second.send({ type: "end" });
  await second.until("end");
  const events = second.messages.filter(({ event }) => event !== undefined);
  expect(events.map(({ event }) => event)).toEqual(events.map((_, index) => index));
  const textOf = (wanted: string) => events.filter(({ type }) => type === wanted).map((one) => one["text"]);
  expect(textOf("commit").map((text) => String(text).trim())).toEqual(textOf("final") as string[]);
  expect(textOf("final").length).toBeGreaterThan(0);
  const gone = new Client(server, `/v1/stream?resume=${id}`, [], ann);
  expect((await gone.closed()).code).toBe(1008);
});

test("streams without a client give their places to others", async () => {
  await using server = await fakeServer(sayingEngine(), { queueMax: 1 });
  for (let count = 0; count < 3; count++) {
    const client = new Client(server, "/v1/stream");
    await client.until("ready");
    client.close();
    await client.closed();
    await Bun.sleep(10);
  }
  const [there, more] = [new Client(server, "/v1/stream"), new Client(server, "/v1/stream")];
  const types = await Promise.all(
    [there, more].map((client) => client.until("ready").then(() => "ready", () => "closed")),
  );
  expect(types.toSorted()).toEqual(["closed", "ready"]);
});

test("sockets on which nobody speaks have a limit, and the next has room when one closes", async () => {
  await using server = await fakeServer(sayingEngine(), { listenersMax: 1 });
  const clients = Array.from({ length: 65 }, () => new Client(server, "/v1/realtime"));
  for (const client of clients) await client.until("session.created");
  const headers = {
    ...{ connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13" },
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  const refused = await fetch(`${server.url}/v1/realtime`, { headers });
  expect([refused.status, (await refused.json()).error.code]).toEqual([429, "too_many_streams"]);
  clients[0]!.close();
  await clients[0]!.closed();
  while (!server.lines.some((line) => line.includes("/v1/realtime 101"))) await Bun.sleep(5);
  const next = new Client(server, "/v1/realtime");
  await next.until("session.created");
  for (const client of [...clients, next]) client.close();
});

test("whatever is sent, the server lives", async () => {
  await using server = await fakeServer(sayingEngine());
  const types = ["session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "end", "x"];
  const event = fc.record({ type: fc.constantFrom(...types), audio: fc.string(), session: fc.jsonValue() });
  const message = fc.oneof(event.map((one) => JSON.stringify(one)), fc.string(), fc.uint8Array({ maxLength: 50 }));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("/v1/realtime", "/v1/stream"),
      fc.array(message, { maxLength: 6 }),
      async (path, all) => {
        const client = new Client(server, path);
        await client.until(path === "/v1/stream" ? "ready" : "session.created");
        for (const one of all) typeof one === "string" ? client.sendText(one) : client.send(one);
        client.send({ type: "end" });
        await Promise.race([client.closed(), client.until("error").catch(() => {})]);
        client.close();
        await client.closed();
      },
    ),
    { numRuns: 60 },
  );
  expect(server.lines.filter((line) => line.includes("internal"))).toEqual([]);
  expect(await (await fetch(`${server.url}/health`)).text()).toBe("OK");
});

test("live sound does not keep a server from ending", async () => {
  const server = await fakeServer(sayingEngine(), { drainMs: 20, wyomingPort: 0 });
  const realtime = new Client(server, "/v1/realtime");
  await realtime.until("session.created");
  realtime.send(append(pcm(2)));
  const stream = new Client(server, "/v1/stream");
  await stream.until("ready");
  const wyoming = connect(server.wyomingPort!, "127.0.0.1");
  wyoming.write(`{"type": "audio-start", "data": {"rate": 16000, "width": 2, "channels": 1}}\n`);
  wyoming.on("error", () => {});
  for (let text = ""; !text.includes("requests_admitted 3\n");) {
    text = await (await fetch(`${server.url}/metrics`)).text();
  }
  const start = performance.now();
  await server.stop();
  expect(performance.now() - start).toBeLessThan(3000);
  await Promise.all([realtime.closed(), stream.closed()]);
});
