/** The server through the executable, with the nano: real clients, and requests as others send them. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { join } from "node:path";
import OpenAI, { toFile } from "openai";
import { hasClip, hasSpeakers, modelDir } from "./fixtures.ts";
import { run, temporaryFolder } from "./harness.ts";
import { expectRefusal, qwen, wav } from "./support/cli.ts";
import { recordedBody, recordedRequests } from "./support/recorded_requests.ts";
import { type Served, served } from "./support/served.ts";
import { ffmpeg, hasFfmpeg, testWhere } from "./support/where.ts";

const key = "a-key-for-the-tests";

let server: Served;
beforeAll(async () => {
  server = await served(["--aligner", modelDir("nano-aligner"), "--streams", "2"], { QWEN_ASR_API_KEY: key });
});
afterAll(async () => {
  expect(await server.stop()).toBe("SIGTERM");
  expect(server.errors()).not.toContain(key);
  expect(server.errors()).not.toContain("internal error");
});

const two = "en-two-voices-30s";
const text = "Please open the old door.";

function openai(): OpenAI {
  return new OpenAI({ apiKey: key, baseURL: `${server.url}/v1`, maxRetries: 0 });
}

async function upload(name = "en-short", as = "talk.wav") {
  return await toFile(readFileSync(wav(name)), as);
}

/** A request as a client sends it, by its fields. */
async function post(path: string, fields: Record<string, string | Blob>, headers: Record<string, string> = {}) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return await fetch(server.url + path, {
    method: "POST",
    body,
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
}

function recording(name: string, as: string, type: string): File {
  return new File([readFileSync(wav(name))], as, { type });
}

type Message = Readonly<Record<string, unknown>> & { readonly type: string };

/** What comes back of a live stream that is given these pieces, and then its end. */
function streamed(path: string, pieces: readonly Uint8Array[]): Promise<Message[]> {
  const messages: Message[] = [];
  const { promise, resolve } = Promise.withResolvers<Message[]>();
  const headers = { authorization: `Bearer ${key}` };
  const socket = new WebSocket(server.url.replace("http", "ws") + path, { headers } as never);
  socket.onmessage = ({ data }) => {
    messages.push(JSON.parse(String(data)));
    if (messages.length > 1) return;
    for (const piece of pieces) socket.send(piece);
    socket.send(JSON.stringify({ type: "end" }));
  };
  socket.onclose = () => resolve(messages);
  return promise;
}

test("OpenAI's client gets text, times and events", async () => {
  const { transcriptions } = openai().audio;
  expect(await transcriptions.create({ model: "whisper-1", file: await upload() })).toMatchObject({ text });
  const verbose = await transcriptions.create({
    ...{ model: "whisper-1", file: await upload(), response_format: "verbose_json", language: "en" },
    timestamp_granularities: ["word", "segment"],
  });
  expect(verbose).toMatchObject({ text, language: "english" });
  expect(verbose.duration).toBeCloseTo(1.95, 1);
  expect(verbose.words!.map(({ word }) => word)).toEqual(["Please", "open", "the", "old", "door."]);
  for (const { start, end } of [...verbose.words!, ...verbose.segments!]) {
    expect(0 <= start && start < end && end <= verbose.duration).toBeTrue();
  }
  const events = await transcriptions.create({
    model: "gpt-4o-transcribe",
    file: await upload("en-weather"),
    stream: true,
  });
  let deltas = "";
  for await (const event of events) {
    if (event.type === "transcript.text.delta") deltas += event.delta;
    if (event.type === "transcript.text.done") expect(event.text).toBe(deltas);
  }
  expect(deltas).toStartWith("Today is Sunday");
  const failure = await transcriptions.create({ model: "x", file: await toFile(Buffer.from("no sound"), "a.wav") })
    .catch((error) => error);
  expect(failure).toBeInstanceOf(OpenAI.BadRequestError);
  expect(failure.message).toContain("a.wav");
  expect((await openai().models.list()).data).toHaveLength(1);
});

testWhere(hasClip(two) && hasSpeakers, `the clip ${two} and the speaker networks`)(
  "OpenAI's client is told who speaks, one of them by a reference, at the end and as events",
  async () => {
    const samples = readFileSync(wav(two)).subarray(44);
    const header = Buffer.from(readFileSync(wav(two)).subarray(0, 44));
    const voice = samples.subarray(12.2 * 32_000, 14.2 * 32_000); // "Can you find my boat today?"
    header.writeUInt32LE(voice.length, 40);
    const fields = {
      ...{ model: "gpt-4o-transcribe-diarize", response_format: "diarized_json", chunking_strategy: "auto" } as const,
      known_speaker_names: ["Ann"],
      known_speaker_references: [`data:audio/wav;base64,${Buffer.concat([header, voice]).toString("base64")}`],
    };
    const { transcriptions } = openai().audio;
    const reply = await transcriptions.create({ ...fields, file: await upload(two) });
    const diarized = reply as unknown as OpenAI.Audio.TranscriptionDiarized;
    expect(diarized).toMatchObject({ task: "transcribe", usage: { type: "duration" } });
    const speakerOf = (words: string) => diarized.segments.find(({ text }) => text.includes(words))?.speaker;
    expect([speakerOf("Mark and"), speakerOf("Saturday"), speakerOf("purple table")]).toEqual(["Ann", "A", "Ann"]);
    const events = await transcriptions.create({ ...fields, file: await upload(two), stream: true });
    const segments: unknown[] = [];
    for await (const event of events) if (event.type === "transcript.text.segment") segments.push(event);
    expect(segments).toEqual(diarized.segments);
  },
);

testWhere(process.platform === "linux" && hasClip(two) && hasSpeakers, `Linux, the clip ${two}, the speaker networks`)(
  "a server that yields to others has a thread for speakers that yields still more",
  async () => {
    const yielding = await served();
    const own = getPriority() + 3;
    setPriority(yielding.pid, own);
    const body = new FormData();
    body.append("file", recording(two, "two.wav", "audio/wav"));
    body.append("response_format", "diarized_json");
    const reply = await fetch(`${yielding.url}/v1/audio/transcriptions`, { method: "POST", body });
    expect(await reply.text()).toContain('"speaker":"B"');
    const tasks = `/proc/${yielding.pid}/task`;
    const niceness = readdirSync(tasks).map((id) => {
      return Number(readFileSync(`${tasks}/${id}/stat`, "utf8").split(") ")[1]!.split(" ")[16]);
    });
    expect(Math.max(...niceness)).toBe(own + 2);
    await yielding.stop();
  },
);

test("cues are those of the command line, byte for byte", async () => {
  for (const [format, aligned] of [["srt", false], ["vtt", false], ["srt", true]] as const) {
    const fields = {
      file: recording("en-weather", "talk.wav", "audio/wav"),
      response_format: format,
      align: String(aligned),
    };
    const reply = await (await post("/v1/audio/transcriptions", fields)).text();
    const own = await qwen([
      ...["--silent", "-f", format, ...(aligned ? ["--aligner", modelDir("nano-aligner")] : []), wav("en-weather")],
    ]);
    expect(reply).toBe(own.stdout);
  }
});

testWhere(hasFfmpeg, "ffmpeg")("requests as programs record them get what these programs need", async () => {
  using folder = temporaryFolder();
  const files = { wav: wav("en-short"), mp3: join(folder.path, "talk.mp3"), webm: join(folder.path, "talk.webm") };
  await Bun.$`${ffmpeg} -v error -i ${files.wav} -b:a 320k -ar 48000 ${files.mp3}`;
  await Bun.$`${ffmpeg} -v error -i ${files.wav} -c:a libopus -b:a 128k -live 1 -f webm ${files.webm}`;
  const ask = async (name: string) => {
    const request = recordedRequests[name]!;
    const { path, contentType, format } = request;
    const bytes = format === "raw" ? readFileSync(files.wav).subarray(44) : readFileSync(files[format]);
    const headers = { "content-type": contentType, authorization: `Bearer ${key}` };
    const reply = await fetch(server.url + path, { method: "POST", headers, body: recordedBody(request, bytes) });
    expect([name, reply.status]).toEqual([name, 200]);
    return await reply.text();
  };
  for (const name of ["Open WebUI", "LibreChat", "whisper-obsidian-plugin", "curl"]) {
    expect([name, JSON.parse(await ask(name)).text]).toEqual([name, text]);
  }
  const words = JSON.parse(await ask("Buzz"));
  expect(words.segments).toBeUndefined(); // It would take their words' times for hundredths of seconds.
  expect(words.words.map(({ word }: { word: string }) => word).join(" ")).toBe(text);
  const cues = JSON.parse(await ask("Subtitle Edit"));
  expect(cues.segments.map((segment: { text: string }) => segment.text.trim())).toEqual([text]);
  for (const { start, end } of [...words.words, ...cues.words, ...cues.segments]) {
    expect(0 <= start && start < end && end <= cues.duration).toBeTrue();
  }
  const own = await qwen(["--silent", "-f", "srt", "--aligner", modelDir("nano-aligner"), files.wav]);
  expect(await ask("Bazarr")).toBe(own.stdout);
});

test("Open WebUI's JSON, Bazarr's question of the language and an alignment", async () => {
  const input_audio = { data: readFileSync(wav("en-weather")).toString("base64"), format: "wav" };
  const json = await fetch(`${server.url}/v1/audio/transcriptions`, {
    ...{ method: "POST", body: JSON.stringify({ model: "m", input_audio }) },
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
  });
  expect((await json.json()).text).toStartWith("Today is Sunday");
  const raw = new File([readFileSync(wav("en-short")).subarray(44)], "audio");
  const language = await post("/detect-language?encode=false", { audio_file: raw });
  expect(await language.json()).toEqual({ detected_language: "english", language_code: "en" });
  const aligned = await post("/v1/audio/alignments", { file: recording("en-short", "a.wav", "audio/wav"), text });
  expect((await aligned.json()).words.map(({ word }: { word: string }) => word)).toHaveLength(5);
});

test("what is wrong with a recording is said", async () => {
  const cut = new File([readFileSync(wav("en-weather")).subarray(0, 100_000)], "talk.wav");
  const line = "WAV data is cut short: 3.1 s of the 10.4 s in its header";
  const json = await post("/v1/audio/transcriptions", { file: cut });
  expect((await json.json()).warnings).toEqual([line]);
  const srt = await post("/v1/audio/transcriptions", { file: cut, response_format: "srt" });
  expect(srt.headers.get("x-qwen-asr-warnings")).toBe(line);
  const events = await (await post("/v1/audio/transcriptions", { file: cut, stream: "true" })).text();
  expect(events).toContain(`"warnings":["${line}"]`);
});

test("many at a time have the text that each has alone", async () => {
  const names = ["en-short", "en-weather", "en-digits", "en-subsecond"];
  const ask = async (name: string) =>
    (await (await post("/v1/audio/transcriptions", { file: recording(name, "a.wav", "audio/wav") })).json()).text;
  const alone: string[] = [];
  for (const name of names) alone.push(await ask(name));
  const together = await Promise.all(Array.from({ length: 16 }, (_, index) => ask(names[index % names.length]!)));
  expect(together).toEqual(Array.from({ length: 16 }, (_, index) => alone[index % names.length]!));
});

test("what cannot be served is said in one line", async () => {
  const taken = ["serve", "-d", "demo", "--port", String(server.port)];
  expectRefusal(await run([...taken, "--silent"]), 1, `qwen-asr: port ${server.port} of 127.0.0.1 is in use`);
  expectRefusal(await run(["serve", "--host", "0.0.0.0", "-d", "demo"]), 2, /clients need keys \(--api-key-file\)/);
  using folder = temporaryFolder();
  const keys = join(folder.path, "keys.txt");
  await Bun.write(keys, "ann");
  expectRefusal(await run(["serve", "-d", "demo", "--api-key-file", keys]), 2, /line 1: is not 'name:key'/);
  const tls = ["--tls-cert", keys, "--tls-key", keys];
  expectRefusal(await run(["serve", "-d", "demo", ...tls]), 2, /keys\.txt: is no certificate in PEM$/);
  expectRefusal(await run(["serve"]), 3, /qwen-asr download small/);
});

testWhere(hasFfmpeg, "ffmpeg")("a browser's recording is a live stream, cut anywhere", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "talk.webm");
  // Opus in clusters of unknown size, as MediaRecorder makes it.
  await Bun.$`${ffmpeg} -v error -i ${wav("en-weather")} -c:a libopus -live 1 -f webm ${path}`;
  const bytes = readFileSync(path);
  const pieces = [0, 5, 700, 701, 20_000, bytes.length].map((at, index, all) =>
    bytes.subarray(all[index - 1] ?? 0, at)
  );
  const messages = await streamed("/v1/stream", pieces);
  const commits = messages.filter(({ type }) => type === "commit").map((message) => message["text"]);
  expect(commits.join("")).toStartWith("Today is Sunday");
  expect(messages.findLast(({ type }) => type === "ack")).toEqual({ type: "ack", bytes: bytes.length });
  expect(messages.at(-1)).toMatchObject({ type: "end" });
  const broken = await streamed("/v1/stream", [bytes.subarray(0, 4), new Uint8Array(5000)]);
  expect(broken.at(-1)).toMatchObject({
    type: "error",
    error: { type: "invalid_request_error", code: "invalid_file" },
  });
});

