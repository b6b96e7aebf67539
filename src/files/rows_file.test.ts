/** Tests of files of lines: what a kill leaves, what the next run takes over, what it refuses. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ShortageError } from "../errors.ts";
import { RowsFile, type RowsRequest } from "./rows_file.ts";

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "rows-"))));
afterEach(() => rm(folder, { recursive: true }));

const lines = ["one", "zwei 二", "three"];
const path = () => join(folder, "a.jsonl");
const open = (changes: Partial<RowsRequest> = {}) =>
  RowsFile.open(path(), {
    ...{ force: false, inputs: [], count: 3, isOwn: (line, index) => line === lines[index] },
    ...changes,
  });
const textOf = (name: string) => readFile(join(folder, name), "utf8");
const whole = lines.map((line) => `${line}\n`).join("");

async function complete(file: RowsFile): Promise<void> {
  for (const line of lines.slice(file.linesBefore)) await file.append(`${line}\n`);
  await file.publish();
  await file.close();
}

test("a file grows beside its name, and gets the name when it is whole", async () => {
  const file = await open();
  await file.append("one\n");
  expect(await textOf("a.part.jsonl")).toBe("one\n");
  await file.close();
  await complete(await open());
  expect(await textOf("a.jsonl")).toBe(whole);
  expect(await readdir(folder)).toEqual(["a.jsonl"]);
});

test("a kill at any byte: whole lines are taken over, and the end is the same", async () => {
  const bytes = Buffer.from(whole);
  for (let length = 0; length <= bytes.length; length++) {
    await rm(path(), { force: true });
    await writeFile(join(folder, "a.part.jsonl"), bytes.subarray(0, length));
    const file = await open();
    expect(file.linesBefore).toBe(bytes.subarray(0, length).filter((byte) => byte === 10).length);
    await complete(file);
    expect(await textOf("a.jsonl")).toBe(whole);
  }
});

test("a published file is left as it is where it is ours, and kept where it is not", async () => {
  await complete(await open());
  const again = await open();
  expect([again.isComplete, again.linesBefore]).toEqual([true, 3]);
  await again.close();
  for (const text of ["one\n", "one\nzwei 二\nthree", `${whole}four\n`, "two\n", ""]) {
    await writeFile(path(), text);
    await expect(open()).rejects.toThrow("already exists and is not of these rows");
    expect(await textOf("a.jsonl")).toBe(text);
  }
  await complete(await open({ force: true }));
  expect(await textOf("a.jsonl")).toBe(whole);
});

test("lines of another run are not replaced without --force", async () => {
  await writeFile(join(folder, "a.part.jsonl"), "one\n2\n");
  await expect(open()).rejects.toThrow("an earlier run left is of other rows");
  expect(await textOf("a.part.jsonl")).toBe("one\n2\n");
  const file = await open({ force: true });
  expect(file.linesBefore).toBe(1);
  await complete(file);
  expect(await textOf("a.jsonl")).toBe(whole);
});

test("one run at a time, and none goes on after another has taken over", async () => {
  const file = await open();
  await expect(open()).rejects.toBeInstanceOf(ShortageError);
  await writeFile(join(folder, ".a.jsonl.lock"), "1 elsewhere 2\n");
  await expect(file.append("one\n")).rejects.toThrow("another run has taken it over");
  await file.close();
  expect((await readdir(folder)).sort()).toEqual([".a.jsonl.lock", "a.part.jsonl"]);
  expect(await textOf("a.part.jsonl")).toBe("");
});

test("a file that appears meanwhile stays", async () => {
  const file = await open();
  await writeFile(path(), "mine");
  await expect(complete(file)).rejects.toThrow("a.jsonl: cannot write");
  await file.close();
  expect(await textOf("a.jsonl")).toBe("mine");
});

test("a folder and a pipe are no files", async () => {
  await expect(RowsFile.open(folder, { force: false, inputs: [], count: 0, isOwn: () => true })).rejects.toThrow(
    "is a folder",
  );
  await expect(RowsFile.open("/dev/null", { force: false, inputs: [], count: 0, isOwn: () => true })).rejects.toThrow(
    "is no file",
  );
});
