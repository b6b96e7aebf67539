/** Tests of `qwen-asr batch` with a fake engine: every row a line, what ends a run, what the next one does. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DecodeRequest, Engine } from "../../engine/engine.ts";
import { InputError, ShortageError } from "../../errors.ts";
import { fakeEngine, fakeParts, type FakeProgram, fakeSecond, loadedAudio } from "../../../tests/support/fake_parts.ts";
import { fakeSpeakers } from "../../../tests/support/fake_speakers.ts";
import type { ProgramParts } from "../parts.ts";
import { createProgram } from "../program.ts";

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "batch-"))));
afterEach(() => rm(folder, { recursive: true }));

const rows = Array.from({ length: 5 }, (_, k) => ({ id: `r${k}`, audio: `${k + 1}s.wav` }));
const says = ({ samples, language }: DecodeRequest) => ({
  says: `${language === "" ? "language English<asr_text>" : ""}Says ${samples.length / 16_000}.`,
});
const out = () => join(folder, "out.jsonl");
const written = async (name = "out.jsonl") =>
  (await readFile(join(folder, name), "utf8")).trimEnd().split("\n").map((line) => JSON.parse(line));

/** The manifest, and what speakers are called. */
function readTextOf(manifest: readonly unknown[]): ProgramParts["readText"] {
  const text = manifest.map((row) => JSON.stringify(row)).join("\n");
  return (path) => Promise.resolve(path === "names.txt" ? "Ann = Ann Lee" : text);
}

/** Recordings are named by their seconds; "full.wav" meets a full disk once. */
function program(manifest: readonly unknown[], engine: Engine = fakeEngine(says), changes: Partial<ProgramParts> = {}) {
  const text = manifest.map((row) => typeof row === "string" ? row : JSON.stringify(row)).join("\n");
  const parts: FakeProgram = fakeParts(engine, {
    readText: () => Promise.resolve(text),
    readAudio: (input) => {
      const path = input.kind === "file" ? input.path : "";
      if (path === "bad.wav") return Promise.reject(new InputError(`${path}: not a recording`));
      const full = Object.assign(new Error("no space"), { code: "ENOSPC" });
      if (path === "full.wav") return Promise.reject(new InputError(`${path}: no space`, undefined, { cause: full }));
      const length = path.endsWith("Ann.wav") ? 10 : Number.parseInt(path) || 1;
      const seconds = Array.from({ length }, fakeSecond);
      return Promise.resolve(loadedAudio(Float32Array.from(seconds.flatMap((second) => [...second]))));
    },
    ...changes,
  });
  const run = (...args: string[]) => createProgram(parts)(["batch", "list.jsonl", ...args]);
  return { parts, run };
}

test("every row is a line, in the order of the manifest; what is wrong with one is told", async () => {
  const { parts, run } = program([
    { id: "a", audio: "2s.wav", language: "de" },
    { id: "b", audio: "bad.wav" },
    "{",
    { id: "c", audio: "1s.wav", langauge: "de" },
    { id: "d", audio: "1s.wav", threads: 2 },
    { id: "e", audio: "1s.wav", prompt: "@/etc/passwd" },
    { id: "f", audio: "3s.wav" },
    { id: "a", audio: "3s.wav" },
  ]);
  expect(await run("-o", out())).toBe(0);
  expect((await written()).map(({ id, row, text, language, error }) => [id ?? row, text ?? error.message, language]))
    .toEqual([
      ["a", "Says 2.", "German"],
      ["b", "not a recording", undefined],
      [3, 'is not JSON; a row is {"id": "a", "audio": "a.wav"}', undefined],
      ["c", "unknown option langauge, did you mean language?", undefined],
      ["d", "unknown option threads", undefined],
      ["e", "prompt must be the text itself (@@ stands for one @)", undefined],
      ["f", "Says 3.", "English"],
      ["a", "has the id of row 1", undefined],
    ]);
  expect(parts.err().split("\n").filter((line) => line.startsWith("qwen-asr:")).map((line) => line.slice(10, 34)))
    .toEqual([
      "list.jsonl:2: bad.wav: n",
      "list.jsonl:3: is not JSO",
      "list.jsonl:4: 1s.wav: un",
      "list.jsonl:5: 1s.wav: un",
      "list.jsonl:6: 1s.wav: pr",
      "list.jsonl:8: 3s.wav: ha",
    ]);
  expect(parts.err()).toContain(`Done: 8 rows, 6 with errors in ${out()}\n`);
  expect(parts.out()).toBe("");
});

test("options of the command line hold for all rows that say nothing else", async () => {
  const engine = fakeEngine(says);
  const { run } = program([
    { id: 1, audio: "1s.wav" },
    { id: 2, audio: "1s.wav", language: "detect", prompt: "" },
    { id: 3, audio: "1s.wav", prompt: "@@you", "skip-silence": false },
  ], engine);
  expect(await run("--language", "de", "--prompt", "Names", "--skip-silence", "--silent")).toBe(0);
  expect(engine.requests.map(({ language, context }) => [language, context])).toEqual([
    ["German", "Names"],
    ["", ""],
    ["German", "@you"],
  ]);
});

test("rows of different options share the engine's passes", async () => {
  const engine = fakeEngine((request) => ({ ...says(request), tokenDelayMs: 5 }));
  const { run } = program(rows.map((row, k) => ({ ...row, language: ["de", "en", "fr"][k % 3] })), engine);
  expect(await run("-o", out())).toBe(0);
  expect(engine.mostAtOnce()).toBe(5);
});

