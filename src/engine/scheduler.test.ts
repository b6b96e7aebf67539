import { describe, expect, test } from "bun:test";
import type { AlignRequest, DecodeRequest, HearRequest, ModelInfo } from "./engine.ts";
import {
  fakeFacts,
  FakeLibrary,
  fakeLibraryInfo,
  fakeModel,
  type Fault,
  faults,
  greedy,
  healthyTokens,
  rowSamples,
  rowsOf,
} from "./fake_library.ts";
import { priorityOf } from "./job.ts";
import type { Answer } from "./protocol.ts";
import { idleMs, overtakenMax, Scheduler } from "./scheduler.ts";
import { seededRandom } from "../../tests/support/random.ts";

type Outcome = { tokens: number[]; answer: Exclude<Answer, { type: "token" }> | undefined };

/** Requests give their samples away; those of the tests are used again. */
class TestScheduler extends Scheduler {
  override decode(id: number, one: DecodeRequest): void {
    super.decode(id, { ...one, samples: one.samples.slice() });
  }

  override align(id: number, one: AlignRequest): void {
    super.align(id, { ...one, samples: one.samples.slice() });
  }
}

/** A scheduler over the stand-in, and what every request was answered. */
class Bench {
  readonly library: FakeLibrary;
  readonly scheduler: Scheduler;
  readonly outcomes = new Map<number, Outcome>();
  readonly info: ModelInfo;

  constructor(info: Partial<ModelInfo> = {}, options: { jitter?: () => number; weights?: string } = {}) {
    this.library = new FakeLibrary(options.jitter);
    this.info = fakeLibraryInfo(info);
    this.scheduler = new TestScheduler({
      library: this.library,
      model: fakeModel,
      info: this.info,
      facts: fakeFacts(options.weights),
      listenersMax: 2,
      now: () => this.library.time,
      post: (answer) => this.#post(answer),
    });
  }

  #post(answer: Answer): void {
    const outcome = this.outcome(answer.id);
    if (outcome.answer) throw new Error(`request ${answer.id} is answered after its end`);
    if (answer.type === "token") outcome.tokens.push(answer.token.id);
    else outcome.answer = answer;
  }

  outcome(id: number): Outcome {
    if (!this.outcomes.has(id)) this.outcomes.set(id, { tokens: [], answer: undefined });
    return this.outcomes.get(id)!;
  }

  /** Until nothing is left to do, or `until`. */
  run(until: () => boolean = () => false): void {
    for (let turns = 0; !until() && this.scheduler.turn(); turns++) {
      if (turns > 100_000) throw new Error("it never ends");
    }
  }

  [Symbol.dispose](): void {
    this.scheduler.close();
    expect(this.library.open).toBe(0);
    expect(this.scheduler.bytes).toBe(0);
  }
}

function clip(seed: number, rows: number, fault: Fault = "none"): Float32Array {
  const samples = new Float32Array(rows * rowSamples);
  samples[0] = seed + 1000 * faults.indexOf(fault);
  for (let row = 1; row < rows; row++) samples[row * rowSamples] = (seed * 31 + row * 7) % 100;
  return samples;
}

function request(seed: number, changes: Partial<DecodeRequest> & { rows?: number; fault?: Fault } = {}): DecodeRequest {
  const { rows = 4, fault, ...rest } = changes;
  const samples = clip(seed, rows, fault);
  return { samples, windowFrames: 800, context: "", language: "", pastText: "", tokensMax: 12, ...rest };
}

function hear(samples: Float32Array, changes: Partial<HearRequest> = {}): HearRequest {
  return { samples, forget: 0, prefix: [], draft: [], tokensMax: 12, ...changes };
}

const library = new FakeLibrary();

