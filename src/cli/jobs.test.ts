/** Tests of runs over many files, with an engine that says a script. */

import { expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { InputError } from "../errors.ts";
import { everywhereVoice, fakeEngine, fakeParts, fakeSecond, loadedAudio } from "../../tests/support/fake_parts.ts";
import { fakeSpeakers } from "../../tests/support/fake_speakers.ts";
import type { ProgramParts } from "./parts.ts";
import { createProgram } from "./program.ts";
import { watchFolder } from "./commands/watch.ts";
import { parseCommandLine } from "./parse.ts";

/** A folder with these recordings; those called bad cannot be read. */
function folderWith(...names: readonly string[]) {
  const root = mkdtempSync(join(tmpdir(), "jobs-"));
  for (const name of names) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), "");
  }
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

async function run(root: string, line: string, changes: Partial<ProgramParts> = {}) {
  const engine = fakeEngine(() => ({ says: "language English<asr_text>Hello there." }));
  const parts = fakeParts(engine, {
    checkInput: async () => {},
    readAudio: (input) => {
      const path = input.kind === "file" ? input.path : "-";
      if (basename(path).startsWith("bad")) return Promise.reject(new InputError(`${path}: not a recording`));
      return Promise.resolve(loadedAudio(fakeSecond()));
    },
    ...changes,
  });
  const args = line.split(" ").map((word) => word.replace(/^\.\//, `${root}/`));
  const code = await createProgram(parts)(["--silent", ...args]);
  return { code, out: parts.out(), err: parts.err().replaceAll(root, "R") };
}

function filesIn(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => /\.\w+$/.test(name)).sort();
}

test("outputs lie in folders as the inputs do", async () => {
  using files = folderWith("in/a.wav", "in/day 1/a.wav", "in/day 1/b.mp3", "in/notes.txt");
  expect(await run(files.root, "--recursive ./in -o ./out/")).toMatchObject({ code: 0, err: "" });
  expect(filesIn(join(files.root, "out"))).toEqual(["a.txt", "day 1/a.txt", "day 1/b.txt"]);
  expect(readFileSync(join(files.root, "out/day 1/a.txt"), "utf8")).toBe("Hello there.\n");
});

test("a list, a pattern and what fails in a folder", async () => {
  using files = folderWith("in/bad.wav", "in/good.wav", "c.wav");
  writeFileSync(join(files.root, "list"), `${files.root}/c.wav\n${files.root}/missing/*.wav\n`);
  const openBytes: ProgramParts["openBytes"] = (path) => {
    const bytes = [readFileSync(path)];
    return Promise.resolve({ next: () => Promise.resolve(bytes.shift()), close: () => Promise.resolve() });
  };
  expect(await run(files.root, "./in/*.wav --files-from ./list -f jsonl -o ./all.jsonl", { openBytes })).toMatchObject({
    code: 1,
    err: "qwen-asr: R/missing/*.wav: no file has such a name\nqwen-asr: R/in/bad.wav: not a recording\n",
  });
  const lines = readFileSync(join(files.root, "all.jsonl"), "utf8").replaceAll(files.root, "R").trim().split("\n");
  const told = lines.map((line) => JSON.parse(line)).map(({ type, file }) => `${type} ${file}`);
  expect(told).toEqual([
    ...["error R/missing/*.wav", "error R/in/bad.wav", "document R/in/good.wav", "segment R/in/good.wav"],
    ...["end R/in/good.wav", "document R/c.wav", "segment R/c.wav", "end R/c.wav"],
  ]);
});

test("of a folder too many come for a format that takes one, and none for a list", async () => {
  using files = folderWith("in/a.wav", "in/b.wav", "e/x.txt");
  expect(await run(files.root, "./in -f srt")).toMatchObject({ code: 2 });
  expect(await run(files.root, "./e")).toEqual({
    code: 1,
    out: "",
    err: "qwen-asr: R/e: holds no recordings (--recursive looks into its folders)\n",
  });
  expect((await run(files.root, "./in --exclude *.wav")).err).toContain("R/in: holds no recordings");
  expect((await run(files.root, "./in/a.wav --exclude *.wav")).err).toContain("leave no input");
});

test("one table of several recordings: usual columns, then file, language and mean log-probability", async () => {
  using files = folderWith("in/a, b.wav", "in/bad.wav", "in/c.wav", "one/a.wav");
  await run(files.root, "./in -f csv,tsv,jsonl -o ./all");
  const read = (name: string) => readFileSync(join(files.root, name), "utf8").replaceAll(files.root, "R");
  expect(read("all.csv")).toBe(
    "start,end,language,text,file,logprob\r\n" +
      '0.000,0.840,English,"Hello there.","R/in/a, b.wav",-0.1\r\n' +
      '0.000,0.840,English,"Hello there.","R/in/c.wav",-0.1\r\n',
  );
  expect(read("all.tsv")).toBe(
    "start\tend\ttext\tfile\tlanguage\tlogprob\n" +
      "0\t840\tHello there.\tR/in/a, b.wav\tEnglish\t-0.1\n0\t840\tHello there.\tR/in/c.wav\tEnglish\t-0.1\n",
  );
  const segments = read("all.jsonl").trim().split("\n").map((line) => JSON.parse(line)).filter(({ text }) => text);
  expect(segments.map(({ file, language, logprob }) => [file, language, logprob])).toEqual([
    ["R/in/a, b.wav", "English", -0.1],
    ["R/in/c.wav", "English", -0.1],
  ]);
  await run(files.root, "./one -f csv -o ./one.csv");
  expect(read("one.csv")).toBe('start,end,language,text\r\n0.000,0.840,English,"Hello there."\r\n');
});

test("--summary has a row per file, and --retry-failed takes those that failed", async () => {
  using files = folderWith("in/a.wav", "in/bad.wav", "in/c.wav");
  const line = "./in -o ./out/ --summary ./sum.json";
  const rows = () => JSON.parse(readFileSync(join(files.root, "sum.json"), "utf8").replaceAll(files.root, "R"));
  expect((await run(files.root, line)).code).toBe(1);
  expect(rows()).toMatchObject([
    { file: "R/in/a.wav", duration: 1, language: "English", words: 2, confidence: 0.9048, error: null },
    { file: "R/in/bad.wav", duration: null, error: "R/in/bad.wav: not a recording" },
    { file: "R/in/c.wav", duration: 1, tokens_per_second: 20, seconds: 0 },
  ]);
  expect((await run(files.root, line)).err).toContain("already exists");
  const again = { readAudio: () => Promise.resolve(loadedAudio(fakeSecond())) };
  expect(await run(files.root, `${line} --retry-failed`, again)).toMatchObject({ code: 0, err: "" });
  expect(rows().map(({ file, error }: Record<string, unknown>) => [file, error])).toEqual([
    ...[["R/in/a.wav", null], ["R/in/c.wav", null], ["R/in/bad.wav", null]],
  ]);
  expect(await run(files.root, `${line} --retry-failed`)).toMatchObject({ code: 0, err: "" });
  expect((await run(files.root, "./in -o ./x.txt --summary ./sum.json --retry-failed")).code).toBe(2);
  expect((await run(files.root, "./in --summary ./sum.txt")).code).toBe(2);
  expect((await run(files.root, "./in --summary ./no.csv --retry-failed")).err).toContain("there is no summary");
});

test("on a terminal one line shows how far the run is, and the end names what failed", async () => {
  using files = folderWith("in/a.wav", "in/bad.wav");
  const engine = fakeEngine(() => ({ says: "language English<asr_text>Hello there." }));
  const parts = fakeParts(engine, { checkInput: async () => {} });
  const terminal = { ...parts.terminal, status: { columns: () => 80 } };
  const readAudio: ProgramParts["readAudio"] = (input) => {
    if (input.kind === "file" && input.path.includes("bad")) return Promise.reject(new InputError("is bad"));
    return Promise.resolve(loadedAudio(fakeSecond()));
  };
  const args = ["-o", `${files.root}/out/`, `${files.root}/in`];
  expect(await createProgram({ ...parts, readAudio, terminal })(args)).toBe(1);
  const err = parts.err().replaceAll(files.root, "R");
  expect(err).toContain("\r0/2 R/in/a.wav 0 %\x1b[K");
  expect(err).toContain("\r\x1b[KLanguage: English");
  expect(err).toEndWith("Failed: R/in/bad.wav\n");
  expect((err.split("\r").at(-1) ?? "").startsWith("\x1b[K")).toBe(true);
});

/** A watch of the folder "in"; `until` waits for an output. */
function startWatch(root: string, more: readonly string[] = [], changes: Partial<ProgramParts> = {}) {
  const engine = fakeEngine(() => ({ says: "language English<asr_text>Hello there." }));
  let [opened, reads] = [0, ""];
  const parts = fakeParts(engine, {
    checkInput: async () => {},
    readAudio: (input) => {
      reads += ` ${input.kind === "file" ? basename(input.path) : "-"}`;
      return Promise.resolve(loadedAudio(fakeSecond()));
    },
    openEngine: () => {
      opened++;
      return Promise.resolve(engine);
    },
    ...changes,
  });
  const command = parseCommandLine(["--watch", `${root}/in`, "-o", `${root}/out/`, ...more]);
  if (command.kind !== "transcribe") throw new Error(command.kind);
  const watching = watchFolder(parts, command.options, 20);
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await Bun.sleep(5);
  };
  return {
    ...{ parts, watching, until, said: () => parts.err().replaceAll(root, "R") },
    untilThere: (name: string) => until(() => existsSync(join(root, "out", name))),
    seen: () => ({ opened, reads, isClosed: engine.isClosed() }),
  };
}