test("a stream too many is told so, and when one ends there is room", async () => {
  const open = async () => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/stream?key=${key}`);
    const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
    const first = await new Promise<Message>((resolve) =>
      socket.onmessage = ({ data }) => resolve(JSON.parse(String(data)))
    );
    return { socket, closed, first };
  };
  const streams = [await open(), await open()];
  const { first, closed } = await open();
  expect(first).toMatchObject({ type: "error", error: { type: "rate_limit_error", code: "too_many_streams" } });
  expect(await closed).toMatchObject({ code: 1013, reason: "too many streams are open" });
  for (const { socket, closed } of streams) {
    socket.send(JSON.stringify({ type: "end" }));
    await closed;
  }
  const again = await open();
  expect(again.first.type).toBe("ready");
  again.socket.send(JSON.stringify({ type: "end" }));
  await again.closed;
});

test("a live stream has the utterances of the command line's, noise or not", async () => {
  const noise = Buffer.from(Int16Array.from({ length: 48_000 }, (_, at) => 1500 * Math.sin(at * at * 7.3)).buffer);
  const sound = ["en-short", "en-digits"].flatMap((name) => [readFileSync(wav(name)).subarray(44), noise]);
  const bytes = Buffer.concat(sound);
  const messages = await streamed("/v1/stream?language=en", [bytes]);
  const finals = messages.filter(({ type }) => type === "final");
  using folder = temporaryFolder();
  await Bun.write(join(folder.path, "talk.raw"), bytes);
  const { stdout } = await qwen([
    ...["--stream", "--live", "--raw", "--language", "en", "-f", "jsonl", "--silent"],
    join(folder.path, "talk.raw"),
  ]);
  const own = stdout.trim().split("\n").map((line) => JSON.parse(line)).filter(({ type }) => type === "final");
  expect(own).toHaveLength(2);
  expect(finals.map(({ start, end, text }) => [start, end, text])).toEqual(
    own.map(({ start_ms, end_ms, text }) => [start_ms / 1000, end_ms / 1000, text]),
  );
});

testWhere(hasClip(two) && hasSpeakers, `the clip ${two} and the speaker networks`)(
  "a live stream says who has spoken, when an utterance has ended",
  async () => {
    const messages = await streamed("/v1/stream?language=en&speakers=2", [readFileSync(wav(two)).subarray(44)]);
    const finals = messages.filter(({ type }) => type === "final");
    const turns = finals.flatMap((final) => final["turns"] as { speaker: string; text: string }[]);
    const speakerOf = (words: string) => turns.find(({ text }) => text.includes(words))?.speaker;
    expect([speakerOf("Mark and"), speakerOf("to Denver"), speakerOf("purple table")])
      .toEqual(["Speaker 1", "Speaker 2", "Speaker 1"]);
    expect(finals.every(({ speaker }) => /^Speaker [12]$/.test(String(speaker)))).toBe(true);
    const wrong = await streamed("/v1/stream?speakers=0", []);
    expect(wrong[0]).toMatchObject({ type: "error", error: { param: "speakers" } });
  },
);

testWhere(hasFfmpeg, "ffmpeg")("a recording that names other files gets none of them", async () => {
  using folder = temporaryFolder();
  const secret = join(folder.path, "secret.ts");
  await Bun.$`${ffmpeg} -v error -i ${wav("en-short")} -c:a aac -f mpegts ${secret}`;
  const list = `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\nfile://${secret}\n#EXT-X-ENDLIST\n`;
  const tag = Uint8Array.from([...Buffer.from("ID3"), 3, 0, 0, 0, 0, 0, 0]); // Decoders look behind it.
  const reply = await post("/v1/audio/transcriptions", { file: new File([tag, list], "talk.mp3") });
  expect(reply.status).toBe(400);
  expect((await reply.json()).error.message).not.toContain(folder.path);
});

