import { connect } from "node:net";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { fakeServer, sayingEngine } from "../../tests/support/fake_server.ts";
import { wyomingBytes, WyomingError, type WyomingEvent, WyomingReader } from "./wyoming.ts";

const frame = (type: string, data: object, payload: Uint8Array = new Uint8Array()) =>
  Buffer.concat([Buffer.from(`${JSON.stringify({ type, data, payload_length: payload.length })}\n`), payload]);

function read(bytes: Uint8Array, lengths: readonly number[] = []): WyomingEvent[] {
  const reader = new WyomingReader();
  let at = 0;
  const events = lengths.flatMap((length) => reader.push(bytes.subarray(at, at += length)));
  return [...events, ...reader.push(bytes.subarray(at))];
}

test("events come out as they went in, however the bytes arrive", () => {
  const event = fc.record({
    type: fc.string(),
    data: fc.dictionary(fc.string(), fc.string()),
    payload: fc.uint8Array(),
  });
  fc.assert(fc.property(fc.array(event, { maxLength: 4 }), fc.array(fc.nat(20)), (events, lengths) => {
    const body = Buffer.concat(events.map(({ type, data, payload }) => frame(type, data, payload)));
    const found = read(body, lengths).map(({ type, data, payload }) => ({
      type,
      data: { ...data },
      payload: [...payload],
    }));
    expect(found).toEqual(
      events.map(({ type, data, payload }) => ({ type, data: { ...data }, payload: [...payload] })),
    );
  }));
  expect(read(wyomingBytes("a", { b: 1 }))).toMatchObject([{ type: "a", data: { b: 1 } }]);
});

test.each([
  "x\n",
  "[]\n",
  "{}\n",
  '{"type": "a", "payload_length": -1}\n',
  '{"type": "a", "payload_length": 1e9}\n',
  '{"type": "a", "data_length": "9"}\n',
  '{"type": "a", "data_length": 2}\n[]',
  "x".repeat(70_000),
])("what is no event is refused: %#", (text) => {
  expect(() => read(Buffer.from(text))).toThrow(WyomingError);
});

/** What a server answers, until `count` events are there. */
function talk(port: number, bytes: Uint8Array, count: number): Promise<WyomingEvent[]> {
  return new Promise((resolve, reject) => {
    const [reader, events] = [new WyomingReader(), [] as WyomingEvent[]];
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (answer) => {
      events.push(...reader.push(answer as Uint8Array));
      if (events.length >= count) socket.end();
    });
    socket.on("close", () => resolve(events));
    socket.on("error", reject);
  });
}

test("Home Assistant is told what there is, and gets transcripts", async () => {
  await using server = await fakeServer(sayingEngine(), { wyomingPort: 0 });
  const audio = { rate: 16_000, width: 2, channels: 1 };
  const events = await talk(
    server.wyomingPort!,
    Buffer.concat([
      ...[frame("describe", {}), frame("transcribe", { language: "en" }), frame("audio-start", audio)],
      ...[frame("audio-chunk", audio, Buffer.from("2")), frame("audio-chunk", audio, Buffer.from("s"))],
      ...[frame("audio-stop", {}), frame("audio-stop", {})],
    ]),
    3,
  );
  expect(events.map(({ type }) => type)).toEqual(["info", "transcript", "transcript"]);
  expect(events[0]!.data).toMatchObject({
    asr: [{ name: "qwen-asr", installed: true, models: [{ installed: true }] }],
  });
  expect(events[1]!.data).toEqual({ text: "Hello there. All is well.", language: "en" });
  expect(events[2]!.data).toEqual({ text: "" });
  const wrong = await talk(server.wyomingPort!, Buffer.from("GET / HTTP/1.1\r\n\r\n"), 9);
  expect(wrong.map(({ type }) => type)).toEqual(["error"]);
});