test("--watch takes what comes, when it does not change any more, and opens the model once", async () => {
  using files = folderWith("in/a.wav", "in/b.txt", "in/done.wav", "out/done.txt");
  const { parts, watching, untilThere, seen } = startWatch(files.root);
  await untilThere("a.txt");
  for (let part = 0; part < 10; part++) {
    appendFileSync(join(files.root, "in/slow.wav"), "part");
    await Bun.sleep(15);
  }
  expect(existsSync(join(files.root, "out/slow.txt"))).toBe(false);
  await untilThere("slow.txt");
  parts.interrupt(130);
  expect(await watching).toBe(130);
  expect(seen()).toEqual({ opened: 1, reads: " a.wav slow.wav", isClosed: true });
  expect(parts.err().match(/Loading model/g)).toHaveLength(1);
});

test("--watch names what comes into an empty folder, and says what concerns every recording once", async () => {
  using files = folderWith("in/note.txt");
  const { parts, watching, untilThere, said } = startWatch(files.root, ["-f", "srt"]);
  for (let look = 0; look < 30; look++) await Bun.sleep(10); // Until the first looks are over.
  for (const name of ["a", "b"]) {
    writeFileSync(join(files.root, `in/${name}.wav`), "sound");
    await untilThere(`${name}.srt`);
    expect(said()).toContain(`New: R/in/${name}.wav\n`);
  }
  parts.interrupt(130);
  expect(await watching).toBe(130);
  expect(said().match(/Times are estimated/g)).toHaveLength(1);
});

