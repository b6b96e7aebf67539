/**
 * Decides what the engine does next: which request is let in, whose prompt goes in, which sequences take a step
 * together. A class over a few native calls and a clock; it knows no thread and no message queue.
 *
 *     requests -> wait -> let in (a place, the encoder, memory) -> encode, prefill: slices -> steps in common -> answer
 *
 * `turn()` makes one native call of at most about 150 ms; whoever calls it takes messages in between. So a cancelled
 * request is gone, and its place free, within one call, and a live one waits no longer than that.
 *
 * Rules:
 *  - Live recordings first. While one is under way, as many other sequences share its steps as make a pass cost 1.3 of
 *    what it costs without them (pace.ts). Other prompts, and sequences that found no room, get one turn a second.
 *  - Then short requests, then long ones, each kind in the order of arrival. A request is overtaken by at most
 *    `overtakenMax` later ones; then it goes before all that are not live. The encoder does one clip at a time, and
 *    one that it has begun is finished first.
 *  - `info.stepMax` requests have a place beside the live ones. They, and the recordings, hold what the budget allows;
 *    the first in line waits until there is room, but where nothing else runs it is let in whatever it takes.
 *  - Prompts go in before the next step of sequences that are let in already, as every later step is then shared by
 *    more. But there is a step after each prompt, about once a second while it goes in, and after every slice of it
 *    where a shorter request decodes.
 *  - A step that fails is done again without the request at fault; where none is named, each alone.
 */

import { assert } from "../errors.ts";
import { AlignJob } from "./align_job.ts";
import { Budget, budgetOf } from "./budget.ts";
import { DecodeJob, headerIds } from "./decode_job.ts";
import type { AlignRequest, DecodeRequest, HearRequest, ListenOptions, ModelInfo } from "./engine.ts";
import { Hearing, type HearingFacts, HearJob } from "./hearing.ts";
import type { Job, Library, Shared } from "./job.ts";
import { type EncoderHandle, EngineError, type ModelHandle, type SessionHandle, STATUS } from "./native.ts";
import { Pace } from "./pace.ts";
import type { Answer } from "./protocol.ts";

export type SchedulerParts = {
  readonly library: Library;
  readonly model: ModelHandle;
  readonly info: ModelInfo;
  readonly facts: HearingFacts;
  readonly listenersMax: number;
  /** Milliseconds. */
  readonly now: () => number;
  readonly post: (answer: Answer) => void;
};

/** Later requests that are let in before one that waits, at most. */
export const overtakenMax = 8;
/**
 * Whose turn it is not waits for this long, at least a second: decoding sequences while other prompts go in, and beside
 * live recordings everything else. Steps in between are of fewer rows than later ones; at this rate they cost 1 %.
 */
const patienceSteps = 25;
const patienceMsMin = 1000;
/** What has had no use for so long gives its memory back. */
export const idleMs = 5000;

type FreeSession = { readonly session: SessionHandle; readonly since: number; isReleased: boolean };