/** What a decode says when nothing is beside it, worked out without a scheduler. */
function alone(request: DecodeRequest): { tokens: number[]; end: string } {
  const { samples, context, language, pastText, tokensMax } = request;
  const rows = rowsOf(samples);
  const bare = library.prompt(fakeModel, rows.length, context, "").length;
  const past = pastText === "" ? [] : [...library.tokenize(fakeModel, pastText), 2];
  const prompt = [...library.prompt(fakeModel, rows.length, context, language), ...past];
  const tokens = greedy(prompt, rows, tokensMax).map(({ id }) => id);
  const said = Math.max(0, healthyTokens - (prompt.length - bare));
  const fault = faults[Math.floor((samples[0] ?? 0) / 1000)];
  const failsAfter = { clip: 0, encoder: 0, prompt: 0, named: said + 1, unnamed: said + 1, next: said } as const;
  const most = failsAfter[fault as keyof typeof failsAfter] ?? Infinity;
  const early = fault === "clip" || fault === "encoder" || fault === "prompt";
  if (early || (tokens.length >= most && tokensMax > most)) return { tokens: tokens.slice(0, most), end: "failed" };
  return { tokens, end: tokens.length === tokensMax ? "cap" : "end" };
}

function endOf({ answer }: Outcome): string {
  if (answer?.type === "done" || answer?.type === "heard" || answer?.type === "aligned") return answer.result.stop;
  return answer?.type ?? "none";
}

/** The request got what it gets alone; where it was cancelled, the start of that. */
function expectAlone(bench: Bench, id: number, request: DecodeRequest, isCancelled = false): void {
  const { tokens, answer } = bench.outcome(id);
  const want = alone(request);
  const end = endOf({ tokens, answer });
  if (isCancelled && end === "cancelled") expect(tokens).toEqual(want.tokens.slice(0, tokens.length));
  else expect({ tokens, end }).toEqual(want);
  if (answer?.type === "done") expect(answer.result.generatedTokens).toBe(tokens.length);
}

describe("decodes", () => {
  test("many more than there are places: each says what it says alone, and steps are shared", () => {
    using bench = new Bench();
    const requests = Array.from({ length: 12 }, (_, i) => request(i + 1, { rows: 1 + i % 5, tokensMax: 3 + i }));
    requests.forEach((one, id) => bench.scheduler.decode(id, one));
    bench.run();
    requests.forEach((one, id) => expectAlone(bench, id, one));
    expect(Math.max(...bench.library.steps)).toBe(3);
    expect(bench.library.sessions.size).toBe(3);
    expect(bench.library.longestMs).toBeLessThanOrEqual(150);
  });

  test("the first one speaks before the second one's prompt is in, and steps go on while prompts go in", () => {
    using bench = new Bench();
    bench.scheduler.decode(1, request(1, { tokensMax: 100 }));
    bench.scheduler.decode(2, request(2, { rows: 100 }));
    bench.run(() => bench.outcome(2).tokens.length > 0);
    expect(bench.outcome(1).tokens.length).toBeGreaterThan(3);
  });

  test("context, language and text before go into the prompt; a cap of 0 says nothing", () => {
    using bench = new Bench();
    const requests = [
      request(1, { context: "names" }),
      request(2, { language: "German" }),
      request(3, { pastText: "and so on" }),
      request(4, { tokensMax: 0 }),
      request(5, { tokensMax: 2 }),
      request(6, { samples: new Float32Array(0) }),
    ];
    requests.forEach((one, id) => bench.scheduler.decode(id, one));
    bench.run();
    requests.forEach((one, id) => expectAlone(bench, id, one));
  });

  test("the last encoding lets the encoder's weights go; idle sessions and encoders give memory back", () => {
    using bench = new Bench();
    bench.scheduler.decode(1, request(1));
    bench.run();
    expect(bench.library.calls).toEqual(["encode 1", "release encoder"]);
    bench.scheduler.rest();
    expect(bench.library.encoders.size).toBe(0);
    expect(bench.library.calls.at(-1)).toBe("release encoder");
    bench.library.time += idleMs;
    bench.scheduler.rest();
    bench.scheduler.rest();
    expect(bench.library.calls.slice(2)).toEqual(["release session"]);
  });
});

