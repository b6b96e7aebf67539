/** `qwen-asr align` and `--align` as a user meets them, with the aligner of the fixtures and the one inside. */

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clip, fixturesRoot, hasClip, modelDir } from "./fixtures.ts";
import { run, temporaryFolder } from "./harness.ts";
import { expectRefusal, lines, qwen, wav } from "./support/cli.ts";

const aligner = modelDir("nano-aligner");
const english = ["words-en-1", "words-en-2", "words-en-4", "words-en-5", "words-en-7"].filter(hasClip);

/** [start, end, word] per line, times in ms. */
function table(stdout: string): [number, number, string][] {
  return lines(stdout).map((line) => {
    const [start, end, word, ...more] = line.split("\t");
    expect(more).toEqual([]);
    for (const time of [start!, end!]) expect(time).toMatch(/^\d+\.\d{3}$/);
    return [Math.round(Number(start) * 1000), Math.round(Number(end) * 1000), word!];
  });
}

function expectInOrder(rows: readonly [number, number, string][]): void {
  let before = 0;
  for (const [start, end] of rows) {
    expect(start).toBeGreaterThanOrEqual(before);
    expect(end).toBeGreaterThanOrEqual(start);
    before = end;
  }
}

/** The official code's answer, if all its words have a length. */
function goldenTimes(name: string): [number, number][] {
  const path = join(fixturesRoot(), "goldens", "aligner", `${name}.json`);
  const { aligned } = JSON.parse(readFileSync(path, "utf8"));
  return aligned.map(({ start, end }: { start: number; end: number }) => [start, end]);
}

test("align: every word with its punctuation, at the official times", async () => {
  for (const name of english) {
    const { text } = clip(name);
    const args = ["align", "--aligner", aligner, "--weights", "bf16", "-i", wav(name), "--text", "-"];
    const { code, stdout, stderr } = await run(args, { stdin: `${text}\n` });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const rows = table(stdout);
    expect(rows.map(([, , word]) => word).join(" ")).toBe(text);
    expectInOrder(rows);
    goldenTimes(name).forEach(([start, end], index) => {
      if (end > start && rows[index]![1] - rows[index]![0] === end - start) expect(rows[index]![0]).toBe(start);
    });
    const equal = goldenTimes(name).filter(([start, end], index) => {
      return rows[index]![0] === start && rows[index]![1] === end;
    });
    expect(equal.length).toBeGreaterThanOrEqual(rows.length * 0.85);
    expect(stderr).toMatch(/Aligned \d+ words with [\d.]+ s of audio in [\d.]+ s/);
  }
});

test("align: Chinese by characters, a text file, -o, the demo aligner, --from", async () => {
  using folder = temporaryFolder();
  const [text, output] = [join(folder.path, "text.txt"), join(folder.path, "words.txt")];
  writeFileSync(text, `\ufeff${clip("words-zh-0").text}\r\n`);
  const args = ["align", "-d", "demo", "--language", "zh", "--silent", wav("words-zh-0"), "--text", text, "-o", output];
  const first = await run(args);
  expect(first).toMatchObject({ code: 0, stdout: "", stderr: "" });
  const rows = table(readFileSync(output, "utf8"));
  expect(rows.map(([, , word]) => word).join("")).toBe(clip("words-zh-0").text);
  expectInOrder(rows);
  expectRefusal(await run(args), 1, /words\.txt: already exists/);
  expect(await run([...args, "--force"])).toMatchObject({ code: 0 });

  // Removing a whole second at the front, where nobody speaks yet, changes nothing.
  const late = await run(["align", "-d", "demo", "--from", "0.2", wav("words-zh-0"), "--text", text]);
  const shifted = table(late.stdout);
  expect(shifted.length).toBe(rows.length);
  shifted.forEach(([start], index) => expect(Math.abs(start - rows[index]![0])).toBeLessThanOrEqual(240));
});

