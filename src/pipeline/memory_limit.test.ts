/** Tests of --max-ram: which precision fits, what is left for requests, and what is said where nothing fits. */

import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeEngine } from "../../tests/support/fake_parts.ts";
import { sizeOf, weightsSize } from "../model/weights_size.ts";
import type { EngineChoice } from "./host.ts";
import { fittingPrecision, neededBytes, pieceSecWithin, withinMemory } from "./memory_limit.ts";

/** Of Qwen3-ASR-0.6B, as its files of packed weights have them. */
const small = { bf16: 1.564e9, int8: 831e6, int4: 640e6 };

test("the wanted precision where it fits, else the next, and none that was not allowed", () => {
  const fits = (bytes: number, isPrecisionFree = true) => fittingPrecision(small, "int8", { bytes, isPrecisionFree });
  expect([3e9, 1.2e9, 1.1e9, 1e9, 0.9e9].map((bytes) => fits(bytes))).toEqual([
    "int8",
    "int8",
    "int4",
    "int4",
    undefined,
  ]);
  expect(fits(1.1e9, false)).toBeUndefined();
});

test("the size of weights at each precision: matrices of the decoder at 4 bits, a tied head once", () => {
  const counts = new Map([
    ["thinker.model.embed_tokens.weight", 3200],
    ["thinker.lm_head.weight", 3200],
    ["thinker.model.layers.0.mlp.up_proj.weight", 320],
    ["thinker.model.layers.0.self_attn.o_proj.weight", 320],
    ["thinker.audio_tower.layers.0.self_attn.q_proj.weight", 320],
  ]);
  expect(sizeOf(counts, true)).toEqual({ bf16: 2 * 4160, int8: 4420, int4: 4260 });
  expect(sizeOf(counts, false).bf16).toBe(2 * 7360);
});

/** A folder with a header that says so many weights. */
function model(count: number) {
  const path = mkdtempSync(join(tmpdir(), "qwen-asr-test-"));
  const head = new TextEncoder().encode(
    JSON.stringify({ a: { shape: [count / 8, 8] }, __metadata__: { format: "pt" } }),
  );
  const file = new Uint8Array(8 + head.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.length), true);
  file.set(head, 8);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "model.safetensors"), file);
  return { kind: "folder", path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) } as const;
}

test("a header is read, and one that is none is no weights", async () => {
  using place = model(3200);
  expect(await weightsSize(place)).toEqual({ bf16: 6400, int8: 3400, int4: 3400 });
  writeFileSync(join(place.path, "model.safetensors"), "damaged");
  expect((await weightsSize(place)).bf16).toBe(0);
});

test("what is left is for requests; a model that is closed gives back what it took", async () => {
  using place = model(800e6);
  const choices: EngineChoice[] = [];
  const host = {
    availableMemory: () => 500e6,
    openEngine: (choice: EngineChoice) => {
      choices.push(choice);
      return Promise.resolve(fakeEngine(() => ({ says: "" })));
    },
  };
  const said: string[] = [];
  const limited = withinMemory(host, { bytes: 1.25e9, isPrecisionFree: true }, (text) => said.push(text));
  const choice = { model: place, threads: 0, weights: "bf16", cache: true } as const;
  const engine = await limited.openEngine(choice);
  expect({ weights: choices[0]!.weights, said }).toEqual({
    weights: "int8",
    said: ["1.25 GB of memory: int8 instead of bf16"],
  });
  expect(limited.allowedMemory()).toBe(150e6);
  expect([limited.availableMemory(), choices[0]!.memory!()]).toEqual([150e6, 150e6]);
  const { message, hint } = await limited.openEngine(choice).then(() => ({ message: "", hint: "" }), (error) => error);
  expect(message).toBe(
    `--max-ram 1.25 GB is too little for ${place.path} beside the other model (--low-memory has one at a time)`,
  );
  expect(hint).toContain("it takes 2.05 GB with --weights int4, ");
  await engine.close();
  expect([limited.allowedMemory(), limited.availableMemory()]).toEqual([1e9, 500e6]);
  expect(neededBytes(850e6)).toBe(1.2e9);
  expect([150e6, 1e6, Infinity].map((bytes) => pieceSecWithin(bytes, 114_688))).toEqual([39, 20, Infinity]);
});
