import { expect, test } from "bun:test";
import type { Core } from "./hear.ts";
import { Service } from "./service.ts";

function service(lowMemory: boolean): Service {
  const settings = { lowMemory, unloadMs: undefined, queueMax: 1 };
  return new Service({ settings, models: { transcriber: { info: { stepMax: 8 } } } } as unknown as Core);
}

test("a recording waits for those of its kind alone, and with little memory for all", () => {
  const kinds = (of: Service) => new Set([0, 60, 61, 900, 901, 43_200].map((sec) => of.placesFor(sec)));
  const usual = service(false);
  expect(kinds(usual).size).toBe(3);
  expect(usual.placesFor(61)).toBe(usual.placesFor(900));
  expect(kinds(service(true)).size).toBe(1);
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