test("align: SRT and WebVTT are read as such: no number and no time is a word", async () => {
  const { text } = clip("words-en-1");
  const args = ["align", "-d", "demo", "--silent", wav("words-en-1"), "--text", "-"];
  const { stdout } = await run(args, { stdin: text });
  const [front, rest] = [text.split(" ").slice(0, 3).join(" "), text.split(" ").slice(3).join(" ")];
  const cues = ["00:00:00,000 --> 00:00:01,000", "00:00:01,000 --> 00:00:02,000"];
  const srt = `1\n${cues[0]}\n<i>${front}</i>\n\n2\n${cues[1]}\n${rest}\n`;
  const wrapped = `1\n${cues[0]}\n${front}\n${rest}\n`;
  const vtt = `WEBVTT\n\nNOTE no text\n\n${srt.replaceAll(",000", ".000")}`;
  for (const stdin of [srt, wrapped, srt.replaceAll("\n", "\r\n"), vtt]) {
    expect(lines((await run(args, { stdin })).stdout).map((line) => line.split("\t")[2])).toEqual(
      lines(stdout).map((line) => line.split("\t")[2]),
    );
  }
  expectRefusal(await run(args, { stdin: `1\n${cues[0]}\n...\n` }), 1, "no words in it, nothing to align");
});

test("align: a text that is not said ends, in order, with a warning; so does one longer than the audio", async () => {
  const wrong = "Bananas sleep under purple telephones while nobody counts them. ".repeat(2);
  const other = await run(["align", "--aligner", aligner, wav("words-en-4"), "--text", "-"], { stdin: wrong });
  expect(other.code).toBe(0);
  expect(table(other.stdout).map(([, , word]) => word).join(" ")).toBe(wrong.trim());
  expectInOrder(table(other.stdout));

  const long = `${clip("words-en-4").text} `.repeat(40);
  const crowded = await run(["align", "--aligner", aligner, wav("words-en-4"), "--text", "-"], { stdin: long });
  expect(crowded.code).toBe(0);
  const rows = table(crowded.stdout);
  expect(rows.length).toBe(200);
  expectInOrder(rows);
  expect(rows.at(-1)![1]).toBeLessThanOrEqual(Math.ceil(clip("words-en-4").seconds * 1000));
  expect(crowded.stderr).toMatch(/of 200 words were not heard where the text has them/);

  const silent = await run(["align", "--aligner", aligner, wav("silence-3s"), "--text", "-"], { stdin: "One two" });
  expect(silent.code).toBe(0);
  expect(table(silent.stdout).length).toBe(2);
  expect(silent.stderr).toContain("2 of 2 words were not heard");
});

test("align: what cannot be done is said in one line", async () => {
  using folder = temporaryFolder();
  const write = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder.path, name), content);
    return join(folder.path, name);
  };
  const good = write("good.txt", "one two");
  const audio = wav("words-en-4");
  const cases: [string[], number, RegExp][] = [
    [["--aligner", aligner, audio, "--text", write("empty.txt", "")], 1, /empty\.txt: no text, nothing to align/],
    [["--aligner", aligner, audio, "--text", write("marks.txt", "... \u266a\n")], 1, /marks\.txt: no words in it/],
    [["--aligner", aligner, audio, "--text", write("latin.txt", Uint8Array.of(0xe9, 0x20))], 1, /not text in UTF-8/],
    [["--aligner", aligner, audio, "--text", "/nonexistent.txt"], 1, /nonexistent\.txt: no such file/],
    [["--aligner", aligner, audio, "--text", folder.path], 1, /is a folder/],
    [["--aligner", aligner, "/nonexistent.wav", "--text", good], 1, /nonexistent\.wav: no such file/],
    [["--aligner", modelDir(), audio, "--text", good], 3, /Qwen3-ASR.* transcribes and does not align/],
    [["--aligner", folder.path, audio, "--text", good], 3, /not a model: no config\.json/],
    [["--aligner", "small", audio, "--text", good], 3, /--aligner small: it transcribes/],
    [[audio, "--text", good], 3, /no aligner: run 'qwen-asr download aligner'/],
    [["--aligner", aligner, audio], 2, /align needs --text FILE/],
    [["--aligner", aligner, "--text", good], 2, /no input/],
    [["--aligner", aligner, audio, audio, "--text", good], 2, /one recording at a time/],
    [["--aligner", aligner, "-d", aligner, audio, "--text", good], 2, /mean the same here/],
    [["--aligner", aligner, "-", "--text", "-"], 2, /standard input is the recording and the text/],
    [["--aligner", aligner, "-S", "10", audio, "--text", good], 2, /align does not take --segment-sec/],
  ];
  for (const [args, code, says] of cases) {
    expectRefusal(await run(["align", "--silent", ...args], { env: { QWEN_ASR_HOME: folder.path } }), code, says);
  }
  expectRefusal(await qwen(["--silent", "--text", good, audio]), 2, /--text belongs to 'qwen-asr align/);
});

