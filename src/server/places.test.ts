import { expect, test } from "bun:test";
import { Stopped } from "../stop.ts";
import { Places } from "./places.ts";

const never = new AbortController().signal;

/** Tasks that end when they are told to. */
function tasks(places: Places) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const add = (name: string, work: number, stop = never) =>
    places.run(work, stop, () => {
      begun.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    });
  const end = async (name: string) => {
    await Bun.sleep(0);
    ends.get(name)!();
    await Bun.sleep(0);
  };
  return { begun, add, end };
}

test("those with little to do come first, and nobody waits more times their own work than others", async () => {
  let now = 0;
  const { begun, add, end } = tasks(new Places(1, () => now));
  for (const [name, work] of [["a", 9], ["long", 100], ["short", 1]] as const) void add(name, work);
  now = 9;
  await end("a");
  void add("middle", 10);
  now = 30; // "middle" has waited for 2.1 times its work, "long" for a third of it.
  await end("short");
  now = 40;
  await end("middle");
  expect(begun).toEqual(["a", "short", "middle", "long"]);
});

test("nobody waits for ever", async () => {
  let now = 0;
  const { begun, add, end } = tasks(new Places(1, () => now));
  void add("first", 1);
  void add("long", 100);
  void add("short 0", 1);
  let last = "first";
  for (let index = 1; index < 1000 && !begun.includes("long"); index++) {
    void add(`short ${index}`, 1); // Two wait at any time, so each waits for twice its work.
    now += 1;
    await end(last);
    last = begun.at(-1)!;
  }
  expect(begun.indexOf("long")).toBe(200);
});

test("one that is given up leaves the line", async () => {
  const places = new Places(1);
  const { begun, add, end } = tasks(places);
  const stop = new AbortController();
  void add("a", 1);
  const waiting = add("b", 1, stop.signal);
  void add("c", 2);
  stop.abort();
  await expect(waiting).rejects.toBeInstanceOf(Stopped);
  await end("a");
  expect(begun).toEqual(["a", "c"]);
  await end("c");
  expect([places.taken, places.waiting]).toEqual([0, 0]);
});