test("who speaks: in each row, by voices of a folder, in channels by these; another plan is another key", async () => {
  await writeFile(join(folder, "Ann.wav"), "");
  const networks = fakeSpeakers();
  const openSpeakers = () => Promise.resolve(networks);
  const manifest = [{ id: 1, audio: "30s.wav" }, { id: 2, audio: "bad.wav" }, { id: 3, audio: "20s.wav" }];
  const { run } = program(manifest, undefined, { openSpeakers, readText: readTextOf(manifest) });
  expect(await run("--voices", folder, "--speaker-names", "names.txt", "-o", out())).toBe(0);
  expect(networks.isClosed).toBe(true);
  const [first, second, third] = await written();
  expect(first.speakers).toMatchObject([{ name: "Ann Lee", turns: 2 }, { name: "Speaker 2", turns: 1 }]);
  expect(first.segments[0].speaker).toBe("Ann Lee");
  expect(second.error.code).toBe("audio");
  expect(third.turns.map(({ speaker }: { speaker: string }) => speaker)).toEqual(["Ann Lee", "Speaker 2"]);
  const other = program(manifest, undefined, { openSpeakers: () => Promise.resolve(fakeSpeakers()) });
  expect(await other.run("--speakers", "2", "-o", out())).toBe(1);
  expect(other.parts.err()).toContain("--force");
});

test("shards are the rows k mod n, a file each", async () => {
  for (const [index, ids] of [["0", ["r0", "r2", "r4"]], ["1", ["r1", "r3"]]] as const) {
    const { run } = program(rows, undefined, { env: { SLURM_ARRAY_TASK_ID: index } });
    expect(await run("--shard", "auto/2", "-o", join(folder, "{shard}.jsonl"))).toBe(0);
    expect((await written(`0000${index}-of-00002.jsonl`)).map(({ id }) => id)).toEqual([...ids]);
  }
  const { run } = program(rows);
  expect(await run("--shard", "7/9", "-o", out())).toBe(0);
  expect(await readFile(out(), "utf8")).toBe("");
});

test("a run that is interrupted keeps its rows, and the next one does the others", async () => {
  let asked = 0;
  const first = program(
    rows,
    fakeEngine((request) => {
      if (++asked === 3) first.parts.interrupt(130);
      return says(request);
    }),
  );
  expect(await first.run("-o", out(), "--batch", "1")).toBe(130);
  expect(first.parts.err()).toContain("stopped: 2 of 5 rows in ");
  expect(await readdir(folder)).toEqual(["out.part.jsonl"]);
  const engine = fakeEngine(says);
  const second = program(rows, engine);
  expect(await second.run("-o", out())).toBe(0);
  expect(engine.requests.length).toBe(3);
  const third = program(rows, engine);
  expect(await third.run("-o", out())).toBe(0);
  expect(engine.requests.length).toBe(3);
  expect((await written()).map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
  const other = program(rows, engine);
  expect(await other.run("-o", out(), "--language", "de")).toBe(1);
  expect(other.parts.err()).toContain("is not of these rows, options and model (--force overwrites)");
});

test("too little memory or disk ends the run with 75, and what is done stays", async () => {
  const decode = fakeEngine(says);
  const short: Engine = {
    ...decode,
    decode: (request, onToken, signal) =>
      request.samples.length === 3 * 16_000
        ? Promise.reject(new ShortageError("a session: not enough memory"))
        : decode.decode(request, onToken, signal),
  };
  const memory = program(rows, short);
  expect(await memory.run("-o", out())).toBe(75);
  expect(memory.parts.err()).toContain("not enough memory\nhint: run the same command again\n");
  expect((await written("out.part.jsonl")).length).toBe(2);
  const disk = program([...rows.slice(0, 2), { id: "full", audio: "full.wav" }]);
  expect(await disk.run("--silent")).toBe(75);
  expect(disk.parts.out().trimEnd().split("\n").length).toBe(2);
});

test("--check reads no recording and needs no model", async () => {
  const good = program(rows);
  expect(await good.run("--check")).toBe(0);
  expect(good.parts.err()).toBe("Checked 5 rows: nothing is wrong\n");
  expect(good.parts.calls).not.toContain("locateModel");
  const bad = program([...rows, { id: "x", audio: "missing.wav" }, { id: "y", audio: "1s.wav", from: "soon" }]);
  expect(await bad.run("--check")).toBe(2);
  expect(bad.parts.err()).toBe(
    "qwen-asr: list.jsonl:6: missing.wav: no such file\n" +
      "qwen-asr: list.jsonl:7: 1s.wav: from must be seconds or [hh:]mm:ss[.ms], got 'soon'\n" +
      "Checked 7 rows: 2 bad\n",
  );
});

test("--fail-on-error: all rows are written, and the exit code is 1, also of a run that finds them", async () => {
  const manifest = [{ id: "x", audio: "bad.wav" }, ...rows];
  expect(await program(manifest).run("-o", out())).toBe(0);
  expect(await program(manifest).run("-o", out(), "--fail-on-error")).toBe(1);
  expect((await written()).length).toBe(6);
});

test("command lines that are wrong", async () => {
  for (
    const [args, message] of [
      [["other.jsonl"], "batch takes one manifest, got 2 files"],
      [["--shard", "4/4"], "--shard: shards of 4 are 0 to 3, got 4"],
      [["--shard", "auto/4"], "needs JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID"],
      [["-f", "json"], "batch does not take --format"],
      [["--stream"], "batch does not take --stream"],
    ] as const
  ) {
    const { parts, run } = program(rows);
    expect(await run(...args)).toBe(2);
    expect(parts.err()).toContain(message);
  }
});
