/** Tests of the whole program, with an engine that says a script, on a terminal: rows, headings, live text. */

import { describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DecodeRequest } from "../engine/engine.ts";
import { fakeEngine, fakeParts } from "../../tests/support/fake_parts.ts";
import { FakeScreen } from "./fake_screen.ts";
import { createProgram } from "./program.ts";
import type { Screen } from "./terminal.ts";

const sentence = "The train to Berlin leaves at eight twenty from the old station.";
const says = () => ({ says: `language English<asr_text>${sentence}` });

/** Runs a command line on a terminal of so many columns; both outputs are shown on it. */
async function watch(line: string, width: number, answer: (request: DecodeRequest) => { says: string } = says) {
  return await onScreen(line, new FakeScreen(width, 20), { redraws: true, dims: true }, answer);
}

async function onScreen(
  line: string,
  shown: FakeScreen,
  can: Pick<Screen, "redraws" | "dims">,
  answer: (request: DecodeRequest) => { says: string },
) {
  const parts = fakeParts(fakeEngine(answer));
  let [out, bytes] = ["", ""];
  const writer = (isOut: boolean) => ({
    write: (text: string) => {
      shown.write(text);
      bytes += text;
      if (isOut) out += text;
    },
    drained: () => Promise.resolve(),
  });
  const screen = { columns: () => shown.width, rows: () => shown.height, ...can };
  const terminal = { ...parts.terminal, stdout: writer(true), stderr: writer(false), isWatched: true, screen };
  const code = await createProgram({ ...parts, terminal })(line.split(" "));
  return { code, out, bytes, shown: shown.shown() };
}

async function pipe(line: string, answer = says) {
  const parts = fakeParts(fakeEngine(answer));
  await createProgram(parts)(line.split(" "));
  return parts.out();
}

describe("text", () => {
  test("breaks between words, to the width of the terminal; a pipe has it whole", async () => {
    for (const [width, rows] of [[24, 3], [40, 2], [80, 1]] as const) {
      const { out } = await watch("--silent 3s.wav", width);
      const lines = out.trimEnd().split("\n");
      expect(lines.length).toBe(rows);
      expect(lines.join(" ")).toBe(sentence);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
    }
    expect(await pipe("--silent 3s.wav")).toBe(`${sentence}\n`);
  });

  test("several inputs: the name above each text; not in pipes and files, not with --no-filename", async () => {
    const all = `==> 1s.wav <==\n${sentence}\n\n==> 2s.wav <==\n${sentence}\n`;
    expect((await watch("--silent 1s.wav 2s.wav", 80)).out).toBe(all);
    expect((await watch("--silent 1s.wav bad.wav 2s.wav", 80)).out).toBe(all);
    expect((await watch("--silent 1s.wav", 80)).out).toBe(`${sentence}\n`);
    for (const option of ["--no-filename", "--with-filename"]) {
      expect((await watch(`--silent ${option} 1s.wav 2s.wav`, 80)).out).not.toContain("==>");
    }
    expect(await pipe("--silent 1s.wav 2s.wav")).toBe(`${sentence}\n${sentence}\n`);
    expect((await watch("--no-filename --with-filename a.wav", 80)).code).toBe(2);
    const folder = await mkdtemp(join(tmpdir(), "terminal-"));
    try {
      expect((await watch(`--silent -o ${folder}/all.txt 1s.wav 2s.wav`, 20)).out).toBe("");
      expect(await readFile(`${folder}/all.txt`, "utf8")).toBe(`${sentence}\n${sentence}\n`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("the language is named with its file where there are several", async () => {
    const answer = ({ samples }: DecodeRequest) => ({
      says: `language ${samples.length > 20_000 ? "Chinese<asr_text>\u4f60\u597d\u3002" : "English<asr_text>Hello."}`,
    });
    const both = await watch("1s.wav 2s.wav 1s-again.wav", 80, answer);
    expect(both.shown.match(/^Language: .*$/gm)).toEqual([
      "Language: English (1s.wav)",
      "Language: Chinese (2s.wav)",
      "Language: English (1s-again.wav)",
    ]);
    expect((await watch("2s.wav", 80, answer)).shown).toMatch(/^Language: Chinese$/m);
    const streamed = await watch("--stream 1s.wav 2s.wav", 80, answer);
    expect(streamed.shown).toMatch(/^Language: Chinese \(2s\.wav\)$/m);
  });
});

describe("--stream", () => {
  const counts = ({ samples }: DecodeRequest) => ({
    says: `language English<asr_text>${
      Array.from({ length: Math.floor(samples.length / 16_000) }, (_, second) => ` word${second}`).join("")
    } perhaps${samples.length}`,
  });
  const can = { redraws: true, dims: true };

  test("a line per utterance, the tail in place, messages above it, nothing left of it", async () => {
    for (const width of [20, 33, 80]) {
      const { code, shown, bytes } = await onScreen("--stream 9s.wav", new FakeScreen(width, 20), can, counts);
      expect(code).toBe(0);
      expect(bytes).toContain("\x1b[2m");
      const rows = shown.split("\n");
      const text = rows.slice(rows.indexOf("Language: English") + 1, rows.findIndex((row) => /^Inference/.test(row)));
      expect(text.join(" ")).toBe("word0 word1 word2 word3 word4 word5 word6 word7 word8 perhaps144000");
      for (const row of text) expect(row.length).toBeLessThan(width);
    }
  });

  test("--monitor: a line per step, and the text undamaged between and below", async () => {
    const { shown } = await onScreen("--stream --monitor 6s.wav", new FakeScreen(90, 20), can, counts);
    expect(shown.match(/^▶·[▪▸] \d\.\d s: encoder 100 ms, prompt 50 ms, .*decoder \d+ tokens 50 ms$/gm)!.length).toBe(
      3,
    );
    expect(shown).toMatch(/\nword0 word1 word2 word3 word4 word5 perhaps96000\nInference/);
  });

  test("without colour, on a terminal without controls, with --silent: no bytes but text", async () => {
    for (
      const [line, some] of [
        ["--stream 5s.wav", { redraws: false, dims: false }],
        ["--stream --silent -", can],
        ["--stream --silent --paragraph-sec 2 -", can],
      ] as const
    ) {
      expect((await onScreen(line, new FakeScreen(30, 20), some, counts)).bytes).not.toContain("\x1b");
    }
    const plain = await onScreen("--stream 5s.wav", new FakeScreen(30, 20), { redraws: true, dims: false }, counts);
    expect(plain.bytes).not.toContain("\x1b[2m");
    expect(plain.bytes).toContain("\x1b[J");
  });

  test("several inputs have headings", async () => {
    const { shown } = await onScreen("--stream 2s.wav 3s.wav", new FakeScreen(60, 30), can, counts);
    expect(shown).toContain(
      "==> 2s.wav <==\nLanguage: English (2s.wav)\nword0 word1 perhaps32000\n\n==> 3s.wav <==\nword0",
    );
  });
});
