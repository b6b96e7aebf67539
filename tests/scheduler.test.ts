/**
 * The scheduler over the real library, on this thread: eight decodes, of which one is cancelled and one fails in a step
 * that it shares with the others. What happens between two native calls can be seen here.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { DecodeRequest } from "../src/engine/engine.ts";
import type { HearingFacts } from "../src/engine/hearing.ts";
import type { EncoderHandle, ModelHandle, Native, SessionHandle } from "../src/engine/native.ts";
import type { Answer } from "../src/engine/protocol.ts";
import { Scheduler } from "../src/engine/scheduler.ts";
import { clip, modelDir } from "./fixtures.ts";
import { clipSamples, native } from "./native.ts";

const lib = native();
let model: ModelHandle;
let requests: DecodeRequest[];

/** A scheduler, what its requests were answered, and the native calls that matter. */
class Watched {
  readonly tokens = new Map<number, (readonly [id: number, logprob: number])[]>();
  readonly ends = new Map<number, Answer>();
  /** Sessions of the last step, and of all steps how many. */
  sessions: readonly SessionHandle[] = [];
  readonly widths: number[] = [];
  /** Clips that were begun. */
  clips = 0;
  readonly scheduler: Scheduler;

  constructor() {
    const watched = {
      step: (sessions: readonly SessionHandle[], ids: Uint32Array) => {
        this.sessions = sessions;
        this.widths.push(sessions.length);
        lib.step(sessions, ids);
      },
      encodeBegin: (encoder: EncoderHandle, samples: Float32Array, windowFrames: number) => {
        this.clips++;
        return lib.encodeBegin(encoder, samples, windowFrames);
      },
    };
    const library = new Proxy(lib, {
      get: (target, name: keyof Native) =>
        name in watched ? watched[name as keyof typeof watched] : (target[name] as () => unknown).bind(target),
    });
    const info = lib.info(model);
    const facts = lib.describe(model) as HearingFacts;
    let time = 0;
    const now = () => time++; // What shares a step depends on times; here it must not.
    const post = (answer: Answer) => this.#post(answer);
    this.scheduler = new Scheduler({ library, model, info, facts, listenersMax: 2, now, post });
  }

  #post(answer: Answer): void {
    if (answer.type !== "token") return void this.ends.set(answer.id, answer);
    const tokens = this.tokens.get(answer.id) ?? [];
    this.tokens.set(answer.id, [...tokens, [answer.token.id, answer.token.logprob]]);
  }

  run(until: () => boolean = () => false): void {
    while (!until() && this.scheduler.turn());
  }

  /** The scheduler takes the samples over, so it gets a copy, as from the client. */
  decode(id: number, request: DecodeRequest): void {
    this.scheduler.decode(id, { ...request, samples: request.samples.slice() });
  }

  /** Tokens with probabilities, and how it ended. */
  said(id: number) {
    const end = this.ends.get(id);
    return { tokens: this.tokens.get(id) ?? [], end: end?.type === "done" ? end.result.stop : end?.type };
  }
}

function alone(requests: readonly DecodeRequest[]) {
  const watched = new Watched();
  requests.forEach((one, id) => {
    watched.decode(id, one);
    watched.run();
  });
  watched.scheduler.close();
  return requests.map((_, id) => watched.said(id));
}

beforeAll(async () => {
  model = lib.openFolder(modelDir(), 2, "int8");
  const samples = await clipSamples(clip("en-45s").wav);
  const seconds = (from: number, to: number) => samples.slice(from * 16_000, to * 16_000);
  const common = { windowFrames: 800, context: "", language: "", pastText: "" };
  // The longest first: all are let in before one ends.
  requests = Array.from({ length: 9 }, (_, i) => ({ ...common, samples: seconds(3 * i, 14 + 2 * i), tokensMax: 40 }));
});

afterAll(() => lib.closeModel(model));

test("of eight, one cancelled and one at fault in a step: the others say what they say alone, places are free", () => {
  const want = alone(requests);
  const watched = new Watched();
  requests.forEach((one, id) => watched.decode(id, one));
  watched.run(() => watched.widths.at(-1) === 8);
  expect(watched.clips).toBe(8);

  watched.scheduler.cancel(2);
  expect(watched.said(2).end).toBe("cancelled");
  watched.scheduler.turn();
  expect(watched.clips).toBe(9); // The one that waited has the place in the very next turn.

  lib.cancel(watched.sessions[5]!);
  const steps = watched.widths.length;
  watched.run(() => watched.ends.has(5));
  expect(watched.ends.get(5)).toMatchObject({ type: "failed", message: expect.stringContaining("cancelled") });
  expect(watched.widths.length).toBe(steps + 1); // The first step that it was in.
  watched.run();

  for (const id of [0, 1, 3, 4, 6, 7, 8]) expect(watched.said(id)).toEqual(want[id]!);
  for (const id of [2, 5]) {
    const { tokens } = watched.said(id);
    expect(tokens.length).toBeGreaterThan(0);
    expect(tokens).toEqual(want[id]!.tokens.slice(0, tokens.length));
  }
  watched.scheduler.close();
});

test("a hear beside decodes says what it says alone, and shares their steps", async () => {
  const speech = await clipSamples(clip("en-weather").wav);
  const hear = { samples: speech, forget: 0, prefix: [], draft: [], tokensMax: 60 };
  const options = { windowFrames: 400, context: "", language: "", usesCaches: true };
  const heard = (beside: readonly DecodeRequest[]) => {
    const watched = new Watched();
    beside.forEach((one, id) => watched.decode(id, one));
    watched.run(() => watched.widths.length > 2);
    watched.scheduler.listen(100, options);
    watched.scheduler.hear(101, 100, hear);
    const steps = watched.widths.length;
    watched.run(() => watched.ends.has(101));
    const widths = watched.widths.slice(steps);
    watched.run();
    const end = watched.ends.get(101) as Extract<Answer, { type: "heard" }>;
    const result = {
      stop: end.result.stop,
      tokens: end.result.tokens.map(({ id, logprob }) => [id, logprob]),
      others: beside.map((_, id) => watched.said(id)),
    };
    watched.scheduler.close();
    return { ...result, widths };
  };
  const [quiet, busy] = [heard([]), heard(requests.slice(0, 3))];
  expect(busy.tokens).toEqual(quiet.tokens);
  expect(busy.stop).toBe(quiet.stop);
  expect(busy.others).toEqual(alone(requests.slice(0, 3)));
  expect(new Set(quiet.widths)).toEqual(new Set([1]));
  expect(Math.max(...busy.widths)).toBeGreaterThan(1);
});

test("closing with requests under way leaves nothing open", () => {
  const watched = new Watched();
  watched.scheduler.listen(100, { windowFrames: 400, context: "", language: "", usesCaches: true });
  requests.slice(0, 3).forEach((one, id) => watched.decode(id, one));
  for (let turns = 0; turns < 5; turns++) watched.scheduler.turn();
  watched.scheduler.hear(101, 100, { samples: requests[0]!.samples, forget: 0, prefix: [], draft: [], tokensMax: 9 });
  expect(() => lib.closeModel(model)).toThrow("open");
  watched.scheduler.close();
  expect([0, 1, 2].map((id) => watched.said(id).end)).toEqual(["cancelled", "cancelled", "cancelled"]);
  lib.closeModel(model); // Refused while a handle is open.
  model = lib.openFolder(modelDir(), 2, "int8");
});
