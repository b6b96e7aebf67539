/** Tests of `qwen-asr info`: for people, as JSON, without a model, with a wrong one. */

import { expect, test } from "bun:test";
import { ModelError } from "../../errors.ts";
import { fakeEngine, fakeParts } from "../../../tests/support/fake_parts.ts";
import type { ProgramParts } from "../parts.ts";
import { createProgram } from "../program.ts";

async function info(line: string, isWatched: boolean, changes: Partial<ProgramParts> = {}) {
  const engine = fakeEngine(() => ({ says: "" }));
  const choices: unknown[] = [];
  const parts = fakeParts(engine, {
    env: { HOME: "/folder/ann" },
    openEngine: (choice) => {
      choices.push(choice);
      return Promise.resolve(engine);
    },
    ...changes,
  });
  const program = createProgram({ ...parts, terminal: { ...parts.terminal, isWatched } });
  const code = await program(["info", ...line.split(" ").filter(Boolean)]);
  return { code, out: parts.out(), err: parts.err(), choices, engine };
}

test("on a terminal, for people: what a run with these options uses", async () => {
  const { code, out, choices, engine } = await info("-d /models/large -t 2 --weights int4 --no-cache", true);
  expect({ code, isClosed: engine.isClosed() }).toEqual({ code: 0, isClosed: true });
  expect(choices).toMatchObject([{
    model: { kind: "folder", path: "/models/large" },
    threads: 2,
    weights: "int4",
    cache: false,
  }]);
  expect(out).toContain("Model      Qwen3-ASR-0.6B, /models/large\n");
  expect(out).toContain("Weights    int8, packed in memory\n");
  expect(out).toContain("Threads    2\nKernels    avx2\n");
  expect(out).toContain("Installed  small, large, aligner\n");
});

test("as JSON in a pipe, and with --json on a terminal", async () => {
  for (const [line, isWatched] of [["", false], ["--json", true], ["--json", false]] as const) {
    const { code, out, choices } = await info(line, isWatched);
    expect(code).toBe(0);
    expect(choices).toMatchObject([{ threads: 0, weights: "int8", cache: true }]);
    expect(JSON.parse(out)).toMatchObject({
      name: "fake",
      path: "/models/small",
      installed: ["small", "large", "aligner"],
      memory_free: 8 * 2 ** 30,
    });
  }
});

test("without a model: what is installed and where, exit 0; a model that was named must be there", async () => {
  const missing = () => Promise.reject(new ModelError("no model"));
  const changes = { locateModel: missing, locateAligner: missing };
  const shown = await info("", true, changes);
  expect(shown.code).toBe(0);
  expect(shown.out).toStartWith("Installed  no model but the built-in demo\nModels in  /folder/ann/");
  expect(shown.out).toEndWith("No model: run 'qwen-asr download small' (1.9 GB), or try '-d demo'\n");
  const piped = await info("", false, changes);
  expect(JSON.parse(piped.out)).toMatchObject({ installed: [], models_folder: expect.stringMatching(/models$/) });
  expect((await info("-d small", true, changes)).code).toBe(3);
  expect((await info("", true, { ...changes, env: { QWEN_ASR_MODEL: "small" } })).code).toBe(3);
  expect((await info("", true, { ...changes, env: {} })).out).toContain("Cache in   nowhere: HOME is not set\n");
});
