import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { written } from "../piece.ts";
import { chineseItn } from "./chinese.ts";

const itn = (source: string, all = false) => written(chineseItn(source, { all }));

const linesOf = (name: string) =>
  readFileSync(join(import.meta.dir, name), "utf8").split("\n").filter((line) => line !== "" && !line.startsWith("#"));
const cases = linesOf("chinese_written.tsv").map((line) => line.split("\t"));
const kept = linesOf("chinese_kept.txt");

test("spoken numbers are written as the table says, and stay so", () => {
  const wrong = cases.flatMap(([spoken = "", expected = ""]) => {
    const [once, twice] = [itn(spoken), itn(itn(spoken))];
    return once === expected && twice === once ? [] : [{ spoken, expected, once, twice }];
  });
  expect(wrong).toEqual([]);
  expect(new Set(cases.filter(([spoken, expected]) => spoken !== expected)).size).toBeGreaterThanOrEqual(350);
});

test("idioms, names, approximate numbers and digits alone stay", () => {
  expect(kept.flatMap((spoken) => itn(spoken) === spoken ? [] : [[spoken, itn(spoken)]])).toEqual([]);
  expect(new Set(kept).size).toBeGreaterThanOrEqual(200);
});

test("with all, single digits before classifiers and whole hours are written too", () => {
  const wrong = linesOf("chinese_counted.tsv").flatMap((line) => {
    const [spoken = "", expected = spoken] = line.split("\t");
    const [once, twice] = [itn(spoken, true), itn(itn(spoken, true), true)];
    return once === expected && twice === once ? [] : [{ spoken, expected, once, twice }];
  });
  expect(wrong).toEqual([]);
});

test("numbers are pieces of their own, as small as they can be", () => {
  const pieces = chineseItn("二零二五年三月十五号下午三点二十分", { all: false });
  expect(pieces.map(({ text }) => text)).toEqual(["2025", "年", "3", "月", "15", "号下午", "3:20"]);
});
