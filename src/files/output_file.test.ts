/** Tests of -o: when the file appears, what is never replaced. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testWhere } from "../../tests/support/where.ts";
import { checkOutput, openOutput, OutputError } from "./output_file.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "output-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const at = (name: string) => join(folder, name);
const textOf = (name: string) => readFile(at(name), "utf8");

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => undefined, (reason) => reason);
  expect(error).toBeInstanceOf(OutputError);
  return (error as Error).message.replace(folder, "FOLDER");
}

test("nothing is there before anything is known; the file is whole at the end", async () => {
  const output = await openOutput(at("a.txt"), false, []);
  output.write("你好, ");
  output.write("world");
  await output.drained();
  expect(await readdir(folder)).toEqual([]);
  await output.finish("\n");
  expect(await readdir(folder)).toEqual(["a.txt"]);
  expect(await textOf("a.txt")).toBe("你好, world\n");
});

test("what is known is in the file soon, ended as if it were all", async () => {
  const output = await openOutput(at("a.json"), false, []);
  output.write("[1");
  output.keep(() => "]");
  await until(async () => (await readdir(folder)).includes("a.json"));
  expect(await textOf("a.json")).toBe("[1]");
  const firstMs = performance.now();
  for (const text of [", 2", ", 3"]) {
    output.write(text);
    output.keep(() => "]");
  }
  await until(async () => await textOf("a.json") !== "[1]");
  expect(performance.now() - firstMs).toBeGreaterThan(500); // Not at every piece.
  expect(await textOf("a.json")).toBe("[1, 2, 3]");
  await output.finish(", 4]");
  expect(await textOf("a.json")).toBe("[1, 2, 3, 4]");
  expect(await readdir(folder)).toEqual(["a.json"]);
});

test("a snapshot that fails is an error of the run", async () => {
  const output = await openOutput(at("a.txt"), false, []);
  await writeFile(at("a.txt"), "theirs");
  output.write("mine");
  output.keep(() => "");
  await Bun.sleep(50);
  expect(await refusal(output.drained())).toBe("FOLDER/a.txt: cannot write: it has appeared meanwhile");
  expect(await refusal(output.finish())).toBe("FOLDER/a.txt: cannot write: it has appeared meanwhile");
  expect(await textOf("a.txt")).toBe("theirs");
});

test("what a killed run left beside the file goes, what a running one has stays", async () => {
  const [old, fresh] = [".a.txt.0123456789ab.part", ".a.txt.ba9876543210.part"];
  for (const name of [old, fresh, ".b.txt.0123456789ab.part"]) await writeFile(at(name), "");
  await utimes(at(old), 1, 1);
  await openOutput(at("a.txt"), false, []);
  expect((await readdir(folder)).sort()).toEqual([fresh, ".b.txt.0123456789ab.part"].sort());
});

test("text that is in the file is copied from there, not kept; the file is whole all the same", async () => {
  const output = await openOutput(at("a.txt"), false, []);
  const parts = ["a", "b\u4e09", "c"].map((text) => text.repeat(300_000));
  let expected = "";
  for (const part of parts) {
    output.write(part);
    output.keep(() => "\n");
    expected += part;
    await until(async () => existsSync(at("a.txt")) && await textOf("a.txt") === `${expected}\n`);
  }
  await output.finish("end\n");
  expect(await textOf("a.txt") === `${expected}end\n`).toBe(true);
  expect(await readdir(folder)).toEqual(["a.txt"]);
});

test("a check creates nothing, whatever it finds", async () => {
  await checkOutput(at("a.txt"), false, []);
  await writeFile(at("b.txt"), "theirs");
  expect(await refusal(checkOutput(at("b.txt"), false, []))).toBe("FOLDER/b.txt: exists already");
  expect(await refusal(checkOutput(at("b.txt/c.txt"), false, []))).toBe(
    "FOLDER/b.txt/c.txt: cannot write: its folder does not exist",
  );
  expect(await readdir(folder)).toEqual(["b.txt"]);
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await Bun.sleep(10);
}

test("nothing known: no file, and an old one stays as it was", async () => {
  await writeFile(at("old.txt"), "old");
  for (const [name, force] of [["new.txt", false], ["old.txt", true]] as const) {
    const output = await openOutput(at(name), force, []);
    output.write("half");
    await output.discard();
  }
  expect(await readdir(folder)).toEqual(["old.txt"]);
  expect(await textOf("old.txt")).toBe("old");
});

test("an existing file needs force, keeps its mode, and a link stays a link", async () => {
  await writeFile(at("old.txt"), "old");
  await chmod(at("old.txt"), 0o640);
  await symlink("old.txt", at("link.txt"));
  expect(await refusal(openOutput(at("old.txt"), false, []))).toBe("FOLDER/old.txt: exists already");
  const output = await openOutput(at("link.txt"), true, []);
  output.write("new");
  await output.finish();
  expect((await readdir(folder)).sort()).toEqual(["link.txt", "old.txt"]);
  expect(await textOf("old.txt")).toBe("new");
  expect((await stat(at("old.txt"))).mode & 0o777).toBe(0o640);
});

test("a file that appears meanwhile is not replaced", async () => {
  const output = await openOutput(at("a.txt"), false, []);
  output.write("mine");
  await writeFile(at("a.txt"), "theirs");
  expect(await refusal(output.finish())).toBe("FOLDER/a.txt: cannot write: it has appeared meanwhile");
  expect(await textOf("a.txt")).toBe("theirs");
  expect(await readdir(folder)).toEqual(["a.txt"]);
});

test("what cannot be an output is said at once", async () => {
  await writeFile(at("in.wav"), "audio");
  await symlink("in.wav", at("same.wav"));
  await symlink("nothing", at("dangling"));
  await mkdir(at("sub"));
  const input = { kind: "file", path: at("in.wav") } as const;
  expect(await refusal(openOutput(at("same.wav"), true, [input]))).toBe("FOLDER/same.wav: is an input of this run");
  expect(await refusal(openOutput(at("dangling"), true, []))).toBe("FOLDER/dangling: is a link to nothing");
  expect(await refusal(openOutput(at("sub"), true, []))).toBe("FOLDER/sub: is a folder");
  expect(await refusal(openOutput(at("no/a.txt"), false, []))).toBe(
    "FOLDER/no/a.txt: cannot write: its folder does not exist",
  );
});

testWhere(existsSync("/dev/full"), "/dev/full")("devices are written directly, a full one is an error", async () => {
  const sink = await openOutput("/dev/null", false, []);
  sink.write("gone");
  await sink.finish();
  const full = await openOutput("/dev/full", false, []);
  full.write("too much");
  expect(await refusal(full.finish())).toBe("/dev/full: cannot write: no space left");
});
