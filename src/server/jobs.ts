/**
 * Jobs: recordings that are heard while nobody waits on the connection. In: forms. Out: what is known of each so far,
 * events as they come, and a result that is kept for a while. A job goes on where it was when the server ended.
 */

import { randomUUID } from "node:crypto";
import { Stopped } from "../stop.ts";
import { sampleRate } from "../units.ts";
import { apiError, isOurs } from "./errors.ts";
import { remove } from "./folder.ts";
import type { Heard, HearEvent } from "./hear.ts";
import { type JobProgress, JobTeller } from "./job_events.ts";
import type { JobSound } from "./job_sound.ts";
import type { Service } from "./service.ts";
import type { ServerEvent } from "./sse.ts";
import { type JobRow, recalledVoice, type State } from "./state.ts";
import { Task } from "./task.ts";

const sweepMs = 60_000;
/** Results stay so long, even where recordings are not kept. */
const resultMsMin = 600_000;

/** A job as the server has it in memory; its row is on disk as well. */
export class Job {
  /** While it is heard. */
  progress: JobProgress | undefined;
  /** So far; whoever listens later gets these first. */
  readonly events: ServerEvent[] = [];
  readonly listeners = new Set<(event: ServerEvent) => void>();
  readonly cancel = new AbortController();
  running: Promise<void> | undefined;
  /** Decoded, for players; undefined until it is asked for. */
  sound: Promise<JobSound> | undefined;

  constructor(readonly row: JobRow) {}

  get isOver(): boolean {
    return !["queued", "running"].includes(this.row.status);
  }

  send(event: ServerEvent): void {
    const last = this.events.at(-1);
    // What comes token by token is kept in pieces: a recording of hours has tens of thousands.
    const goesOn = last?.type === event.type && typeof event["delta"] === "string" && !event["drop"];
    if (goesOn) this.events[this.events.length - 1] = { ...last, delta: `${last["delta"]}${event["delta"]}` };
    else this.events.push(event);
    for (const listener of this.listeners) listener(event);
  }
}

export class Jobs {
  readonly #jobs = new Map<string, Job>();
  readonly #end = new AbortController();
  readonly #sweeper: Timer;

