/** The files that the executable writes: independent parsers read every format, after the end, Ctrl-C and kill -9. */

import { parse } from "@plussub/srt-vtt-parser";
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { lazily } from "../src/lazy.ts";
import { schemaErrors } from "../src/document/schema_fixture.ts";
import { parseSubtitles } from "../src/subtitles/parse.ts";
import { golden, modelDir, projectRoot, spokenText } from "./fixtures.ts";
import { executable, fixedEnvironment, run, temporaryFolder } from "./harness.ts";
import { expectRefusal, lines, qwen, wav } from "./support/cli.ts";
import { ffmpeg, hasFfmpeg, testThoroughly, testWhere } from "./support/where.ts";

const all = "text,json,jsonl,srt,vtt,tsv,lrc,csv";
const names = ["csv", "json", "jsonl", "lrc", "srt", "tsv", "txt", "vtt"];

const bare = (text: string) => text.replace(/\s+/gu, "");

/** Throws if the file is not valid. Returns its text without spaces if the format holds the plain text. */
function readWhole(path: string): string {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  expect(text).toEndWith("\n");
  switch (path.slice(path.lastIndexOf(".") + 1)) {
    case "txt":
      return bare(text);
    case "json": {
      const value = JSON.parse(text);
      expect(schemaErrors(value)).toEqual([]);
      for (const segment of value.segments) {
        expect(segment.words.map((word: { text: string }) => word.text).join("")).toBe(segment.text);
      }
      return bare(value.segments.map((segment: { text: string }) => segment.text).join(""));
    }
    case "jsonl": {
      const values = lines(text).map((line) => JSON.parse(line));
      for (const value of values) expect(schemaErrors(value, `${value.type}Line`)).toEqual([]);
      return bare(values.flatMap((value) => value.type === "segment" ? [value.text] : []).join(""));
    }
    case "srt":
    case "vtt": {
      expect(parseSubtitles(text)!.faults).toEqual([]);
      return bare(parse(text).entries.map((entry) => entry.text).join(""));
    }
    case "tsv":
      for (const line of lines(text).slice(1)) expect(line).toMatch(/^\d+\t\d+\t[^\t]+$/);
      return bare(lines(text).slice(1).map((line) => line.split("\t")[2]).join(""));
    case "csv":
      for (const line of lines(text).slice(1)) expect(line).toMatch(/^\d+\.\d{3},\d+\.\d{3},\w*,".*"\r$/);
      return bare(lines(text).slice(1).map((line) => line.split('"')[1]).join(""));
    case "lrc":
      for (const line of lines(text)) expect(line).toMatch(/^\[\d\d:\d\d\.\d\d\]|^\[(by|length):.*\]$/);
      return bare(lines(text).slice(2).map((line) => line.slice(10)).join(""));
  }
  throw new Error(`${path}: a file that nobody asked for`);
}

function storedTranscript(extension: string): string {
  return join(projectRoot, `tests/documents/transcript_v1.${extension}`);
}

/** Several minutes of speech, as samples without a header. */
function longRecording(folder: string): string {
  const path = join(folder, "long.raw");
  const samples = readFileSync(wav("en-45s")).subarray(44);
  writeFileSync(path, Buffer.concat(Array.from({ length: 12 }, () => samples)));
  return path;
}

/** All formats of one recording, in files talk.srt and so on, which tests only read. */
const talkFolder = temporaryFolder();
const talk = lazily(() => qwen(["-f", all, "-o", join(talkFolder.path, "talk"), wav("en-45s")]));
const talkFile = (name: string) => join(talkFolder.path, `talk.${name}`);
afterAll(() => talkFolder[Symbol.dispose]());

