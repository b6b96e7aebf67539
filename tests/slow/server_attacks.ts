/**
 * Attacks on the server: damaged requests and WebSocket frames, bodies without an end, clients that never finish, names
 * and pages of others, guessed keys. In: requests and frames (100,000). Out: a line for each attack, and exit code 1
 * where a status is not one of those that are right, something of this machine is told, memory grows, or the server
 * no longer answers.
 *
 *     bun tests/slow/server_attacks.ts [COUNT] [SEED]
 */

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { clip } from "../fixtures.ts";
import { memoryOf } from "../support/process_memory.ts";
import { type Served, served } from "../support/served.ts";
import { seededRandom } from "../support/random.ts";

const count = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? 1);
const { random, pick } = seededRandom(seed);
const sound = readFileSync(clip("en-subsecond").wav);
const problems = new Set<string>();
const key = "the-key-of-the-server";
const problemsShown = 20;

async function run(name: string, attack: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  const before = memoryOf(open.pid);
  const said = await attack();
  const grown = memoryOf(open.pid) - before;
  if (grown > 300 * 2 ** 20) problems.add(`${name}: memory grows by ${Math.round(grown / 2 ** 20)} MiB`);
  const figures = `${((performance.now() - start) / 1000).toFixed(1)} s, ${Math.round(grown / 2 ** 20)} MiB more`;
  console.log(`${name}: ${figures}${said === undefined ? "" : `, ${said}`}`);
}

/** The server still answers, has told nothing of itself, and ends as it should. */
async function over(server: Served): Promise<void> {
  const health = await fetch(`${server.url}/health`).then((reply) => reply.text(), String);
  if (health !== "OK") problems.add(`at the end: ${health}`);
  if (await server.stop() !== "SIGTERM") problems.add("it did not end by SIGTERM");
  const internal = /internal error[^\n]*/.exec(server.errors())?.[0];
  if (internal) problems.add(internal);
  if (server.errors().includes(key)) problems.add("a key is in the log");
}

