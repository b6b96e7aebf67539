/** Tests of the outputs of several recordings: which files are there when. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryWriter } from "../../tests/support/fake_parts.ts";
import { documentVersion, type TimedSegment } from "../document/document.ts";
import type { Format } from "../output/formats.ts";
import type { WriterOptions } from "../output/writer.ts";
import { defaultRules } from "../subtitles/rules.ts";
import { hardship } from "./rescue.ts";
import { Outputs } from "./outputs.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "outputs-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const model = { name: "m", hash: "0", weights: "int8", isa: "avx2" } as const;
const options: WriterOptions = {
  head: { version: documentVersion, program: "p", source: { name: "n", durationMs: 1000 }, model, options: {} },
  ...{ rules: defaultRules, paragraphMs: 0 },
};
const segment = (text: string): TimedSegment => ({ startMs: 0, endMs: 900, text, language: "English" });
const inputs = ["a.wav", "b.wav", "c.wav"].map((path) => ({ kind: "file" as const, path }));

function check(path: string | undefined, formats: readonly Format[], stdout = memoryWriter()) {
  return Outputs.check({
    formats,
    path: path === undefined ? path : join(folder, path),
    force: false,
    inputs,
    hardship: hardship(() => {}),
  }, stdout);
}

test("a recording's files are there when it is done, before the next one begins", async () => {
  const outputs = await check("", ["text", "jsonl"]);
  expect(await readdir(folder)).toEqual([]);
  const first = await outputs.begin(0, options);
  expect((await readdir(folder)).sort()).toEqual([".a.jsonl.lock", ".a.txt.lock"]);
  first.add(segment("One."));
  await first.end(true);
  expect((await readdir(folder)).sort()).toEqual(["a.jsonl", "a.txt"]);
  const second = await outputs.begin(1, options);
  await second.end(false); // Nothing of it is known.
  const third = await outputs.begin(2, options);
  third.add(segment("Three"));
  await third.end(false); // Cut: a line at a time stays a line at a time.
  await outputs.finish(true);
  expect((await readdir(folder)).sort()).toEqual(["a.jsonl", "a.txt", "c.jsonl", "c.part.txt"]);
  expect(await readFile(join(folder, "a.txt"), "utf8")).toBe("One.\n");
});

test("several recordings in one file: it is whole after each, and closed after the last that came", async () => {
  const outputs = await check("all", ["text"]);
  for (const [index, text] of ["One.", "Two."].entries()) {
    const recording = await outputs.begin(index, options);
    recording.add(segment(text));
    await recording.end(true);
  }
  await outputs.finish(true);
  expect(await readFile(join(folder, "all"), "utf8")).toBe("One.\nTwo.\n");
});

test("standard output takes all", async () => {
  const stdout = memoryWriter();
  const outputs = await check(undefined, ["text"], stdout);
  for (const index of [0, 1, 2]) {
    const recording = await outputs.begin(index, options);
    recording.add(segment(`${index}`));
    await recording.end(true);
  }
  await outputs.finish(true);
  expect(stdout.text()).toBe("0\n1\n2\n");
});

test("every file is checked before the first is opened", async () => {
  await writeFile(join(folder, "c.srt"), "theirs");
  await expect(check("", ["srt"])).rejects.toThrow("c.srt: already exists");
  expect(await readdir(folder)).toEqual(["c.srt"]);
});

test("a shared file is complete only where every recording was heard to its end", async () => {
  for (const [name, isRunComplete, areComplete] of [["x", true, [true, true, false]], ["y", false, [true]]] as const) {
    const outputs = await check(name, ["text"]);
    for (const [index, isComplete] of areComplete.entries()) {
      const recording = await outputs.begin(index, options);
      recording.add(segment("One."));
      await recording.end(isComplete);
    }
    await outputs.finish(isRunComplete);
  }
  expect((await readdir(folder)).sort()).toEqual(["x.part", "y.part"]);
});

test("two runs into one folder: one writes a file, the other says so, and goes on with the next", async () => {
  const [one, other] = [await check("", ["srt", "text"]), await check("", ["srt", "text"])];
  const first = await one.begin(0, options);
  await expect(other.begin(0, options)).rejects.toThrow("a.srt: another run is writing it");
  const second = await other.begin(1, options);
  for (const recording of [first, second]) {
    recording.add(segment("One."));
    await recording.end(true);
  }
  await expect(one.begin(1, options)).rejects.toThrow("b.srt: has appeared meanwhile");
  await one.finish(true);
  await other.finish(true);
  expect((await readdir(folder)).sort()).toEqual(["a.srt", "a.txt", "b.srt", "b.txt"]);
});
