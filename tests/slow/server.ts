/**
 * A crowd at the server: clients that ask, are slow, leave early, send too much or nonsense, and live streams beside
 * them. In: seconds (60) and clients (50). Out: a line of figures, and exit code 1 where a text is wrong, a status is
 * not the one it should be, somebody waits for more than three times a fair share (the time that it takes alone, times
 * the requests that run), memory grows, or the server does not answer at the end.
 *
 * With "figures" it measures (server_figures.ts); with "speakers" it has them told apart (server_speakers.ts).
 */

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { clip } from "../fixtures.ts";
import { memoryOf } from "../support/process_memory.ts";
import { served } from "../support/served.ts";

if (process.argv[2] === "figures") {
  const { figures } = await import("./server_figures.ts");
  process.exit(await figures(process.argv[3]));
}
if (process.argv[2] === "speakers") {
  const { speakersOnServer } = await import("./server_speakers.ts");
  process.exit(await speakersOnServer(Number(process.argv[3] ?? 50), Number(process.argv[4] ?? 2)));
}
const [seconds, clients] = [Number(process.argv[2] ?? 60), Number(process.argv[3] ?? 50)];
const names = ["en-short", "en-digits", "en-weather", "en-subsecond"];
const sounds = new Map(names.map((name) => [name, readFileSync(clip(name).wav)]));
const problems: string[] = [];
const counts = new Map<string, number>();
const times: number[] = [];

const server = await served(["--upload-max", "1"]);
const { port, url } = server;
const expected = new Map<string, string>();
const aloneMs = new Map<string, number>();
/** Requests and streams. */
let running = 0;
let unfairest = 0;
for (const name of names) {
  expected.set(name, (await ask(name)).text!);
  aloneMs.set(name, await timeAlone(name));
}

const firstBytes = memoryOf(server.pid);
const end = Date.now() + seconds * 1000;
const crowd = Array.from({ length: clients }, (_, index) => client(index));
const streams = Array.from({ length: 8 }, () => streamed());
await Bun.sleep((seconds * 1000) / 3);
const warmBytes = memoryOf(server.pid);
await Promise.all([...crowd, ...streams]);
const lastBytes = memoryOf(server.pid);
if (lastBytes > warmBytes * 1.3 + 2 ** 27) problems.push(`memory: ${mib(warmBytes)}, at the end ${mib(lastBytes)}`);
if (await (await fetch(`${url}/health`)).text() !== "OK") problems.push("no health at the end");
await server.stop();
const internal = /internal error[^\n]*/.exec(server.errors())?.[0];
if (internal) problems.push(internal);

const sorted = times.toSorted((a, b) => a - b);
const kinds = [...counts].map(([kind, count]) => `${kind} ${count}`).join(", ");
console.log(
  `${kinds}; median ${sorted[sorted.length >> 1]?.toFixed(0)} ms, worst ${sorted.at(-1)?.toFixed(0)} ms, ` +
    `at most ${unfairest.toFixed(2)} fair shares; ` +
    `alone ${[...aloneMs].map(([name, ms]) => `${name} ${ms.toFixed(0)} ms`).join(", ")}; ` +
    `memory ${mib(firstBytes)}, ${mib(warmBytes)}, ${mib(lastBytes)}`,
);
for (const problem of new Set(problems)) console.log(`wrong: ${problem}`);
process.exit(problems.length > 0 ? 1 : 0);

async function client(index: number): Promise<void> {
  const kinds = [asking, asking, asking, leaving, tooLarge, nonsense, slow];
  for (let turn = index; Date.now() < end; turn++) {
    const kind = kinds[turn % kinds.length]!;
    await kind(names[turn % names.length]!).catch((error) => problems.push(`${kind.name}: ${error}`));
    counts.set(kind.name, (counts.get(kind.name) ?? 0) + 1);
  }
}

async function ask(name: string, signal?: AbortSignal): Promise<{ readonly status: number; readonly text?: string }> {
  const body = new FormData();
  body.append("file", new File([sounds.get(name)!], "talk.wav"));
  running++;
  try {
    const reply = await fetch(`${url}/v1/audio/transcriptions`, { method: "POST", body, ...(signal && { signal }) });
    return { status: reply.status, text: (await reply.json()).text };
  } finally {
    running--;
  }
}

/** The longest of five: other work on this machine comes and goes. */
async function timeAlone(name: string): Promise<number> {
  let longest = 0;
  for (let times = 0; times < 5; times++) {
    const start = performance.now();
    await ask(name);
    longest = Math.max(longest, performance.now() - start);
  }
  return longest;
}

async function asking(name: string): Promise<void> {
  const start = performance.now();
  let most = running + 1;
  const watch = setInterval(() => most = Math.max(most, running), 20);
  const { status, text } = await ask(name).finally(() => clearInterval(watch));
  const tookMs = performance.now() - start;
  times.push(tookMs);
  const share = tookMs / (aloneMs.get(name)! * most);
  unfairest = Math.max(unfairest, share);
  if (share > 3) problems.push(`${name} waited ${share.toFixed(1)} fair shares`);
  if (status !== 200 || text !== expected.get(name)) problems.push(`${name}: ${status} ${text}`);
}

async function leaving(name: string): Promise<void> {
  const gone = AbortSignal.timeout(Math.random() * 200);
  await ask(name, gone).catch((error) => {
    if (!gone.aborted) throw error;
  });
}

async function tooLarge(): Promise<void> {
  const body = new FormData();
  body.append("file", new File([new Uint8Array(3 * 2 ** 20)], "large.wav"));
  const status = await fetch(`${url}/v1/audio/transcriptions`, { method: "POST", body }).then(
    (one) => one.status,
    () => 413,
  );
  if (status !== 413) problems.push(`too large: ${status}`);
}

async function nonsense(): Promise<void> {
  const body = crypto.getRandomValues(new Uint8Array(2000));
  const headers = { "content-type": "multipart/form-data; boundary=x" };
  const { status } = await fetch(`${url}/v1/audio/transcriptions`, { method: "POST", body, headers });
  if (status !== 400) problems.push(`nonsense: ${status}`);
}

/** A few bytes of a request, then a pause, then nothing. */
function slow(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", async () => {
      socket.write(
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; bou",
      );
      await Bun.sleep(500);
      socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
}

/** One live stream after the other, each of a whole clip. */
async function streamed(): Promise<void> {
  while (Date.now() < end) {
    running++;
    const text = await streamOnce(sounds.get("en-weather")!.subarray(44));
    running--;
    if (text !== expected.get("en-weather")) problems.push(`stream: ${text}`);
    counts.set("stream", (counts.get("stream") ?? 0) + 1);
  }
}

function streamOnce(bytes: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/stream`);
    let text = "";
    socket.onmessage = async ({ data }) => {
      const message = JSON.parse(String(data));
      if (message.type === "commit") text += message.text;
      if (message.type === "error") text += message.error.message;
      if (message.type !== "ready") return;
      for (let at = 0; at < bytes.length; at += 6400) {
        socket.send(bytes.slice(at, at + 6400));
        await Bun.sleep(200); // As it is spoken.
      }
      socket.send(JSON.stringify({ type: "end" }));
    };
    socket.onclose = () => resolve(text.trim());
  });
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
