/** Several decodes at once through the real engine and its thread: each says what it says alone, whatever beside it. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openEngine } from "../src/engine/client.ts";
import type { DecodeRequest, DecodeResult, DecodeToken, Engine } from "../src/engine/engine.ts";
import { specNamed } from "../src/options/table.ts";
import { tokensMaxFor } from "../src/text/budget.ts";
import { clip, hasClip, modelDir } from "./fixtures.ts";
import { clipSamples, libraryPath } from "./native.ts";

const rate = 16_000;
const pieceSec = 8;

type Outcome = { readonly tokens: readonly (readonly [id: number, logprob: number])[]; readonly result: DecodeResult };

function request(samples: Float32Array): DecodeRequest {
  const tokensMax = tokensMaxFor(samples.length / rate);
  return { samples, windowFrames: 800, context: "", language: "", pastText: "", tokensMax };
}

async function piecesOf(name: string): Promise<DecodeRequest[]> {
  const samples = await clipSamples(clip(name).wav);
  const count = Math.ceil(samples.length / (pieceSec * rate));
  return Array.from(
    { length: count },
    (_, i) => request(samples.slice(i * pieceSec * rate, (i + 1) * pieceSec * rate)),
  );
}

async function decode(
  engine: Engine,
  request: DecodeRequest,
  onToken: (token: DecodeToken) => void = () => {},
  signal?: AbortSignal,
): Promise<Outcome> {
  const tokens: [number, number][] = [];
  const result = await engine.decode(request, (token) => {
    tokens.push([token.id, token.logprob]);
    onToken(token);
  }, signal);
  return { tokens, result };
}

async function oneByOne(engine: Engine, requests: readonly DecodeRequest[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const request of requests) outcomes.push(await decode(engine, request));
  return outcomes;
}

/** What was said and why it ended; times differ. */
function said({ tokens, result: { stop, generatedTokens, promptTokens } }: Outcome) {
  return { tokens, stop, generatedTokens, promptTokens };
}

