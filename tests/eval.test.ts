/** `qwen-asr eval` through the executable: manifests with clips of known text, with hypotheses, and damaged ones. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { clip, modelDir } from "./fixtures.ts";
import { run, temporaryFolder } from "./harness.ts";
import { expectNoStack, expectRefusal, lines, qwen, wav } from "./support/cli.ts";

const clips = ["en-short", "zh-weather"] as const;

describe("eval", () => {
  test("clips of known text, relative to the manifest; bad rows are named, the others are measured", async () => {
    using folder = temporaryFolder();
    const manifest = join(folder.path, "m.tsv");
    const rows = clips.map((name) => `${relative(folder.path, wav(name))}\t${clip(name).text}`);
    const text = [
      "audio\ttext\tlanguage",
      ...rows,
      "missing.wav\thello",
      "m.tsv\thello",
      "x.wav",
      "y.wav\thi\tklingon",
    ];
    writeFileSync(manifest, `\ufeff${text.join("\r\n")}\r\n`);
    const out = join(folder.path, "a.json");
    const result = await run(["eval", "-d", modelDir(), manifest, "-o", out, "--silent"]);
    expect(result.code).toBe(1);
    expect(result.stdout).toBe("");
    expectNoStack(result);
    const told = lines(result.stderr);
    expect(told.map((line) => line.replaceAll(`${folder.path}/`, "").slice(0, 29)).toSorted()).toEqual([
      "qwen-asr: m.tsv:4: missing.wa",
      "qwen-asr: m.tsv:5: m.tsv: loo",
      "qwen-asr: m.tsv:6: x.wav: has",
      "qwen-asr: m.tsv:7: y.wav: lan",
    ]);
    const value = JSON.parse(readFileSync(out, "utf8"));
    expect(value).toMatchObject({
      ...{ version: 1, complete: true, failed: 4, bootstrap: { level: 0.95 }, model: { weights: "int8" } },
      total: { files: 2, words: { rate: 0, length: 5 }, characters: { rate: 0 } },
    });
    expect(value.files.map(({ normaliser, hypothesis }: never) => ({ normaliser, hypothesis }))).toEqual([
      { normaliser: "words", hypothesis: clip("en-short").text },
      { normaliser: "characters", hypothesis: clip("zh-weather").text },
    ]);
    expect(value.errors.map(({ line }: { line: number }) => line).toSorted()).toEqual([4, 5, 6, 7]);
    const compared = await run(["eval", "--compare", out, out, "--json"]);
    expect(JSON.parse(compared.stdout)).toMatchObject({
      files: 2,
      words: { difference: 0 },
      characters: { difference: 0 },
    });
  });

  test("transcripts instead of a model: what was spoken, not how it is written", async () => {
    using folder = temporaryFolder();
    const name = "en-digits";
    const made = await qwen([wav(name), "-f", "json", "-o", `${folder.path}/out/`, "--itn-all", "--silent"]);
    expect(made.code).toBe(0);
    mkdirSync(join(folder.path, "txt"));
    writeFileSync(join(folder.path, "txt", `${name}.txt`), `${clip(name).text.replace(/\w+/, "")} extra\n`);
    writeFileSync(join(folder.path, "m.tsv"), `${wav(name)}\t${clip(name).text}\nother.wav\thi\n`);
    const evaluate = (from: string) => run(["eval", "--transcripts", from, "m.tsv", "--json"], { cwd: folder.path });
    const [spoken, typed] = [await evaluate("out"), await evaluate("txt")];
    expect(JSON.parse(spoken.stdout)).toMatchObject({ failed: 1, total: { files: 1, words: { rate: 0 } } });
    expect(JSON.parse(spoken.stdout)).not.toHaveProperty("model");
    expect(JSON.parse(typed.stdout).total.words).toMatchObject({ deletions: 1, insertions: 1 });
    expect(spoken.code).toBe(1);
    expect(spoken.stderr).toContain("m.tsv:2: other.wav: out/other.json: no such file, nor with .jsonl or .txt");
  });

  test("a manifest with hypotheses from standard input, and the table", async () => {
    const stdin = "audio\ttext\thypothesis\na\tone two three\tone too three four\n";
    const { stdout, stderr, code } = await run(["eval", "-"], { stdin });
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(stdout).toContain("WER 66.67%: 1 sub, 0 del, 1 ins of 3 words");
  });

  test("a run of which one is better, and files that only one has", async () => {
    using folder = temporaryFolder();
    const write = async (name: string, heard: string, extra = "") => {
      const rows = Array.from({ length: 12 }, (_, at) => `${at}.wav\tone two three\t\t${heard}`);
      const stdin = `${rows.join("\n")}\n${extra}`;
      expect((await run(["eval", "-", "-o", name], { stdin, cwd: folder.path })).code).toBe(0);
    };
    await write("a.json", "one two");
    await write("b.json", "one two three", "more.wav\tx\t\tx\n");
    const { stdout, stderr, code } = await run(["eval", "--compare", "a.json", "b.json"], { cwd: folder.path });
    expect(code).toBe(0);
    expect(stderr).toBe("qwen-asr: a.json: lacks more.wav: left out of the comparison\n");
    expect(stdout).toContain(
      "WER  A 33.33%  B 0.00%  B - A -33.33 points, 95 % interval -33.33 to -33.33: B is better",
    );
  });

  test("what cannot be measured at all", async () => {
    using folder = temporaryFolder();
    const file = (name: string, text: string) => {
      writeFileSync(join(folder.path, name), text);
      return join(folder.path, name);
    };
    expectRefusal(await run(["eval"]), 2, "eval needs a manifest");
    expectRefusal(await run(["eval", "a.tsv", "b.tsv"]), 2, "eval takes one manifest, got 2 files");
    expectRefusal(await run(["eval", "--compare", "a.json"]), 2, "eval --compare takes two results, got 1");
    expectRefusal(await run(["eval", "-f", "srt", "a.tsv"]), 2, "eval does not take --format");
    expectRefusal(await run(["eval", "--compare", "-d", "demo", "a", "b"]), 2, "--compare");
    expectRefusal(await run(["eval", "missing.tsv"]), 1, "missing.tsv: no such file");
    expectRefusal(await run(["eval", file("empty.tsv", "\n\n")]), 1, "empty.tsv: has no rows");
    expectRefusal(await run(["eval", file("x.tsv", "audio\tlanguage\na\ten\n")]), 1, "names no column text");
    expectRefusal(await run(["eval", wav("en-short")]), 1, "is not text");
    expectRefusal(await run(["eval", "--compare", file("no.json", "{}"), "x"]), 1, "no.json: is not the result");
    const taken = file("taken.json", "mine");
    const hypotheses = file("h.tsv", "a\tb\t\tb\n");
    expectRefusal(await run(["eval", hypotheses, "-o", taken]), 1, "taken.json");
    expectRefusal(await run(["eval", hypotheses, "--transcripts", dirname(taken)]), 1, "give only one");
    expect(readFileSync(taken, "utf8")).toBe("mine");
  });
});

test("--rttm: rates of turns; damaged files, wrong numbers of them and other options are told", async () => {
  using folder = temporaryFolder();
  const [truth, found] = ["truth.rttm", "found.rttm"].map((name) => join(folder.path, name));
  writeFileSync(truth!, "SPEAKER a 1 0 4 <NA> <NA> x <NA> <NA>\nSPEAKER a 1 4 4 <NA> <NA> y <NA> <NA>\n");
  writeFileSync(found!, "SPEAKER b 1 0.5 4 <NA> <NA> 1 <NA> <NA>\nSPEAKER b 1 4.5 4.5 <NA> <NA> 2 <NA> <NA>\n");
  const table = await run(["eval", "--rttm", truth!, found!]);
  expect(lines(table.stdout)[1]).toBe("  25.00%  17.86%  26.11%   6.25%  12.50%     6.25%    2 of 2  a");
  const json = JSON.parse((await run(["eval", "--rttm", "--json", truth!, found!])).stdout);
  expect(json).toMatchObject({ version: 1, total: { der: 0.25, seconds: { total: 8, missed: 0.5, confused: 0.5 } } });
  writeFileSync(found!, "SPEAKER b 1 zero 4 <NA> <NA> 1 <NA> <NA>\n");
  expectRefusal(await run(["eval", "--rttm", truth!, found!]), 1, 'found.rttm:1: "zero" is no start in seconds');
  expectRefusal(await run(["eval", "--rttm", truth!]), 2, "eval --rttm takes two files, got 1");
  expectRefusal(await run(["eval", "--rttm", "--compare", truth!, truth!]), 2, "--compare");
});