describe("-f", () => {
  test("eight formats at once, the live text on stdout; each has all of it", async () => {
    const result = await talk();
    expect(result.code).toBe(0);
    expect(readdirSync(talkFolder.path).sort()).toEqual(names.map((name) => `talk.${name}`));
    for (const name of names) expect([name, readWhole(talkFile(name))]).toEqual([name, bare(result.stdout)]);
    const value = JSON.parse(readFileSync(talkFile("json"), "utf8"));
    expect(value).toMatchObject({
      complete: true,
      source: { name: wav("en-45s") },
      model: { hash: expect.stringMatching(/^[0-9a-f]{16}$/), weights: "int8" },
      options: { "segment-sec": 15 },
    });
    expect(value.segments[0].words[0]).toMatchObject({ flag: "unaligned", logprob: expect.any(Number) });
    expect(result.stderr).toContain("--align");
  });

  test("one format on stdout, and nothing else", async () => {
    for (const format of ["json", "vtt"]) {
      const { stdout, stderr, code } = await qwen(["--silent", "-f", format, wav("zh-weather")]);
      expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
      const said = format === "json"
        ? JSON.parse(stdout).segments[0].text
        : parse(stdout).entries.map(({ text }) => text).join("");
      expect(bare(said)).toBe(bare(spokenText(golden("zh-weather")!.plain)));
    }
  });

  test("-o says the format by its extension; a folder takes a file per input", async () => {
    using folder = temporaryFolder();
    const srt = join(folder.path, "a.srt");
    expect((await qwen(["--silent", "-o", srt, wav("en-short")])).code).toBe(0);
    expect(readWhole(srt)).toBe(bare(spokenText(golden("en-short")!.plain)));
    const many = join(folder.path, "many"); // A folder that is not there yet is made.
    const inputs = ["en-short", "zh-weather", "silence-3s"];
    const result = await qwen(["--silent", "-f", "srt,jsonl", "-o", `${many}/`, ...inputs.map(wav)]);
    expect({ code: result.code, stderr: result.stderr }).toEqual({ code: 0, stderr: "" });
    expect(readdirSync(many).sort()).toEqual(
      inputs.flatMap((name) => ["jsonl", "srt"].map((each) => `${basename(wav(name), ".wav")}.${each}`)).sort(),
    );
    expect(readFileSync(join(many, "silence-3s.srt"), "utf8")).toBe("");
    expect(lines(readFileSync(join(many, "silence-3s.jsonl"), "utf8")).length).toBe(2);
  });

  test("refused at once: no name, no folder, a file that is there", async () => {
    using folder = temporaryFolder();
    const two = [wav("en-short"), wav("zh-weather")];
    expectRefusal(await qwen(["-f", "srt,json", two[0]!]), 2, "-f srt,json needs -o NAME");
    expectRefusal(await qwen(["-f", "srt", ...two]), 2, "-f srt takes one input, got 2");
    expectRefusal(await qwen(["-f", "srt", "-o", join(folder.path, "x"), ...two]), 2, "takes one input per file");
    expectRefusal(await qwen(["-f", "docx", two[0]!]), 2, "-f takes text, json, jsonl, srt");
    expectRefusal(await qwen(["-f", "srt", "--max-cols", "3", two[0]!]), 2, "--max-cols must be 8 to 200 columns");
    writeFileSync(join(folder.path, "x.json"), "precious");
    expectRefusal(await qwen(["-f", "srt,json", "-o", join(folder.path, "x"), two[0]!]), 1, "x.json: already exists");
    expect(readdirSync(folder.path)).toEqual(["x.json"]);
    expectRefusal(await qwen(["-f", "srt", "-o", join(folder.path, "no/no/"), ...two]), 1, "its folder does not exist");
  });

  test("--paragraph-sec breaks the text at long pauses, and only there", async () => {
    const plain = await qwen(["--silent", "-S", "15", wav("en-45s")]);
    const broken = await qwen(["--silent", "-S", "15", "--paragraph-sec", "1", wav("en-45s")]);
    expect(lines(plain.stdout).length).toBe(1);
    expect(broken.stdout.split("\n\n").length).toBeGreaterThan(3);
    expect(bare(broken.stdout)).toBe(bare(plain.stdout));
  });
});

testWhere(hasFfmpeg, "ffmpeg")("ffmpeg reads the cues", async () => {
  using folder = temporaryFolder();
  await talk();
  for (const [from, to] of [["srt", "vtt"], ["vtt", "srt"]] as const) {
    const path = join(folder.path, `made.${to}`);
    const args = ["-v", "warning", "-i", talkFile(from), path];
    expect(await run(args, { executable: ffmpeg! })).toMatchObject({ code: 0, stderr: "" });
    const [made, own] = [path, talkFile(to)].map((each) =>
      parse(readFileSync(each, "utf8")).entries.map(({ from, to, text }) => ({
        from,
        to,
        text: text.replaceAll("\r", ""), // ffmpeg breaks a cue's lines as Windows does.
      }))
    );
    expect(made!).toEqual(own!);
  }
});