describe("cancelling", () => {
  const others = [request(2), request(3)];

  for (const stage of ["waiting", "encoding", "prefilling", "decoding"] as const) {
    test(`one that is ${stage}: its place is free at once, the others say what they say alone`, () => {
      using bench = new Bench();
      const one = request(1, { rows: 20, tokensMax: 50 });
      bench.scheduler.decode(1, one);
      others.forEach((other, i) => bench.scheduler.decode(2 + i, other));
      const { calls, sessions } = bench.library;
      const hasPrompt = () => [...sessions.values()].some(({ begun }) => begun !== undefined);
      if (stage === "encoding") bench.run(() => calls.length > 0);
      if (stage === "prefilling") bench.run(hasPrompt);
      if (stage === "decoding") bench.run(() => bench.outcome(1).tokens.length > 4);
      bench.scheduler.cancel(1);
      expect(endOf(bench.outcome(1))).toBe("cancelled");
      expect(bench.scheduler.size).toBe(2);
      bench.scheduler.cancel(1);
      bench.run();
      expectAlone(bench, 1, one, true);
      if (stage === "decoding") expect(bench.outcome(1).tokens.length).toBeGreaterThan(4);
      others.forEach((other, i) => expectAlone(bench, 2 + i, other));
      bench.scheduler.cancel(2);
      bench.scheduler.cancel(99);
    });
  }

  test("the next in line has the place of one that decoded, in the next turn", () => {
    using bench = new Bench({ stepMax: 1 });
    bench.scheduler.decode(1, request(1, { tokensMax: 50 }));
    bench.scheduler.decode(2, request(2));
    bench.run(() => bench.outcome(1).tokens.length > 1);
    expect(bench.library.calls).toEqual(["encode 1"]);
    bench.scheduler.cancel(1);
    bench.scheduler.turn();
    expect(bench.library.calls).toEqual(["encode 1", "encode 2"]);
  });

  test("a hear, in each of its stages; the next hear says all", () => {
    for (let turns = 0; turns < 12; turns++) {
      using bench = new Bench();
      const samples = clip(5, 30);
      bench.scheduler.listen(1, { windowFrames: 400, context: "", language: "", usesCaches: true });
      bench.scheduler.hear(2, 1, hear(samples));
      for (let i = 0; i < turns; i++) bench.scheduler.turn();
      bench.scheduler.cancel(2);
      bench.scheduler.hear(3, 1, hear(new Float32Array(0)));
      bench.run();
      const want = alone(request(5, { rows: 30 }));
      const [cut, whole] = [2, 3].map((id) => heard(bench.outcome(id)));
      expect(cut!.tokens).toEqual(want.tokens.slice(0, cut!.tokens.length));
      expect(whole).toEqual(want);
    }
  });
});

function heard({ answer }: Outcome): { tokens: number[]; end: string } {
  if (answer?.type !== "heard") return { tokens: [], end: answer?.type ?? "none" };
  return { tokens: answer.result.tokens.map(({ id }) => id), end: answer.result.stop };
}

