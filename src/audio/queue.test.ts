/** Tests of reading ahead, and of the audio that is held. */

import { expect, test } from "bun:test";
import { HeldAudio } from "./held.ts";
import { SampleQueue } from "./queue.ts";

const tick = () => new Promise((resolve) => setTimeout(resolve, 1));
const block = (samples: number) => new Float32Array(samples);
/** The number of samples of what was taken. */
const sizeOf = (taken: Awaited<ReturnType<SampleQueue["take"]>>) =>
  taken instanceof Float32Array ? taken.length : taken;

test("it reads ahead as far as it may, and goes on when something is taken", async () => {
  let read = 0;
  const queue = new SampleQueue({ next: () => Promise.resolve(read++ < 10 ? block(10) : undefined) }, 25);
  await tick();
  expect([read, queue.count]).toEqual([3, 30]);
  expect(sizeOf(await queue.take())).toBe(10);
  await tick();
  expect([read, queue.count]).toEqual([4, 30]); // Two waiting blocks are below the limit: one more is read.
  let taken = 1;
  while (await queue.take()) taken++;
  expect(taken).toBe(10);
  expect(await queue.take()).toBeUndefined();
});

test("stopped: what was read is still given, nothing else, even where the source never answers", async () => {
  let first = true;
  const source = {
    next: () => {
      const once = first;
      first = false;
      return once ? Promise.resolve(block(5)) : new Promise<undefined>(() => {});
    },
  };
  const queue = new SampleQueue(source, 100);
  await tick();
  const waiting = [queue.take(), queue.take()];
  queue.stop();
  expect((await Promise.all(waiting)).map(sizeOf)).toEqual([5, undefined]);
});

test("a source that stalls: told after the wait, again and again, and nothing is lost", async () => {
  const waiting = Array.from({ length: 3 }, () => Promise.withResolvers<Float32Array | undefined>());
  const nexts = waiting.values();
  const queue = new SampleQueue({ next: () => nexts.next().value!.promise }, 100);
  expect(await queue.take(5)).toBe("stalled");
  expect(await queue.take(5)).toBe("stalled");
  waiting[0]!.resolve(block(7));
  expect(sizeOf(await queue.take(1000))).toBe(7);
  expect(await queue.take(5)).toBe("stalled");
  const patient = queue.take();
  waiting[1]!.resolve(block(3));
  expect(sizeOf(await patient)).toBe(3);
  const last = queue.take(1000);
  waiting[2]!.resolve(undefined);
  expect(await last).toBeUndefined();
  expect(await queue.take(5)).toBeUndefined();
});

test("a failure comes after what was read", async () => {
  let left = 2;
  const queue = new SampleQueue(
    { next: () => left-- > 0 ? Promise.resolve(block(5)) : Promise.reject(new Error("broken")) },
    100,
  );
  await tick();
  expect([await queue.take(), await queue.take(), await queue.take()].map(sizeOf)).toEqual([
    5,
    5,
    undefined,
  ]);
  expect(queue.failure).toEqual(new Error("broken"));
});

test("held audio by its place in the stream", () => {
  const held = new HeldAudio();
  for (let i = 0; i < 40; i++) {
    held.append(new Float32Array(10_000).fill(i));
    if (i % 2 === 1) held.dropBefore((i - 3) * 10_000);
  }
  expect([held.from, held.to]).toEqual([360_000, 400_000]);
  expect([...held.slice(379_999, 380_001)]).toEqual([37, 38]);
  held.dropBefore(0);
  expect(held.from).toBe(360_000);
  expect(() => held.slice(0, 10)).toThrow(RangeError);
  held.dropBefore(1e9);
  expect([held.from, held.to]).toEqual([400_000, 400_000]);
});
