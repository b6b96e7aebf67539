/**
 * How fast the server is for several clients: ratios of runs in turns on one machine, so that other work on it counts
 * on both sides. In: a full-size model. Out: a line for each figure, and whether one misses its bound.
 *
 *     bun tests/slow/server.ts figures DIR
 */

import { readFileSync } from "node:fs";
import { clip } from "../fixtures.ts";
import { memoryOf, processorMsOf } from "../support/process_memory.ts";
import { served } from "../support/served.ts";
import { wavHeader } from "../../src/audio/wav_header.ts";

const rounds = 3;
const tenSeconds = readFileSync(clip("en-weather").wav);
const twoSeconds = readFileSync(clip("en-short").wav);

export async function figures(model: string | undefined): Promise<number> {
  if (model === undefined) throw new Error("figures needs the folder of a model");
  let isRight = true;
  const tell = (name: string, value: number, most: number, unit: string) => {
    isRight &&= value <= most;
    console.log(`${value <= most ? "ok    " : "WRONG "} ${name}: ${value.toFixed(2)} ${unit}, at most ${most}`);
  };
  const server = await served(["-t", "2"], {}, model);
  await together(server.url, tell);
  await besideAnHour(server.url, tell);
  await Bun.sleep(10_000); // What was held for the next request is given back.
  tell("an idle server's processor", await processorShare(server.pid, 10_000), 0.5, "%");
  await server.stop();
  await unloaded(model, tell);
  return isRight ? 0 : 1;
}

type Tell = (name: string, value: number, most: number, unit: string) => void;

async function together(url: string, tell: Tell): Promise<void> {
  const ask = async () => {
    const reply = await transcribed(url, tenSeconds);
    await reply.text();
  };
  await ask();
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const apartMs = await timed(async () => {
      for (let times = 0; times < 8; times++) await ask();
    });
    const togetherMs = await timed(() => Promise.all(Array.from({ length: 8 }, ask)));
    ratios.push(togetherMs / apartMs);
  }
  tell("eight requests of 10 s at once, against one after the other", median(ratios), 0.75, "of the time");
}

async function besideAnHour(url: string, tell: Tell): Promise<void> {
  const alone: number[] = [];
  for (let times = 0; times < 2 * rounds; times++) alone.push(await firstTextMs(url));
  const body = new FormData();
  body.append("file", new File([anHour()], "hour.wav"));
  const { id } = await (await fetch(`${url}/v1/jobs`, { method: "POST", body })).json();
  for (let status = "queued"; status !== "running"; await Bun.sleep(200)) {
    ({ status } = await (await fetch(`${url}/v1/jobs/${id}`)).json());
    if (status !== "queued" && status !== "running") throw new Error(`the job is ${status}`);
  }
  const beside: number[] = [];
  for (let times = 0; times < 2 * rounds; times++) {
    await Bun.sleep(700 * times / rounds); // At other places in the job's work.
    beside.push(await firstTextMs(url));
  }
  const later = (median(beside) - median(alone)) / 1000;
  tell("the first text of 2 s beside a job of an hour, later than alone", later, 1, "s");
  tell("at worst", (Math.max(...beside) - median(alone)) / 1000, 1.5, "s");
  const cancelMs = await timed(() => fetch(`${url}/v1/jobs/${id}/cancel`, { method: "POST" }));
  tell("the job is cancelled, and its place free", cancelMs, 300, "ms");
}

/** Closed when idle, and opened by the next request. */
async function unloaded(model: string, tell: Tell): Promise<void> {
  const server = await served(["-t", "2", "--unload-idle-min", "0.05"], {}, model);
  await (await transcribed(server.url, twoSeconds)).text();
  const loaded = memoryOf(server.pid, "own");
  await Bun.sleep(6000);
  const idle = memoryOf(server.pid, "own");
  console.log(`       memory of its own ${mib(loaded)} MiB, ${mib(idle)} MiB when the model is closed`);
  const text = await (await transcribed(server.url, twoSeconds)).json();
  const again = await timed(async () => await (await transcribed(server.url, twoSeconds)).text());
  console.log(`       then: ${text.text} (again: ${again.toFixed(0)} ms)`);
  tell("memory of its own when the model is closed, against before", idle / loaded, 0.9, "of it");
  await server.stop();
}

function transcribed(
  url: string,
  sound: Uint8Array<ArrayBuffer>,
  fields: Record<string, string> = {},
): Promise<Response> {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append("file", new File([sound], "talk.wav"));
  return fetch(`${url}/v1/audio/transcriptions`, { method: "POST", body });
}

async function firstTextMs(url: string): Promise<number> {
  const start = performance.now();
  const reply = await transcribed(url, twoSeconds, { stream: "true" });
  let text = "";
  let first = 0;
  for await (const bytes of reply.body!) {
    text += new TextDecoder().decode(bytes);
    if (text.includes("transcript.text.delta")) first ||= performance.now() - start;
  }
  if (first === 0) throw new Error(`no text: ${text}`);
  return first;
}

function anHour(): Uint8Array<ArrayBuffer> {
  const samples = readFileSync(clip("en-45s").wav).subarray(44);
  const bytes = new Uint8Array(3600 * 32_000);
  for (let at = 0; at < bytes.length; at += samples.length) {
    bytes.set(samples.subarray(0, Math.min(samples.length, bytes.length - at)), at);
  }
  return new Uint8Array(Buffer.concat([wavHeader(bytes.length), bytes]));
}

/** Of one processor, in per cent. */
async function processorShare(pid: number, ms: number): Promise<number> {
  const before = processorMsOf(pid);
  await Bun.sleep(ms);
  return ((processorMsOf(pid) - before) / ms) * 100;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
