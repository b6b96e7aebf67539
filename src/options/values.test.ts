/** Tests of numbers, times and suggestions. */

import { expect, test } from "bun:test";
import { nearest, parseNumber, parseSize, parseTime, parseTruth } from "./values.ts";

test("parseNumber takes the whole text or nothing", () => {
  const cases: [string, number | undefined][] = [
    ["2", 2],
    ["2.5", 2.5],
    [".5", 0.5],
    ["-1", -1],
    ["1e3", 1000],
    ["", undefined],
    ["2x", undefined],
    [" 2", undefined],
    ["inf", undefined],
    ["1e999", undefined],
    ["0x10", undefined],
    ["1,5", undefined],
    [".", undefined],
  ];
  for (const [text, value] of cases) expect([text, parseNumber(text)]).toEqual([text, value]);
});

test("parseTime", () => {
  const cases: [string, number | undefined][] = [
    ["90", 90],
    ["90.5", 90.5],
    ["1:30", 90],
    ["01:02:03.5", 3723.5],
    ["90:00", 5400],
    ["120:00", 7200],
    ["1:60", undefined],
    ["1:60:00", undefined],
    ["1:2:3:4", undefined],
    ["-1", undefined],
    ["1:", undefined],
    [":30", undefined],
    ["1h", undefined],
    ["", undefined],
  ];
  for (const [text, seconds] of cases) expect([text, parseTime(text)]).toEqual([text, seconds]);
});

test("nearest", () => {
  const names = ["--language", "--silent", "--stdin", "--skip-silence"];
  expect(nearest("--langauge", names)).toBe("--language");
  expect(nearest("--lang", names)).toBe("--language");
  expect(nearest("--silence", names)).toBe("--silent");
  expect(nearest("bnech", ["info", "bench"])).toBe("bench");
  expect(nearest("--bogus", names)).toBeUndefined();
  expect(nearest("--s", names)).toBeUndefined();
});

test("sizes: bytes, powers of 1000 and of 1024", () => {
  const sizes = ["800000000", "900M", "1.2G", "1.2gb", "1 GiB", ".5k", "1KiB", "2T", "0"].map(parseSize);
  expect(sizes).toEqual([8e8, 9e8, 1.2e9, 1.2e9, 2 ** 30, 500, 1024, 2e12, 0]);
  for (const text of ["", "G", "1.2.3G", "-1G", "1X", "1 Gi B", "1e9"]) expect(parseSize(text)).toBeUndefined();
});

test("parseTruth takes words for yes and no, and nothing else", () => {
  expect(["true", "YES", " on ", "1", "t", "y"].map(parseTruth)).toEqual(Array(6).fill(true));
  expect(["false", "No", "off", "0", "f", "n"].map(parseTruth)).toEqual(Array(6).fill(false));
  expect(["", "2", "perhaps", "truer", "null"].map(parseTruth)).toEqual(Array(5).fill(undefined));
});
