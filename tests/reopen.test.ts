/** Models opened and closed again and again in one process: neither descriptors nor memory grow. */

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { openEngine } from "../src/engine/client.ts";
import { clip, modelDir } from "./fixtures.ts";
import { clipSamples, libraryPath } from "./native.ts";

const rounds = Number(process.env.QWEN_ASR_TEST_REOPEN ?? 10);

test("after the third time nothing more is held", async () => {
  const samples = await clipSamples(clip("en-short").wav);
  const library = () => Bun.file(libraryPath()).bytes();
  const open = (name: "nano-asr" | "nano-aligner") => {
    const model = { kind: "folder", path: modelDir(name) } as const;
    return openEngine({ library, model, threads: 2, weights: "int8", cacheFolder: undefined });
  };
  const round = async () => {
    const [asr, aligner] = await Promise.all([open("nano-asr"), open("nano-aligner")]);
    const speech = { samples, windowFrames: 800, context: "", language: "", pastText: "", tokensMax: 20 };
    await Promise.all([asr.decode(speech, () => {}), aligner.align({ samples, words: ["good", "morning"] })]);
    await Promise.all([asr.close(), aligner.close()]);
    Bun.gc(true);
    await Bun.sleep(300); // Threads of workers end a little later.
    return { descriptors: readdirSync("/proc/self/fd").length, megabytes: process.memoryUsage.rss() / 2 ** 20 };
  };
  const held = [];
  for (let i = 0; i < rounds; i++) held.push(await round());
  const [third, last] = [held[2]!, held.at(-1)!];
  const list = (values: readonly number[]) => values.map((value) => value.toFixed(0)).join(", ");
  console.log(`resident: ${list(held.map(({ megabytes }) => megabytes))} MiB`);
  console.log(`descriptors: ${list(held.map(({ descriptors }) => descriptors))}`);
  expect(last.descriptors).toBeLessThanOrEqual(third.descriptors);
  expect(last.megabytes - third.megabytes).toBeLessThan(20);
}, 120_000);
