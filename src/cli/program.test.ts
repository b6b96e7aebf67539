/** Tests of the whole program with an engine that says a script: streams, order of checks, exit codes. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { testWhere } from "../../tests/support/where.ts";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DecodeRequest } from "../engine/engine.ts";
import { InputError, InternalError, ModelError } from "../errors.ts";
import { type FakeAnswer, fakeEngine, fakeParts, fakeSecond, loadedAudio } from "../../tests/support/fake_parts.ts";
import type { ProgramParts } from "./parts.ts";
import { createProgram } from "./program.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "program-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const hello: FakeAnswer = { says: "language English<asr_text>Hello there." };

async function run(line: string | string[], answer: FakeAnswer = hello, changes: Partial<ProgramParts> = {}) {
  const engine = fakeEngine(() => answer);
  const parts = fakeParts(engine, changes);
  const code = await createProgram(parts)(typeof line === "string" ? line.split(" ").filter(Boolean) : line);
  return { code, out: parts.out(), err: parts.err(), calls: parts.calls, engine };
}

test("one file, the lines of the C program", async () => {
  const { code, out, err, engine } = await run("-d models/x 11s.wav");
  expect({ code, out }).toEqual({ code: 0, out: "Hello there.\n" });
  expect(err).toMatchInlineSnapshot(`
    "Loading model from models/x
    Detected: Qwen3-ASR-0.6B
    Model loaded.
    Language: English
    Inference: 200 ms, 2 text tokens (10.00 tok/s, encoding: 100ms, decoding: 100ms)
    Audio: 11.0 s processed in 0.2 s (55.00x realtime)
    "
  `);
  expect(engine.isClosed()).toBe(true);
});

test("--silent: the text, and errors only", async () => {
  expect(await run("--silent 3s-short.wav")).toMatchObject({ code: 0, out: "Hello there.\n", err: "" });
  expect(await run("--silent bad.wav 3s.wav")).toMatchObject({
    code: 1,
    out: "Hello there.\n",
    err: "qwen-asr: bad.wav: not a recording\nhint: hear for yourself\n",
  });
});

test("--debug says more", async () => {
  expect((await run("--debug -S 10 20s.wav")).err).toMatchInlineSnapshot(`
    "Loading model from /models/small
    Detected: Qwen3-ASR-0.6B
    Model loaded.
    Thread pool: 2 threads
    Kernels: avx2
    Audio: 320000 samples (20.0 seconds)
    Splitting into 2 segments
    Segment 1/2: core 0.0-7.0s (112800 samples)
    Language: English
      English: 90.5 % sure
      Encoder: 92 tokens (100 ms)
      Prefill: 107 tokens (50 ms)
      Decode: 5 tokens (50 ms, 10.0 ms/token)
    Segment 2/2: core 7.0-20.0s (207200 samples)
      English: 90.5 % sure
      Encoder: 169 tokens (100 ms)
      Prefill: 184 tokens (50 ms)
      Decode: 5 tokens (50 ms, 10.0 ms/token)
    Audit: no speech without text (4.1 s of speech, 4.1 s with text)
    Inference: 400 ms, 4 text tokens (10.00 tok/s, encoding: 200ms, decoding: 200ms)
    Audio: 20.0 s processed in 0.4 s (50.00x realtime)
    "
  `);
});

test("no speech: an empty line, exit 0, no language", async () => {
  const { code, out, err } = await run("3s.wav", { says: "language None<asr_text>" });
  expect({ code, out }).toEqual({ code: 0, out: "\n" });
  expect(err).not.toContain("Language");
});

test("no samples: no Audio line", async () => {
  const { code, out, err } = await run("0s.wav");
  expect({ code, out }).toEqual({ code: 0, out: "\n" });
  expect(err).toContain("Inference: 0 ms, 0 text tokens (0.00 tok/s, encoding: 0ms, decoding: 0ms)\n");
  expect(err).not.toContain("Audio:");
});

test("a word that is neither a file nor quite a command gets a hint", async () => {
  expect(await run("missing")).toMatchObject({ code: 1, err: "qwen-asr: missing: no such file\n" });
  const hint = 'hint: did you mean the command "bench"?';
  expect(await run("bnech")).toMatchObject({ code: 1, err: `qwen-asr: bnech: no such file\n${hint}\n` });
});

test("several files: one paragraph each, failures reported, the others run, exit 1", async () => {
  const { code, out, err } = await run("--with-filename 1s.wav missing.wav bad.wav 2s.wav");
  expect(code).toBe(1);
  expect(out).toBe("1s.wav: Hello there.\n2s.wav: Hello there.\n");
  expect(err).toContain("qwen-asr: missing.wav: no such file\n");
  expect(err).toContain("qwen-asr: bad.wav: not a recording\nhint: hear for yourself\n");
  expect(err.match(/Language: English/g)?.length).toBe(1);
  expect(err).toContain("Audio: 3.0 s processed in 0.4 s (7.50x realtime)\n");
  expect((await run("1s.wav bad.wav")).code).toBe(1);
  expect((await run("1s.wav 2s.wav")).out).toBe("Hello there.\nHello there.\n");
});

test("several files: what concerns one is said in its turn, whatever was read before", async () => {
  const { out, err, engine } = await run("1s.wav bad.wav 2s-short.wav 3s-short.wav missing.wav");
  expect(out).toBe("Hello there.\n".repeat(3));
  expect(engine.requests).toHaveLength(3);
  const about = err.split("\n").filter((line) => line.startsWith("qwen-asr: ")).map((line) => line.split(": ")[1]);
  expect(about).toEqual(["missing.wav", "bad.wav", "2s-short.wav", "3s-short.wav"]);
});

test("--past-text yes, --low-memory, --batch 1: a recording is read when the one before is done", async () => {
  for (const [flag, most] of [["--past-text yes", 1], ["--low-memory", 1], ["--batch 1", 1], ["", 2]] as const) {
    const order: string[] = [];
    const engine = fakeEngine(({ samples }) => {
      order.push(`decode ${samples.length / 16_000}`);
      return { ...hello, tokenDelayMs: 1 };
    });
    const readAudio = (input: { kind: string; path?: string }) => {
      order.push(`read ${input.path![0]}`);
      return Promise.resolve(loadedAudio(new Float32Array(Number(input.path![0]) * 16_000)));
    };
    const parts = fakeParts(engine, { readAudio });
    await createProgram(parts)([...flag.split(" ").filter(Boolean), "1s.wav", "2s.wav"]);
    expect(parts.out()).toBe("Hello there.\n".repeat(2));
    const inTurn = order.join() === "read 1,decode 1,read 2,decode 2";
    expect([flag, engine.mostAtOnce(), inTurn]).toEqual([flag, most, most === 1]);
  }
});

test("warnings of a recording name it", async () => {
  expect((await run("3s-short.wav")).err).toContain("qwen-asr: 3s-short.wav: the file is cut short\n");
});

test("a silent run says what of a recording was left out, and nothing else", async () => {
  const lost = "FLAC audio follows at byte 96044, not read";
  const readAudio = () => Promise.resolve(loadedAudio(new Float32Array(16_000).fill(0.1), ["has an offset", lost]));
  const parts = fakeParts(fakeEngine(() => ({ says: "language English<asr_text>Hello." })), { readAudio });
  await createProgram(parts)(["--silent", "1s.wav"]);
  expect(parts.err()).toBe(`qwen-asr: 1s.wav: ${lost}\n`);
});

test("cues are cut as short as the demo model needs", async () => {
  const folder = await mkdtemp(join(tmpdir(), "program-"));
  for (const [model, seconds] of [["demo", 10], ["small", 15]] as const) {
    const parts = fakeParts(fakeEngine(() => ({ says: "language English<asr_text>Hello." })));
    await createProgram(parts)(["-d", model, "--silent", "-f", "srt,json", "-o", join(folder, model), "60s.wav"]);
    const { options } = JSON.parse(await readFile(join(folder, `${model}.json`), "utf8"));
    expect([model, options["segment-sec"]]).toEqual([model, seconds]);
  }
  await rm(folder, { recursive: true });
});

test("options, prompt, audio and output are checked before a model is looked for", async () => {
  for (
    const [line, code] of [
      ["--bogus 1s.wav", 2],
      ["--language xx 1s.wav", 2],
      ["--prompt @/no/such/file 1s.wav", 2],
      ["missing.wav", 1],
      ["bad.wav", 1],
      ["-o /no/such/folder/x 1s.wav", 1],
    ] as const
  ) {
    const result = await run(line);
    expect([line, result.code]).toEqual([line, code]);
    expect(result.calls).not.toContain("locateModel");
    expect(result.out).toBe("");
  }
  expect((await run("1s.wav")).calls).toEqual(["checkInput", "readAudio", "locateModel", "openEngine"]);
});

test("usage mistakes: one line and where to look", async () => {
  expect((await run("--langauge en a")).err).toBe(
    "qwen-asr: unknown option --langauge, did you mean --language?\ntry 'qwen-asr --help'\n",
  );
});

test("no message spreads over two lines", async () => {
  for (const args of [["--language", "a\nb", "x"], ["--bo\ngus", "x"], ["bad\n.wav"], ["missing\u001b.wav"]]) {
    const { err } = await run(args);
    expect(err.split("\n").length).toBe(args[0]!.startsWith("bad") || args.length > 1 ? 3 : 2);
    expect(err).not.toContain("\u001b");
  }
});

test("no model: exit 3 with the remedy", async () => {
  const locateModel = () => Promise.reject(new ModelError("no model", "qwen-asr download small"));
  expect(await run("1s.wav", hello, { locateModel })).toMatchObject({
    code: 3,
    err: "qwen-asr: no model\nhint: qwen-asr download small\n",
  });
});

test("a model that is none for this: exit 3; one without the language: exit 2", async () => {
  const aligner = fakeEngine(() => hello, { kind: "aligner", name: "Qwen3-ForcedAligner-0.6B" });
  const parts = fakeParts(aligner);
  expect(await createProgram(parts)(["1s.wav"])).toBe(3);
  expect(parts.err()).toContain("Qwen3-ForcedAligner-0.6B aligns text");
  const few = fakeParts(fakeEngine(() => hello, { languages: ["English"] }));
  expect(await createProgram(few)(["--language", "de", "1s.wav"])).toBe(2);
  expect(few.err()).toContain("--language German: /models/small knows English");
});

test("the demo model says what it is, and cuts sooner", async () => {
  const { err, engine } = await run("-d demo 45s.wav");
  expect(err).toContain("Loading the built-in demo model\nDemo model: ");
  expect(engine.requests.length).toBe(6);
});

test("-S 0 that cannot be held: that file fails with the remedy", async () => {
  const { code, err } = await run("-S 0 3000s.wav", hello, { availableMemory: () => 2 ** 28 });
  expect(code).toBe(1);
  expect(err).toContain("hint: cut it at pauses: -S 30, or leave -S out\n");
});

test("a hit cap and a loop are errors even with --silent", async () => {
  const loop = { says: `language English<asr_text>So${" no".repeat(60)}.` };
  const looped = await run("--silent 3s.wav", loop);
  expect(looped.out).toBe(`So${" no".repeat(7)}\n`);
  expect(looped.err).toBe("qwen-asr: 3s.wav: 0.0 to 3.0 s: repetition loop after 28 tokens, stopped there\n");
  const many = Array.from({ length: 200 }, (_, i) => `w${i}`).join(" ");
  const capped = await run("--silent 3s.wav", { says: `language English<asr_text>${many}` });
  expect(capped.err).toBe("qwen-asr: 3s.wav: 0.0 to 3.0 s: stopped after 96 tokens, more than speech takes\n");
  expect(capped.code).toBe(0);
});

test("-o: the file gets the text, stdout nothing", async () => {
  const path = join(folder, "out.txt");
  const { code, out } = await run(["-o", path, "1s.wav", "bad.wav"]);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(await readFile(path, "utf8")).toBe("Hello there.\n");
  const again = await run(["-o", path, "1s.wav"]);
  expect(again.code).toBe(1);
  expect(again.err).toContain("out.txt: already exists (--force overwrites)\n");
  expect((await run(["-o", path, "--force", "1s.wav"])).code).toBe(0);
});

test("-o: a run without text leaves no file; one that breaks half-way keeps what is known", async () => {
  const path = join(folder, "out.txt");
  expect((await run(["-o", path, "bad.wav"])).code).toBe(1);
  expect(await readdir(folder)).toEqual([]);
  let decodes = 0;
  const engine = fakeEngine(() => {
    if (++decodes === 2) throw new ModelError("the weights went away");
    return hello;
  });
  expect(await createProgram(fakeParts(engine))(["-o", path, "-S", "10", "15s.wav"])).toBe(3);
  expect(await readFile(path, "utf8")).toBe("Hello there.\n");
});

test("-o FOLDER/ without -f: a file of text for each input, and nothing on standard output", async () => {
  for (const name of ["new/", "old", "old/"]) {
    await mkdir(join(folder, "old"), { recursive: true });
    const path = `${folder}/${name}`;
    expect(await run(["-o", path, "1s.wav", "2s.wav", "3s"])).toMatchObject({ code: 0, out: "" });
    expect((await readdir(path)).sort()).toEqual(["1s.txt", "2s.txt", "3s.txt"]);
    expect(await readFile(join(path, "3s.txt"), "utf8")).toBe("Hello there.\n");
    await rm(path, { recursive: true });
  }
});

test("the text is printed beside other formats, and not beside a file of text alone", async () => {
  const out = async (formats: string) => (await run(["-f", formats, "-o", `${folder}/${formats}/`, "1s.wav"])).out;
  expect(await Promise.all(["srt", "srt,json", "srt,text", "text"].map(out))).toEqual([
    ...["Hello there.\n", "Hello there.\n", "Hello there.\n", ""],
  ]);
});

test("-f jsonl of several files: every line has its file, and those that fail have a line", async () => {
  const path = join(folder, "all.jsonl");
  for (const to of [[], ["-o", path]]) {
    const { code, out } = await run(["-f", "jsonl", ...to, "missing.wav", "1s.wav", "bad.wav", "2s.wav"]);
    expect(code).toBe(1);
    const written = to.length > 0 ? await readFile(path, "utf8") : out;
    expect(written.trimEnd().split("\n").map((text) => JSON.parse(text)).map(({ type, file }) => [type, file])).toEqual(
      [
        ["error", "missing.wav"],
        ...["document", "segment", "end"].map((type) => [type, "1s.wav"]),
        ["error", "bad.wav"],
        ...["document", "segment", "end"].map((type) => [type, "2s.wav"]),
      ],
    );
    expect(written).toContain('{"type":"error","file":"bad.wav","message":"not a recording"}\n');
  }
  expect((await run(["-f", "jsonl", "-o", `${folder}/sub/`, "bad.wav", "1s.wav"])).code).toBe(1);
  expect(await readdir(join(folder, "sub"))).toEqual(["1s.jsonl"]);
});

test("-o: what is known when a signal comes is kept", async () => {
  const path = join(folder, "out.txt");
  const says = `language English<asr_text>${Array.from({ length: 90 }, (_, i) => `w${i}`).join(" ")}`;
  for (const silent of [[], ["--silent"]]) {
    const onToken = (count: number) => void (count === 9 && parts.interrupt(130));
    const answer = () => ({ says, tokenDelayMs: 5, onToken });
    const parts = fakeParts(fakeEngine(answer));
    expect(await createProgram(parts)(["-o", path, "--force", ...silent, "60s.wav"])).toBe(130);
    expect(await readFile(path.replace(".txt", ".part.txt"), "utf8")).toMatch(/^w0( w\d+)+\n$/);
    expect(parts.err().includes("Inference")).toBe(silent.length === 0);
  }
});

test("standard input among files", async () => {
  const readAudio = () => Promise.reject(new InputError("standard input: no data"));
  expect((await run("--with-filename 1s.wav - 2s.wav")).out).toContain("\nstdin: Hello there.\n");
  expect((await run("--stdin", hello, { readAudio })).err).toBe("qwen-asr: standard input: no data\n");
});

testWhere(existsSync("/dev/full"), "/dev/full")("-o: a full disk ends the run", async () => {
  const { code, err } = await run("--silent -o /dev/full 1s.wav 2s.wav");
  expect({ code, err }).toEqual({ code: 1, err: "qwen-asr: /dev/full: cannot write: no space left\n" });
});

test("a stop while the model loads or the audio is read ends the run", async () => {
  const never = () => new Promise<never>(() => {});
  for (const part of ["readAudio", "locateModel", "openEngine"] as const) {
    const parts = fakeParts(fakeEngine(() => hello), { [part]: never });
    setTimeout(() => parts.interrupt(143), 20);
    expect([part, await createProgram(parts)(["1s.wav"])]).toEqual([part, 143]);
    expect(parts.out()).toBe("");
  }
});

test("what the machine's limits explain is told in a line, with what to do", async () => {
  const cases: [string, string][] = [
    ["bun:ffi requires the JIT", "too little memory, or none that may be executed"],
    ["dlopen: failed to map segment from shared object", "the system does not load the engine"],
    ["Out of memory", "not enough memory"],
    ["Array buffer allocation failed", "not enough memory"],
    ["libqwen_asr.so: Cannot allocate memory", "not enough memory"],
    ["Thread creation failed", "no more threads"],
  ];
  for (const [message, line] of cases) {
    const openEngine = () => Promise.reject(new InternalError(message));
    const { code, err } = await run("1s.wav", hello, { openEngine });
    expect([code, err.split("\n").slice(-3)]).toEqual([1, [
      `qwen-asr: ${line}`,
      expect.stringMatching(/^hint: .*(ulimit|limit)/),
      "",
    ]]);
  }
});

test("an unexpected failure is an internal error, exit 1, with a trace only on --debug", async () => {
  const openEngine = () => Promise.reject(new TypeError("x is not a function"));
  const { code, err } = await run("1s.wav", hello, { openEngine });
  expect(code).toBe(1);
  expect(err).toEndWith("qwen-asr: internal error: x is not a function (--debug says where)\n");
  expect((await run("--debug 1s.wav", hello, { openEngine })).err).toContain("    at ");
});

test("-t: never more threads than processors, with a line", async () => {
  const seen: number[] = [];
  const threads = async (line: string, count: number) => {
    const engine = fakeEngine(() => hello);
    const openEngine: ProgramParts["openEngine"] = (choice) => {
      seen.push(choice.threads);
      return Promise.resolve(engine);
    };
    return (await run(line, hello, { processors: () => count, openEngine })).err.split("\n")[0];
  };
  for (
    const [line, count, wanted, says] of [
      ["-t 99 1s.wav", 2, 2, "-t 99 is limited to 2: this process may use 2 processors"],
      ["--stream -t 3 1s.wav", 2, 2, "-t 3 is limited to 2: this process may use 2 processors"],
      ["info -t 256", 1, 1, "-t 256 is limited to 1: this process may use one processor"],
      ["-t 5 --silent 1s.wav", 4, 4, ""],
      ["-t 4 1s.wav", 4, 4, "Loading model from /models/small"],
      ["-t 0 1s.wav", 4, 0, "Loading model from /models/small"],
      ["info -t 2", 8, 2, ""],
    ] as const
  ) {
    expect(await threads(line, count)).toBe(says);
    expect(seen.pop()).toBe(wanted);
  }
});

test("QWEN_ASR_THREADS: what -t is where it is not given", async () => {
  const opened = async (line: string, value: string) => {
    const seen: number[] = [];
    const openEngine: ProgramParts["openEngine"] = (choice) => {
      seen.push(choice.threads);
      return Promise.resolve(fakeEngine(() => hello));
    };
    const { code, err } = await run(line, hello, { openEngine, env: { QWEN_ASR_THREADS: value } });
    return { code, threads: seen.at(-1), line: err.split("\n")[0] };
  };
  expect(await opened("--silent 1s.wav", "3")).toEqual({ code: 0, threads: 3, line: "" });
  expect(await opened("--silent -t 2 1s.wav", "3")).toMatchObject({ code: 0, threads: 2 });
  expect(await opened("--silent 1s.wav", "")).toMatchObject({ code: 0, threads: 0 });
  const limited = "QWEN_ASR_THREADS=64 is limited to 4: this process may use 4 processors";
  expect(await opened("1s.wav", "64")).toEqual({ code: 0, threads: 4, line: limited });
  for (const wrong of ["two", "-1", "1.5", "4096"]) {
    const says = `qwen-asr: QWEN_ASR_THREADS: "${wrong}" is not a number of threads`;
    expect(await opened("1s.wav", wrong)).toEqual({ code: 2, threads: undefined, line: says });
  }
});

test("info prints the engine's description, and takes no file", async () => {
  expect(JSON.parse((await run("info -d demo")).out)).toMatchObject({ name: "fake", path: null });
  expect(await run("info x.wav")).toMatchObject({ code: 2, out: "" });
});

test("bench measures the model that -d or the environment names", async () => {
  expect((await run("bench")).calls).toEqual(["locateModel", "bench folder"]);
  expect((await run("bench -d demo")).calls).toEqual(["locateModel", "bench demo"]);
  expect(await run("bench x.wav")).toMatchObject({ code: 2, out: "" });
});

test("help, version, licences, download and cache need no model", async () => {
  expect(await run("-h")).toMatchObject({ code: 0, err: "", calls: [] });
  expect((await run("--help")).out).toContain("Exit codes:");
  expect(await run("-V")).toMatchObject({ code: 0, out: "qwen-asr 1.2.3\n" });
  expect(await run("--licenses")).toMatchObject({ code: 0, out: "MIT\n" });
  expect(await run("download")).toMatchObject({ code: 2, err: expect.stringContaining("download: which model?") });
  expect(await run("cache list")).toMatchObject({
    code: 1,
    err: "qwen-asr: no place for a cache: set QWEN_ASR_CACHE\n",
  });
});

describe("--stream", () => {
  const speaks = (request: DecodeRequest) => ({
    says: `language English<asr_text>${
      Array.from({ length: Math.floor(request.samples.length / 16_000) }, (_, second) => ` word${second}`).join("")
    }`,
  });

  test("text as it settles, the same lines at the end, nothing is read whole", async () => {
    const parts = fakeParts(fakeEngine(speaks));
    expect(await createProgram(parts)(["--stream", "--monitor", "10s.wav"])).toBe(0);
    expect(parts.out()).toBe(`${Array.from({ length: 10 }, (_, second) => `word${second}`).join(" ")}\n`);
    expect(parts.err()).toContain("▶·▪");
    expect(parts.err()).toMatch(/\nLanguage: English\n/);
    expect(parts.err()).toMatch(/\nInference: \d+ ms, 10 text tokens .*\nAudio: 10\.0 s processed in .*\n$/);
    expect(parts.calls).toEqual(["checkInput", "openAudio", "locateModel", "openEngine"]);
  });

  test("a file with --silent is transcribed whole", async () => {
    const parts = fakeParts(fakeEngine(speaks));
    expect(await createProgram(parts)(["--stream", "--silent", "-i", "10s.wav"])).toBe(0);
    expect(parts.calls).toContain("readAudio");
    expect(parts.calls).not.toContain("openAudio");
  });

  test("standard input with --silent: the text once, at the end", async () => {
    const parts = fakeParts(fakeEngine(speaks));
    expect(await createProgram(parts)(["--stream", "--silent", "--stdin"])).toBe(0);
    expect([parts.out(), parts.err()]).toEqual(["word0\n", ""]);
  });

  test("a source that breaks: what was said, one line, exit 1", async () => {
    let left = 6;
    const parts = fakeParts(fakeEngine(speaks), {
      openAudio: () =>
        Promise.resolve({
          next: () =>
            left-- > 0 ? Promise.resolve(fakeSecond()) : Promise.reject(new InputError("6s.wav: cannot read it (EIO)")),
          close: () => Promise.resolve(),
          warnings: ["a block was damaged"],
        }),
    });
    expect(await createProgram(parts)(["--stream", "6s.wav"])).toBe(1);
    expect(parts.out()).toBe("word0 word1 word2 word3 word4 word5\n");
    expect(parts.err()).toContain("qwen-asr: 6s.wav: a block was damaged\nqwen-asr: 6s.wav: cannot read it (EIO)\n");
    expect(parts.err()).toContain("\nAudio: 6.0 s processed");
  });

  test("-f jsonl of several: every line has its file, and those that fail have a line", async () => {
    const parts = fakeParts(fakeEngine(speaks));
    const files = ["missing.wav", "2s.wav", "bad.wav", "3s.wav"];
    expect(await createProgram(parts)(["--stream", "-f", "jsonl", ...files])).toBe(1);
    const events = parts.out().trimEnd().split("\n").map((line) => JSON.parse(line));
    expect(events.filter(({ type }) => type === "error")).toEqual([
      { type: "error", file: "missing.wav", message: "no such file" },
      { type: "error", file: "bad.wav", message: "not a recording" },
    ]);
    expect(events.filter(({ type }) => type === "final").map(({ file, text }) => [file, text])).toEqual([
      ["2s.wav", "word0 word1"],
      ["3s.wav", "word0 word1 word2"],
    ]);
    expect(events.every(({ file }) => files.includes(file))).toBe(true);
  });

  test("inputs that cannot be opened are reported, the others run, and no model is loaded for none", async () => {
    const parts = fakeParts(fakeEngine(speaks));
    expect(await createProgram(parts)(["--stream", "bad.wav", "2s.wav"])).toBe(1);
    expect(parts.out()).toBe("word0 word1\n");
    expect(parts.err()).toContain("qwen-asr: bad.wav: not a recording\nhint: hear for yourself\n");
    const none = fakeParts(fakeEngine(speaks));
    expect(await createProgram(none)(["--stream", "bad.wav"])).toBe(1);
    expect(none.calls).not.toContain("openEngine");
  });
});

test("--max-ram: a model that fits is opened, one that does not is refused with what would do", async () => {
  const roomy = await run("--max-ram 1G -d demo 1s.wav", hello);
  expect({ code: roomy.code, out: roomy.out }).toEqual({ code: 0, out: "Hello there.\n" });
  const tight = await run("--max-ram 300M -d demo 1s.wav", hello);
  expect({ code: tight.code, out: tight.out }).toEqual({ code: 3, out: "" });
  expect(tight.err).toContain(
    "qwen-asr: --max-ram 300 MB is too little for the built-in model\nhint: it takes 340 MB with",
  );
});
