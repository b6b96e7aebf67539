/**
 * The engine against the official implementation in f32, stage by stage: mel, encoder rows, prompt ids, greedy tokens,
 * top-5 logits; for every thread count and every instruction set this CPU has.
 *
 * Bounds: mel 1e-4 (log10 of f32 power sums near the floor), encoder rows cosine 0.99999, logits 0.02: the clips' two
 * best logits are at least 0.05 apart, so tokens must be equal.
 */

import { describe, expect, test } from "bun:test";
import type { ModelHandle, SessionHandle } from "../src/engine/native.ts";
import {
  clip,
  clips,
  golden,
  type GoldenRun,
  goldenTensors,
  type GoldenVariant,
  goldenVariants,
  readTensor,
} from "./fixtures.ts";
import { clipSamples, encode, libraryPath, model, nanoModel, native, smallestCosine } from "./native.ts";
import { modelDir } from "./fixtures.ts";
import { instructionSetsAndPlain } from "./harness.ts";
import { testWhere } from "./support/where.ts";

const HIDDEN = 128;
const BINS = 128;
const windowFrames: Partial<Record<GoldenVariant, number>> = { window_2s: 200, window_4s: 400 };

/** Greedy tokens after a prompt, and how far the five best logits are from the golden's. */
function decode(handle: ModelHandle, session: SessionHandle, samples: Float32Array, run: GoldenRun, window: number) {
  const lib = native();
  lib.truncate(session, 0);
  const rows = encode(handle, samples, window, HIDDEN);
  lib.extend(session, Uint32Array.from(run.prompt_ids), rows, rows.length / HIDDEN);
  const tokens: number[] = [];
  let logitError = 0;
  for (;;) {
    const top = lib.top(session, 5);
    run.top5[tokens.length]?.forEach(([, logit], rank) => {
      logitError = Math.max(logitError, Math.abs(top.logits[rank]! - logit));
    });
    const { id } = lib.next(session);
    expect(id).toBe(top.ids[0]!);
    if (lib.isEnd(handle, id) || tokens.length > run.tokens.length) return { tokens, logitError };
    tokens.push(id);
    lib.extend(session, Uint32Array.of(id), null, 0);
  }
}

function largestDifference(got: Float32Array, want: Float32Array): number {
  return want.reduce((largest, value, i) => Math.max(largest, Math.abs(value - got[i]!)), 0);
}

describe("stages", () => {
  const lib = native();
  const handle = nanoModel();
  const session = lib.openSession(handle);
  const encoder = lib.openEncoder(handle);
  for (const { name, wav, context, language } of clips()) {
    const expected = golden(name);
    testWhere(expected !== undefined, "a golden")(name, async () => {
      const samples = await clipSamples(wav);
      const tensors = goldenTensors(name);
      if (tensors !== undefined) {
        const mel = readTensor(tensors, "mel").values;
        const got = lib.mel(encoder, samples, BINS);
        expect(got.length).toBe(mel.length);
        expect(largestDifference(got, mel)).toBeLessThanOrEqual(1e-4);
        const rows = readTensor(tensors, "encoder").values;
        const encoded = encode(handle, samples, 0, HIDDEN);
        expect(encoded.length).toBe(rows.length);
        expect(smallestCosine(encoded, rows, HIDDEN)).toBeGreaterThanOrEqual(0.99999);
      }
      for (const variant of goldenVariants) {
        const run = expected![variant];
        if (run === undefined) continue;
        const forced = variant === "forced_language" ? language : "";
        const prompt = lib.prompt(handle, expected!.audio_tokens, variant === "context" ? context : "", forced);
        expect([...prompt]).toEqual([...run.prompt_ids]);
        const { tokens, logitError } = decode(handle, session, samples, run, windowFrames[variant] ?? 0);
        expect({ variant, tokens }).toEqual({ variant, tokens: [...run.tokens] });
        expect(logitError).toBeLessThanOrEqual(0.02);
      }
    });
  }
});

describe("the same text", () => {
  const names = ["en-weather", "zh-weather", "en-subsecond"].filter((name) => golden(name) !== undefined);

  test("with 1, 2 and 3 threads", async () => {
    for (const threads of [1, 2, 3]) {
      const handle = model(modelDir(), threads);
      const session = native().openSession(handle);
      for (const name of names) {
        const run = golden(name)!.plain;
        const { tokens } = decode(handle, session, await clipSamples(clip(name).wav), run, 0);
        expect({ threads, name, tokens }).toEqual({ threads, name, tokens: [...run.tokens] });
      }
      native().closeSession(session);
    }
  });

  for (const isa of instructionSetsAndPlain) {
    test(`with QWEN_ASR_ISA=${isa}`, async () => {
      const child = Bun.spawn([
        process.execPath,
        "test",
        import.meta.path,
        "-t",
        "^stages en-weather$|^stages zh-weather$",
      ], {
        env: { ...process.env, QWEN_ASR_ISA: isa, QWEN_ASR_LIB: libraryPath() },
        stdout: "ignore",
        stderr: "pipe",
      });
      const log = await new Response(child.stderr).text();
      if (log.includes("this processor does not have it")) return; // Nothing to compare on this CPU.
      expect({ isa, code: await child.exited, log: log.includes(" 2 pass") ? "" : log }).toEqual({
        isa,
        code: 0,
        log: "",
      });
    });
  }
});
