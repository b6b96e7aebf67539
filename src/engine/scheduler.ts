/**
 * Decides what the engine does next: which request is admitted, whose prompt is prefilled, which sequences take a step
 * together. It is a class over a few native calls and a clock, and knows neither threads nor messages.
 *
 *     requests -> queue -> admission (a place, the encoder, memory) -> encode, prefill: slices -> shared steps ->
 * answer
 *
 * `turn()` makes one native call of at most about 150 ms, and its caller takes messages in between. A cancelled request
 * is therefore gone, and its place free, within one call, and a live one waits no longer than that.
 *
 * Rules:
 *  - Live recordings come first. While one runs, only so many other sequences share its steps that a pass takes 1.3
 *    times as long as without them (pace.ts). Other prompts, and sequences that find no room, get one turn a second;
 *    and every third turn where live recordings have left no pause for seconds, and cannot be in time anyway.
 *    The hears of one that is given faster than it is spoken are long requests instead.
 *  - Then come short requests, then long ones, each kind in the order of arrival. A request is overtaken by at most
 *    `overtakenMax` later ones; after that it goes before all that are not live. Each kind has an encoder, which
 *    works on one clip at a time, and finishes a clip that it has begun.
 *  - `info.stepMax` requests have a place beside the live ones. Together with the recordings they hold what the budget
 *    allows. The first in line waits until there is room; if nothing else runs, it is admitted whatever it needs.
 *  - Prompts are prefilled before the next step of admitted sequences, because more of them then share every later
 *    step. But there is a step after each prompt, about once a second during it, and after every slice of it while a
 *    shorter request decodes.
 *  - A step that fails is repeated without the request at fault; if none is named, each request steps alone.
 */

import { assert } from "../errors.ts";
import { AlignJob } from "./align_job.ts";
import { Budget, budgetOf } from "./budget.ts";
import { DecodeJob, headerIds } from "./decode_job.ts";
import type { AlignRequest, DecodeRequest, HearRequest, ListenOptions, ModelInfo } from "./engine.ts";
import { Hearing, type HearingFacts, HearJob } from "./hearing.ts";
import type { Job, JobClass, Library, Shared } from "./job.ts";
import { type EncoderHandle, EngineError, type ModelHandle, type SessionHandle, STATUS } from "./native.ts";
import { Pace } from "./pace.ts";
import type { Answer } from "./protocol.ts";

export type SchedulerParts = {
  readonly library: Library;
  readonly model: ModelHandle;
  readonly info: ModelInfo;
  readonly facts: HearingFacts;
  readonly listenersMax: number;
  /** The clock, in ms. */
  readonly now: () => number;
  readonly post: (answer: Answer) => void;
};

/** The most later requests that are admitted before one that waits. */
export const overtakenMax = 8;
/**
 * How long others wait for a turn, at least a second: decoding sequences while prompts are prefilled, and everything
 * else beside live recordings. Steps in between have fewer rows than later ones; at this rate they cost 1 %.
 */
const patienceSteps = 25;
const patienceMsMin = 1000;
/** Live recordings without such a pause for so long are too many; then others have a turn after so many of theirs. */
const crowdedMs = 3000;
const livePauseMs = 50;
const liveTurnsMax = 2;
/** Sessions and encoders that were idle for so long give their memory back. */
export const idleMs = 5000;

/** It owns its bytes in the budget. */
type Encoder = { readonly handle: EncoderHandle };
type FreeSession = { readonly session: SessionHandle; readonly since: number; isReleased: boolean };

