/** Tests of `qwen-asr doctor`: right advice under limits, damaged downloads, hubs, one page, JSON, exit codes. */

import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { builtinContainers } from "../../audio/decoders/open.ts";
import type { Measured } from "../../engine/measure.ts";
import { locateAligner, locateModel } from "../../model/locate.ts";
import { openHub } from "../../model/hub/fake_hub.ts";
import { machineLimits } from "../../system.ts";
import { memoryCheck, modelCheck, speedCheck, threadsCheck } from "../diagnosis.ts";
import { fakeEngine, fakeParts } from "../../../tests/support/fake_parts.ts";
import type { ProgramParts } from "../parts.ts";
import { createProgram } from "../program.ts";

const home = mkdtempSync(join(tmpdir(), "qwen-asr-test-"));
afterAll(() => rmSync(home, { recursive: true }));

/** A folder that looks as / does to a process in a control group, and what the reader makes of it. */
function limitsIn(name: string, files: Readonly<Record<string, string>>) {
  const root = join(home, name);
  const all = { "/proc/meminfo": "MemTotal: 16000000 kB\n", "/proc/self/cgroup": "0::/box\n", ...files };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const read = (path: string) => {
    try {
      return readFileSync(join(root, path), "utf8");
    } catch {
      return undefined;
    }
  };
  return machineLimits(read, 4);
}

const group = "/sys/fs/cgroup/box";

test("a control group of 2 GB: the small model fits, the large one at int4", () => {
  const limits = limitsIn("two", { [`${group}/memory.max`]: "2000000000\n" });
  expect(memoryCheck(limits, 1.9e9)).toEqual({
    name: "memory",
    state: "ok",
    says: "2.00 GB (limit of a control group; the machine has 16.4 GB), 1.90 GB free: small fits, large fits with " +
      "--weights int4, aligner fits",
  });
});

test("a control group of 1 GB: small with --max-ram, nothing else", () => {
  const limits = limitsIn("one", { [`${group}/memory.max`]: "1000000000\n" });
  expect(memoryCheck(limits, 0.9e9)).toMatchObject({
    state: "note",
    says: expect.stringContaining("small fits with --weights int4, large does not fit, aligner does not fit"),
    advice: "add --max-ram 1G: int4, and short segments",
  });
  const tiny = limitsIn("half", { [`${group}/memory.max`]: "500000000\n" });
  const advice = "the small model needs 970 MB, with --weights int4";
  expect(memoryCheck(tiny, 0.4e9)).toMatchObject({ state: "problem", advice });
});

test("enough memory that is in use: said", () => {
  const limits = limitsIn("busy", {});
  expect(memoryCheck(limits, 12e9)).toMatchObject({ state: "ok" });
  expect(memoryCheck(limits, 1e9)).toMatchObject({
    state: "note",
    advice: expect.stringContaining("1.18 GB should be"),
  });
});

test("processors: affinity and quota", () => {
  const quota = limitsIn("quota", { [`${group}/cpu.max`]: "50000 100000\n" });
  expect(threadsCheck({ ...quota, processor: "P", logical: 8 })).toEqual({
    name: "processors",
    state: "note",
    says: "P, 8 logical, limited to 4 by the affinity mask, 0.5 by a control group's quota",
    advice: "less than one processor: expect it to be slow",
  });
  expect(threadsCheck({ ...limitsIn("free", {}), logical: 4 }).state).toBe("ok");
});

test("models and speed", () => {
  expect(modelCheck({ name: "small", hash: "ab", changed: [] }).state).toBe("ok");
  const damaged = modelCheck({ name: "small", hash: "ab", changed: ["model.safetensors"] });
  expect(damaged).toMatchObject({ state: "problem", advice: "remove it and run 'qwen-asr download small'" });
  expect(speedCheck("M", 2, 0.1, false)).toMatchObject({ state: "ok", says: "10.0x real time with 2 threads, M" });
  expect(speedCheck("M", 1, 2, false).state).toBe("note");
});

