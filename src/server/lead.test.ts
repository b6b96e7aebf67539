import { expect, test } from "bun:test";
import { Lead } from "./lead.ts";

test("live sound is not ahead, a file is until its time has passed", () => {
  let ms = 0;
  const lead = new Lead(() => ms);
  const push = (seconds: number, tookMs: number) => {
    ms += tookMs;
    lead.add(seconds * 16_000);
    return lead.isAhead;
  };
  for (let second = 0; second < 100; second++) expect(push(1, 1000)).toBe(false);
  expect(push(4, 0)).toBe(false);
  expect(push(2, 0)).toBe(true);
  ms += 2000;
  expect(lead.isAhead).toBe(false);
  expect(push(600, 0)).toBe(true);
  ms += 590_000;
  expect(lead.isAhead).toBe(true);
  ms += 20_000;
  expect(lead.isAhead).toBe(false);
});

test("what came late is made up for, a long silence is not", () => {
  let ms = 0;
  const lead = new Lead(() => ms);
  ms += 30_000;
  lead.add(30 * 16_000);
  expect(lead.isAhead).toBe(false);
  ms += 3_600_000;
  lead.add(600 * 16_000);
  expect(lead.isAhead).toBe(true);
});