export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #shared: Shared;
  readonly #budget = new Budget();
  readonly #pace: Pace;
  /** In the order of arrival. */
  #waiting: Job[] = [];
  /** Admitted requests: each has a place and a session. */
  #running: Job[] = [];
  #live: HearJob[] = [];
  readonly #hearings = new Map<number, Hearing>();
  /** Sessions without a request, the most recently used at the end. */
  readonly #free: FreeSession[] = [];
  /** One for each kind of request, so that no kind waits for the end of another's clip; opened when first used. */
  readonly #encoders = new Map<JobClass, Encoder>();
  /** The requests whose clips the encoders are working on; live ones choose for themselves. */
  readonly #encoding = new Map<JobClass, Job>();
  #turns = 0;
  #arrivals = 0;
  /** Whether the last turn was a slice of a prompt, not a step. */
  #hasPrepared = false;
  /** Whether a prompt was completed since the last step. */
  #hasJoined = false;
  /** When prompts, and sequences that are not live, last had a turn. */
  #preparedAt = 0;
  #steppedAt = 0;
  /** Since when live recordings have left no pause, and when the last of them was heard. */
  #liveSince = 0;
  #liveEndedAt = -Infinity;
  /** Their turns in a row. */
  #liveTurns = 0;

  constructor(parts: SchedulerParts) {
    const { library, model, info, now, post } = parts;
    this.#parts = parts;
    this.#pace = new Pace(info.stepMax);
    const lastHeader = info.kind === "asr" ? headerIds({ library, model }, "English") : [];
    this.#shared = { library, model, info, now, post, lastHeader };
  }

  /** Sets the available memory, of which requests get half. */
  setMemory(bytes: number): void {
    this.#budget.bytesMax = budgetOf(bytes);
  }

  /** The samples are given away: their memory is gone when the encoder has them. */
  decode(id: number, request: DecodeRequest): void {
    this.#wait(new DecodeJob(this.#shared, id, request));
  }

  align(id: number, request: AlignRequest): void {
    this.#wait(new AlignJob(this.#shared, id, request));
  }

  listen(id: number, options: ListenOptions): void {
    const { facts, listenersMax } = this.#parts;
    this.#attempt(id, () => {
      if (this.#hearings.size >= listenersMax) {
        const message = `${listenersMax} live recordings are open, which is as many as this engine takes at a time`;
        throw new EngineError(message, STATUS.busy);
      }
      const hearing = new Hearing(this.#shared, facts, options);
      this.#hearings.set(id, hearing);
      this.#budget.set(hearing, this.#shared.info.sessionBytes);
      this.#parts.post({ type: "listening", id });
    });
  }

  /** Takes the audio at once, whatever happens to the rest of the request. */
  hear(id: number, listener: number, request: HearRequest): void {
    this.#attempt(id, () => {
      const hearing = this.#hearings.get(listener);
      if (!hearing) throw new Error("hear: the listener is closed");
      assert(this.#hearsOf(hearing).length === 0, "hear: the listener is busy");
      hearing.take(request);
      const job = new HearJob(id, hearing, request);
      this.#budget.set(hearing, hearing.bytesFor(request));
      if (job.kind !== "live") return this.#wait(job);
      const now = this.#shared.now();
      if (this.#live.length === 0 && now - this.#liveEndedAt > livePauseMs) this.#liveSince = now;
      job.begin(hearing.session, this.#encoderOf("live"));
      job.order = this.#arrivals++;
      this.#live.push(job);
    });
  }

  unlisten(id: number, listener: number): void {
    const hearing = this.#hearings.get(listener);
    if (hearing) {
      this.#hearsOf(hearing).forEach((job) => this.cancel(job.id));
      this.#closeHearing(listener, hearing);
    }
    this.#parts.post({ type: "unlistened", id });
  }

  /** Ends a request, wherever it is, with what it has so far. Does nothing if it has ended. */
  cancel(id: number): void {
    const job = this.#jobs().find((job) => job.id === id);
    job?.end(job.cancelled());
    if (job) this.#retire(job);
  }

  /** Ends all requests and closes everything but the model. */
  close(): void {
    for (const job of this.#jobs()) this.cancel(job.id);
    for (const [id, hearing] of this.#hearings) this.#closeHearing(id, hearing);
    for (const { session } of this.#free.splice(0)) this.#shared.library.closeSession(session);
    this.#closeEncoders();
    assert(this.#running.length === 0 && this.#budget.used === 0, "something is held after closing");
  }

  #jobs(): Job[] {
    return [...this.#waiting, ...this.#running, ...this.#live];
  }

  /** At most one. */
  #hearsOf(hearing: Hearing): Job[] {
    return this.#jobs().filter((job) => job instanceof HearJob && job.hearing === hearing);
  }

  /** The number of requests that wait or run. */
  get size(): number {
    return this.#waiting.length + this.#running.length + this.#live.length;
  }

  /** Bytes that requests and recordings may come to hold, as the budget counts them. */
  get bytes(): number {
    return this.#budget.used;
  }

  /** Makes one native call for the request whose turn it is. Returns false if there is nothing to do. */
  turn(): boolean {
    if (this.size === 0) return false;
    this.#turns++;
    const act = this.#choose();
    assert(act, "requests wait, and none of them can go on");
    act();
    this.#releaseIdle();
    return true;
  }

  /** Gives back memory that was idle for `idleMs`. To be called when there were no requests for that long. */
  rest(): void {
    this.#releaseIdle();
    if (this.size > 0) return;
    this.#closeEncoders();
    const { now } = this.#shared;
    for (const hearing of this.#hearings.values()) {
      if (hearing.held.length > 0 && now() - hearing.restsSince >= idleMs) hearing.release();
    }
  }

  /** Decides what is done next, by the rules at the top of this file. */
  #choose(): (() => void) | undefined {
    const now = this.#shared.now();
    const stepping = this.#running.filter((job) => job.stage === "step");
    const waiting = this.#nextToPrepare();
    if (waiting === undefined) this.#preparedAt = now;
    if (stepping.length === 0) this.#steppedAt = now;
    const prepare = waiting && (() => this.#prepare(waiting));
    const live = this.#chooseLive();
    if (live) {
      const others = this.#besideLive(prepare, stepping.length > 0);
      this.#liveTurns = others ? 0 : this.#liveTurns + 1;
      return others ?? live;
    }
    if (prepare && !(stepping.length > 0 && this.#isStepDue(stepping, waiting))) return prepare;
    return stepping.length > 0 ? () => this.#stepAll() : undefined;
  }

  /** What others do while live recordings wait; undefined: nothing is due. */
  #besideLive(prepare: (() => void) | undefined, hasSteps: boolean): (() => void) | undefined {
    const isCrowded = this.#shared.now() - this.#liveSince >= crowdedMs && this.#liveTurns >= liveTurnsMax;
    const isPromptNext = isCrowded && (!hasSteps || this.#preparedAt <= this.#steppedAt);
    if (prepare && (isPromptNext || this.#isOutOfPatience(this.#preparedAt))) return prepare;
    return hasSteps && (isCrowded || this.#isOutOfPatience(this.#steppedAt)) ? () => this.#stepAll() : undefined;
  }

  /** Among live recordings, those in prefill take turns with those that decode. */
  #chooseLive(): (() => void) | undefined {
    const encoding = this.#live.find((job) => job.stage === "encode"); // The encoder does one after the other.
    const ready = (job: HearJob) => job.stage === "encode" ? job === encoding : job.stage !== "step";
    const preparing = leastServed(this.#live.filter(ready));
    const stepping = leastServed(this.#live.filter((job) => job.stage === "step"));
    if (preparing && !(stepping && stepping.servedAt < preparing.servedAt)) return () => this.#prepareLive(preparing);
    return stepping && (() => this.#stepBesideLive());
  }

  #isOutOfPatience(since: number): boolean {
    const patienceMs = Math.max(patienceMsMin, patienceSteps * this.#pace.estimate(1));
    return this.#shared.now() - since >= patienceMs;
  }

  #isStepDue(stepping: readonly Job[], preparing: Job): boolean {
    if (!this.#hasPrepared) return false;
    if (this.#hasJoined || this.#isOutOfPatience(this.#steppedAt)) return true;
    return stepping.some((job) => job.kind === "short" && preparing.kind === "long");
  }

  /** The first in line among requests in prefill and requests that could be admitted. */
  #nextToPrepare(): Job | undefined {
    const preparing = first(this.#running.filter((job) => job.stage !== "step"));
    const next = first(this.#waiting);
    if (next === undefined || !this.#canLetIn(next)) return preparing;
    return preparing && isBefore(preparing, next) ? preparing : next;
  }

  #canLetIn(job: Job): boolean {
    if (this.#running.length === 0) return true;
    return !this.#encoding.has(job.kind) && this.#running.length < this.#shared.info.stepMax &&
      this.#budget.fits(job.bytes);
  }

  #wait(job: Job): void {
    job.order = this.#arrivals++;
    this.#waiting.push(job);
  }

  #prepare(job: Job): void {
    this.#hasPrepared = true;
    this.#served(job, () => {
      if (!this.#running.includes(job)) return this.#letIn(job);
      job.prepare();
      if (job === this.#encoding.get(job.kind) && job.stage !== "encode") this.#encoded(job);
      if (job.stage === "step") this.#hasJoined = true;
    });
    this.#preparedAt = this.#shared.now();
  }

  #prepareLive(job: HearJob): void {
    this.#served(job, () => job.prepare());
  }

  #letIn(job: Job): void {
    this.#waiting = this.#waiting.filter((other) => other !== job);
    this.#running.push(job);
    const passed = [...this.#waiting, ...this.#running.filter(({ stage }) => stage !== "step")];
    for (const other of passed) if (other.order < job.order) other.overtaken++;
    assert(passed.every(({ overtaken }) => overtaken <= overtakenMax), "a request was overtaken too often");
    this.#budget.set(job, job.bytes);
    this.#encoding.set(job.kind, job);
    job.begin(job instanceof HearJob ? job.hearing.session : this.#takeSession(), this.#encoderOf(job.kind));
  }

  /** Releases the encoder's weights if no other clip is waiting: the decoder needs the room. */
  #encoded(job: Job): void {
    this.#encoding.delete(job.kind);
    if (this.size === 1 && this.#hearings.size === 0) this.#shared.library.releaseEncoder(this.#shared.model);
  }

  /** All sequences that are not live. */
  #stepAll(): void {
    const rows = this.#running.filter((job) => job.stage === "step");
    this.#step(rows.filter((job) => job.isSuspect).slice(0, 1), rows);
  }

  #stepBesideLive(): void {
    const { stepMax } = this.#shared.info;
    const live = this.#live.filter((job) => job.stage === "step").sort(byServed).slice(0, stepMax);
    const others = this.#running.filter((job) => job.stage === "step").sort(byServed);
    const beside = others.slice(0, this.#pace.rowsBeside(live.length) - live.length);
    const rows = [...live, ...beside];
    this.#step(rows.filter((job) => job.isSuspect).slice(0, 1), rows);
  }

  /** Makes one step of `suspect` alone, if there is one, else of all. */
  #step(suspect: readonly Job[], all: readonly Job[]): void {
    const rows = suspect.length > 0 ? suspect : all;
    const { library, now, info } = this.#shared;
    assert(rows.length >= 1 && rows.length <= info.stepMax, `a step of ${rows.length} rows`);
    const began = now();
    try {
      library.step(rows.map(({ session }) => session), Uint32Array.from(rows, ({ nextId }) => nextId));
    } catch (error) {
      return this.#stepFailed(rows, error);
    }
    const ms = now() - began;
    this.#pace.record(rows.length, ms);
    for (const job of rows) {
      job.isSuspect = false;
      this.#served(job, () => job.stepped(ms / rows.length));
    }
    this.#hasPrepared = this.#hasJoined = false;
    if (rows.some((job) => job.kind !== "live")) this.#steppedAt = now();
  }

  /** No sequence has changed. The one at fault ends; if it is not known, each steps alone to find it. */
  #stepFailed(rows: readonly Job[], error: unknown): void {
    const { culprit = rows.length === 1 ? 0 : undefined } = error as { readonly culprit?: number };
    if (culprit === undefined) return rows.forEach((job) => job.isSuspect = true);
    const job = rows[culprit];
    assert(job !== undefined, `a step of ${rows.length} rows names row ${culprit} as the one at fault`);
    this.#fail(job, error);
  }

  /** Makes one of a request's native calls. If it fails, or is the last, the request ends. */
  #served(job: Job, action: () => void): void {
    job.servedAt = this.#turns;
    try {
      action();
    } catch (error) {
      return this.#fail(job, error);
    }
    if (job.stage === "over") this.#retire(job);
  }

  #fail(job: Job, error: unknown): void {
    if (job.stage === "over") throw error; // The request has ended already, so this is our own mistake.
    job.end(failed(job.id, error));
    this.#retire(job);
  }

  /** Frees what the request held before its answer is posted. */
  #retire(job: Job): void {
    const { answer } = job;
    assert(job.stage === "over" && answer, "a request goes before it has ended");
    if (this.#running.includes(job)) this.#retireRunning(job);
    this.#waiting = this.#waiting.filter((other) => other !== job);
    this.#live = this.#live.filter((other) => other !== job);
    if (job.kind === "live" && this.#live.length === 0) this.#liveEndedAt = this.#shared.now();
    if (job instanceof HearJob) this.#heard(job, answer);
    this.#parts.post(answer);
  }

  #heard(job: HearJob, answer: Answer): void {
    if (answer.type !== "heard" || answer.result.stop === "cancelled") job.hearing.reset();
    job.hearing.restsSince = this.#shared.now();
  }

  #retireRunning(job: Job): void {
    this.#running = this.#running.filter((other) => other !== job);
    this.#budget.set(job, 0);
    if (job.hasSession && !(job instanceof HearJob)) this.#freeSession(job.session, job.bytes);
    if (job !== this.#encoding.get(job.kind)) return;
    this.#encoding.delete(job.kind);
    this.#closeEncoder(job.kind); // The clip that it has begun is dropped with it.
  }

  #takeSession(): SessionHandle {
    return this.#free.pop()?.session ?? this.#shared.library.openSession(this.#shared.model);
  }

  /** Keeps the session for the next request, and releases its memory if it held more than its share of the budget. */
  #freeSession(session: SessionHandle, bytes: number): void {
    const { library, info, now } = this.#shared;
    const isReleased = bytes > this.#budget.bytesMax / info.stepMax;
    if (isReleased) library.releaseSession(session);
    else library.truncate(session, 0);
    this.#free.push({ session, since: now(), isReleased });
  }

  #releaseIdle(): void {
    const now = this.#shared.now();
    for (const free of this.#free) {
      if (free.isReleased || now - free.since < idleMs) continue;
      this.#shared.library.releaseSession(free.session);
      free.isReleased = true;
    }
  }

  #encoderOf(kind: JobClass): EncoderHandle {
    const { library, model, info } = this.#shared;
    const open = this.#encoders.get(kind);
    if (open) return open.handle;
    const encoder = { handle: library.openEncoder(model) };
    this.#encoders.set(kind, encoder);
    this.#budget.set(encoder, info.encoderBytes);
    return encoder.handle;
  }

  #closeEncoder(kind: JobClass): void {
    const encoder = this.#encoders.get(kind);
    if (encoder === undefined) return;
    this.#shared.library.closeEncoder(encoder.handle);
    this.#budget.set(encoder, 0);
    this.#encoders.delete(kind);
  }

  #closeEncoders(): void {
    for (const kind of this.#encoders.keys()) this.#closeEncoder(kind);
  }

  #closeHearing(id: number, hearing: Hearing): void {
    this.#hearings.delete(id);
    this.#budget.set(hearing, 0);
    hearing.close();
  }

  #attempt(id: number, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#parts.post(failed(id, error));
    }
  }
}

/** The answer of a request that has failed. */
export function failed(id: number, error: unknown): Extract<Answer, { type: "failed" }> {
  const message = error instanceof Error ? error.message : String(error);
  return { type: "failed", id, message, status: error instanceof EngineError ? error.status : 0 };
}

/** Whether `a` is admitted, and its prompt prefilled, before `b`. */
function isBefore(a: Job, b: Job): boolean {
  const rank = (job: Job) => job.overtaken >= overtakenMax ? 0 : job.kind === "short" ? 1 : 2;
  return rank(a) === rank(b) ? a.order < b.order : rank(a) < rank(b);
}

function first(jobs: readonly Job[]): Job | undefined {
  return jobs.reduce<Job | undefined>((best, job) => best && isBefore(best, job) ? best : job, undefined);
}

function byServed(a: Job, b: Job): number {
  return a.servedAt - b.servedAt || a.order - b.order;
}

function leastServed<T extends Job>(jobs: readonly T[]): T | undefined {
  return jobs.reduce<T | undefined>((best, job) => best && byServed(best, job) <= 0 ? best : job, undefined);
}