describe("failures", () => {
  for (const fault of faults.slice(1)) {
    test(`${fault}: one fails, the others say what they say alone`, () => {
      using bench = new Bench();
      const requests = [1, 2, 3, 4, 5].map((seed) => request(seed, { fault: seed === 2 ? fault : "none" }));
      requests.forEach((one, id) => bench.scheduler.decode(id, one));
      bench.run();
      requests.forEach((one, id) => expectAlone(bench, id, one));
      expect(endOf(bench.outcome(1))).toBe(fault === "crowd" ? alone(requests[1]!).end : "failed");
      if (fault !== "crowd") expect(bench.outcome(1).answer).toMatchObject({ message: expect.any(String) });
    });
  }

  test("what fails in a recording's hear concerns that hear", () => {
    for (const fault of ["encoder", "prompt", "named", "unnamed", "next"] as const) {
      using bench = new Bench();
      bench.scheduler.decode(1, request(1));
      bench.scheduler.listen(2, { windowFrames: 400, context: "", language: "", usesCaches: true });
      bench.scheduler.hear(3, 2, hear(clip(7, 4, fault), { tokensMax: 50 }));
      bench.run();
      expect(endOf(bench.outcome(3))).toBe("failed");
      bench.scheduler.hear(4, 2, hear(clip(8, 4), { forget: Infinity }));
      bench.run();
      expectAlone(bench, 1, request(1));
      expect(heard(bench.outcome(4))).toEqual(alone(request(8)));
    }
  });
});