test("--watch needs a folder for formats of one recording a file", async () => {
  using files = folderWith("in/a.wav");
  const parts = fakeParts(fakeEngine(() => ({ says: "" })));
  for (
    const [more, fault] of [[["-o", `${files.root}/x.txt`], "FOLDER/"], [["-f", "srt"], "FOLDER/ for -f srt"]] as const
  ) {
    const command = parseCommandLine(["--watch", `${files.root}/in`, ...more]);
    if (command.kind !== "transcribe") throw new Error(command.kind);
    await expect(watchFolder(parts, command.options, 20)).rejects.toThrow(`--watch needs -o ${fault}`);
  }
});

test("--watch goes on where two recordings have one output, and hears what changes where it may replace", async () => {
  for (const force of [[], ["--force"]]) {
    using files = folderWith("in/a.wav");
    const { parts, watching, until, untilThere, said, seen } = startWatch(files.root, force);
    await untilThere("a.txt");
    for (const name of ["t.flac", "t.wav"]) writeFileSync(join(files.root, "in", name), "sound");
    await untilThere("t.txt");
    writeFileSync(join(files.root, "in/a.wav"), "other sound");
    await until(() => said().includes("Changed: R/in/a.wav"));
    writeFileSync(join(files.root, "in/z.wav"), "sound");
    await untilThere("z.txt");
    parts.interrupt(130);
    expect(await watching).toBe(130);
    expect(said()).toContain("R/in/t.flac and R/in/t.wav would both be written to R/out/t.txt\n");
    expect(said()).toContain("New: R/in/t.flac, R/in/t.wav\n");
    expect(seen().reads).toBe(` a.wav t.flac${force.length > 0 ? " a.wav" : ""} z.wav`);
  }
});