  constructor(readonly service: Service, readonly state: State, readonly log: (line: string) => void) {
    const rows = state.rows();
    state.removeStrays(rows);
    for (const row of rows) this.#jobs.set(row.id, new Job(row));
    for (const job of this.#jobs.values()) if (!job.isOver) this.#start(job, service.admit(true));
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
    this.#sweeper.unref();
  }

  /** A name for a recording that a job may be made of. */
  newId(): string {
    return randomUUID();
  }

  /** `leave` is called when it is over. */
  async add(row: Omit<JobRow, "modelHash" | "status" | "finishedMs" | "error">, leave: () => void): Promise<Job> {
    const { hash } = await this.service.core.models.transcriber.known();
    const job = new Job({ ...row, modelHash: hash, status: "queued", finishedMs: undefined, error: undefined });
    this.state.put(job.row);
    this.#jobs.set(row.id, job);
    this.#start(job, leave);
    return job;
  }

  /** Those of an owner, the latest first. */
  list(owner: string): Job[] {
    return [...this.#jobs.values()].filter(({ row }) => row.owner === owner).reverse();
  }

  /** undefined also where it is somebody else's. */
  find(owner: string, id: string): Job | undefined {
    const job = this.#jobs.get(id);
    return job?.row.owner === owner ? job : undefined;
  }

  async delete(job: Job): Promise<void> {
    job.cancel.abort();
    await Promise.allSettled([job.running, job.sound]);
    this.#jobs.delete(job.row.id);
    this.state.delete(job.row.id);
  }

  /** Stops what runs, which goes on when a server has this state again. */
  async end(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#end.abort();
    await Promise.all([...this.#jobs.values()].map(({ running }) => running));
  }

  #start(job: Job, leave: () => void): void {
    job.running = this.#run(job).catch((error) => {
      this.log(`internal error: ${(error as Error).stack ?? error}`);
    }).finally(leave);
  }

  async #run(job: Job): Promise<void> {
    const stop = AbortSignal.any([job.cancel.signal, this.#end.signal]);
    let part: Heard | undefined;
    try {
      const heard = await this.#hear(job, stop, (known) => part = known);
      this.#over(job, "done");
      this.#keep(job, heard);
      const { length } = heard.segments;
      job.send({ type: "transcript.text.done", text: heard.text.trim(), segments: length });
    } catch (error) {
      if (error instanceof Stopped && this.#end.signal.aborted && !job.cancel.signal.aborted) return;
      if (!(error instanceof Stopped)) job.row.error = apiError(error).body;
      if (isOurs(error)) this.log(`internal error: ${(error as Error).stack ?? error}`);
      this.#over(job, error instanceof Stopped ? "cancelled" : "failed");
      if (part !== undefined && part.segments.length > 0) this.#keep(job, part);
      else this.#forget(job);
      job.send(error instanceof Stopped ? { type: "job.cancelled" } : { type: "error", ...apiError(error).body });
    }
    job.listeners.clear();
    job.events.splice(0, job.events.length - 1); // The whole is kept on disk.
    if (this.service.core.settings.keepMs > 0) return;
    await Promise.allSettled([job.sound]);
    for (const path of [job.row.file.path, this.state.soundPath(job.row.id)]) await remove(path);
    job.sound = undefined;
  }

  #keep({ row, progress }: Job, heard: Heard): void {
    const { durationSec, language, isComplete = true } = heard;
    Object.assign(row, { audioSec: durationSec, language });
    row.heardSec = isComplete ? durationSec : progress?.heardSec ?? 0;
    row.isPartial = !isComplete;
    this.state.finish(row, heard);
  }

  #forget({ row }: Job): void {
    this.state.forgetSteps(row.id);
    this.state.put(row);
  }

  #over(job: Job, status: JobRow["status"]): void {
    job.row.status = status;
    job.row.finishedMs = Date.now();
  }

  async #hear(job: Job, stop: AbortSignal, onPart: (part: Heard) => void): Promise<Heard> {
    const { row } = job;
    const { fields, file } = row;
    const voices = (row.voices ?? []).map(recalledVoice);
    await using task = await Task.open(this.service, { fields, file, voices, stop, isKept: true, wantsVoice: true });
    const hasOneSide = task.sidesCount === 1;
    const { hash } = await this.service.core.models.transcriber.known();
    if (row.modelHash !== hash || !hasOneSide) this.state.forgetSteps(row.id);
    const journal = this.state.steps(row.id);
    let steps = journal.length;
    const hasCues = fields["preview"]?.at(-1) === "srt";
    const { cutChinese } = this.service.core.host;
    const { durationSec, wanted } = task;
    const teller = new JobTeller(durationSec, wanted, hasCues, (event) => job.send(event), cutChinese, Date.now);
    job.progress = teller.progress;
    const onEvent = (event: HearEvent) => {
      if (row.status === "queued") this.#began(job);
      teller.take(event);
      if (event.kind === "progress" && hasOneSide) this.state.addStep(row.id, steps++, event.step);
    };
    const heardSamples = journal.at(-1)?.progress.heardSamples ?? 0;
    const onTurn = () => teller.begin(heardSamples / sampleRate);
    const heard = await task.hear(stop, onEvent, { journal, onTurn, onPart });
    teller.end();
    return heard;
  }

  #began(job: Job): void {
    job.row.status = "running";
    this.state.put(job.row);
  }

  /** Forgets what was kept long enough. */
  #sweep(): void {
    const keepMs = Math.max(this.service.core.settings.keepMs, resultMsMin);
    for (const [id, { row }] of this.#jobs) {
      if (row.finishedMs === undefined || Date.now() - row.finishedMs < keepMs) continue;
      this.#jobs.delete(id);
      this.state.delete(id);
    }
  }
}
