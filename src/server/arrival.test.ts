/** Tests of a model that comes while another serves: how far it is, failures that are tried again, the end. */

import { expect, test } from "bun:test";
import { Arrival } from "./arrival.ts";
import { infoReply } from "./info.ts";
import type { Core } from "./hear.ts";

test("it tells how far it is, and comes after failures", async () => {
  const lines: string[] = [];
  const seen: unknown[] = [];
  let tries = 0;
  const arrival = new Arrival(
    "small",
    (onBytes) => {
      seen.push(arrival.state);
      onBytes(10 * ++tries, 40);
      seen.push(arrival.state);
      return tries < 3 ? Promise.reject(new Error(`fault ${tries}`)) : Promise.resolve();
    },
    (line) => void lines.push(line),
    1,
  );
  await arrival.come(new AbortController().signal);
  const state = (doneBytes: number, totalBytes: number, fault = "") => (
    { model: "small", doneBytes, totalBytes, fault }
  );
  expect(seen).toEqual([
    ...[state(0, 0), state(10, 40), state(10, 40, "fault 1"), state(20, 40), state(20, 40, "fault 2"), state(30, 40)],
  ]);
  expect(lines).toEqual(["fault 1", "trying again in 0 s", "fault 2", "trying again in 0 s"]);
});

test("a signal ends it, also while it waits", async () => {
  const end = new AbortController();
  const failing = new Arrival("small", () => Promise.reject(new Error("no")), () => end.abort(), 1e9);
  await expect(failing.come(end.signal)).rejects.toThrow();
  const running = new Arrival("small", (_, stop) => Promise.reject(stop.reason), () => {}, 1);
  await expect(running.come(AbortSignal.abort(new Error("over")))).rejects.toThrow("over");
});

test("what the page is told", async () => {
  const arriving = () => ({ model: "small", doneBytes: 1, totalBytes: 4, fault: "no route" });
  const transcriber = { info: { name: "Fake", languages: [] }, choice: { model: { kind: "demo" } } };
  const [host, settings] = [{ hasSpeakers: () => false }, { keys: [] }];
  const core = { host, settings, models: { transcriber }, arriving } as unknown as Core;
  expect(await infoReply(core, "", []).json()).toMatchObject({
    ...{ model: "Fake", demo: true },
    download: { model: "small", bytes_done: 1, bytes_total: 4, error: "no route" },
  });
});