test("--align: a transcript's words, the same with one model at a time", async () => {
  const args = ["--aligner", aligner, "--silent", wav("words-en-1"), wav("words-zh-0")];
  const both = await qwen(args);
  expect({ code: both.code, stderr: both.stderr }).toEqual({ code: 0, stderr: "" });
  const rows = table(both.stdout);
  const text = rows.map(([, , word]) => word);
  expect(text.slice(0, 9).join(" ")).toBe(clip("words-en-1").text);
  expect(text.slice(9).join("")).toBe(clip("words-zh-0").text);
  expectInOrder(rows.slice(0, 9));
  const low = await qwen(["--low-memory", ...args]);
  expect({ code: low.code, stdout: low.stdout }).toEqual({ code: 0, stdout: both.stdout });
  const named = await qwen(["--align", "--with-filename", ...args]);
  expect(lines(named.stdout)[0]).toStartWith(`${wav("words-en-1")}: 0.640\t`);
});

test("--align: segments and skipped silence leave words at their times in the recording", async () => {
  using folder = temporaryFolder();
  const padded = join(folder.path, "padded.wav");
  const source = readFileSync(wav("words-en-1"));
  const dataAt = source.indexOf("data") + 8;
  const silence = Buffer.alloc(5 * 32_000);
  const header = Buffer.from(source.subarray(0, dataAt));
  const data = Buffer.concat([silence, source.subarray(dataAt), silence, source.subarray(dataAt)]);
  header.writeUInt32LE(data.length, dataAt - 4);
  writeFileSync(padded, Buffer.concat([header, data]));
  const secondMs = 10_000 + (source.length - dataAt) / 32;
  const { stdout } = await qwen(["--aligner", aligner, "--silent", "--skip-silence", "-S", "8", padded]);
  const rows = table(stdout);
  expectInOrder(rows);
  const starts = goldenTimes("words-en-1").map(([start]) => start);
  for (const offset of [5000, secondMs]) {
    const near = starts.filter((start) => rows.some(([at]) => Math.abs(at - start - offset) <= 200));
    expect(near.length).toBeGreaterThanOrEqual(6);
  }
});

test("an aligner is found by its variable, then where it was downloaded; none is said before any work", async () => {
  using home = temporaryFolder();
  const args = ["--silent", "--align", wav("words-en-4")];
  const without = await qwen(args, { env: { QWEN_ASR_HOME: home.path } });
  expectRefusal(without, 3, /no aligner: run 'qwen-asr download aligner' \(1\.8 GB\), or name its folder/);
  expect((await qwen(args, { env: { QWEN_ASR_ALIGNER: aligner } })).code).toBe(0);
  mkdirSync(join(home.path, "models"));
  symlinkSync(aligner, join(home.path, "models", "aligner"));
  expect(existsSync(join(home.path, "models", "aligner", "config.json"))).toBe(true);
  const found = await qwen(args, { env: { QWEN_ASR_HOME: home.path } });
  expect(table(found.stdout).length).toBe(5);
  const demo = await run(["-d", "demo", ...args]);
  expect({ code: demo.code, stdout: demo.stdout }).toEqual({ code: 0, stdout: found.stdout });
});
