/**
 * Live recordings through the engine's thread: what is kept and what is guessed changes no token, the end of a
 * recording is what the whole of it says at once, and memory does not grow.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openEngine } from "../src/engine/client.ts";
import type { Engine, HearRequest, HearResult, Listener, ListenOptions } from "../src/engine/engine.ts";
import { EngineError, type ModelHandle } from "../src/engine/native.ts";
import { LoopDetector } from "../src/text/loop.ts";
import { clip, modelDir } from "./fixtures.ts";
import { clipSamples, encode, libraryPath, native, smallestCosine } from "./native.ts";
import { testThoroughly } from "./support/where.ts";
import { seededRandom } from "./support/random.ts";

const rate = 16_000;
const hidden = 128;
const windowFrames = 400;
const windowSamples = windowFrames * 160;
const lib = native();

function listening(usesCaches: boolean, changes: Partial<ListenOptions> = {}): ListenOptions {
  return { windowFrames, context: "", language: "", usesCaches, ...changes };
}

function hearing(samples: Float32Array, changes: Partial<HearRequest> = {}): HearRequest {
  return { samples, forget: 0, prefix: [], draft: [], tokensMax: 200, ...changes };
}

/** What was said and why it ended, to the bit. */
function said({ stop, tokens, promptTokens, audioTokens }: HearResult) {
  return { stop, promptTokens, audioTokens, tokens: tokens.map(({ id, logprob }) => [id, logprob]) };
}

/** The message of what is thrown; "" for nothing. */
const why = (promise: Promise<unknown>) => promise.then(() => "", (error: Error) => error.message);

const idsOf = ({ tokens }: HearResult) => tokens.map(({ id }) => id);

/** `samples` in pieces that end at `cuts` and at its end. */
function pieces(samples: Float32Array, cuts: readonly number[]): Float32Array[] {
  const all = [0, ...cuts, samples.length];
  return all.slice(1).map((cut, i) => samples.subarray(all[i], cut));
}

type Step = { readonly samples: Float32Array; readonly forget: number };
type Draft = (before: readonly number[], truth: readonly number[]) => readonly number[];

/** All steps by one listener; half of what the step before said is given as prefix, where `commits`. */
async function listenTo(
  engine: Engine,
  steps: readonly Step[],
  options: ListenOptions,
  { draft = () => [], truth = [], commits = false }: {
    draft?: Draft;
    truth?: readonly HearResult[];
    commits?: boolean;
  } = {},
): Promise<HearResult[]> {
  const listener = await engine.listen(options);
  const results: HearResult[] = [];
  let before: number[] = [];
  for (const [i, step] of steps.entries()) {
    const prefix = commits ? before.slice(0, before.length / 2) : [];
    const guess = draft(before.slice(prefix.length), truth[i] ? idsOf(truth[i]) : []);
    const result = await listener.hear(hearing(step.samples, { forget: step.forget, prefix, draft: guess }));
    results.push(result);
    before = [...prefix, ...idsOf(result)];
  }
  await listener.close();
  return results;
}

const drafts: Readonly<Record<string, Draft>> = {
  "what was said before": (before) => before,
  "what will be said": (_, truth) => truth,
  "too long": (_, truth) => [...truth, ...truth, 1, 2, 3],
  "garbage": (before) => before.map((_, i) => (i * 7919 + 11) % 151_936),
  "wrong in the middle": (_, truth) => truth.map((id, i) => (i === truth.length >> 1 ? id + 1 : id)),
  "one token short": (_, truth) => truth.slice(0, -1),
  "impossible ids": (_, truth) => [...truth.slice(0, 2), 151_676, -1, 2 ** 33, 0.5, NaN],
  "an end within": (_, truth) => [...truth.slice(0, 3), 151_645, ...truth.slice(3)],
};

