/** Tests of recordings decoded ahead of their turn, with an engine whose decodes end when the test says so. */

import { expect, test } from "bun:test";
import { fakeAsrTextId, fakeInfo } from "../cli/fake_parts.ts";
import type { DecodeRequest, DecodeResult, DecodeToken, Engine } from "../engine/engine.ts";
import { samplesInMemory } from "../audio/sample_store.ts";
import { InputError } from "../errors.ts";
import { Recording } from "../segment/recording.ts";
import { Ahead, type AheadParts } from "./ahead.ts";
import { transcribe, type TranscribeRequest } from "./transcribe.ts";

const rate = 16_000;

type Running = {
  readonly seconds: number;
  readonly end: (stop?: DecodeResult["stop"]) => void;
  readonly fail: () => void;
};

/** Says its request's length. Decodes end one by one with `end`, all that run with `cancel`. */
function heldEngine(running: Running[]): Engine {
  const decode = (request: DecodeRequest, onToken: (token: DecodeToken) => void) =>
    new Promise<DecodeResult>((resolve, reject) => {
      const seconds = request.samples.length / rate;
      const text = new TextEncoder().encode(`${seconds}s`);
      const bytes = new Uint8Array(0);
      const end = (stop: DecodeResult["stop"] = "end") => {
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
      onToken({ id: fakeAsrTextId, bytes, logprob: 0 });
    });
  const unused = () => Promise.reject(new Error("not here"));
  const cancel = () => [...running].forEach(({ end }) => end("cancelled"));
  return { info: fakeInfo, description: {}, decode, cancel, listen: unused, align: unused, close: async () => {} };
}

const base: Omit<TranscribeRequest, "recording" | "memoryBytes"> = {
  startSec: 0,
  segmentSec: 10,
  searchSec: 0,
  windowFrames: 800,
  language: "",
  prompt: "",
  skipSilence: false,
  pastText: false,
  wholeSecMax: 120,
};

/** Recordings are their lengths in seconds; a negative one cannot be read. */
function start(lengths: readonly number[], changes: Partial<AheadParts<number, Float32Array>> = {}) {
  const [running, read, stop]: [Running[], number[], AbortController] = [[], [], new AbortController()];
  const closed = { count: 0 };
  const engine = heldEngine(running);
  stop.signal.addEventListener("abort", () => engine.cancel());
  const ahead = new Ahead<number, Float32Array>(
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
      transcribe: (samples, engine, memoryBytes, stop, onEvent) =>
        transcribe({ ...base, recording: Recording.of(samplesInMemory(samples)), memoryBytes }, engine, stop, onEvent),
      ...changes,
    },
    lengths.values(),
    stop.signal,
  );
  return { ahead, running, read, closed, stop, lengths: () => running.map(({ seconds }) => seconds) };
}

/** Until all that can happen by itself has happened. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 1));

test("short recordings run together, as many as go in a step and one; each is shown in its turn", async () => {
  const { ahead, running, read, lengths } = start([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1]);
  const first = ahead.next()!;
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
  const second = ahead.next()!;
  expect(shown).toEqual(["1s"]);
  expect((await second.transcript(show)).text).toBe("2s");
  expect(shown).toEqual(["1s", "2s"]);
  await settled();
  expect(lengths()).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  ahead.next();
  await settled();
  expect(lengths()).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 1]);
  await ahead.end();
  expect(running).toEqual([]);
});

test("a long recording lets the next in when its last segment is at the engine", async () => {
  const { ahead, running, read } = start([120, 5]);
  const first = ahead.next()!;
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
  expect((await ahead.next()!.transcript(() => {})).text).toBe("5s");
  expect(ahead.next()).toBeUndefined();
});

test("one at a time: nothing is read before its turn", async () => {
  const { ahead, running, read } = start([1, 2], { decodesMax: 1 });
  const first = ahead.next()!;
  await settled();
  expect([running.length, read]).toEqual([1, [1]]);
  running[0]!.end();
  await first.transcript(() => {});
  await settled();
  expect(read).toEqual([1]);
  const second = ahead.next()!;
  await settled();
  running[0]!.end();
  expect((await second.transcript(() => {})).text).toBe("2s");
});

test("their caches share half of the memory, one always runs", async () => {
  const { ahead, running, read } = start([10, 10, 10, 10], { memory: () => 2 * 2.5 * 40e6 });
  ahead.next();
  await settled();
  expect([running.length, read.length]).toEqual([2, 3]); // The third waits for room: its length was not known before.
  running[0]!.end();
  await settled();
  expect([running.length, read.length]).toEqual([2, 4]);
  await ahead.end();
  const small = start([10, 10], { memory: () => 1 });
  const first = small.ahead.next()!;
  await settled();
  await expect(first.transcript(() => {})).rejects.toThrow("memory");
});

test("one that cannot be read fails in its turn, and the others go on beside it", async () => {
  const { ahead, running, lengths } = start([1, -1, 3]);
  const first = ahead.next()!;
  await settled();
  expect(lengths()).toEqual([1, 3]);
  running[1]!.end();
  running[0]!.end();
  expect((await first.transcript(() => {})).text).toBe("1s");
  await expect(ahead.next()!.audio).rejects.toThrow("unreadable");
  expect((await ahead.next()!.transcript(() => {})).text).toBe("3s");
});

test("one that fails while it decodes takes none of the others with it", async () => {
  const { ahead, running } = start([25, 4]);
  const first = ahead.next()!;
  await settled();
  expect(running).toHaveLength(4);
  running[0]!.fail(); // The others of the first recording are no longer wanted.
  await settled();
  expect(running.map(({ seconds }) => seconds)).toContain(4);
  while (running.length > 0) running[0]!.end();
  await expect(first.transcript(() => {})).rejects.toThrow("no");
  expect((await ahead.next()!.transcript(() => {})).text).toBe("4s");
});

test("a stopped run ends what runs and what waits, and begins nothing", async () => {
  const { ahead, running, read, closed, stop } = start([50, 60, 1, 2, 3, 4]);
  const first = ahead.next()!;
  const result = first.transcript(() => {});
  await settled();
  expect([running.length, read]).toEqual([9, [50, 60]]);
  stop.abort();
  expect(await result).toMatchObject({ text: "", stopped: true });
  await ahead.end();
  expect([running.length, read, closed.count]).toEqual([0, [50, 60], 1]); // The other had its turn.
});