testWhere(hasFfmpeg, "ffmpeg")("a few bytes that stand for hours are read as far as may be heard", async () => {
  const small = await served(["--audio-max-hours", "0.02"]);
  using folder = temporaryFolder();
  const jump = "asetpts=if(gt(N\\,0)\\,PTS+18000/TB\\,PTS)"; // Five hours behind the first packet.
  for (const [name, codec] of [["hole.m4a", "aac"], ["hole.webm", "libopus"]] as const) {
    const path = join(folder.path, name);
    await Bun.$`${ffmpeg} -v error -f lavfi -i sine=d=0.2:r=48000 -af ${jump} -c:a ${codec} ${path}`;
    const body = new FormData();
    body.append("file", new File([readFileSync(path)], name));
    const reply = await fetch(`${small.url}/v1/audio/transcriptions`, { method: "POST", body });
    const { error } = await reply.json();
    // Versions of ffmpeg that make the silence in one piece have no memory for it.
    const refusals = [[413, "the recording is longer than 0.02 hours"]];
    if (codec === "aac") refusals.push([400, `${name}: ffmpeg: Error while filtering: Cannot allocate memory`]);
    expect(refusals).toContainEqual([reply.status, error.message]);
  }
  expect(await small.stop()).toBe("SIGTERM");
});