for (const weights of ["bf16", "int8", "int4"] as const) {
  describe(weights, () => {
    const often = weights === "int4" ? testThoroughly : test; // Packed weights take the same way with 8 bits and 4.
    /** The first `few` cases with bf16, which differs in its products alone, and one more with int8. */
    function cases<T>(title: string, all: readonly T[], few: number, run: (some: readonly T[]) => Promise<void>): void {
      often(title, () => run(all.slice(0, weights === "bf16" ? few : few + 1)));
      testThoroughly(`${title}, all ${all.length} cases`, () => run(all));
    }
    let engine: Engine;
    let model: ModelHandle;

    beforeAll(async () => {
      const library = () => Bun.file(libraryPath()).bytes();
      const folder = { kind: "folder", path: modelDir() } as const;
      engine = await openEngine({ library, model: folder, threads: 2, weights, cacheFolder: undefined });
      model = lib.openFolder(modelDir(), 2, weights);
    });

    afterAll(async () => {
      await engine.close();
      lib.closeModel(model);
    });

    async function steps(name: string, cuts: readonly number[]): Promise<Step[]> {
      return pieces(await clipSamples(clip(name).wav), cuts).map((samples) => ({ samples, forget: 0 }));
    }

    const heardInCuts = ["en-short", "en-weather", "zh-weather", "silence-3s"];
    const cutsTitle = "random cuts: kept or not, guessed or not, the same to the bit; the end is the whole clip's";
    cases(cutsTitle, heardInCuts, 2, async (names) => {
      const { random } = seededRandom(7);
      for (const name of names) {
        const samples = await clipSamples(clip(name).wav);
        const cuts = Array.from({ length: 4 }, () => random(samples.length)).sort((a, b) => a - b);
        const cut = await steps(name, cuts);
        const plain = await listenTo(engine, cut, listening(false));
        const kept = await listenTo(engine, cut, listening(true));
        expect(kept.map(said)).toEqual(plain.map(said));
        for (const { rowsReused, positionsReused } of plain) expect([rowsReused, positionsReused]).toEqual([0, 0]);
        const guessed = await listenTo(engine, cut, listening(true), { draft: (before) => before });
        expect(guessed.map(said)).toEqual(plain.map(said));
        const offline: number[] = [];
        const request = { samples, windowFrames, context: "", language: "", pastText: "", tokensMax: 200 };
        await engine.decode(request, ({ id }) => offline.push(id));
        expect(idsOf(plain.at(-1)!)).toEqual(offline);
      }
    });

    test("with committed tokens, floors that rise and windows forgotten, too", async () => {
      const [speech, other] = await Promise.all(["en-45s", "zh-weather"].map((name) => clipSamples(clip(name).wav)));
      const quiet = speech!.subarray(0, 6 * rate).map((sample) => sample / 3000);
      const sounds = [quiet, other!, speech!.subarray(0, 7 * rate)];
      const forgets = [0, 0, windowSamples, 0, 0, windowSamples, 2 * windowSamples, Infinity, 0];
      const all = sounds.flatMap((sound) => pieces(sound, [1.5 * rate, 4.1 * rate]))
        .map((samples, i) => ({ samples, forget: forgets[i]! }));
      const commits = true;
      const plain = await listenTo(engine, all, listening(false), { commits });
      expect(plain.map(idsOf).flat().length).toBeGreaterThan(30);
      const kept = await listenTo(engine, all, listening(true), { commits });
      expect(kept.map(said)).toEqual(plain.map(said));
      const guessed = await listenTo(engine, all, listening(true), { commits, draft: (before) => before });
      expect(guessed.map(said)).toEqual(plain.map(said));
      expect(guessed.reduce((sum, { draftAccepted }) => sum + draftAccepted, 0)).toBeGreaterThan(10);
    });

    cases("whatever the draft is", [9, 5, 3, 7], 2, async (ends) => {
      const cuts = ends.map((second) => second * rate).sort((a, b) => a - b);
      const cut = await steps("en-weather", cuts);
      const truth = await listenTo(engine, cut, listening(false));
      for (const [name, draft] of Object.entries(drafts)) {
        const results = await listenTo(engine, cut, listening(true), { draft, truth });
        expect({ name, said: results.map(said) }).toEqual({ name, said: truth.map(said) });
        for (const [i, { draftTokens, draftAccepted }] of results.entries()) {
          expect(draftAccepted).toBeLessThanOrEqual(draftTokens);
          if (name === "what will be said") expect(draftAccepted).toBe(truth[i]!.tokens.length);
          if (name === "wrong in the middle") expect(draftAccepted).toBeGreaterThanOrEqual(0.85 * draftTokens - 1);
        }
      }
      const capped = await engine.listen(listening(true));
      const full = truth[0]!;
      for (const tokensMax of [0, 1, 3]) {
        const draft = idsOf(full);
        const samples = tokensMax === 0 ? cut[0]!.samples : new Float32Array(0);
        const result = await capped.hear(hearing(samples, { draft, tokensMax }));
        expect(said(result)).toEqual({ ...said(full), stop: "cap", tokens: said(full).tokens.slice(0, tokensMax) });
      }
      await capped.close();
    });

    cases("ends on and around a window's, and pieces of 20 ms", [1, 160, 0, 41, 159], 2, async (samplesMore) => {
      const speech = (await clipSamples(clip("en-45s").wav)).subarray(2 * rate);
      for (const more of samplesMore) {
        const clipped = speech.subarray(0, windowSamples + more);
        const cut = pieces(clipped, [2 * rate, windowSamples]).map((samples) => ({ samples, forget: 0 }));
        const [plain, kept] = [
          await listenTo(engine, cut, listening(false)),
          await listenTo(engine, cut, listening(true)),
        ];
        expect(kept.map(said)).toEqual(plain.map(said));
      }
      const tiny = pieces(speech.subarray(0, 1.1 * rate), Array.from({ length: 14 }, (_, i) => 0.8 * rate + i * 320))
        .map((samples) => ({ samples, forget: 0 })); // Over the end of a window of a second.
      const options = { commits: true };
      const plain = await listenTo(engine, tiny, listening(false, { windowFrames: 100 }), options);
      const kept = await listenTo(engine, tiny, listening(true, { windowFrames: 100 }), options);
      expect(kept.map(said)).toEqual(plain.map(said));
    });

    test("rows are those of the whole, in every window", async () => {
      const encoder = lib.openEncoder(model);
      const samples = await clipSamples(clip("en-weather").wav);
      const { random } = seededRandom(3);
      for (const window of [100, 400, 800]) {
        const listener = lib.openListener(model, window, true);
        const room = new Float32Array(samples.length / rate * 14 * hidden);
        let unchanged = 0;
        for (let at = 0; at < samples.length;) {
          const end = Math.min(samples.length, at + 1 + random(4 * rate));
          lib.listenerAppend(listener, samples.subarray(at, end));
          at = end;
          const before = room.slice();
          const made = lib.listenerEncode(listener, encoder, room, lib.listenerRows(listener));
          const same = made.unchanged * hidden;
          expect(room.slice(0, same)).toEqual(before.subarray(0, same));
          unchanged += made.unchanged;
          const want = lib.encode(encoder, samples.subarray(0, at), window, hidden);
          const got = room.slice(0, made.rows * hidden);
          expect(got.length).toBe(want.length);
          if (weights !== "bf16") expect(got).toEqual(Float32Array.from(want));
          else {
            expect(1 - smallestCosine(got, want, hidden)).toBeLessThan(1e-6);
            for (let i = 0; i < got.length; i++) expect(Math.abs(got[i]! - want[i]!)).toBeLessThan(1e-4);
          }
        }
        expect(unchanged).toBeGreaterThan(0);
        lib.closeListener(listener);
      }
      lib.closeEncoder(encoder);
    });

    test("a verified session is one that decoded token by token", async () => {
      const session = lib.openSession(model);
      const rows = encode(model, await clipSamples(clip("en-weather").wav), 0, hidden);
      const count = rows.length / hidden;
      const prompt = lib.prompt(model, count, "", "");
      lib.extend(session, prompt, rows, count);
      const truth: number[] = [];
      const tops = [lib.top(session, 5)];
      while (truth.length < 20) {
        truth.push(lib.next(session).id);
        lib.extend(session, Uint32Array.of(truth.at(-1)!), null, 0);
        tops.push(lib.top(session, 5));
      }
      const after = (right: number, draft: readonly number[], keep: number) => {
        const ids = keep === 0 ? [...prompt, ...draft] : draft;
        const got = lib.verify(
          session,
          keep,
          Uint32Array.from(ids),
          keep ? null : rows,
          keep ? 0 : count,
          draft.length,
        );
        expect(got.length).toBe(right);
        expect(lib.positions(session)).toBe(prompt.length + right);
        expect(lib.top(session, 5)).toEqual(tops[right]!);
      };
      for (const right of [0, 1, 7, 8, 9, 17]) {
        const wrong = [...truth.slice(0, right), truth[right]! + 1, ...truth.slice(right)];
        after(right, wrong, 0);
        after(0, [], 0);
        after(right, wrong, prompt.length); // The whole call is a draft: what was appended before tells its first.
        lib.verify(session, 0, prompt, rows, count, 0);
        after(right, truth.slice(0, right), prompt.length);
      }
      expect(() => lib.verify(session, 10_000, prompt, rows, count, 0)).toThrow("cannot keep 10000 positions");
      expect(() => lib.verify(session, 0, prompt, rows, count, prompt.length)).toThrow("of the draft");
      expect(() => lib.verify(session, 0, Uint32Array.of(1), null, 0, 1)).toThrow("nothing was appended");
      expect(() => lib.verify(session, 0, Uint32Array.of(1), null, 0, 2)).toThrow("a draft of 2 among 1 tokens");
      lib.closeSession(session);
    });

    test("what is heard costs what is new", async () => {
      const speech = await clipSamples(clip("en-45s").wav);
      for (let i = 0; i < rate; i++) speech[i]! *= 2; // Nothing later is louder: the floor stays.
      const cut = pieces(speech.subarray(0, 14 * rate), [8 * rate + 50, 10 * rate, 12 * rate])
        .map((samples) => ({ samples, forget: 0 }));
      const results = await listenTo(engine, cut, listening(true), { draft: (before) => before });
      expect(results.map(({ rowsReused }) => rowsReused)).toEqual([0, 104, 104, 104]); // Two windows of 4 s.
      for (const { positionsReused } of results.slice(1)) expect(positionsReused).toBeGreaterThan(104);
      const again = await engine.listen(listening(true));
      const first = await again.hear(hearing(speech.subarray(0, 5 * rate)));
      const second = await again.hear(hearing(new Float32Array(0), { draft: idsOf(first) }));
      expect(said(second)).toEqual(said(first));
      expect(second.rowsReused).toBe(65);
      expect(second.positionsReused).toBeGreaterThan(weights === "int8" ? 65 : 52);
      await again.close();
    });

    test("beside decodes, and two at once", async () => {
      const cut = await steps("en-short", [rate, 1.5 * rate]);
      const other = await steps("zh-weather", [4 * rate]);
      const want = [await listenTo(engine, cut, listening(true)), await listenTo(engine, other, listening(true))];
      const samples = await clipSamples(clip("en-weather").wav);
      const decode = async () => {
        const ids: number[] = [];
        const request = { samples, windowFrames, context: "", language: "", pastText: "", tokensMax: 200 };
        await engine.decode(request, ({ id }) => ids.push(id));
        return ids;
      };
      const alone = await decode();
      const [a, ids, b, more] = await Promise.all([
        listenTo(engine, cut, listening(true)),
        decode(),
        listenTo(engine, other, listening(true)),
        decode(),
      ]);
      expect([a.map(said), b.map(said)]).toEqual(want.map((results) => results.map(said)));
      expect([ids, more]).toEqual([alone, alone]);
    });

    test("cancel ends a hear with the tokens so far; the next one says all", async () => {
      const samples = await clipSamples(clip("en-weather").wav);
      const listener = await engine.listen(listening(true));
      const want = await listener.hear(hearing(samples));
      const nothing = new Float32Array(0);
      for (const delayMs of [-1, 0, 1, 5, 10, 20, 40]) {
        const stop = new AbortController();
        const running = listener.hear(hearing(nothing), stop.signal);
        if (delayMs >= 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        stop.abort();
        const cut = await running;
        expect(["cancelled", want.stop]).toContain(cut.stop);
        if (delayMs < 0) expect(cut.stop).toBe("cancelled");
        expect(idsOf(cut)).toEqual(idsOf(want).slice(0, cut.tokens.length));
        expect(said(await listener.hear(hearing(nothing)))).toEqual(said(want));
      }
      await listener.close();
    });

    test("a loop is cut where decoding would cut it, with a draft of it too", async () => {
      const listener = await engine.listen(listening(true, { language: "English" }));
      const samples = await clipSamples(clip("zh-weather").wav);
      const prefix = Array(40).fill(97_639); // After so many of them the demo model goes round in circles.
      const looped = await listener.hear(hearing(samples, { prefix }));
      const detector = new LoopDetector();
      for (const id of prefix) detector.push(id);
      const verdicts = idsOf(looped).map((id) => detector.push(id));
      expect(looped.stop).toBe("loop");
      expect(verdicts.indexOf("loop")).toBe(verdicts.length - 1);
      expect(verdicts.length).toBeGreaterThan(10);
      for (const more of [[], idsOf(looped), idsOf(looped).slice(0, 7)]) {
        const draft = [...idsOf(looped), ...more];
        expect(said(await listener.hear(hearing(new Float32Array(0), { prefix, draft })))).toEqual(said(looped));
      }
      await listener.close();
    });

    test("wrong requests are refused, and what was heard before is still there", async () => {
      const samples = await clipSamples(clip("en-short").wav);
      const listener = await engine.listen(listening(true));
      const want = await listener.hear(hearing(samples));
      const nothing = new Float32Array(0);
      const refused = async (changes: Partial<HearRequest>, reason: string) =>
        expect(await why(listener.hear(hearing(nothing, changes)))).toContain(reason);
      await refused({ forget: 5 }, "multiple of the encoder window, 64000");
      await refused({ forget: -windowSamples }, "multiple of the encoder window");
      await refused({ forget: NaN }, "multiple of the encoder window");
      await refused({ forget: windowSamples }, "cannot forget 1 windows of 64000 samples");
      await refused({ tokensMax: NaN }, "must be 0 or more");
      await refused({ prefix: [999_999] }, "not in the vocabulary");
      await refused({ prefix: [151_676] }, "audio places");
      expect(said(await listener.hear(hearing(nothing)))).toEqual(said(want));
      const both = [listener.hear(hearing(nothing)), listener.hear(hearing(nothing))];
      expect(await why(both[1]!)).toContain("busy");
      expect(said(await both[0]!)).toEqual(said(want));
      await listener.close();
      await listener.close();
      expect(await why(listener.hear(hearing(nothing)))).toContain("closed");
      expect(await why(engine.listen(listening(true, { windowFrames: 250 })))).toContain("multiple of 100");
    });
  });
}

test("the C ABI answers wrong arguments", () => {
  const model = lib.openFolder(modelDir(), 1);
  const encoder = lib.openEncoder(model);
  const listener = lib.openListener(model, 0, true);
  lib.listenerAppend(listener, new Float32Array(rate));
  expect(lib.listenerRows(listener)).toBe(13);
  const rows = new Float32Array(13 * hidden);
  expect(() => lib.listenerEncode(listener, encoder, rows, 12)).toThrow("13 rows needed, room for 12");
  expect(lib.listenerEncode(listener, encoder, rows, 13)).toEqual({ rows: 13, kept: 0, unchanged: 0 });
  expect(() => lib.listenerForget(listener, 1)).toThrow("cannot forget 1 windows of 128000 samples: 16000 samples");
  expect(() => lib.openListener(model, 1600, true)).toThrow(EngineError);
  lib.listenerForget(listener, Infinity);
  expect(lib.listenerRows(listener)).toBe(7);
  lib.closeListener(listener);
  lib.closeEncoder(encoder);
  lib.closeModel(model);
});

test("memory stays where it is while a stream goes on", async () => {
  const library = () => Bun.file(libraryPath()).bytes();
  const folder = { kind: "folder", path: modelDir() } as const;
  const engine = await openEngine({ library, model: folder, threads: 2, weights: "int8", cacheFolder: undefined });
  const listener = await engine.listen(listening(true));
  const speech = await clipSamples(clip("en-45s").wav);
  const sizes: number[] = [];
  const turn = 24; // Steps until all is forgotten; from the ninth on a window is forgotten with every second.
  for (let step = 0; step < 5 * turn; step++) {
    const at = (step * 2 * rate) % (speech.length - 2 * rate);
    const [place, isEven] = [step % turn, step % 2 === 0];
    const forget = place === turn - 1 ? Infinity : place >= 8 && isEven ? windowSamples : 0;
    await listener.hear(hearing(speech.subarray(at, at + 2 * rate), { forget, tokensMax: 2 }));
    if (place === turn - 2) sizes.push(process.memoryUsage.rss() / 2 ** 20);
  }
  console.log(`resident after each of ${sizes.length} turns: ${sizes.map((size) => size.toFixed(0)).join(", ")} MiB`);
  expect(sizes.at(-1)! - sizes[1]!).toBeLessThan(8);
  await listener.close();
  await engine.close();
});

test("closing gives memory back", async () => {
  const library = () => Bun.file(libraryPath()).bytes();
  const folder = { kind: "folder", path: modelDir() } as const;
  const engine = await openEngine({ library, model: folder, threads: 2, weights: "int8", cacheFolder: undefined });
  const samples = new Float32Array(20 * rate).map((_, i) => Math.sin(i / 9) / 3);
  const once = async () => {
    const listener: Listener = await engine.listen(listening(true));
    await listener.hear(hearing(samples, { tokensMax: 1 }));
    await listener.close();
  };
  for (let i = 0; i < 4; i++) await once();
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 16; i++) await once();
  expect((process.memoryUsage.rss() - before) / 2 ** 20).toBeLessThan(30); // One is 15 MB and more.
  await engine.close();
});
