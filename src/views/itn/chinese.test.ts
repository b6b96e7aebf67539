import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { written } from "../piece.ts";
import { chineseItn } from "./chinese.ts";

const itn = (source: string, all = false) => written(chineseItn(source, { all }));

const cases = readFileSync(join(import.meta.dirname ?? "", "chinese_cases.tsv"), "utf8").split("\n")
  .filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split("\t"));

test("every case is written as its line says, and stays so", () => {
  const wrong = cases.flatMap(([spoken = "", expected = spoken]) => {
    const [once, twice] = [itn(spoken), itn(itn(spoken))];
    return once === expected && twice === once ? [] : [{ spoken, expected, once, twice }];
  });
  expect(wrong).toEqual([]);
});

test("numbers are pieces of their own, as small as they can be", () => {
  const pieces = chineseItn("二零二五年三月十五号下午三点二十分", { all: false });
  expect(pieces.map(({ text }) => text)).toEqual(["2025", "年", "3", "月", "15", "号下午", "3:20"]);
});