describe("order", () => {
  /** First samples of the clips, in the order they were encoded. */
  const order = (bench: Bench) =>
    bench.library.calls.flatMap((call) => call.startsWith("encode") ? [Number(call.slice("encode ".length))] : []);

  test("short ones go first, a long one is overtaken a bounded number of times", () => {
    using bench = new Bench({ stepMax: 1 });
    const long = request(99, { priority: "long" });
    bench.scheduler.decode(0, request(1));
    bench.scheduler.decode(99, long);
    for (let seed = 2; seed <= 30; seed++) bench.scheduler.decode(seed, request(seed));
    bench.run();
    expect(order(bench).indexOf(99)).toBe(1 + overtakenMax);
    expect(order(bench).filter((seed) => seed !== 99)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expectAlone(bench, 99, long);
  });

  test("by length: more than 30 s of audio is long", () => {
    expect(priorityOf(new Float32Array(480_000))).toBe("short");
    expect(priorityOf(new Float32Array(480_001))).toBe("long");
  });

  test("a short one that comes while a long clip is encoded does not wait for its end", () => {
    using bench = new Bench();
    bench.scheduler.decode(1, request(1, { rows: 60, priority: "long" }));
    bench.run(() => bench.library.calls.length > 0);
    bench.scheduler.decode(2, request(2));
    bench.scheduler.turn();
    expect(bench.library.calls).toEqual(["encode 1", "encode 2"]);
    bench.run(() => endOf(bench.outcome(2)) !== "none");
    const prompts = [...bench.library.sessions.values()].filter(({ begun }) => begun !== undefined);
    expect([prompts.length, bench.outcome(1).tokens]).toEqual([0, []]);
    bench.run();
    expectAlone(bench, 1, request(1, { rows: 60 }));
    expectAlone(bench, 2, request(2));
  });

  test("a short one that comes while a long prompt goes in is let in before it has gone in", () => {
    using bench = new Bench();
    bench.scheduler.decode(1, request(1, { rows: 60, priority: "long" }));
    bench.run(() => bench.library.sessions.values().next().value?.begun !== undefined);
    bench.scheduler.decode(2, request(2));
    bench.run(() => endOf(bench.outcome(2)) !== "none");
    expect(bench.outcome(1).tokens).toEqual([]);
    bench.run();
    expectAlone(bench, 1, request(1, { rows: 60 }));
    expectAlone(bench, 2, request(2));
  });

  test("a recording goes before all others, at most one native call after it was asked for", () => {
    using bench = new Bench();
    for (let seed = 1; seed <= 5; seed++) bench.scheduler.decode(seed, request(seed, { rows: 50, tokensMax: 40 }));
    for (let turns = 0; turns < 60; turns++) bench.scheduler.turn();
    bench.scheduler.listen(100, { windowFrames: 400, context: "", language: "", usesCaches: true });
    const steps = bench.library.steps.length;
    const began = bench.library.time;
    bench.scheduler.hear(101, 100, hear(clip(9, 4)));
    bench.run(() => endOf(bench.outcome(101)) !== "none");
    const passed = bench.library.time - began;
    // Alone: two slices for the audio, one for the prompt, and steps of one row.
    const want = alone(request(9));
    const aloneMs = 3 * 50 + 22 * want.tokens.length;
    expect(heard(bench.outcome(101))).toEqual(want);
    expect(passed).toBeLessThan(1.35 * aloneMs);
    expect(bench.library.steps.slice(steps).every((rows) => rows <= 3)).toBe(true);
    bench.run();
    for (let seed = 1; seed <= 5; seed++) expectAlone(bench, seed, request(seed, { rows: 50, tokensMax: 40 }));
  });

  test("beside a recording as many take a step as make it cost 1.3 of its own", () => {
    for (const [rowMs, most] of [[1, 4], [5, 2], [20, 1]] as const) {
      using bench = new Bench({ stepMax: 4 });
      bench.library.rowMs = rowMs;
      for (let seed = 1; seed <= 3; seed++) bench.scheduler.decode(seed, request(seed, { tokensMax: 2 + 40 * seed }));
      bench.scheduler.listen(100, { windowFrames: 400, context: "", language: "", usesCaches: true });
      bench.run(() => bench.library.steps.at(-1) === 3);
      const steps = bench.library.steps.length;
      bench.scheduler.hear(101, 100, hear(clip(4, 4)));
      bench.run(() => endOf(bench.outcome(101)) !== "none");
      expect(Math.max(...bench.library.steps.slice(steps))).toBe(most);
    }
  });

  test("recordings that never rest leave the others a turn a second, and after a while every third", () => {
    const timeFrom = (afterMs: number) => {
      using bench = new Bench();
      const other = request(1, { rows: 10 });
      bench.scheduler.listen(100, { windowFrames: 400, context: "", language: "", usesCaches: true });
      bench.scheduler.hear(1000, 100, hear(clip(9, 4)));
      let [hears, start] = [0, -1];
      while (endOf(bench.outcome(1)) === "none") {
        if (start < 0 && bench.library.time >= afterMs) {
          start = bench.library.time;
          bench.scheduler.decode(1, other);
        }
        if (endOf(bench.outcome(1000 + hears)) !== "none") {
          bench.scheduler.hear(1000 + ++hears, 100, hear(clip(9 + hears % 20, 4), { forget: Infinity }));
        }
        bench.scheduler.turn();
        expect(bench.library.time - start).toBeLessThan(40_000);
      }
      expectAlone(bench, 1, other);
      expect(hears).toBeGreaterThan(5);
      return bench.library.time - start;
    };
    const [atFirst, later] = [timeFrom(0), timeFrom(10_000)];
    expect(atFirst).toBeGreaterThan(3000);
    expect(later).toBeLessThan(atFirst / 2);
  });

  test("those that are given faster than they are spoken are as long requests", () => {
    const timeOf = (isAhead: boolean) => {
      using bench = new Bench();
      const other = request(1, { rows: 10 });
      for (const id of [100, 200]) {
        bench.scheduler.listen(id, { windowFrames: 400, context: "", language: "", usesCaches: true });
      }
      const hears = [1000, 2000];
      const next = (one: number) =>
        bench.scheduler.hear(hears[one]!, [100, 200][one]!, hear(clip(9, 4), { forget: Infinity, isAhead }));
      [0, 1].forEach(next);
      for (let turn = 0; turn < 10; turn++) bench.scheduler.turn();
      bench.scheduler.decode(1, other);
      const start = bench.library.time;
      while (endOf(bench.outcome(1)) === "none") {
        for (const one of [0, 1]) {
          if (endOf(bench.outcome(hears[one]!)) === "none") continue;
          hears[one]!++;
          next(one);
        }
        bench.scheduler.turn();
      }
      expectAlone(bench, 1, other);
      const took = bench.library.time - start;
      bench.run(() => hears.every((id) => endOf(bench.outcome(id)) !== "none"));
      return took;
    };
    expect(timeOf(true)).toBeLessThan(timeOf(false) / 5);
  });
});

describe("memory", () => {
  test("as many run as the budget allows, and one in any case", () => {
    const needs = new Bench().scheduler;
    needs.decode(1, request(1));
    needs.turn();
    const one = needs.bytes - fakeLibraryInfo().encoderBytes;
    for (const [budget, most] of [[0, 1], [1.5, 1], [2, 2], [2.9, 2], [Infinity, 3]] as const) {
      using bench = new Bench();
      bench.scheduler.setMemory(2 * (budget * one + fakeLibraryInfo().encoderBytes));
      const requests = Array.from({ length: 6 }, (_, i) => request(1 + i));
      requests.forEach((one, id) => bench.scheduler.decode(id, one));
      bench.run();
      requests.forEach((one, id) => expectAlone(bench, id, one));
      expect(Math.max(...bench.library.steps)).toBe(most);
    }
  });

  test("one that needs much is not overtaken for good by those that need little", () => {
    using bench = new Bench();
    bench.scheduler.setMemory(2 * 3000);
    const much = request(99, { tokensMax: 1000 });
    bench.scheduler.decode(0, request(1));
    bench.scheduler.decode(99, much);
    for (let seed = 2; seed < 9; seed++) bench.scheduler.decode(seed, request(seed));
    bench.run();
    expectAlone(bench, 99, { ...much, tokensMax: 1000 });
    expect(bench.library.calls.filter((call) => call.startsWith("encode")).indexOf("encode 99")).toBe(1);
  });
});

describe("recordings", () => {
  const options = { windowFrames: 400, context: "", language: "", usesCaches: true };

  test("pieces, prefixes and drafts: what is heard is what a decode of all of it says", () => {
    for (const weights of ["int8", "bf16"]) {
      using bench = new Bench({}, { weights });
      bench.scheduler.listen(1, options);
      const whole = clip(3, 200);
      let before: number[] = [];
      for (let piece = 0; piece < 8; piece++) {
        const samples = whole.subarray(piece * 25 * rowSamples, (piece + 1) * 25 * rowSamples);
        const held = whole.subarray(0, (piece + 1) * 25 * rowSamples);
        const prompt = [...library.prompt(fakeModel, (piece + 1) * 25, "", "")];
        const prefix = before.slice(0, 3);
        const want = greedy([...prompt, ...prefix], rowsOf(held), 12);
        const right = want.map(({ id }) => id);
        const draft = piece % 2 === 0 ? before.slice(3) : [...right.slice(0, 2), 30, ...right.slice(2)];
        bench.scheduler.hear(10 + piece, 1, hear(samples, { prefix, draft }));
        bench.run();
        const { answer } = bench.outcome(10 + piece);
        const { tokens, draftAccepted } = (answer as Extract<Answer, { type: "heard" }>).result;
        expect(tokens.map(({ id, logprob }) => ({ id, logprob }))).toEqual(want);
        if (piece % 2 === 1) expect(draftAccepted).toBeGreaterThanOrEqual(Math.min(2, right.length));
        before = [...prefix, ...right];
      }
    }
  });

  test("as many as the engine takes; closing one makes room, also while it is heard", () => {
    using bench = new Bench();
    for (const id of [1, 2, 3]) bench.scheduler.listen(id, options);
    expect(bench.outcome(3).answer).toMatchObject({
      type: "failed",
      status: -6,
      message: expect.stringContaining("2 live"),
    });
    bench.scheduler.hear(4, 1, hear(clip(1, 4)));
    bench.scheduler.turn();
    bench.scheduler.unlisten(5, 1);
    expect([endOf(bench.outcome(4)), endOf(bench.outcome(5))]).toEqual(["cancelled", "unlistened"]);
    bench.scheduler.listen(6, options);
    expect(endOf(bench.outcome(6))).toBe("listening");
    bench.scheduler.hear(7, 1, hear(clip(1, 4)));
    expect(bench.outcome(7).answer).toMatchObject({ type: "failed", message: "hear: the listener is closed" });
    bench.scheduler.hear(8, 6, hear(clip(1, 4), { forget: 5 }));
    expect(bench.outcome(8).answer).toMatchObject({
      message: expect.stringContaining("multiple of the encoder window"),
    });
  });

  test("one that rests gives its session's memory back, and says the same after that", () => {
    using bench = new Bench();
    bench.scheduler.listen(1, options);
    bench.scheduler.hear(2, 1, hear(clip(4, 9)));
    bench.run();
    bench.library.time += idleMs;
    bench.scheduler.rest();
    expect([...bench.library.sessions.values()].map(({ held }) => held.length)).toEqual([0]);
    bench.scheduler.hear(3, 1, hear(new Float32Array(0)));
    bench.run();
    expect(heard(bench.outcome(3))).toEqual(heard(bench.outcome(2)));
  });
});

test("alignments: several, one cancelled; none with a model that transcribes", () => {
  using bench = new Bench({ kind: "aligner" });
  const align = (seed: number): AlignRequest => ({ samples: clip(seed, 10), words: ["one", "two"] });
  for (const id of [1, 2, 3]) bench.scheduler.align(id, align(id));
  bench.scheduler.turn();
  bench.scheduler.cancel(2);
  bench.run();
  for (const id of [1, 3]) {
    using other = new Bench({ kind: "aligner" });
    other.scheduler.align(id, align(id));
    other.run();
    const classes = ({ answer }: Outcome) => answer?.type === "aligned" && answer.result.classes;
    expect(classes(bench.outcome(id))).toEqual(classes(other.outcome(id)));
    expect(classes(bench.outcome(id))).toHaveLength(4);
  }
  expect(endOf(bench.outcome(2))).toBe("cancelled");
  const { alignment: _, ...asr } = fakeLibraryInfo();
  using transcriber = new Bench({ ...asr, alignment: undefined as never });
  transcriber.scheduler.align(1, align(1));
  transcriber.run();
  expect(transcriber.outcome(1).answer).toMatchObject({ message: "fake transcribes and does not align", status: -1 });
});

test("closing ends all that waits and runs, cancelled, and gives everything back", () => {
  for (let turns = 0; turns < 60; turns += 3) {
    const bench = new Bench();
    bench.scheduler.listen(100, { windowFrames: 400, context: "", language: "", usesCaches: true });
    for (let id = 1; id <= 6; id++) bench.scheduler.decode(id, request(id, { tokensMax: 50 }));
    for (let i = 0; i < turns; i++) bench.scheduler.turn();
    bench.scheduler.hear(101, 100, hear(clip(1, 4)));
    bench.scheduler.turn();
    bench[Symbol.dispose]();
    for (let id = 1; id <= 6; id++) expectAlone(bench, id, request(id, { tokensMax: 50 }), true);
    expect(["cancelled", "end", "cap"]).toContain(endOf(bench.outcome(101)));
  }
});

/** Requests and what may happen to them, all by chance; then everything is checked. */
function runSchedule(seed: number, most: number): void {
  const { random } = seededRandom(Math.imul(seed, 0x9e37_79b9)); // Neighbours begin far apart.
  const jitter = () => random(100) / 100;
  const weights = random(2) === 0 ? "int8" : "bf16";
  const bench = new Bench({ stepMax: 1 + random(4) }, { jitter, weights });
  if (random(2) === 0) bench.scheduler.setMemory(random(8000));
  const decodes = new Map<number, { request: DecodeRequest; isCancelled: boolean }>();
  const hears = new Map<number, { want: number[]; isFaulty: boolean }>();
  const live = new Map<number, { samples: number[]; hear: number }>();
  const isOver = (id: number) => endOf(bench.outcome(id)) !== "none";
  let [left, nextId] = [1 + random(most), 1];

  const decode = () => {
    const fault = random(5) === 0 ? faults[1 + random(faults.length - 1)]! : "none";
    const priority = random(3) === 0 ? "long" : "short";
    const language = random(4) === 0 ? "German" : "";
    const one = request(1 + random(900), { rows: 1 + random(8), tokensMax: random(12), fault, priority, language });
    decodes.set(nextId, { request: one, isCancelled: false });
    bench.scheduler.decode(nextId++, one);
  };
  const listen = () => {
    const id = nextId++;
    bench.scheduler.listen(id, { windowFrames: 400, context: "", language: "", usesCaches: random(3) > 0 });
    if (endOf(bench.outcome(id)) === "listening") live.set(id, { samples: [], hear: 0 });
    else expect(live.size).toBe(2);
  };
  const hearNext = ([listener, own]: [number, { samples: number[]; hear: number }]) => {
    if (own.hear !== 0 && !isOver(own.hear)) return;
    const fault = random(20) === 0 ? faults[1 + random(faults.length - 1)]! : "none";
    const isNew = random(4) === 0;
    const more = clip(1 + random(900), random(4), fault);
    own.samples = [...(isNew ? [] : own.samples), ...more];
    const held = Float32Array.from(own.samples);
    const prompt = [...library.prompt(fakeModel, rowsOf(held).length, "", "")];
    const tokensMax = random(10);
    const want = greedy(prompt, rowsOf(held), tokensMax).map(({ id }) => id);
    const draft = want.map((id) => (random(4) === 0 ? 10 + random(40) : id)).slice(0, random(10));
    hears.set(nextId, { want, isFaulty: own.samples.some((sample) => sample >= 1000) });
    own.hear = nextId;
    const isAhead = random(2) === 0;
    bench.scheduler.hear(nextId++, listener, hear(more, { tokensMax, draft, isAhead, forget: isNew ? Infinity : 0 }));
  };
  const cancel = () => {
    const id = 1 + random(nextId);
    const one = decodes.get(id);
    if (one) one.isCancelled = true;
    bench.scheduler.cancel(id);
  };

  for (let turns = 0; left > 0 || bench.scheduler.size > 0; turns++) {
    if (turns > 20_000) throw new Error(`schedule ${seed} never ends`);
    if (left > 0 && random(4) === 0) {
      left--;
      const what = random(8);
      const one = [...live].at(random(2));
      if (what < 4) decode();
      else if (what === 4) listen();
      else if (what === 5) cancel();
      else if (one && what === 6 && random(3) === 0) {
        bench.scheduler.unlisten(nextId++, one[0]);
        live.delete(one[0]);
      } else if (one) hearNext(one);
    }
    bench.scheduler.turn();
  }
  bench[Symbol.dispose]();
  expect(bench.library.longestMs).toBeLessThanOrEqual(150);
  for (const [id, { request, isCancelled }] of decodes) expectAlone(bench, id, request, isCancelled);
  for (const [id, { want, isFaulty }] of hears) expectHeard(bench, id, want, isFaulty);
}

/** A hear that went well has said all that it would say alone, a cancelled one the start of it. */
function expectHeard(bench: Bench, id: number, want: readonly number[], isFaulty: boolean): void {
  const { tokens, end } = heard(bench.outcome(id));
  if (end === "failed") expect(isFaulty).toBe(true);
  else if (end === "cancelled") expect(tokens).toEqual(want.slice(0, tokens.length));
  else expect(tokens).toEqual([...want]);
}

test("10,000 random schedules: everything says what it says alone, and nothing leaks", () => {
  for (let seed = 1; seed <= 9900; seed++) runSchedule(seed, 8);
  for (let seed = 1; seed <= 100; seed++) runSchedule(seed, 60);
});
