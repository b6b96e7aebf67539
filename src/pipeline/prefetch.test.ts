/** Tests of recordings decoded ahead of their turn, with an engine whose decodes end when the test says so. */

import { expect, test } from "bun:test";
import { everythingIsVoice, fakeAsrTextId, fakeInfo } from "../../tests/support/fake_parts.ts";
import type { DecodeRequest, DecodeResult, DecodeToken, Engine } from "../engine/engine.ts";
import { samplesInMemory } from "../audio/sample_store.ts";
import { InputError } from "../errors.ts";
import { Recording } from "../segment/recording.ts";
import { Prefetch, type PrefetchParts } from "./prefetch.ts";
import type { TranscribeRequest } from "./decoding.ts";
import { transcribe } from "./transcribe.ts";

const rate = 16_000;

type Running = {
  readonly seconds: number;
  readonly end: (stop?: DecodeResult["stop"]) => void;
  readonly fail: () => void;
};

/** Says its request's length. Decodes end one by one with `end`, or with their signals. */
function heldEngine(running: Running[]): Engine {
  const decode = (request: DecodeRequest, onToken: (token: DecodeToken) => void, signal?: AbortSignal) =>
    new Promise<DecodeResult>((resolve, reject) => {
      const seconds = request.samples.length / rate;
      const text = new TextEncoder().encode(`${seconds}s`);
      const bytes = new Uint8Array(0);
      const end = (stop: DecodeResult["stop"] = "end") => {
        if (!running.includes(one)) return;
        running.splice(running.indexOf(one), 1);
        if (stop === "end") onToken({ id: 1, bytes: text, logprob: 0 });
        const counts = { promptTokens: 0, audioTokens: 0, generatedTokens: 2, encodeMs: 1, prefillMs: 1, decodeMs: 1 };
        resolve({ stop, ...counts });
      };
      const fail = () => {
        running.splice(running.indexOf(one), 1);
        reject(new InputError("no"));
      };
      const one = { seconds, end, fail };
      running.push(one);
      if (signal?.aborted) end("cancelled");
      signal?.addEventListener("abort", () => end("cancelled"));
      onToken({ id: fakeAsrTextId, bytes, logprob: 0 });
    });
  const unused = () => Promise.reject(new Error("not here"));
  return {
    info: fakeInfo,
    description: {},
    decode,
    listen: unused,
    align: unused,
    close: async () => {},
  };
}

const base: Omit<TranscribeRequest, "recording" | "memoryBytes"> = {
  voiceJudge: everythingIsVoice,
  startSec: 0,
  segmentSec: 10,
  searchSec: 0,
  windowFrames: 800,
  language: "",
  prompt: "",
  skipSilence: false,
  pastText: false,
  wholeSecMax: 120,
  cutSec: 30,
};

/** Recordings are their lengths in seconds; a negative one cannot be read. */
function start(lengths: readonly number[], changes: Partial<PrefetchParts<number, Float32Array>> = {}) {
  const [running, read, stop]: [Running[], number[], AbortController] = [[], [], new AbortController()];
  const closed = { count: 0 };
  const engine = heldEngine(running);
  const prefetch = new Prefetch<number, Float32Array>(
    {
      engine: () => Promise.resolve(engine),
      memory: () => undefined,
      read: (seconds) => {
        read.push(seconds);
        if (seconds < 0) return Promise.reject(new InputError(`${seconds}: unreadable`));
        return Promise.resolve(new Float32Array(seconds * rate));
      },
      close: () => {
        closed.count++;
        return Promise.resolve();
      },
      transcribe: (_, samples, engine, memoryBytes, stop, onEvent) =>
        transcribe({ ...base, recording: Recording.of(samplesInMemory(samples)), memoryBytes }, engine, stop, onEvent),
      ...changes,
    },
    lengths.values(),
    stop.signal,
  );
  return { prefetch, running, read, closed, stop, lengths: () => running.map(({ seconds }) => seconds) };
}