async function manyAtOnce(all: number, atOnce: number, one: () => Promise<string>): Promise<string> {
  const kinds = new Map<string, number>();
  let left = all;
  const worker = async () => {
    while (left-- > 0) {
      const kind = await one();
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return [...kinds].toSorted((a, b) => b[1] - a[1]).map(([kind, times]) => `${kind} ${times}`).join(", ");
}

const rightStatus = [
  101,
  200,
  202,
  204,
  400,
  401,
  403,
  404,
  405,
  408,
  409,
  413,
  415,
  416,
  422,
  426,
  429,
  431,
  501,
  503,
  505,
];

/** Returns the status. A connection that is closed without one is right where the request is not HTTP. */
async function damagedRequest(): Promise<string> {
  const bytes = damaged(request());
  const answer = (await exchange(bytes)).replace(/^(HTTP\/1\.1 100[^]*?\r\n\r\n)+/, "");
  if (answer === "") return "closed";
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
  if (!rightStatus.includes(status)) problems.add(`${status || answer.slice(0, 60)} for ${shown(bytes)}`);
  if (/\/tmp\/|\/root|node_modules|\bat \w+ \(/.test(answer)) problems.add(`it tells of itself: ${answer.slice(-300)}`);
  return String(status);
}

function shown(bytes: Uint8Array): string {
  return JSON.stringify(Buffer.from(bytes).toString("latin1").slice(0, 200));
}

/** What comes back on a connection of its own, which ends with the bytes. */
function exchange(bytes: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(open.port, "127.0.0.1", () => socket.end(bytes));
    const timer = setTimeout(() => {
      if (answer === "") problems.add(`no answer within 20 s to ${shown(bytes)}`);
      socket.destroy();
    }, 20_000);
    socket.setEncoding("latin1");
    socket.on("data", (text) => {
      answer += text;
      if (/^HTTP\/1\.1 (?!100)[\s\S]*\r\n\r\n/.test(answer)) setTimeout(() => socket.destroy(), 1);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

const paths = [
  ...["/v1/audio/transcriptions", "/audio/transcriptions", "/v1/jobs", "/v1/jobs/ID", "/asr?output=srt", "/health"],
  ...["/v1/models/%2e%2e%2f", "/v1/../../etc/passwd", "//v1//models", "/v1/jobs/../../x", "/%00", "/v1/stream?rate=x"],
  ...["/v1/jobs/%2e%2e/result", "/openapi.json", "/metrics", "/v1/audio/alignments", "/detect-language", "/", "*"],
  ...["http://evil.example/v1/models", "/page/../../../etc/passwd", "/static/..%2f..%2fetc%2fpasswd", "/v1/realtime"],
  ...["/asr?output=json&diarize=true&max_speakers=2", "/asr?diarize=x", "/asr?diarize=1&min_speakers=9&max_speakers=1"],
];
const headers = [
  ...["Content-Length: 5", "Content-Length: 18446744073709551617", "Content-Length: -1", "Transfer-Encoding: chunked"],
  ...["Transfer-Encoding: chunked, identity", "Content-Type: application/json", "Host: evil.example", "Host: a b"],
  ...["Content-Type: multipart/form-data", "Content-Type: multipart/form-data; boundary=", "Expect: 100-continue"],
  ...["Origin: https://evil.example", "Authorization: Bearer", "X-Forwarded-For: 1.2.3.4", "Upgrade: websocket"],
  ...["Connection: Upgrade", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13", "Range: bytes=0-", " folded: x"],
  ...[`X-Long: ${"y".repeat(20_000)}`, "Cookie: qwen=1; ; =", "Accept-Encoding: gzip", "If-None-Match: *", "\0: \0"],
];
const fields = [
  ...["response_format", "language", "stream", "timestamp_granularities[]", "prompt", "keywords", "temperature"],
  ...["segment_sec", "from", "to", "channel", "max_cols", "include[]", "text", "model", "track", "vad", "itn"],
  ...["speakers", "speakers", "split_channels", "known_speaker_names[]", "known_speaker_references[]"],
];
const values = [
  "",
  "true",
  "srt",
  "verbose_json",
  "diarized_json",
  "auto",
  "2-3",
  "data:audio/wav;base64,UklGRg==",
  "<b>Ann</b>\u202e",
  "en",
  "zh-TW",
  "word",
  "-1",
  "1e309",
  "NaN",
  "\u0000",
  "x".repeat(3000),
];

function request(): Buffer {
  const boundary = pick(["x", "----abc", "'()+_,-./:=?"]);
  const part = (name: string, value: Uint8Array | string, more = "") =>
    Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`),
      Buffer.from(value),
      Buffer.from("\r\n"),
    ]);
  const recording = pick([sound, sound, sound.subarray(0, random(sound.length)), randomBytes(random(3000))]);
  const parts = Array.from({ length: random(4) }, () => part(pick(fields), pick(values)));
  const file = part(pick(["file", "audio_file", "audio"]), recording, '; filename="../../a.wav"');
  const body = random(4) > 0 ? Buffer.concat([...parts, file, Buffer.from(`--${boundary}--\r\n`)]) : randomBytes(200);
  const lines = [
    `${pick(["POST", "POST", "POST", "GET", "DELETE", "OPTIONS", "HEAD", "PUT", "TRACE", "get"])} ${
      pick(paths)
    } HTTP/1.1`,
    ...(random(20) > 0 ? ["Host: localhost"] : []),
    ...(random(3) > 0 ? [`Content-Type: multipart/form-data; boundary="${boundary}"`] : []),
    ...(random(3) > 0 ? [`Content-Length: ${body.length}`] : []),
    ...Array.from({ length: random(3) }, () => pick(headers)),
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]);
}

/** Some bytes changed, taken out, put in twice; half of all stay as they are. */
function damaged(bytes: Buffer): Buffer {
  let result = bytes;
  for (let times = random(2) * random(6); times > 0; times--) {
    const at = random(Math.min(result.length, random(2) === 0 ? 400 : result.length) + 1);
    const piece = pick([
      randomBytes(1 + random(4)),
      Buffer.from(pick(["\r\n", "\r\n\r\n", "--", "\0", "%", '"', ":"])),
    ]);
    const taken = random(8);
    const twice = random(4) === 0 ? result.subarray(at, at + 50) : piece;
    result = Buffer.concat([result.subarray(0, at), twice, result.subarray(at + taken)]);
  }
  return result;
}

const events = [
  ...["session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear", "end"],
];

/** Twenty frames on a connection: right ones, damaged ones, and what no frame is. */
async function damagedFrames(): Promise<string> {
  const path = pick([
    "/v1/realtime?intent=transcription",
    "/v1/stream",
    "/v1/stream?rate=8000&language=zh",
    "/v1/stream?speakers=2",
  ]);
  const socket = await opened(path);
  if (socket === undefined) return "refused";
  let closed = false;
  socket.on("close", () => closed = true);
  for (let frame = 0; frame < 20 && !closed; frame++) {
    socket.write(damagedFrame());
    if (random(4) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.race([Bun.sleep(5), new Promise((resolve) => socket.once("close", resolve))]);
  const how = closed ? "closed by it" : "left";
  socket.destroy();
  return how;
}

function opened(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(open.port, "127.0.0.1", () =>
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      ));
    socket.on("error", () => {});
    socket.once("data", (bytes) => resolve(bytes.toString("latin1").startsWith("HTTP/1.1 101") ? socket : undefined));
    socket.once("close", () => resolve(undefined));
    socket.setTimeout(20_000, () => {
      problems.add(`no answer to an upgrade of ${path}`);
      socket.destroy();
    });
  });
}

function damagedFrame(): Buffer {
  const json = JSON.stringify({
    type: pick(events),
    audio: pick([sound.subarray(44, 2000).toString("base64"), "*", "", 7, null]),
    session: pick([{}, { type: "transcription" }, { audio: { input: { format: { rate: random(1e6) } } } }, [], "x"]),
  });
  const payload = pick([
    Buffer.from(json),
    Buffer.from(json.slice(0, random(json.length))),
    sound.subarray(44, 44 + random(4000)),
    Buffer.concat([Buffer.from([0x1a, 0x45, 0xdf, 0xa3]), randomBytes(random(500))]),
    randomBytes(random(300)),
    Buffer.from([0xff, 0xfe, 0xc0]),
  ]);
  const whole = frameOf(pick([1, 1, 1, 2, 2, 0, 8, 9, 10, 3, 15]), payload, random(8) > 0, random(12) > 0);
  if (random(6) > 0) return whole;
  const at = random(Math.min(14, whole.length));
  return Buffer.concat([whole.subarray(0, at), randomBytes(1), whole.subarray(at + 1)]);
}

function frameOf(opcode: number, payload: Buffer, isLast: boolean, isMasked: boolean): Buffer {
  const { length } = payload;
  const claimed = random(40) === 0 ? 2 ** 40 : length;
  const head = claimed < 126
    ? Buffer.from([0, claimed])
    : claimed < 65_536
    ? Buffer.from([0, 126, claimed >> 8, claimed & 255])
    : Buffer.concat([Buffer.from([0, 127]), Buffer.from(claimed.toString(16).padStart(16, "0"), "hex")]);
  head[0] = (isLast ? 0x80 : 0) | opcode;
  if (!isMasked) return Buffer.concat([head, payload]);
  head[1]! |= 0x80;
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ mask[at % 4]!)]);
}

/** A gigabyte in chunks whose length no header tells; one MiB is allowed. */
async function endlessBody(): Promise<string> {
  const head = "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" +
    "Content-Type: multipart/form-data; boundary=x\r\n\r\n";
  const part = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
  const chunk = (bytes: Buffer) =>
    Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
  let answer = "";
  let sent = 0;
  await new Promise<void>((resolve) => {
    const socket = connect(open.port, "127.0.0.1", () => {
      socket.write(Buffer.concat([Buffer.from(head), chunk(Buffer.from(part))]));
      const more = () => {
        while (sent < 2 ** 30 && !socket.destroyed) {
          sent += 2 ** 20;
          if (!socket.write(chunk(Buffer.alloc(2 ** 20)))) return void socket.once("drain", more);
        }
        socket.end();
      };
      more();
    });
    socket.on("data", (bytes) => answer += bytes.toString("latin1"));
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    setTimeout(() => socket.destroy(), 60_000);
  });
  const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1];
  if (status !== "413") problems.add(`a body without an end: ${status}`);
  return `${status} after ${Math.round(sent / 2 ** 20)} MiB`;
}

/** Many clients that send a byte now and then, and one that asks beside them. */
async function slowClients(): Promise<string> {
  const slow = Array.from({ length: 500 }, (_, index) => {
    const socket = connect(open.port, "127.0.0.1", () => {
      const text = index % 2 === 0
        ? "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
        : "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n" +
          "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n";
      socket.write(text);
    });
    const timer = setInterval(() => socket.write("a"), 1000);
    const closed = new Promise<void>((resolve) => socket.on("close", () => (clearInterval(timer), resolve())));
    socket.on("error", () => {});
    return { socket, closed };
  });
  let worst = 0;
  for (let times = 0; times < 20; times++) {
    const start = performance.now();
    const { status } = await transcribed(open);
    if (status !== 200 && status !== 429) problems.add(`beside slow clients: ${status}`);
    worst = Math.max(worst, performance.now() - start);
    await Bun.sleep(100);
  }
  if (worst > 10_000) problems.add(`beside slow clients a request takes ${worst.toFixed(0)} ms`);
  const bodies = slow.filter((_, index) => index % 2 === 1).map(({ closed }) => closed);
  const areGivenUp = await Promise.race([Promise.all(bodies).then(() => true), Bun.sleep(60_000).then(() => false)]);
  if (!areGivenUp) problems.add("bodies that come a byte a second are waited for longer than a minute");
  slow.forEach(({ socket }) => socket.destroy());
  return `worst ${worst.toFixed(0)} ms`;
}

function transcribed({ url }: Served, more: Record<string, string> = {}): Promise<Response> {
  const body = new FormData();
  body.append("file", new File([sound], "a.wav"));
  return fetch(`${url}/v1/audio/transcriptions`, { method: "POST", body, headers: more });
}

async function otherNames(): Promise<void> {
  const ask = async (line: string, more: string) =>
    Number(/^HTTP\/1\.1 (\d+)/.exec(await exchange(Buffer.from(`${line} HTTP/1.1\r\n${more}\r\n\r\n`)))?.[1]);
  const wanted: readonly (readonly [string, string, number])[] = [
    ["GET /v1/models", "Host: evil.example", 403],
    ["GET /v1/models", "Host: localhost.evil.example", 403],
    ["GET /v1/models", "Host: 127.0.0.1.evil.example", 403],
    ["GET /v1/models", "Host: localhost", 200],
    ["POST /v1/jobs", "Host: localhost\r\nOrigin: https://evil.example\r\nContent-Length: 0", 403],
    ["POST /v1/jobs", "Host: localhost\r\nOrigin: null\r\nContent-Length: 0", 403],
    ["DELETE /v1/jobs/x", "Host: localhost\r\nOrigin: http://localhost:1", 403],
    [
      "GET /v1/stream",
      "Host: localhost\r\nOrigin: https://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket",
      403,
    ],
    ["OPTIONS /v1/jobs", "Host: localhost\r\nOrigin: https://evil.example", 403],
    ["GET /v1/jobs/..%2f..%2fetc%2fpasswd/result", "Host: localhost", 404],
  ];
  for (const [line, more, status] of wanted) {
    const got = await ask(line, more);
    if (got !== status) problems.add(`${line}, ${more}: ${got}, not ${status}`);
  }
}

/** Ten guesses, then none; and how long a guess takes says nothing of the key. */
async function guessedKeys(): Promise<void> {
  const ask = async (guess: string) =>
    (await fetch(`${locked.url}/v1/models`, { headers: { authorization: `Bearer ${guess}` } })).status;
  if (await ask(key) !== 200) problems.add("the right key is refused");
  const statuses: number[] = [];
  for (let times = 0; times < 12; times++) statuses.push(await ask(`${key.slice(0, times)}x`));
  if (statuses.join() !== [...new Array<number>(10).fill(401), 429, 429].join()) problems.add(`guesses: ${statuses}`);
  if ((await transcribed(locked)).status !== 429) problems.add("without a key, after guesses");
}

const open = await served(["--upload-max", "1", "--queue-max", "64"]);
try {
  await run("requests", () => manyAtOnce(count, 32, damagedRequest));
  await run("frames", () => manyAtOnce(Math.ceil(count / 20), 8, damagedFrames));
  await run("a body without an end", endlessBody);
  await run("slow clients", slowClients);
  await run("names and pages of others", otherNames);
} finally {
  await over(open);
}
const locked = await served([], { QWEN_ASR_API_KEY: key });
try {
  await run("guessed keys", guessedKeys);
} finally {
  await over(locked);
}
for (const problem of [...problems].slice(0, problemsShown)) console.log(`wrong: ${problem}`);
process.exit(problems.size > 0 ? 1 : 0);
