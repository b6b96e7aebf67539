/**
 * What jobs that tell speakers apart leave behind on the server, and how long others wait beside one. In: how many jobs
 * (50), and the hours of a long one (2; 0: none). Out: a line for each figure, and whether one misses its bound.
 *
 *     bun tests/slow/server.ts speakers [JOBS] [HOURS]
 *
 * Of the jobs, half have a recording of a voice with a name, every fifth is cancelled, and from every fifth whoever
 * listens to its events leaves. Each is removed when it is over.
 */

import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { wavHeader } from "../../src/audio/wav_header.ts";
import { clip } from "../fixtures.ts";
import { temporaryFolder } from "../harness.ts";
import { growthOf } from "../support/held.ts";
import { memoryOf } from "../support/process_memory.ts";
import { type Served, served } from "../support/served.ts";

const talk = readFileSync(clip("en-two-voices-30s").wav);
const voice = readFileSync(clip("en-digits").wav);
const growthMbMax = 20;
const laterMsMax = 100;
/** What is held comes to rest: connections are closed, threads wait. */
const restMs = 300;

type Tell = (name: string, value: number, most: number, unit: string) => void;

export async function speakersOnServer(jobs: number, hours: number): Promise<number> {
  let isRight = true;
  const tell: Tell = (name, value, most, unit) => {
    isRight &&= value <= most;
    console.log(`${value <= most ? "ok    " : "WRONG "} ${name}: ${value.toFixed(1)} ${unit}, at most ${most}`);
  };
  using folder = temporaryFolder();
  const server = await served(["-t", "2", "--state", folder.path]);
  await leftBehind(server, jobs, folder.path, tell);
  if (hours > 0) await slowestReplies(server, hours, tell);
  await server.stop();
  const internal = server.errors().split("\n").filter((line) => line.includes("internal error"));
  for (const line of internal) console.log(`WRONG  ${line}`);
  return isRight && internal.length === 0 ? 0 : 1;
}

async function leftBehind(server: Served, jobs: number, folder: string, tell: Tell): Promise<void> {
  const held: { descriptors: number; megabytes: number }[] = [];
  const ends = new Map<string, number>();
  for (let index = 0; index < jobs; index++) {
    const status = await oneJob(server, index);
    ends.set(status, (ends.get(status) ?? 0) + 1);
    await Bun.sleep(restMs);
    const descriptors = readdirSync(`/proc/${server.pid}/fd`).length;
    held.push({ descriptors, megabytes: memoryOf(server.pid, "own") / 1e6 });
  }
  const { worstMb, lastMb } = growthOf(held);
  const own = held.map(({ megabytes }) => megabytes.toFixed(0));
  const counts = [...ends].map(([status, count]) => `${count} ${status}`).join(", ");
  console.log(`       ${jobs} jobs (${counts}): memory of its own ${own.join(" ")} MB`);
  tell("memory after the first jobs, at worst", worstMb, growthMbMax, `MB more (at last ${lastMb.toFixed(1)})`);
  const descriptors = held.slice(1).map((one) => one.descriptors);
  tell("descriptors", Math.max(...descriptors) - descriptors[0]!, 0, `more than ${descriptors[0]}`);
  tell("files that jobs have left", readdirSync(join(folder, "uploads")).length, 0, "files");
}

/** Resolves to how it ended. */
async function oneJob({ url }: Served, index: number): Promise<string> {
  const body = new FormData();
  body.append("file", new File([talk], "talk.wav"));
  body.append("response_format", "diarized_json");
  if (index % 2 === 1) {
    body.append("known_speaker_names[]", "Ann");
    body.append("known_speaker_references[]", `data:audio/wav;base64,${voice.toString("base64")}`);
  }
  const id = await begun(url, body);
  if (index % 5 === 2) {
    const gone = AbortSignal.timeout(200);
    await fetch(`${url}/v1/jobs/${id}/events`, { signal: gone }).then((reply) => reply.text()).catch(() => {});
  }
  if (index % 5 === 4) {
    await Bun.sleep(40 * index); // At other places in its work.
    await fetch(`${url}/v1/jobs/${id}/cancel`, { method: "POST" });
  }
  const status = await over(url, id);
  if (status === "done") {
    const { segments } = await (await fetch(`${url}/v1/jobs/${id}/result?response_format=diarized_json`)).json();
    const speakers = new Set(segments.map(({ speaker }: { speaker: string }) => speaker));
    if (speakers.size !== 2) throw new Error(`job ${index} has ${speakers.size} speakers`);
  }
  await fetch(`${url}/v1/jobs/${id}`, { method: "DELETE" });
  return status;
}

async function begun(url: string, body: FormData): Promise<string> {
  const { id, error } = await (await fetch(`${url}/v1/jobs`, { method: "POST", body })).json();
  if (id === undefined) throw new Error(error.message);
  return id;
}

async function over(url: string, id: string): Promise<string> {
  for (;; await Bun.sleep(50)) {
    const { status, error } = await (await fetch(`${url}/v1/jobs/${id}`)).json();
    if (error) throw new Error(error.message);
    if (status !== "queued" && status !== "running") return status;
  }
}

/** Beside a job of hours with speakers, as against the same job without. */
async function slowestReplies({ url }: Served, hours: number, tell: Tell): Promise<void> {
  using folder = temporaryFolder();
  const path = join(folder.path, "talk.wav");
  writeHours(path, hours);
  const slowest = async (fields: Record<string, string>) => {
    const body = new FormData();
    body.append("file", Bun.file(path), "talk.wav");
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    const id = await begun(url, body);
    const job = over(url, id);
    const ms = await slowestReply(url, job);
    if (await job !== "done") throw new Error(`the job of ${hours} h is ${await job}`);
    await fetch(`${url}/v1/jobs/${id}`, { method: "DELETE" });
    return ms;
  };
  const without = await slowest({});
  const withSpeakers = await slowest({ speakers: "auto" });
  console.log(`       the slowest reply beside a job of ${hours} h: ${without.toFixed(0)} ms`);
  tell("with speakers", withSpeakers - without, laterMsMax, "ms more");
}

async function slowestReply(url: string, work: Promise<unknown>): Promise<number> {
  let [isOver, slowest] = [false, 0];
  work.finally(() => isOver = true).catch(() => {});
  for (; !isOver; await Bun.sleep(5)) {
    const start = performance.now();
    await (await fetch(`${url}/health`)).text();
    slowest = Math.max(slowest, performance.now() - start);
  }
  return slowest;
}

function writeHours(path: string, hours: number): void {
  const file = openSync(path, "w");
  let left = hours * 3600 * 32_000;
  writeSync(file, wavHeader(left));
  while (left > 0) left -= writeSync(file, talk.subarray(44, 44 + left));
  closeSync(file);
}
