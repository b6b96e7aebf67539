/** Tests of who speaks in runs over files, with networks and an engine that say a script. */

import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeEngine, fakeParts, fakeSecond, loadedAudio } from "../../tests/support/fake_parts.ts";
import { fakeSpeakers } from "../../tests/support/fake_speakers.ts";
import { InputError } from "../errors.ts";
import { Journal } from "../files/journal.ts";
import type { ProgramParts } from "./parts.ts";
import { createProgram } from "./program.ts";

function temporary() {
  const path = mkdtempSync(join(tmpdir(), "who-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function seconds(count: number) {
  const samples = new Float32Array(count * 16_000);
  for (let second = 0; second < count; second++) samples.set(fakeSecond(), second * 16_000);
  return loadedAudio(samples);
}

/** Recordings are named by their seconds; two people take turns every ten seconds. */
async function run(root: string, line: string, changes: Partial<ProgramParts> = {}) {
  const engine = fakeEngine(() => ({ says: "language English<asr_text>Hello there. Good day." }));
  const networks = fakeSpeakers();
  const parts = fakeParts(engine, {
    openSpeakers: () => Promise.resolve(networks),
    checkInput: () => Promise.resolve(),
    readAudio: (input) => {
      const path = input.kind === "file" ? input.path : "";
      const [, count] = /(\d+)s\.wav$/.exec(path) ?? [];
      return count === undefined
        ? Promise.reject(new InputError(`${path}: not a recording`))
        : Promise.resolve(seconds(Number(count)));
    },
    ...changes,
  });
  const args = line.split(" ").map((word) => word.replace(/^\.\//, `${root}/`));
  const code = await createProgram(parts)(args);
  return { code, out: parts.out(), err: parts.err().replaceAll(root, "R"), networks, engine };
}

const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const namesIn = (path: string) => read(path).speakers.map(({ name }: { name: string }) => name);

test("each file of a folder has its own speakers; one that fails leaves them to the others", async () => {
  using files = temporary();
  const { code, networks } = await run(files.path, "10s.wav bad.wav 30s.wav --speakers auto -f json -o ./out/");
  expect(code).toBe(1);
  expect(namesIn(join(files.path, "out/10s.json"))).toEqual(["Speaker 1"]);
  expect(namesIn(join(files.path, "out/30s.json"))).toEqual(["Speaker 1", "Speaker 2"]);
  expect(networks.isClosed).toBe(true);
});

test("--resume, with other names too, gives the labels that a run without a stop gives", async () => {
  using files = temporary();
  let decodes = 0;
  const failing = fakeEngine(() => {
    if (++decodes > 2) throw new InputError("the machine is on fire");
    return { says: "language English<asr_text>Hello there. Good day." };
  });
  const line = "30s.wav --speakers auto -S 5 -W 0 -f json";
  expect((await run(files.path, `${line} -o ./whole.json`)).code).toBe(0);
  const openEngine = () => Promise.resolve(failing);
  expect((await run(files.path, `${line} -o ./a.json`, { openEngine })).code).toBe(1);
  const readText = () => Promise.resolve("Speaker 2 = Ben");
  const { code, engine } = await run(files.path, `${line} -o ./a.json --speaker-names n --resume`, { readText });
  const left = 6 - 2;
  expect({ code, decodes: engine.requests.length }).toEqual({ code: 0, decodes: left });
  const text = readFileSync(join(files.path, "a.json"), "utf8");
  expect(text.replaceAll('"Ben"', '"Speaker 2"')).toBe(readFileSync(join(files.path, "whole.json"), "utf8"));
  expect(namesIn(join(files.path, "a.json"))).toEqual(["Speaker 1", "Ben"]);
});

test("channels are speakers where there are several, and are named; other files are told apart by voice", async () => {
  using files = temporary();
  const readChannels: ProgramParts["readChannels"] = (input) =>
    Promise.resolve(input.kind === "file" && input.path === "30s.wav" ? [seconds(30)] : [seconds(2), seconds(2)]);
  const readText = () => Promise.resolve("left = Ann\nSpeaker 2 = Ben");
  const line = "2s.wav 30s.wav --split-channels --speakers 2 --speaker-names names -f json -o ./out/";
  const { code, err } = await run(files.path, line, { readChannels, readText });
  expect(code).toBe(0);
  expect(err).toContain("2s.wav: its channels are its speakers; --speakers is for other files\n");
  expect(namesIn(join(files.path, "out/2s.json"))).toEqual(["Ann", "right"]);
  expect(namesIn(join(files.path, "out/30s.json"))).toEqual(["Speaker 1", "Ben"]);
});

test("networks and models are closed where a run cannot begin", async () => {
  using files = temporary();
  const journal = new Journal(join(files.path, ".all.csv.journal"), 0, () => {});
  journal.write({ journal: 1, program: "another" });
  await journal.close();
  const line = "10s.wav 30s.wav --speakers auto -f csv -o ./all.csv --resume";
  const { code, err, networks, engine } = await run(files.path, line);
  expect(err).toContain(".all.csv.journal");
  expect({ code, networks: networks.isClosed, engine: engine.isClosed() }).toEqual({
    ...{ code: 1, networks: true, engine: true },
  });
});

test("render: other names, two people who are one, labels or none; RTTM of what names nobody is told", async () => {
  using files = temporary();
  const line = "30s.wav --speakers auto -f json -o ./a.json";
  expect((await run(files.path, line)).code).toBe(0);
  const document = readFileSync(join(files.path, "a.json"), "utf8");
  const { speakers: _, turns: __, segments, ...head } = JSON.parse(document);
  const nobodys = { ...head, segments: [{ ...segments[0], speaker: undefined, words: undefined }] };
  const texts: Record<string, string> = {
    ...{ "a.json": document, "nobody.json": JSON.stringify(nobodys) },
    ...{ names: "Speaker 1 = Ann", one: "Speaker 1 = Ann\nSpeaker 2 = Ann" },
  };
  const readText = (path: string) => Promise.resolve(texts[path]!);
  const render = (line: string) => run(files.path, `render ${line}`, { readText });
  const rttm = async (line: string) => (await render(line)).out.match(/(?<=<NA> <NA> )\S+(?= <NA>)/g);
  expect(await rttm("a.json -f rttm --speaker-names names")).toEqual(["Ann", "Speaker_2", "Ann"]);
  expect(await rttm("a.json -f rttm --speaker-names one")).toEqual(["Ann"]);
  expect((await render("a.json -f csv --speaker-names names")).out).toContain(',"Ann"\r\n');
  expect((await render("a.json -f csv --speaker-labels off")).out).toStartWith("start,end,language,text\r\n");
  const nobody = await render("nobody.json -f rttm");
  expect(nobody).toMatchObject({
    code: 0,
    out: "",
    err: "qwen-asr: nobody.json: names no speakers, so there are no turns for RTTM\n",
  });
  expect((await render("nobody.json -f csv --speaker-labels on")).out).toContain(",text,speaker\r\n");
});

test("a name for nobody is told, of one recording and of its transcript; of several, others may be meant", async () => {
  using files = temporary();
  const readText = (path: string) =>
    Promise.resolve(path === "names" ? "Speakr 1 = Ann\nSpeaker 2 = Ben" : readFileSync(path, "utf8"));
  const asked = "--speakers auto --speaker-names names -f json -o ./";
  const line = "nobody is called Speakr 1 (--speaker-names): speakers are Speaker 1, Ben\n";
  expect((await run(files.path, `30s.wav ${asked}a.json`, { readText })).err).toContain(`30s.wav: ${line}`);
  const several = await run(files.path, `30s.wav 20s.wav ${asked}out/`, { readText });
  expect(several).toMatchObject({ code: 0, err: expect.not.stringContaining("nobody is called") });
  const again = await run(files.path, "render ./a.json -f srt --speaker-names names", { readText });
  expect(again.err).toContain(`a.json: ${line}`);
  const stream = await run(files.path, "30s.wav --stream --speakers auto --speaker-names names", { readText });
  expect(stream.err).toMatch(/30s.wav: nobody is called Speakr 1.* \(--speaker-names\): speakers are Speaker 1/);
});