const measured: Measured = {
  info: { name: "Fake", isa: "avx2", threads: 2 },
  measure: () =>
    Promise.resolve({
      ...{ melMs: 10, encodeMs: 90, prefillMs: 100, tokenMs: [10, 10, 10], audioTokens: 130, promptTokens: 145 },
    }),
  close: () => {},
};

async function doctor(line: string, changes: Partial<ProgramParts> = {}, isWatched = true) {
  const env = { HOME: home, XDG_DATA_HOME: join(home, "data"), XDG_CACHE_HOME: join(home, "cache"), ...changes.env };
  const parts = fakeParts(fakeEngine(() => ({ says: "" })), {
    stopwatch: { opener: () => () => Promise.resolve(measured), peakMemory: () => 1e9, now: () => performance.now() },
    locateModel: (dir) => locateModel(dir, env),
    locateAligner: (dir, isDemo) => locateAligner(dir, isDemo, env),
    ...changes,
    env,
  });
  const code = await createProgram({ ...parts, terminal: { ...parts.terminal, isWatched } })([
    "doctor",
    ...line.split(" ").filter(Boolean),
  ]);
  return { code, out: parts.out(), err: parts.err() };
}

test("one page without a model, without the home's name, and the same as JSON", async () => {
  const { code, out, err } = await doctor("");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toStartWith(`Program    qwen-asr 1.2.3, fake x64\nInstalled  no model`);
  expect(out).toContain("\nok  memory: 8.00 GB, 8.59 GB free: small fits, ");
  expect(out).toContain(
    `\n!   decoders: built in: ${builtinContainers.join(", ")}; no ffmpeg\n    -> install ffmpeg for`,
  );
  expect(out).toContain(
    "network: not tried (--online does)\nok  speed: 18.2x real time with 2 threads, Fake (official",
  );
  expect(out).toContain("models ~/data/qwen-asr: 9.00 GB free; cache ~/cache/qwen-asr: 9.00 GB free; temporary /tmp: ");
  expect(out).not.toContain(home);
  expect(out.split("\n").length).toBeLessThan(25);
  const { checks, program } = JSON.parse((await doctor("--json")).out);
  expect(program).toStartWith("qwen-asr 1.2.3, ");
  expect(checks.map(({ name }: { name: string }) => name)).toEqual([
    ...["processors", "memory", "decoders", "disk", "network", "speed"],
  ]);
});

test("a download that was changed is a problem, exit 1; a model that is named and is none, exit 3", async () => {
  const folder = join(home, "data/qwen-asr/models/small");
  mkdirSync(folder, { recursive: true });
  for (const name of ["config.json", "model.safetensors", "vocab.json"]) writeFileSync(join(folder, name), "bad");
  const marker = (text: string) => {
    const hash = `sha256:${new Bun.CryptoHasher("sha256").update(text).digest("hex")}`;
    const files = [{ name: "config.json", size: 3, hash }];
    writeFileSync(join(folder, ".complete"), JSON.stringify({ model: "small", revision: "", source: "", files }));
  };
  marker("bad");
  expect((await doctor("")).out).toContain("ok  model small: 0123456789abcdef, every file as it was published\n");
  marker("god");
  const { code, out } = await doctor("");
  expect(code).toBe(1);
  expect(out).toContain("!!  model small: 0123456789abcdef, damaged: config.json\n    -> remove it and run ");
  rmSync(folder, { recursive: true });
  expect((await doctor("-d small")).code).toBe(3);
});

test("--online: a hub that answers is enough, none is a problem", async () => {
  const hub = await openHub();
  const closed = "http://127.0.0.1:1";
  const env = { HF_ENDPOINT: hub.url, MODELSCOPE_ENDPOINT: closed };
  const reached = await doctor("--online", { env });
  await hub.close();
  expect(reached.code).toBe(0);
  expect(reached.out).toMatch(/ok {2}network: 127\.0\.0\.1:\d+ answers in \d+ ms; 127\.0\.0\.1:1: /);
  const { code, out } = await doctor("--online", { env: { HF_ENDPOINT: closed, MODELSCOPE_ENDPOINT: closed } });
  expect(code).toBe(1);
  expect(out).toContain("    -> no hub can be reached: set HTTPS_PROXY");
});