test("a job goes on after the server was killed, and comes to the same", async () => {
  using folder = temporaryFolder();
  const state = ["--state", join(folder.path, "state")];
  const header = readFileSync(wav("en-45s")).subarray(0, 44);
  const samples = readFileSync(wav("en-45s")).subarray(44);
  const long = Buffer.concat([header, samples, samples, samples]);
  long.writeUInt32LE(long.length - 8, 4);
  long.writeUInt32LE(long.length - 44, 40);
  const form = () => {
    const body = new FormData();
    for (const [name, value] of [["segment_sec", "5"], ["response_format", "srt"]] as const) body.append(name, value);
    body.append("file", new File([long], "long.wav"));
    return body;
  };
  const first = await served(state);
  const { id } = await (await fetch(`${first.url}/v1/jobs`, { method: "POST", body: form() })).json();
  const untilEvent = async (url: string, text: string) => {
    let events = "";
    for await (const bytes of (await fetch(`${url}/v1/jobs/${id}/events`)).body!) {
      if ((events += new TextDecoder().decode(bytes)).includes(text)) return;
    }
    throw new Error(`no ${text} in ${events}`);
  };
  await untilEvent(first.url, "job.progress");
  expect(await first.stop("SIGKILL")).toBe("SIGKILL");
  const second = await served(state);
  await untilEvent(second.url, "transcript.text.done");
  const resumed = await (await fetch(`${second.url}/v1/jobs/${id}/result`)).text();
  const whole = await fetch(`${second.url}/v1/audio/transcriptions`, { method: "POST", body: form() });
  expect(resumed).toBe(await whole.text());
  await second.stop();
});
