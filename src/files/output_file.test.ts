/** Tests of -o: when the file appears, what is never replaced. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryWriter } from "../../tests/support/fake_parts.ts";
import type { TextWriter } from "../writer.ts";
import type { AudioSource } from "../audio/input.ts";
import { testWhere } from "../../tests/support/where.ts";
import { claim } from "./claim.ts";
import { openOutput as open, openTextFile } from "./output_file.ts";
import { hardship } from "./rescue.ts";
import { checkOutput, OutputError } from "./target.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "output-"));
  told.length = 0;
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const at = (name: string) => join(folder, name);
const textOf = (name: string) => readFile(at(name), "utf8");

const told: string[] = [];
const tell = (line: string) => void told.push(line.replaceAll(folder, "FOLDER"));

function openOutput(path: string, force: boolean, inputs: readonly AudioSource[], isAppended = false) {
  return open(path, { ...hardship(tell), force, inputs, isAppended });
}

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
  expect(await readdir(folder)).toEqual([".a.txt.lock"]);
  expect(await output.finish("\n", true)).toBe(true);
  expect(await readdir(folder)).toEqual(["a.txt"]);
  expect(await textOf("a.txt")).toBe("你好, world\n");
});

test("what is known is in the file soon, ended as if it were all", async () => {
  const output = await openOutput(at("a.json"), false, []);
  output.write("[1");
  output.keep(() => "]");
  await until(async () => (await readdir(folder)).includes("a.part.json"));
  expect(await textOf("a.part.json")).toBe("[1]");
  const firstMs = performance.now();
  for (const text of [", 2", ", 3"]) {
    output.write(text);
    output.keep(() => "]");
  }
  await until(async () => await textOf("a.part.json") !== "[1]");
  expect(performance.now() - firstMs).toBeGreaterThan(500); // Not at every piece.
  expect(await textOf("a.part.json")).toBe("[1, 2, 3]");
  await output.finish(", 4]", true);
  expect(await textOf("a.json")).toBe("[1, 2, 3, 4]");
  expect(await readdir(folder)).toEqual(["a.json"]);
});

test("what a killed run left goes, what a running one has stays", async () => {
  const own = await claim(at("b.txt"));
  const signed = (await textOf(".b.txt.lock")).split(" ").slice(1);
  await writeFile(at(".a.txt.lock"), ["4194305", ...signed].join(" ")); // More than any process number.
  await writeFile(at(".a.txt.part"), "half");
  await writeFile(at(".c.txt.lock"), "");
  const output = await openOutput(at("a.txt"), false, []);
  output.write("whole");
  await output.finish("", true);
  for (const name of ["b.txt", "c.txt"]) {
    await expect(openOutput(at(name), false, [])).rejects.toThrow("another run is writing it");
  }
  await utimes(at(".c.txt.lock"), 1, 1);
  await (await openOutput(at("c.txt"), false, [])).discard();
  expect((await readdir(folder)).sort()).toEqual([".b.txt.lock", "a.txt"]);
  await writeFile(at(".b.txt.lock"), [process.pid, signed[0], "1\n"].join(" ")); // The number is another process's now.
  expect(await own!.isOwn()).toBe(false);
  await own!.release();
  await (await openOutput(at("b.txt"), false, [])).discard();
  expect(await readdir(folder)).toEqual(["a.txt"]);
});

test("a recording that was cut keeps its mark, before the extension", async () => {
  for (const name of ["a.srt", "1.1 Lesson.json", "talk"]) {
    const output = await openOutput(at(name), false, []);
    output.write("half");
    await output.finish("", false);
  }
  expect((await readdir(folder)).sort()).toEqual(["1.1 Lesson.part.json", "a.part.srt", "talk.part"]);
  const again = await openOutput(at("a.srt"), false, []);
  again.write("whole");
  await again.finish("", true);
  expect((await readdir(folder)).sort()).toEqual(["1.1 Lesson.part.json", "a.srt", "talk.part"]);
});

test("text that is in the file is copied from there, not kept; the file is whole all the same", async () => {
  const output = await openOutput(at("a.txt"), false, []);
  const parts = ["a", "b\u4e09", "c"].map((text) => text.repeat(300_000));
  let expected = "";
  for (const part of parts) {
    output.write(part);
    output.keep(() => "\n");
    expected += part;
    await until(async () => existsSync(at("a.part.txt")) && await textOf("a.part.txt") === `${expected}\n`);
  }
  await output.finish("end\n", true);
  expect(await textOf("a.txt") === `${expected}end\n`).toBe(true);
  expect(await readdir(folder)).toEqual(["a.txt"]);
});

test("a check creates nothing, whatever it finds", async () => {
  await checkOutput(at("a.txt"), false, []);
  await writeFile(at("b.txt"), "theirs");
  expect(await refusal(checkOutput(at("b.txt"), false, []))).toBe("FOLDER/b.txt: already exists (--force overwrites)");
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
  expect(await refusal(openOutput(at("old.txt"), false, []))).toBe(
    "FOLDER/old.txt: already exists (--force overwrites)",
  );
  const output = await openOutput(at("link.txt"), true, []);
  output.write("new");
  await output.finish("", true);
  expect((await readdir(folder)).sort()).toEqual(["link.txt", "old.txt"]);
  expect(await textOf("old.txt")).toBe("new");
  expect((await stat(at("old.txt"))).mode & 0o777).toBe(0o640);
});

describe("a file that cannot be had", () => {
  const appeared = "FOLDER/a.txt: cannot write: it has appeared meanwhile";

  test("it has appeared meanwhile: a file, a folder, a link to nothing; the text is beside it", async () => {
    const make = [() => writeFile(at("a.txt"), "theirs"), () => mkdir(at("a.txt")), () => symlink("no", at("a.txt"))];
    for (const [index, appear] of make.entries()) {
      const output = await openOutput(at("a.txt"), false, [], index === 1);
      await appear();
      output.write("mine");
      expect(await output.finish("\n", true)).toBe(false);
      expect(await textOf("a.rescued.txt")).toBe("mine\n");
      expect((await readdir(folder)).sort()).toEqual(["a.rescued.txt", "a.txt"]);
      await rm(at("a.rescued.txt"));
      await rm(at("a.txt"), { recursive: true });
    }
    expect(told.filter((line) => !line.endsWith("trying again"))).toEqual(
      new Array(3).fill(`${appeared}; the text is in FOLDER/a.rescued.txt`),
    );
  });

  test("a place that is taken, by a link too, is left alone", async () => {
    const output = await openOutput(at("a.txt"), false, []);
    await writeFile(at("a.txt"), "theirs");
    await symlink("b.txt", at("a.rescued.txt"));
    output.write("mine");
    expect(await output.finish("", true)).toBe(false);
    expect(await textOf("a.rescued.2.txt")).toBe("mine");
    expect(existsSync(at("b.txt"))).toBe(false);
  });

  test("a failure that passes is told at once, and nothing is lost", async () => {
    for (const isAppended of [false, true]) {
      told.length = 0;
      await mkdir(at("d"));
      const output = await openOutput(at("d/a.txt"), false, [], isAppended);
      await rm(at("d"), { recursive: true });
      output.write("one ");
      output.keep(() => "");
      await until(() => Promise.resolve(told.length > 0));
      expect(told).toEqual(["FOLDER/d/a.txt: cannot write: its folder does not exist; trying again"]);
      await mkdir(at("d"));
      await until(() => Promise.resolve(told.length > 1));
      expect(told[1]).toBe("FOLDER/d/a.txt: can be written again");
      output.write("two");
      expect(await output.finish("", true)).toBe(true);
      expect(await textOf("d/a.txt")).toBe("one two");
      await rm(at("d"), { recursive: true });
    }
  });

  test("its folder is gone: the current folder, else standard output, else the line says that it is lost", async () => {
    const stdout = memoryWriter();
    const before = process.cwd();
    await mkdir(at("cwd"));
    const attempt = async (spare?: TextWriter) => {
      await mkdir(at("d"));
      const output = await open(at("d/a.txt"), {
        ...hardship(tell, spare),
        force: false,
        inputs: [],
        isAppended: false,
      });
      await rm(at("d"), { recursive: true });
      output.write("mine");
      expect(await output.finish("\n", true)).toBe(false);
    };
    process.chdir(at("cwd"));
    try {
      await attempt();
      expect(await textOf("cwd/a.rescued.txt")).toBe("mine\n");
      for (let number = 2; number <= 9; number++) await writeFile(at(`cwd/a.rescued.${number}.txt`), "");
      await attempt(stdout);
      await attempt();
    } finally {
      process.chdir(before);
    }
    expect(stdout.text()).toBe("mine\n");
    const reason = "FOLDER/d/a.txt: cannot write: its folder does not exist; the text is";
    expect(told).toEqual([`${reason} in a.rescued.txt`, `${reason} on standard output`, `${reason} lost`]);
  });
});

test("a file that grows has each piece as it comes, under its own name", async () => {
  const file = await openTextFile(at("a.jsonl"), { ...hardship(tell), force: false, inputs: [], isAppended: true });
  expect(existsSync(at("a.jsonl"))).toBe(false);
  for (const text of ["1\n", "12\n", "1三\n"]) {
    file.write(text);
    await file.drained();
    expect(await textOf("a.jsonl")).toEndWith(text);
  }
  await file.close(true);
  expect(await textOf("a.jsonl")).toBe("1\n12\n1三\n");
  expect(await readdir(folder)).toEqual(["a.jsonl"]);
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
  await sink.finish("", true);
  const full = await openOutput("/dev/full", false, []);
  full.write("too much");
  expect(await refusal(full.finish("", true))).toBe("/dev/full: cannot write: no space left");
});
