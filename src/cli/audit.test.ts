/** Tests of what a run says of text that is missing: the audit's gaps, what was cut, and the exit code of --strict. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { schemaErrors } from "../document/schema_fixture.ts";
import type { DecodeRequest } from "../engine/engine.ts";
import {
  everywhereVoice,
  type FakeAnswer,
  fakeEngine,
  fakeParts,
  loadedAudio,
} from "../../tests/support/fake_parts.ts";
import { extensionOf, formatNames } from "../output/formats.ts";
import type { ProgramParts } from "./parts.ts";
import { createProgram } from "./program.ts";

const rate = 16_000;
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "audit-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A letter a second: "." is silent, "x" is louder than the others. */
function sound(kinds: string): Float32Array {
  const samples = new Float32Array(kinds.length * rate);
  for (let i = 0; i < samples.length; i++) {
    const kind = kinds[Math.floor(i / rate)]!;
    const level = kind === "." ? 0 : kind === "x" ? 0.2 : 0.1;
    samples[i] = level * Math.sin(i * 0.7) * (1 - Math.abs(i % 1600 - 800) / 1600);
  }
  return samples;
}

/** What is loud gets no text: an engine that loses the text of a segment. */
const losing = ({ samples }: DecodeRequest): FakeAnswer => ({
  says: samples.some((sample) => sample > 0.15) ? "language None<asr_text>" : "language English<asr_text>Hello.",
});

async function run(line: string, sounds: string | string[], answer = losing, changes: Partial<ProgramParts> = {}) {
  const files = [sounds].flat();
  let next = 0;
  const parts = fakeParts(fakeEngine(answer), {
    openVoiceDetector: () => Promise.resolve(everywhereVoice()),
    readAudio: () => Promise.resolve(loadedAudio(sound(files[next++]!))),
    readChannels: () => Promise.resolve(files.map((kinds) => loadedAudio(sound(kinds)))),
    ...changes,
  });
  const code = await createProgram(parts)(line.replaceAll("OUT", folder).split(" "));
  return { code, out: parts.out(), err: parts.err() };
}

const written = async (name: string) => JSON.parse(await readFile(join(folder, name), "utf8"));
const lost = ["ooooooooo", ".xxxxxxx..", "ooooooooo."].join(".");
const lines = (err: string) => err.split("\n").filter((line) => line.includes("speech without text"));

test("a segment that lost its text is a gap: a line, a list, and exit code 4 where that is asked for", async () => {
  const { code, err } = await run("-S 10 -W 0 -f json,jsonl -o OUT/a a.wav", lost);
  expect(code).toBe(0);
  const document = await written("a.json");
  expect(schemaErrors(document)).toEqual([]);
  const [{ start, end }, ...others] = document.gaps;
  expect(others).toEqual([]);
  expect(start).toBeWithin(10.8, 11.05);
  expect(end).toBeWithin(17.95, 18.2);
  expect(lines(err)).toEqual([expect.stringContaining(`a.wav: speech without text: ${start.toFixed(1)} to`)]);
  const last = (await readFile(join(folder, "a.jsonl"), "utf8")).trimEnd().split("\n").map((line) => JSON.parse(line))
    .at(-1);
  expect(schemaErrors(last, "endLine")).toEqual([]);
  expect(last.gaps).toEqual(document.gaps);
  expect((await run("--strict -S 10 -W 0 a.wav", lost)).code).toBe(4);
  expect(lines((await run("--strict --silent -S 10 -W 0 a.wav", lost)).err).length).toBe(1);
});

test("where everything has text, nothing is said and --strict is content", async () => {
  const { code, err } = await run("--strict -S 10 -W 0 -f json -o OUT/a.json a.wav", lost.replaceAll("x", "o"));
  expect(code).toBe(0);
  expect(err).not.toContain("speech");
  expect((await written("a.json")).gaps).toEqual([]);
  const silent = () => ({ says: "language None<asr_text>" });
  expect(await run("--strict --vad energy a.wav", "..........", silent)).toMatchObject({ code: 0, out: "\n" });
});