export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #shared: Shared;
  readonly #budget = new Budget();
  readonly #pace: Pace;
  /** In the order of arrival. */
  #waiting: Job[] = [];
  /** They have a place and a session. */
  #running: Job[] = [];
  #live: HearJob[] = [];
  readonly #hearings = new Map<number, Hearing>();
  /** Sessions without a request, the last one used at the end. */
  readonly #free: FreeSession[] = [];
  /** One for requests and one for recordings, which do not wait for a clip's end; opened when first used. */
  #encoder: EncoderHandle | undefined;
  #liveEncoder: EncoderHandle | undefined;
  /** In whose name each one's bytes are counted. */
  readonly #encoders = new Map<EncoderHandle, object>();
  /** Whose clip the encoder is at. */
  #encoding: Job | undefined;
  #turns = 0;
  #arrivals = 0;
  /** The last turn was a slice of a prompt, and not a step. */
  #hasPrepared = false;
  /** A prompt has gone in since the last step. */
  #hasJoined = false;
  /** Since when prompts, and sequences that are not live, have waited for a turn. */
  #preparedAt = 0;
  #steppedAt = 0;

  constructor(parts: SchedulerParts) {
    const { library, model, info, now, post } = parts;
    this.#parts = parts;
    this.#pace = new Pace(info.stepMax);
    const lastHeader = info.kind === "asr" ? headerIds({ library, model }, "English") : [];
    this.#shared = { library, model, info, now, post, lastHeader };
  }

  /** Available memory, of which requests get half. */
  setMemory(bytes: number): void {
    this.#budget.bytesMax = budgetOf(bytes);
  }

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

  /** The audio is taken at once, whatever becomes of the rest. */
  hear(id: number, listener: number, request: HearRequest): void {
    this.#attempt(id, () => {
      const hearing = this.#hearings.get(listener);
      if (!hearing) throw new Error("hear: the listener is closed");
      assert(!this.#live.some((job) => job.hearing === hearing), "hear: the listener is busy");
      hearing.take(request);
      const job = new HearJob(id, hearing, request);
      this.#liveEncoder ??= this.#openEncoder();
      this.#budget.set(hearing, hearing.bytesFor(request));
      job.begin(hearing.session, this.#liveEncoder);
      job.order = this.#arrivals++;
      this.#live.push(job);
    });
  }

  unlisten(id: number, listener: number): void {
    const hearing = this.#hearings.get(listener);
    if (hearing) {
      this.#live.filter((job) => job.hearing === hearing).forEach((job) => this.cancel(job.id));
      this.#closeHearing(listener, hearing);
    }
    this.#parts.post({ type: "unlistened", id });
  }

  /** Ends a request, wherever it is, with what it has so far. Nothing where it has ended. */
  cancel(id: number): void {
    const job = [...this.#waiting, ...this.#running, ...this.#live].find((job) => job.id === id);
    job?.end(job.cancelled());
    if (job) this.#retire(job);
  }

  /** Ends everything, and gives everything back but the model. */
  close(): void {
    for (const job of [...this.#waiting, ...this.#running, ...this.#live]) this.cancel(job.id);
    for (const [id, hearing] of this.#hearings) this.#closeHearing(id, hearing);
    for (const { session } of this.#free.splice(0)) this.#shared.library.closeSession(session);
    this.#closeEncoders();
    assert(this.#running.length === 0 && this.#budget.used === 0, "something is held after closing");
  }

  /** Requests that wait or run. */
  get size(): number {
    return this.#waiting.length + this.#running.length + this.#live.length;
  }

  /** Bytes that requests and recordings may come to hold, by the budget's arithmetic. */
  get bytes(): number {
    return this.#budget.used;
  }

  /** One native call, of the request whose turn it is. False where there is nothing to do. */
  turn(): boolean {
    if (this.size === 0) return false;
    this.#turns++;
    const act = this.#choose();
    assert(act, "requests wait, and none of them can go on");
    act();
    this.#releaseIdle();
    return true;
  }

  /** Gives back what has had no use for `idleMs`; to be called when nothing has been asked for that long. */
  rest(): void {
    this.#releaseIdle();
    if (this.size > 0) return;
    this.#closeEncoders();
    const { now } = this.#shared;
    for (const hearing of this.#hearings.values()) {
      if (hearing.held.length > 0 && now() - hearing.restsSince >= idleMs) hearing.release();
    }
  }

  /** What is done next: its rules are at the top. */
  #choose(): (() => void) | undefined {
    const now = this.#shared.now();
    const stepping = this.#running.filter((job) => job.stage === "step");
    const waiting = this.#nextToPrepare();
    if (waiting === undefined) this.#preparedAt = now;
    if (stepping.length === 0) this.#steppedAt = now;
    const prepare = waiting && (() => this.#prepare(waiting));
    const live = this.#chooseLive();
    if (live) {
      if (prepare && this.#isOutOfPatience(this.#preparedAt)) return prepare;
      if (stepping.length > 0 && this.#isOutOfPatience(this.#steppedAt)) return () => this.#stepAll();
      return live;
    }
    if (prepare && !(stepping.length > 0 && this.#isStepDue(stepping, waiting))) return prepare;
    return stepping.length > 0 ? () => this.#stepAll() : undefined;
  }

  /** Of live recordings, those whose prompts go in take turns with those that decode. */
  #chooseLive(): (() => void) | undefined {
    const preparing = leastServed(this.#live.filter((job) => job.stage !== "step"));
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

  /** The first in line, of those whose prompt is going in and those that could be let in. */
  #nextToPrepare(): Job | undefined {
    const preparing = first(this.#running.filter((job) => job.stage !== "step"));
    const next = first(this.#waiting);
    if (next === undefined || !this.#canLetIn(next)) return preparing;
    return preparing && isBefore(preparing, next) ? preparing : next;
  }

  #canLetIn(job: Job): boolean {
    if (this.#running.length === 0) return true;
    return this.#encoding === undefined && this.#running.length < this.#shared.info.stepMax &&
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
      if (job === this.#encoding && job.stage !== "encode") this.#encoded();
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
    this.#encoder ??= this.#openEncoder();
    this.#encoding = job;
    job.begin(this.#takeSession(), this.#encoder);
  }

  /** The decoder needs the room, where no other clip is in sight. */
  #encoded(): void {
    this.#encoding = undefined;
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

  /** One step of `suspect` alone, where there is one, else of all. */
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

  /** No sequence has changed. The one at fault ends; where nobody knows which, each shows it alone. */
  #stepFailed(rows: readonly Job[], error: unknown): void {
    const { culprit = rows.length === 1 ? 0 : undefined } = error as { readonly culprit?: number };
    if (culprit === undefined) return rows.forEach((job) => job.isSuspect = true);
    const job = rows[culprit];
    assert(job !== undefined, `a step of ${rows.length} rows names row ${culprit} as the one at fault`);
    this.#fail(job, error);
  }

  /** One of a request's native calls; where it fails, or is the last, the request is done with. */
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
    if (job.stage === "over") throw error; // Of an answer that was not said yet: our own mistake.
    job.end(failed(job.id, error));
    this.#retire(job);
  }

  /** What it held is free before its answer is said. */
  #retire(job: Job): void {
    const { answer } = job;
    assert(job.stage === "over" && answer, "a request goes before it has ended");
    if (job instanceof HearJob) this.#retireLive(job, answer);
    else if (this.#running.includes(job)) this.#retireRunning(job);
    else this.#waiting = this.#waiting.filter((other) => other !== job);
    this.#parts.post(answer);
  }

  #retireLive(job: HearJob, answer: Answer): void {
    this.#live = this.#live.filter((other) => other !== job);
    if (answer.type !== "heard" || answer.result.stop === "cancelled") job.hearing.reset();
    job.hearing.restsSince = this.#shared.now();
  }

  #retireRunning(job: Job): void {
    this.#running = this.#running.filter((other) => other !== job);
    this.#budget.set(job, 0);
    if (job.hasSession) this.#freeSession(job.session, job.bytes);
    if (job !== this.#encoding) return;
    this.#encoding = undefined;
    this.#encoder = this.#closeEncoder(this.#encoder); // What it has begun goes with it.
  }

  #takeSession(): SessionHandle {
    return this.#free.pop()?.session ?? this.#shared.library.openSession(this.#shared.model);
  }

  /** For the next request. One that has held more than its share of the budget does not keep it. */
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

  #openEncoder(): EncoderHandle {
    const { library, model, info } = this.#shared;
    const encoder = library.openEncoder(model);
    this.#encoders.set(encoder, {});
    this.#budget.set(this.#encoders.get(encoder)!, info.encoderBytes);
    return encoder;
  }

  #closeEncoder(encoder: EncoderHandle | undefined): undefined {
    if (encoder === undefined) return;
    this.#shared.library.closeEncoder(encoder);
    this.#budget.set(this.#encoders.get(encoder)!, 0);
    this.#encoders.delete(encoder);
  }

  #closeEncoders(): void {
    this.#encoder = this.#closeEncoder(this.#encoder);
    this.#liveEncoder = this.#closeEncoder(this.#liveEncoder);
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

/** Whether `a` is let in, and its prompt taken in, before `b`. */
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