/** Until all that can happen by itself has happened. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 1));

test("short recordings run together, as many as go in a step and one; each is shown in its turn", async () => {
  const { prefetch, running, read, lengths } = start([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1]);
  const first = prefetch.next()!;
  await settled();
  expect(lengths()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(read).toHaveLength(9);
  running[1]!.end(); // The second is done before the first.
  await settled();
  expect(lengths()).toEqual([1, 3, 4, 5, 6, 7, 8, 9]); // Eight wait for their turn: no more are read.
  running[0]!.end();
  const shown: string[] = [];
  const show = (event: { kind: string; text?: string }) => event.kind === "text" && shown.push(event.text!);
  expect((await first.transcript(show)).text).toBe("1s");
  const second = prefetch.next()!;
  expect(shown).toEqual(["1s"]);
  expect((await second.transcript(show)).text).toBe("2s");
  expect(shown).toEqual(["1s", "2s"]);
  await settled();
  expect(lengths()).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  prefetch.next();
  await settled();
  expect(lengths()).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 1]);
  await prefetch.end();
  expect(running).toEqual([]);
});

test("a long recording lets the next in when its last segment is at the engine", async () => {
  const { prefetch, running, read } = start([120, 5]);
  const first = prefetch.next()!;
  const result = first.transcript(() => {});
  await settled();
  expect([running.length, read]).toEqual([9, [120]]);
  for (let ended = 0; ended < 3; ended++) {
    expect(read).toEqual([120]);
    running[0]!.end();
    await settled();
  }
  expect([running.length, read]).toEqual([9, [120]]); // All its twelve are there, and nothing else fits.
  running[0]!.end();
  await settled();
  expect([running.length, read]).toEqual([9, [120, 5]]);
  while (running.length > 0) {
    running[0]!.end();
    await settled();
  }
  expect((await result).text.split(" ")).toHaveLength(12);
  expect((await prefetch.next()!.transcript(() => {})).text).toBe("5s");
  expect(prefetch.next()).toBeUndefined();
});

test("one at a time: nothing is read before its turn", async () => {
  const { prefetch, running, read } = start([1, 2], { decodesMax: 1 });
  const first = prefetch.next()!;
  await settled();
  expect([running.length, read]).toEqual([1, [1]]);
  running[0]!.end();
  await first.transcript(() => {});
  await settled();
  expect(read).toEqual([1]);
  const second = prefetch.next()!;
  await settled();
  running[0]!.end();
  expect((await second.transcript(() => {})).text).toBe("2s");
});

test("one that cannot be read fails in its turn, and the others go on beside it", async () => {
  const { prefetch, running, lengths } = start([1, -1, 3]);
  const first = prefetch.next()!;
  await settled();
  expect(lengths()).toEqual([1, 3]);
  running[1]!.end();
  running[0]!.end();
  expect((await first.transcript(() => {})).text).toBe("1s");
  await expect(prefetch.next()!.audio).rejects.toThrow("unreadable");
  expect((await prefetch.next()!.transcript(() => {})).text).toBe("3s");
});

test("one that fails while it decodes takes none of the others with it", async () => {
  const { prefetch, running } = start([25, 4]);
  const first = prefetch.next()!;
  await settled();
  expect(running).toHaveLength(4);
  running[0]!.fail(); // The others of the first recording are no longer wanted, and end.
  await settled();
  expect(running.map(({ seconds }) => seconds)).toContain(4);
  while (running.length > 0) running[0]!.end();
  await expect(first.transcript(() => {})).rejects.toThrow("no");
  expect((await prefetch.next()!.transcript(() => {})).text).toBe("4s");
});

test("a stopped run ends what runs and what waits, and begins nothing", async () => {
  const { prefetch, running, read, closed, stop } = start([50, 60, 1, 2, 3, 4]);
  const first = prefetch.next()!;
  const result = first.transcript(() => {});
  await settled();
  expect([running.length, read]).toEqual([9, [50, 60]]);
  stop.abort();
  expect(await result).toMatchObject({ text: "", stopped: true });
  await prefetch.end();
  expect([running.length, read, closed.count]).toEqual([0, [50, 60], 1]); // The other had its turn.
});