test("times are the recording's, also with --from and without its silence", async () => {
  const { err } = await run("--from 60 -S 10 -W 0 -f json -o OUT/a.json a.wav", lost);
  const [{ start, end }] = (await written("a.json")).gaps;
  expect(start).toBeWithin(70.8, 71.05);
  expect(end).toBeWithin(77.95, 78.2);
  expect(lines(err).join()).toContain(" 71.0 to 78.");
  await run("--skip-silence -S 5 -W 2 -f json -o OUT/b.json b.wav", "ooooo....................xxxxx..........ooooo");
  const [gap, ...others] = (await written("b.json")).gaps;
  expect(others).toEqual([]);
  expect(gap.start).toBeWithin(24.8, 25.05);
  expect(gap.end).toBeWithin(29.95, 30.2);
});

test("of several files the right one is named, and 1 wins over 4", async () => {
  const { code, err } = await run("--strict -S 10 -W 0 a.wav b.wav c.wav", ["oooo", lost, "oooo"]);
  expect(code).toBe(4);
  expect(lines(err)).toEqual([
    expect.stringMatching(/^qwen-asr: b\.wav: speech without text: 1[01]\.\d to 18\.\d s \(/),
  ]);
  expect((await run("--strict -S 10 -W 0 missing.wav b.wav", [lost])).code).toBe(1);
});

test("of two channels, the one with the gap is named", async () => {
  const sides = ["ooooooooo.............", "oooooooooo...xxxxxxxx."];
  const { code, err } = await run("--strict --split-channels -S 10 -W 0 -f json -o OUT/a.json a.wav", sides);
  expect(code).toBe(4);
  const { gaps } = await written("a.json");
  expect(gaps).toEqual([{ start: expect.any(Number), end: expect.any(Number), speaker: "right" }]);
  expect(lines(err).join()).toMatch(/speech without text: right 1[23]\.\d to 21\.\d s/);
});

test("a text that a limit ended or that went round in circles says so", async () => {
  const capped = () => ({ says: "language English<asr_text>And so", stop: "cap" as const });
  const cut = await run("--strict -f json -o OUT/a.json a.wav", "oooo", capped);
  expect(cut.code).toBe(4);
  expect((await written("a.json")).segments).toEqual([expect.objectContaining({ truncated: true })]);
  const circles = () => ({ says: `language English<asr_text>Well,${" you know,".repeat(100)}` });
  const looped = await run("--strict -f json -o OUT/b.json b.wav", "oooo", circles);
  expect(looped.code).toBe(4);
  expect(looped.err).toContain("b.wav: 0.0 to 4.0 s: repetition loop");
  const { segments, gaps } = await written("b.json");
  expect({ segments, gaps }).toEqual({ segments: [expect.objectContaining({ loop: true })], gaps: [] });
});

test("what JSON says is missing, render keeps, and it writes every other format of it", async () => {
  const capped = () => ({ says: "language English<asr_text>And so", stop: "cap" as const });
  const circles = () => ({ says: `language English<asr_text>Well,${" you know,".repeat(100)}` });
  const silent = () => ({ says: "language None<asr_text>" });
  const cases = [
    ["gap", "-S 10 -W 0", lost, losing],
    ["cap", "-S 10", "oooo", capped],
    ["loop", "-S 10", "oooo", circles],
    ["none", "--vad energy", "..........", silent],
  ] as const;
  for (const [name, options, sounds, answer] of cases) {
    const given = await run(`${options} -f json -o OUT/${name}.json a.wav`, sounds, answer);
    expect([name, given.code]).toEqual([name, 0]);
    const document = await written(`${name}.json`);
    expect(schemaErrors(document)).toEqual([]);
    const readText = (path: string) => readFile(path, "utf8");
    const line = `render OUT/${name}.json -f ${formatNames.join()} -o OUT/${name}-again`;
    const { code, err } = await run(line, "", answer, { readText });
    expect([name, code, err]).toEqual([name, 0, name === "none" ? expect.stringContaining("has no text") : ""]);
    expect(await written(`${name}-again.json`)).toEqual(document);
    const lines = (await readFile(join(folder, `${name}-again.jsonl`), "utf8")).trimEnd().split("\n");
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ type: "end", gaps: document.gaps });
    for (const format of formatNames) {
      const text = await readFile(join(folder, `${name}-again.${extensionOf(format)}`), "utf8");
      if (name !== "none" && format !== "rttm") expect(text).toMatch(/Hello|And|Well/);
    }
  }
});
