import { expect, test } from "bun:test";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ConverterBuilder } from "opencc-js/core";
import * as full from "opencc-js/preset";
import { written } from "./piece.ts";
import { converter, scriptNames, scriptRewrite } from "./script.ts";

const folder = join(import.meta.dir, "../../tests/data/opencc");
const text = (name: string) => readFileSync(join(folder, name), "utf8");

/** The chain has a name of its own, and so does the pair that opencc-js makes it of. */
const pairs: Readonly<Record<string, readonly [string, string]>> = {
  ...{ s2t: ["cn", "t"], s2tw: ["cn", "tw"], s2twp: ["cn", "twp"], s2hk: ["cn", "hk"], s2hkp: ["cn", "hkp"] },
  ...{ t2s: ["t", "cn"], t2tw: ["t", "tw"], t2hk: ["t", "hk"], t2jp: ["t", "jp"], jp2t: ["jp", "t"] },
  ...{ tw2s: ["tw", "cn"], tw2sp: ["twp", "cn"], tw2t: ["tw", "t"] },
  ...{ hk2s: ["hk", "cn"], hk2sp: ["hkp", "cn"], hk2t: ["hk", "t"] },
};
const makers = new Map<string, { ours: ReturnType<typeof converter>; theirs: (text: string) => string }>();
function makersOf(name: string) {
  const known = makers.get(name);
  if (known) return known;
  const [from, to] = pairs[name]!;
  const made = { ours: converter(full.configs[name]!), theirs: ConverterBuilder(full)({ from, to }) };
  makers.set(name, made);
  return made;
}

/** Throws where the pieces do not tile the source. */
function converted(name: string, source: string): string {
  const pieces = makersOf(name).ours(source);
  expect(pieces.reduce((at, piece) => (expect(piece.from).toBe(at), piece.to), 0)).toBe(source.length);
  return written(pieces);
}

type Case = { readonly input: string; readonly expected: Readonly<Record<string, string>> };

test("OpenCC's own cases: all but the three rare characters that the dictionaries leave out", () => {
  const { cases }: { cases: Case[] } = JSON.parse(text("testcases.json").replace(/,(?=\s*[\]}])/g, ""));
  const runs = cases.flatMap(({ input, expected }) =>
    Object.entries(expected).map(([name, output]) => ({ name, input, isRight: converted(name, input) === output }))
  );
  expect(runs.length).toBe(543);
  expect(runs.filter(({ isRight }) => isRight).length).toBeGreaterThanOrEqual(540);
  for (const { name, input } of runs) expect(converted(name, input)).toBe(makersOf(name).theirs(input));
});

test("a long text is what OpenCC makes of it, and the pieces tile it", () => {
  const source = text("us_constitution_zhs.txt");
  for (const name of ["s2t", "s2tw", "s2twp", "s2hk", "s2hkp"]) {
    expect(converted(name, source)).toBe(text(`us_constitution_zhs.${name}.txt`));
  }
});

test("characters that are replaced one by one keep their places; words that grow or shrink are one piece", async () => {
  const rewrite = await scriptRewrite("twp");
  expect(rewrite("头发和软件在U盘")).toEqual([
    { from: 0, to: 1, text: "頭" },
    { from: 1, to: 2, text: "髮" },
    { from: 2, to: 3, text: "和" },
    { from: 3, to: 4, text: "軟" },
    { from: 4, to: 5, text: "體" },
    { from: 5, to: 6, text: "在" },
    { from: 6, to: 8, text: "隨身碟" },
  ]);
  expect(written((await scriptRewrite("tw"))("计算机软件"))).toBe("計算機軟件");
});

test("Simplified from Taiwan's and from Hong Kong's characters", async () => {
  const rewrite = await scriptRewrite("cn");
  expect(written(rewrite("裡面的衛生說明"))).toBe("里面的卫生说明");
  expect(written(rewrite("裏面的衞生説明"))).toBe("里面的卫生说明");
});

test("what is not Chinese passes through, and so does what is converted already", async () => {
  for (const script of scriptNames.filter((name) => name !== "asis")) {
    const rewrite = await scriptRewrite(script);
    for (const source of ["", "plain text, 123\n", "🙂\ud800", "⿰木", "⿰木木"]) {
      expect(written(rewrite(source))).toBe(source);
    }
  }
});

test("like opencc-js on texts of any characters", () => {
  const characters = [..."头发计算机软件里面后来台湾这个着说木𠮷龍龙 a1，。鼠标信息乾坤面条", "⿰木目", "⿲木⿰木目木"];
  const source = fc.array(fc.constantFrom(...characters), { maxLength: 40 }).map((all) => all.join(""));
  fc.assert(
    fc.property(source, fc.constantFrom(...Object.keys(pairs)), (given, name) => {
      expect(converted(name, given)).toBe(makersOf(name).theirs(given));
    }),
    { numRuns: 500 },
  );
});

test("a megabyte in half a second", async () => {
  const rewrite = await scriptRewrite("twp");
  const line = text("us_constitution_zhs.txt");
  const source = line.repeat(Math.ceil(1e6 / Buffer.byteLength(line)));
  rewrite(source.slice(0, 20_000));
  // Processor time: others may use the machine.
  let best = Infinity;
  for (let run = 0; run < 8 && best >= 500; run++) {
    const start = process.cpuUsage();
    rewrite(source);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000);
  }
  expect(best).toBeLessThan(500);
});