describe("a run that ends early", () => {
  test("Ctrl-C: all files are there, whole, with the same text, and say that they are not complete", async () => {
    using folder = temporaryFolder();
    const args = ["-f", all, "-S", "5", "-o", join(folder.path, "talk"), "--raw", longRecording(folder.path)];
    const result = await qwen(args, { signalWhen: { text: "Berlin", signal: "SIGINT" } });
    expect(result.signal).toBe("SIGINT");
    const cutName = (name: string) => name === "jsonl" ? "talk.jsonl" : `talk.part.${name}`;
    const left = [".talk.csv.journal", ...names.map(cutName)]; // With the journal, --resume goes on.
    expect(readdirSync(folder.path).filter((name) => /talk/.test(name)).sort()).toEqual(left.sort());
    const texts = names.map((name): string => readWhole(join(folder.path, cutName(name))));
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]!.length).toBeGreaterThan(0);
    expect(JSON.parse(readFileSync(join(folder.path, "talk.part.json"), "utf8")).complete).toBe(false);
  });

  /** Kills runs at so many moments, spread over the second after the first file is there. */
  async function killedAt(moments: number): Promise<void> {
    let [filesCount, unfinished] = [0, 0];
    for (let moment = 0; moment < moments; moment++) {
      using folder = temporaryFolder();
      const target = join(folder.path, "out");
      mkdirSync(target);
      const args = ["-d", modelDir(), "-f", all, "-S", "5", "-o", join(target, "talk"), "--raw"];
      const child = Bun.spawn([executable(), ...args, longRecording(folder.path)], {
        env: fixedEnvironment(folder.path),
        stdout: "ignore",
        stderr: "ignore",
      });
      const files = () => readdirSync(target).filter((name) => !name.startsWith("."));
      const isThere = async (name: string) => {
        while (!files().includes(name) && child.exitCode === null) await Bun.sleep(5);
      };
      await isThere("talk.jsonl");
      if (moment === 0) await isThere("talk.part.json");
      await Bun.sleep((moment * 900) / moments);
      child.kill("SIGKILL");
      await child.exited;
      const found = files();
      // A file that grows is there a moment before its first line.
      const begun = found.filter((name) => name !== "talk.jsonl" || statSync(join(target, name)).size > 0);
      for (const name of begun) readWhole(join(target, name));
      filesCount += found.length;
      if (found.includes("talk.part.json")) {
        unfinished += JSON.parse(readFileSync(join(target, "talk.part.json"), "utf8")).complete ? 0 : 1;
      }
    }
    expect(filesCount).toBeGreaterThan(moments);
    expect(unfinished).toBeGreaterThan(0);
  }

  const killMsMax = 180_000; // It sleeps for nearly as long as Bun's own limit.
  test("kill -9 at two moments: every file on disk is whole", () => killedAt(2), killMsMax);
  testThoroughly("kill -9 at ten moments", () => killedAt(10), killMsMax); // tests/resume.test.ts kills, too.
});

