/** Tests of the two signals and of work that waits. */

import { expect, test } from "bun:test";
import { Stopped, Stopper, untilStopped } from "./stop.ts";

test("drain leaves drop alone; drop is a drain too, and comes first", () => {
  const drained = new Stopper();
  drained.drain();
  expect([drained.stop.drain.aborted, drained.stop.drop.aborted]).toEqual([true, false]);
  const dropped = new Stopper();
  let wasDropped = false;
  dropped.stop.drain.addEventListener("abort", () => wasDropped = dropped.stop.drop.aborted);
  dropped.drop();
  expect([dropped.stop.drain.aborted, wasDropped]).toEqual([true, true]);
});

test("work that waits ends with the signal, whatever becomes of it", async () => {
  const { stop, drain } = withDrain();
  expect(await untilStopped(Promise.resolve(1), stop)).toBe(1);
  const { promise, reject } = Promise.withResolvers<never>();
  const waiting = untilStopped(promise, stop);
  drain();
  await expect(waiting).rejects.toBeInstanceOf(Stopped);
  reject(new Error("too late to concern anybody"));
  await expect(untilStopped(new Promise(() => {}), stop)).rejects.toBeInstanceOf(Stopped);
});

function withDrain() {
  const stopper = new Stopper();
  return { stop: stopper.stop.drain, drain: () => stopper.drain() };
}
