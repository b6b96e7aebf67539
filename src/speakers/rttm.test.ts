import { describe, expect, test } from "bun:test";
import { parseRttm, rttmLine } from "./rttm.ts";

test("what is written is read again, spaces in names as underscores", () => {
  const text = rttmLine("my talk.wav", { speaker: "Speaker 1", startMs: 1250, endMs: 3000.4 });
  expect(text).toBe("SPEAKER my_talk.wav 1 1.250 1.750 <NA> <NA> Speaker_1 <NA> <NA>\n");
  expect(rttmLine("a", { speaker: ' "Ann', startMs: 0, endMs: 1 })).toContain(" 'Ann ");
  expect([...parseRttm(text, "x")]).toEqual([["my_talk.wav", [{ speaker: "Speaker_1", startMs: 1250, endMs: 3000 }]]]);
});

test("no name is a word that readers take for no name", () => {
  const named = (name: string) => rttmLine(name, { speaker: name, startMs: 0, endMs: 1000 }).split(" ");
  for (const name of ["NA", "None", "nan", "NaN", "null", "NULL", "N/A", "n/a", "#N/A", "<NA>", "-1.#IND", ""]) {
    expect([named(name)[1], named(name)[7]]).toEqual([`${name}_`, `${name}_`]);
  }
  for (const name of ["Nan", "na", "Nina", "007", "1e5"]) expect(named(name)[7]).toBe(name);
});

test("several files, comments, other types of lines, any order, Windows line ends", () => {
  const text = "\ufeff;; made by hand\r\nSPKR-INFO a 1 <NA> <NA> <NA> unknown x <NA>\r\n\r\n" +
    "SPEAKER a 1 5 1.5 <NA> <NA> x <NA> <NA>\r\nSPEAKER b 1 .5 1 <NA> <NA> y <NA>\r\n" +
    "SPEAKER a 1 1.0 2 <NA> <NA> y <NA>";
  const files = parseRttm(text, "x");
  expect([...files.keys()]).toEqual(["a", "b"]);
  expect(files.get("a")).toEqual([
    { speaker: "y", startMs: 1000, endMs: 3000 },
    { speaker: "x", startMs: 5000, endMs: 6500 },
  ]);
});

describe("what is no RTTM is named with its line", () => {
  const cases = [
    ["hello", "t:1: is no line of RTTM"],
    ["\nSPEAKER a 1 0 1", "t:2: has 5 cells, and SPEAKER lines have 8 to 10"],
    ["SPEAKER a 1 x 1 <NA> <NA> y <NA> <NA>", 't:1: "x" is no start in seconds'],
    ["SPEAKER a 1 0 -1 <NA> <NA> y <NA> <NA>", 't:1: "-1" is no length in seconds'],
  ] as const;
  for (const [text, message] of cases) test(message, () => expect(() => parseRttm(text, "t")).toThrow(message));
});