describe("render, lint, inspect", () => {
  test("render gives what the run gave, and other layouts without decoding", async () => {
    const at = (name: string) => join(talkFolder.path, name);
    await talk();
    for (const from of ["json", "jsonl"]) {
      for (const name of names) {
        const format = name === "txt" ? "text" : name;
        const result = await run(["render", at(`talk.${from}`), "-f", format]);
        expect(result).toMatchObject({ code: 0, stderr: "", stdout: readFileSync(at(`talk.${name}`), "utf8") });
      }
    }
    const rendered = (await run(["render", at("talk.json"), "--timestamps"])).stdout;
    expect(rendered).toMatch(/^(\[\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}\] \S.*\n){3,}$/);
    expect(bare(rendered.replace(/^\[.*?\]/gm, ""))).toBe(readWhole(at("talk.txt")));
    expect((await qwen(["--timestamps", "--silent", wav("en-45s")])).stdout).toBe(rendered);
    const narrow = await run(["render", at("talk.json"), "-f", "srt", "--max-cols", "16", "--max-lines", "3"]);
    const cues = parseSubtitles(narrow.stdout)!.cues;
    expect(Math.max(...cues.flatMap((cue) => cue.lines.map((line) => line.length)))).toBeLessThanOrEqual(16);
    expect(bare(cues.flatMap((cue) => cue.lines).join(""))).toBe(readWhole(at("talk.txt")));
    const cut = readFileSync(at("talk.json"), "utf8").replace('"complete": true', '"complete": false');
    for (const format of ["srt", "text", "json"]) {
      const rendered = await run(["render", "-", "-f", format], { stdin: cut });
      expect(rendered.stderr).toBe(
        "qwen-asr: standard input: is incomplete: the recording was not heard to its end\n",
      );
      expect(rendered.code).toBe(0);
    }
    const piped = await run(["render", "-", "-f", "vtt"], { stdin: readFileSync(at("talk.json")) });
    expect(piped.stdout).toBe(readFileSync(at("talk.vtt"), "utf8"));
    expectRefusal(await run(["render", at("talk.json"), "-f", "srt", "-o", at("talk")]), 1, "already exists");
    expectRefusal(await run(["render", at("talk.json"), "-t", "2"]), 2, "render does not take --threads");
    expectRefusal(await run(["render", wav("en-short")]), 1, "is not text");
    for (const from of ["srt", "vtt"]) {
      const again = await run(["render", at(`talk.${from}`)]);
      expect(again).toMatchObject({ code: 0, stderr: "", stdout: readFileSync(at("talk.txt"), "utf8") });
    }
    expectRefusal(await run(["render", at("talk.txt")]), 1, "is neither a transcript (-f json or jsonl) nor SRT nor");
    expectRefusal(await run(["render"]), 2, "render needs a transcript");
  });

  test("lint finds nothing in good cues, and everything in bad ones", async () => {
    using folder = temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    await qwen(["-f", "srt,vtt", "-o", at("talk"), wav("zh-30s")]);
    const clean = await run(["lint", "talk.srt", "talk.vtt"], { cwd: folder.path });
    expect(clean).toMatchObject({ code: 0, stderr: "" });
    expect(clean.stdout).toMatch(/^talk\.srt: \d+ cues, no problems\ntalk\.vtt: \d+ cues, no problems\n$/);
    const strict = await run(["lint", "--style", "broadcast", "--max-cps", "5", at("talk.srt")]);
    expect(strict.code).toBe(1);
    expect(strict.stdout).toMatch(/^\S+talk.srt:\d+: cue \d: \d+\.\d columns a second, over 5$/m);
    writeFileSync(at("bad.srt"), "1\n00:00:01,000 --> 00:00:00,500\nx\n");
    writeFileSync(at("empty.srt"), "\n");
    writeFileSync(at("notes.srt"), "just notes\n");
    const bad = await run(["lint", "bad.srt", "none.srt", "empty.srt", "notes.srt"], { cwd: folder.path });
    expect(bad).toMatchObject({
      code: 1,
      stdout: "bad.srt:2: cue 1: ends before it starts\n",
      stderr: "qwen-asr: none.srt: no such file\nqwen-asr: empty.srt: is empty\n" +
        "qwen-asr: notes.srt: is neither SRT nor WebVTT\n",
    });
  });

  test("transcripts of version 1, as earlier programs wrote them, are rendered and inspected", async () => {
    const { stdout: text } = await run(["render", storedTranscript("json")]);
    expect(text).toStartWith("Today is Sunday, November second.");
    expect((await run(["render", storedTranscript("jsonl")])).stdout).toBe(text);
    const { stdout } = await run(["render", storedTranscript("json"), "-f", "json"]);
    expect(schemaErrors(JSON.parse(stdout))).toEqual([]);
    expect(JSON.parse(stdout).version).toBe(2);
    const picture = await run(["inspect", wav("en-weather"), storedTranscript("json")]);
    expect(picture.stdout).toContain("November");
    expect(picture.stderr).toBe("");
    for (const name of ["en-short", "zh-30s", "en-45s"]) {
      const { stderr } = await run(["inspect", wav(name), storedTranscript("json")]);
      expect(stderr).toMatch(/: lasts \d+\.\d s, and the recording of the transcript 10\.4 s: the words may /);
    }
    const part = await run(["inspect", "--to", "5", wav("en-weather"), storedTranscript("json")]);
    expect(part.stderr).toBe("");
  });

  test("inspect draws the recording, with the words of the transcript beside it", async () => {
    using folder = temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    writeFileSync(at("talk.wav"), readFileSync(wav("en-weather")));
    const alone = await run(["inspect", at("talk.wav")]);
    expect(alone).toMatchObject({ code: 0, stderr: "" });
    expect(alone.stdout).toMatch(/^ +0:00\.0 .*[\u2581-\u2588]/);
    await qwen(["-f", "json", "-o", at("talk"), at("talk.wav")]);
    const both = await run(["inspect", at("talk.wav"), "-o", at("talk.svg")]);
    expect(both.code).toBe(0);
    const words = spokenText(golden("en-weather")!.plain).split(" ");
    for (const word of words) expect(both.stdout).toContain(word);
    const svg = readFileSync(at("talk.svg"), "utf8");
    expect(svg).toStartWith("<svg ");
    expect(svg.match(/<title>\d/g)!.length).toBe(words.length);
    const narrow = ["--max-cols", "16", "--max-lines", "1"];
    await run(["inspect", at("talk.wav"), ...narrow, "-o", at("narrow.svg")]);
    const shown = readFileSync(at("narrow.svg"), "utf8").match(/height="8" fill="#cfe8cf"/g)!.length - 1; // A legend.
    expect(shown).toBe((await run(["render", at("talk.json"), ...narrow, "-f", "srt"])).stdout.match(/-->/g)!.length);
    expect(shown).toBeGreaterThan(2);
    expectRefusal(await run(["inspect", at("talk.wav"), at("none.json")]), 1, "none.json: no such file");
    expectRefusal(await run(["inspect", at("talk.json")]), 2, "inspect needs a recording");
    expectRefusal(await run(["inspect", at("talk.wav"), "-o", at("talk.svg")]), 1, "already exists");
  });
});