for (const weights of ["bf16", "int8"] as const) {
  describe(weights, () => {
    let engine: Engine;
    let requests: DecodeRequest[];
    let alone: Outcome[];

    beforeAll(async () => {
      const library = () => Bun.file(libraryPath()).bytes();
      const model = { kind: "folder", path: modelDir() } as const;
      engine = await openEngine({ library, model, threads: 2, weights, cacheFolder: undefined });
      const names = ["en-45s", "zh-30s", "en-weather", "silence-3s"].filter(hasClip);
      requests = (await Promise.all(names.map(piecesOf))).flat();
      alone = await oneByOne(engine, requests);
    });

    afterAll(() => engine.close());

    test("more than fit in a step, asked for at once: tokens and probabilities to the bit", async () => {
      expect(specNamed("batch").value!.numberMax).toBe(engine.info.stepMax);
      expect(requests.length).toBeGreaterThan(engine.info.stepMax); // Else no slot is ever used again.
      expect(new Set(alone.map(({ tokens }) => tokens.length)).size).toBeGreaterThan(1); // They end at different steps.
      const together = await Promise.all(requests.map((request) => decode(engine, request)));
      expect(together.map(said)).toEqual(alone.map(said));
      const backwards = await Promise.all(requests.toReversed().map((request) => decode(engine, request)));
      expect(backwards.toReversed().map(said)).toEqual(alone.map(said));
    });

    test("the first one speaks at once; all are heard between two prompts, and they go in step", async () => {
      const order: number[] = [];
      await Promise.all(requests.slice(0, 4).map((request, i) => decode(engine, request, () => order.push(i))));
      const joined = [0, 1, 2, 3].map((i) => order.indexOf(i));
      expect(joined).toEqual(joined.toSorted((a, b) => a - b));
      expect(order.slice(0, joined[1])).toEqual(Array(joined[1]!).fill(0));
      expect(joined[3]).toBeLessThan(order.lastIndexOf(0));
      for (const i of [1, 2, 3]) expect(order.slice(joined[i - 1]! + 1, joined[i])).toContain(0);
    });

    test("times of all add up to the time that passed", async () => {
      const began = performance.now();
      const together = await Promise.all(requests.map((request) => decode(engine, request)));
      const passed = performance.now() - began;
      const sum = together.reduce((all, { result }) => all + result.encodeMs + result.prefillMs + result.decodeMs, 0);
      console.log(`${weights}: ${sum.toFixed(0)} of ${passed.toFixed(0)} ms`);
      expect(sum).toBeLessThanOrEqual(passed);
      expect(sum).toBeGreaterThan(0.6 * passed); // Counted once for each of eight it would be far above.
    });

    test("caps are each one's own", async () => {
      const capped = requests.map((request, i) => (i % 2 === 0 ? { ...request, tokensMax: 3 + i } : request));
      const together = await Promise.all(capped.map((request) => decode(engine, request)));
      together.forEach((outcome, i) => {
        const cut = i % 2 === 0 && alone[i]!.tokens.length > 3 + i;
        expect(outcome.result.stop).toBe(cut ? "cap" : alone[i]!.result.stop);
        expect(outcome.tokens).toEqual(cut ? alone[i]!.tokens.slice(0, 3 + i) : alone[i]!.tokens);
      });
    });

    test("one that cannot be decoded fails by itself", async () => {
      const bad = requests.map((request, i) => (i === 2 || i === 5 ? { ...request, windowFrames: 250 } : request));
      const settled = await Promise.allSettled(bad.map((request) => decode(engine, request)));
      settled.forEach((outcome, i) => {
        if (i === 2 || i === 5) {
          expect(outcome).toMatchObject({ status: "rejected", reason: { message: expect.stringContaining("100") } });
        } else expect(outcome.status === "fulfilled" && said(outcome.value)).toEqual(said(alone[i]!));
      });
    });

    test("cancelled ones end with the start of what they say, what is asked for next is whole", async () => {
      for (const after of [0, 1, 4, 12]) {
        let heard = 0;
        const stop = new AbortController();
        const count = () => void (++heard === after && stop.abort());
        const running = Promise.all(requests.map((request) => decode(engine, request, count, stop.signal)));
        if (after === 0) stop.abort();
        const cut = await running;
        expect(cut.at(-1)!.result).toMatchObject({ stop: "cancelled", generatedTokens: 0 });
        cut.forEach(({ tokens, result }, i) => {
          if (result.stop === "cancelled") expect(tokens).toEqual(alone[i]!.tokens.slice(0, tokens.length));
          else expect(tokens).toEqual(alone[i]!.tokens);
        });
        const next = requests.slice(0, 3);
        const again = await Promise.all(next.map((request) => decode(engine, request)));
        expect(again.map(said)).toEqual(alone.slice(0, 3).map(said));
      }
    });

    test("of eight, one is cancelled and one cannot be: the six others say what they say alone", async () => {
      const stop = new AbortController();
      let heard = 0;
      const eight = requests.slice(0, 8).map((one, i) => (i === 5 ? { ...one, context: "word ".repeat(70_000) } : one));
      const settled = await Promise.allSettled(eight.map((one, i) => {
        if (i !== 2) return decode(engine, one);
        return decode(engine, one, () => void (++heard === 3 && stop.abort()), stop.signal);
      }));
      settled.forEach((outcome, i) => {
        if (i === 5) {
          expect(outcome).toMatchObject({ status: "rejected", reason: { message: expect.stringContaining("65536") } });
        } else if (i !== 2) expect(outcome.status === "fulfilled" && said(outcome.value)).toEqual(said(alone[i]!));
        else if (outcome.status === "fulfilled") {
          const { tokens, result } = outcome.value;
          expect(result.stop).toBe("cancelled");
          expect(tokens).toEqual(alone[i]!.tokens.slice(0, tokens.length));
          expect(tokens.length).toBeLessThan(alone[i]!.tokens.length);
        }
      });
    });
  });
}
