/** Tests of opening, checking and giving back models, with a host whose engines are scripts. */

import { expect, test } from "bun:test";
import { fakeEngine, fakeInfo } from "../../tests/support/fake_parts.ts";
import type { ModelInfo } from "../engine/engine.ts";
import type { ModelPlace } from "../model/locate.ts";
import { Stopped } from "../stop.ts";
import type { Notice } from "./events.ts";
import type { ModelHost, ModelsRequest } from "./host.ts";
import { openModels } from "./models.ts";

const request: ModelsRequest = {
  ...{ model: undefined, aligner: undefined, language: "", threads: 0, weights: "int8", cache: true },
  ...{ align: false, lowMemory: false },
};
const aligner: Partial<ModelInfo> = { kind: "aligner", name: "Qwen3-ForcedAligner-0.6B" };

/** `infos`: of the engines in the order they are opened. */
function fakeHost(infos: readonly Partial<ModelInfo>[], changes: Partial<ModelHost> = {}) {
  const opened: { readonly place: ModelPlace; readonly isClosed: () => boolean }[] = [];
  const host: ModelHost = {
    locateModel: (dir) =>
      Promise.resolve(dir === "demo" ? { kind: "demo" } : { kind: "folder", path: "/models/small" }),
    locateAligner: (_, isDemo) => Promise.resolve(isDemo ? { kind: "demo-aligner" } : { kind: "folder", path: "/a" }),
    openEngine: ({ model }) => {
      const engine = fakeEngine(() => ({ says: "" }), { ...fakeInfo, ...infos[opened.length] });
      opened.push({ place: model, isClosed: engine.isClosed });
      return Promise.resolve(engine);
    },
    modelHash: ({ kind }) => Promise.resolve(`hash of ${kind}`),
    availableMemory: () => 2 ** 30,
    splitters: () => Promise.resolve({}),
    ...changes,
  };
  return { host, opened, open: () => opened.map(({ isClosed }) => !isClosed()) };
}

async function opening(host: ModelHost, changes: Partial<ModelsRequest> = {}, stop = new AbortController().signal) {
  const notices: Notice[] = [];
  const models = await openModels(host, { ...request, ...changes }, stop, (notice) => notices.push(notice));
  return { ...models, lines: notices.filter(({ kind }) => kind === "notice").map(({ text }) => text) };
}

test("the aligner is found before the transcriber takes its time, and each says what it is", async () => {
  const { host, opened } = fakeHost([aligner, {}]);
  const { transcriber, timer, lines } = await opening(host, { align: true, model: "demo" });
  expect(opened.map(({ place }) => place.kind)).toEqual(["demo-aligner", "demo"]);
  expect(lines[0]).toBe("Loading the built-in demo model");
  expect(lines.slice(-3)).toEqual(["Loading the built-in demo aligner", "Detected: Qwen3-ASR-0.6B", "Model loaded."]);
  expect(transcriber.autoLimits).toEqual({ wholeSecMax: 40, cutSec: 10 });
  expect((await transcriber.known()).hash).toBe("hash of demo");
  expect(timer?.model.hash).toBe("hash of demo-aligner");
});

test("less memory than a model takes is told before it is opened, where no limit has decided", async () => {
  const free = (mb: number): Partial<ModelHost> => ({ availableMemory: () => mb * 1e6 });
  const line =
    "Memory: 60.0 MB are free, and the model takes about 90.0 MB: the run may be slow, and the system may end it";
  const { lines } = await opening(fakeHost([aligner, {}], free(60)).host, { align: true, model: "demo" });
  expect(lines.slice(2)).toEqual([
    ...["Loading the built-in demo aligner", line, line, "Detected: Qwen3-ASR-0.6B", "Model loaded."],
  ]);
  for (const host of [free(90), { ...free(60), allowedMemory: () => 60e6 }]) {
    expect((await opening(fakeHost([], host).host, { model: "demo" })).lines).not.toContain(line);
  }
});

test("a model that is given back comes back when it is needed", async () => {
  const { host, open } = fakeHost([]);
  const { transcriber } = await opening(host);
  expect(await transcriber.engine()).toBe(await transcriber.engine());
  await transcriber.close();
  await transcriber.close();
  expect(open()).toEqual([false]);
  await transcriber.engine();
  expect(open()).toEqual([false, true]);
});

test("what cannot be used is closed again", async () => {
  const wrong = fakeHost([aligner]);
  await expect(opening(wrong.host)).rejects.toThrow("/models/small: Qwen3-ForcedAligner-0.6B aligns text");
  const noAligner = fakeHost([{}]);
  await expect(opening(noAligner.host, { align: true })).rejects.toThrow("/a: Qwen3-ASR-0.6B transcribes");
  const other = fakeHost([aligner, { languages: ["English"] }]);
  await expect(opening(other.host, { align: true, language: "German" })).rejects.toThrow("knows English");
  expect([wrong, noAligner, other].map(({ open }) => open())).toEqual([[false], [false], [false, false]]);
});

test("a stop while a model is looked for ends the opening", async () => {
  const { host, opened } = fakeHost([], { locateModel: () => new Promise(() => {}) });
  await expect(opening(host, {}, AbortSignal.abort())).rejects.toBeInstanceOf(Stopped);
  expect(opened).toEqual([]);
});
