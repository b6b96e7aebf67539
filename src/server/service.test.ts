import { expect, test } from "bun:test";
import type { Core } from "./hear.ts";
import { Service } from "./service.ts";

function service(lowMemory: boolean): Service {
  const settings = { lowMemory, unloadMs: undefined, queueMax: 1 };
  return new Service({ settings, models: { transcriber: { info: { stepMax: 8 } } } } as unknown as Core);
}

const never = new AbortController().signal;

/** Of these lengths in seconds, those that would wait while the places of the first one's kind are taken. */
function waiting(of: Service, lengths: readonly number[]): number[] {
  while (!of.isBusy(lengths[0]!)) void of.hearing(lengths[0]!, never, () => new Promise(() => {}));
  return lengths.filter((sec) => of.isBusy(sec));
}

test("a recording waits for those of its kind alone, and with little memory for all", () => {
  expect(waiting(service(false), [0, 60, 61, 900, 901, 43_200])).toEqual([0, 60]);
  expect(waiting(service(false), [61, 0, 60, 900, 901, 43_200])).toEqual([61, 900]);
  expect(waiting(service(false), [901, 0, 60, 61, 900, 43_200])).toEqual([901, 43_200]);
  expect(waiting(service(true), [901, 0, 60, 61])).toEqual([901, 0, 60, 61]);
});

test("a request that is over leaves once, whoever says so", async () => {
  const one = service(false);
  const leave = one.admit();
  expect(() => one.admit()).toThrow("too many requests wait");
  const known = one.admit(true); // From before.
  leave();
  leave();
  expect(one.admitted).toBe(1);
  known();
  await one.idle();
});