test("--watch tries again what could not be written, and hears voices once", async () => {
  using files = folderWith("in/a.wav", "voices/ann.wav");
  const before = process.cwd();
  process.chdir(files.root); // A text that its folder does not take is saved here.
  using _ = { [Symbol.dispose]: () => process.chdir(before) };
  mkdirSync(join(files.root, "out"));
  const networks = fakeSpeakers();
  let [opened, reads] = [0, ""];
  const { parts, watching, until, untilThere, said } = startWatch(files.root, ["--voices", `${files.root}/voices`], {
    openSpeakers: () => Promise.resolve((opened++, networks)),
    readAudio: (input) => {
      const name = input.kind === "file" ? basename(input.path) : "-";
      if (name === "a.wav" && !reads.includes(name)) rmSync(join(files.root, "out"), { recursive: true });
      reads += ` ${name}`;
      return Promise.resolve(loadedAudio(new Float32Array(5 * 16_000).fill(0.1, 0, 70_000)));
    },
  });
  await until(() => said().includes("a.rescued.txt"));
  mkdirSync(join(files.root, "out"));
  await untilThere("a.txt");
  expect(said()).toContain("Trying again: R/in/a.wav");
  parts.interrupt(130);
  expect(await watching).toBe(130);
  expect({ opened, isClosed: networks.isClosed }).toEqual({ opened: 1, isClosed: true });
  expect(reads).toBe(" a.wav ann.wav a.wav");
});

test("--resume waits until it is known where speech is: the times of what was heard need it", async () => {
  using files = folderWith("a.wav");
  const audio = new Float32Array(8 * 16_000).fill(0.1);
  let decodes = 0;
  const failing = fakeEngine(() => {
    if (++decodes > 2) throw new InputError("the machine is on fire");
    return { says: "language English<asr_text>Hello there." };
  });
  const engine = fakeEngine(() => ({ says: "language English<asr_text>Hello there." }));
  const readAudio = () => Promise.resolve(loadedAudio(audio));
  const line = "-S 2 -W 0 -f json ./a.wav -o ./a.json";
  expect((await run(files.root, line, { readAudio, openEngine: () => Promise.resolve(failing) })).code).toBe(1);
  const openVoiceDetector = async () => (await Bun.sleep(50), everywhereVoice());
  const resumed = { readAudio, openEngine: () => Promise.resolve(engine), openVoiceDetector };
  expect(await run(files.root, `${line} --resume`, resumed)).toMatchObject({ code: 0, err: "" });
  const { segments } = JSON.parse(readFileSync(join(files.root, "a.json"), "utf8"));
  expect(segments.map(({ end }: { end: number }) => end)).toEqual([2, 4, 6, 8]);
  expect(engine.requests.length).toBe(2);
});
