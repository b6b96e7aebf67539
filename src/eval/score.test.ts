import { expect, test } from "bun:test";
import { differenceInterval, rateInterval } from "./bootstrap.ts";
import { compareRuns } from "./compare.ts";
import { evaluationJson, type Measured, readRun } from "./results.ts";
import { rateOf, score, total } from "./score.ts";

test("a score by hand", () => {
  const { words, characters } = score(
    "The train to Boston leaves at six.",
    "the train to Austin leaves six",
    "English",
  );
  expect(words).toEqual({ substitutions: 1, deletions: 1, insertions: 0, length: 7 });
  expect(characters).toEqual({ substitutions: 3, deletions: 2, insertions: 0, length: 27 });
  expect(score("今天是星期三。", "今天,星期三了", "")).toEqual({
    normaliser: "characters",
    words: undefined,
    characters: { substitutions: 0, deletions: 1, insertions: 1, length: 6 },
  });
  const silence = score("", "thank you", "English");
  expect(silence.words).toEqual({ substitutions: 0, deletions: 0, insertions: 2, length: 0 });
  expect(rateOf(silence.words!)).toBeUndefined();
});

test("totals add up errors and lengths; what has no words does not count among words", () => {
  const all = total([score("a b c d", "a b c", "English"), score("今天", "今日", "Chinese"), score("", "x", "")]);
  expect(all.files).toBe(3);
  expect(all.words).toMatchObject({ substitutions: 0, deletions: 1, insertions: 1, length: 4 });
  expect(rateOf(all.words!)).toBe(0.5);
  expect(all.characters).toMatchObject({ substitutions: 1, deletions: 1, insertions: 1, length: 6 });
  expect(total([score("今天", "今日", "Chinese")]).words).toBeUndefined();
});

test("intervals hold the rate, narrow with more files, and are the same every time", () => {
  const files = (count: number) => Array.from({ length: count }, (_, at) => ({ errors: at % 5, length: 20 }));
  const [few, many] = [rateInterval(files(10))!, rateInterval(files(1000))!];
  for (const { low, high } of [few, many]) {
    expect(low).toBeLessThan(0.1);
    expect(high).toBeGreaterThan(0.1);
  }
  // The standard error of a mean of 1000 values with variance 2 is 0.045, of the rate 0.0022.
  expect(many.high - many.low).toBeGreaterThan(0.007);
  expect(many.high - many.low).toBeLessThan(0.0105);
  expect(few.high - few.low).toBeGreaterThan(5 * (many.high - many.low));
  expect(rateInterval(files(10))).toEqual(few);
  expect(rateInterval(files(1))).toBeUndefined();
  expect(rateInterval([{ errors: 1, length: 0 }, { errors: 0, length: 0 }])).toBeUndefined();
});

test("of two runs, pairs stay together: a small difference in every file is sure", () => {
  const a = Array.from({ length: 40 }, (_, at) => ({ errors: 10 + 7 * (at % 6), length: 100 }));
  const b = a.map(({ errors, length }) => ({ errors: errors - 1, length }));
  const { low, high } = differenceInterval(a, b)!;
  expect([low, high]).toEqual([expect.closeTo(-0.01, 9), expect.closeTo(-0.01, 9)]);
  const unsure = differenceInterval(a, a.map((file, at) => ({ ...file, errors: file.errors + (at % 2 ? 3 : -3) })))!;
  expect(unsure.low).toBeLessThan(0);
  expect(unsure.high).toBeGreaterThan(0);
});

function run(name: string, texts: Readonly<Record<string, readonly [reference: string, hypothesis: string]>>) {
  const files = Object.entries(texts).map(([audio, [reference, hypothesis]], index): Measured => (
    { ...score(reference, hypothesis, ""), line: index + 1, audio, language: "", reference, hypothesis }
  ));
  const head = { program: "qwen-asr 1", manifest: "m.tsv", model: undefined, failed: [], isComplete: true };
  return readRun(JSON.stringify(evaluationJson({ ...head, files })), name);
}

test("a comparison of what was written and read again", () => {
  const a = run("a.json", {
    x: ["one two", "one"],
    y: ["three four", "three for"],
    z: ["今天", "今天"],
    only: ["a", "a"],
  });
  const b = run("b.json", { y: ["three four", "three four"], x: ["one two", "one two"], z: ["今天", "天"] });
  const { files, onlyA, onlyB, words, characters } = compareRuns(a, b);
  expect({ files, onlyA, onlyB }).toEqual({ files: 3, onlyA: ["only"], onlyB: [] });
  expect(words).toMatchObject({ rate: -0.5, interval: { low: -0.5, high: -0.5 } });
  expect(characters.a.deletions).toBe(4);
  expect(() => compareRuns(a, run("c.json", { x: ["one two three", ""] }))).toThrow("x: a.json and c.json measure it");
  expect(() => compareRuns(a, run("c.json", { q: ["", ""] }))).toThrow("a.json and c.json have no file in common");
});

test("what is no result is refused", () => {
  for (const text of ["", "[]", "{}", '{"version": 2, "files": []}', '{"version": 1, "files": [{"audio": "x"}]}']) {
    expect(() => readRun(text, "x.json")).toThrow(/^x\.json: /);
  }
  const counts = { substitutions: 0, deletions: 0, insertions: -1, length: 0 };
  const damaged = { version: 1, files: [{ audio: "x", words: null, characters: counts }] };
  expect(() => readRun(JSON.stringify(damaged), "x.json")).toThrow("x.json: files[0].characters.insertions");
});
