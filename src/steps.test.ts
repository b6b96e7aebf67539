import { expect, test } from "bun:test";
import { inSteps, type Steps } from "./steps.ts";

/** Works for so many times 5 ms. */
function* working(times: number): Steps<number> {
  for (let done = 0; done < times; done++) {
    const start = performance.now();
    while (performance.now() - start < 5);
    yield;
  }
  return times;
}

test("timers and what has arrived have their turn while long work is done", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  expect(await inSteps(working(40))).toBe(40);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(5); // Of some ten pauses; without any there is none.
});

test("work that is stopped ends at its next pause", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("stopped")), 20);
  const start = performance.now();
  expect(await inSteps(working(2000), stop.signal).catch(String)).toBe("Error: stopped");
  expect(performance.now() - start).toBeLessThan(1000); // Of ten seconds.
});
