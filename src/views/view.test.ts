import { expect, test } from "bun:test";
import fc from "fast-check";
import type { TimedSegment, TimedWord } from "../document/document.ts";
import { unalignedSegment } from "../document/unaligned.ts";
import { type Piece, tile, written } from "./piece.ts";
import { parseTerms } from "./terms.ts";
import { asSpoken, type ItnRules, spokenSegment, TextView, type ViewOptions } from "./view.ts";

/** Replaces words of a list; `all` replaces one more. */
const replacing = (list: Readonly<Record<string, string>>) => (source: string, { all }: { all: boolean }) => {
  const names = Object.keys(list).filter((name) => all || name !== "三点");
  const found = [...source.matchAll(new RegExp(names.join("|"), "g"))];
  return tile(source, found.map(({ index, 0: name }) => ({ from: index, to: index + name.length, text: list[name]! })));
};
const itn: ItnRules = {
  chinese: replacing({ "三十五": "35", "三点": "3点" }),
  english: replacing({ "twenty five": "25" }),
};
const open = async (options: Partial<ViewOptions>) => (await TextView.open({ ...asSpoken, ...options }, [], itn))!;
const text = async (options: Partial<ViewOptions>, spoken: string, language = "") =>
  written((await open(options)).pieces(spoken, language));

const word = (text: string, startMs: number, more: Partial<TimedWord> = {}): TimedWord => ({
  ...{ text, startMs, endMs: startMs + 400, logprob: -0.5 },
  ...more,
});
const segment = (language: string, ...words: TimedWord[]): TimedSegment => ({
  ...{ startMs: words[0]!.startMs, endMs: words.at(-1)!.endMs, language, words },
  text: words.map(({ text }) => text).join(""),
});

test("without views there is none", async () => {
  expect(await TextView.open(asSpoken, [], itn)).toBeUndefined();
});

test("a written word has the times of its spoken words, and says which they were", async () => {
  const write = (await open({ itn: "on" })).recording();
  const given = segment(
    "English",
    word("We", 0),
    word(" saw", 500),
    word(" twenty", 1000),
    word(" five.", 1500, { flag: "spread" }),
  );
  expect(write(given)).toEqual({
    ...given,
    text: "We saw 25.",
    spoken: "We saw twenty five.",
    words: [
      word("We", 0),
      word(" saw", 500),
      { text: " 25.", spoken: " twenty five.", startMs: 1000, endMs: 1900, logprob: -1, flag: "spread" },
    ],
  });
  const same = segment("English", word("Nothing", 0));
  expect(write(same)).toBe(same);
  const bare: TimedSegment = { startMs: 0, endMs: 900, language: "English", text: "twenty five" };
  expect(write(bare)).toEqual({ ...bare, text: "25", spoken: "twenty five" });
});

test("the language of the segment decides, its letters where that is unknown", async () => {
  const options: Partial<ViewOptions> = { itn: "on", script: "tw" };
  expect(await text(options, "三十五根头发", "Chinese")).toBe("35根頭髮");
  expect(await text(options, "三十五根头发", "Cantonese")).toBe("35根頭髮");
  expect(await text(options, "三十五根头发")).toBe("35根頭髮");
  expect(await text(options, "三十五の会社です", "Japanese")).toBe("三十五の会社です");
  expect(await text(options, "三十五の会社です")).toBe("三十五の会社です");
  expect(await text(options, "개 三十五", "Korean")).toBe("개 三十五");
  expect(await text(options, "twenty five cats")).toBe("25 cats");
  expect(await text(options, "twenty five", "German")).toBe("twenty five");
  expect(await text(options, "我有twenty five根头发", "Chinese")).toBe("我有25根頭髮");
  expect(await text(options, "the 三十五 of twenty five 头发", "English")).toBe("the 35 of 25 头发");
  expect(await text({ itn: "on" }, "三点")).toBe("三点");
  expect(await text({ itn: "all" }, "三点")).toBe("3点");
});

test("digits and spaces come last; spaces also between segments", async () => {
  expect(await text({ itn: "on", digitWidth: "full" }, "三十五个")).toBe("３５个");
  expect(await text({ itn: "on", digitWidth: "full" }, "twenty five")).toBe("25");
  expect(await text({ itn: "on", cjkSpace: "add" }, "有三十五个")).toBe("有 35 个");
  const write = (await open({ cjkSpace: "remove" })).recording();
  expect(write(segment("Chinese", word("你好", 0))).text).toBe("你好");
  expect(write(segment("English", word(" world", 500))).text).toBe("world");
});

test("nothing is blank that was not", async () => {
  const blanking = (source: string) => [{ from: 0, to: source.length, text: "" }] as Piece[];
  const view = (await TextView.open({ ...asSpoken, itn: "on" }, [], { chinese: blanking, english: blanking }))!;
  expect(written(view.pieces("三", ""))).toBe("三");
});

test("what was spoken is found again", async () => {
  const write = (await open({ itn: "on", script: "twp", cjkSpace: "add" })).recording();
  const spoken = fc.string({
    unit: fc.constantFrom("三十五", "twenty five", "软件", "头发", "U盘", " ", "，", "a", "个"),
    maxLength: 20,
  });
  fc.assert(
    fc.property(spoken, (text) => {
      if (text === "") return;
      const given = unalignedSegment({ text, language: "Chinese", tokens: [] }, [{ startMs: 100, endMs: 9000 }]);
      const result = write(given);
      expect(result.words!.map((word) => word.text).join("")).toBe(result.text);
      const { words, ...back } = spokenSegment(result);
      const { words: before, ...wanted } = given;
      expect(back).toEqual(wanted);
      expect(words!.map((word) => word.text).join("")).toBe(text);
      const times = new Map(before!.map((word) => [word.startMs, word.endMs]));
      for (const { startMs, endMs } of words!) {
        expect(times.has(startMs)).toBe(true);
        expect([...times.values()]).toContain(endMs);
      }
    }),
    { numRuns: 300 },
  );
});

test("terms are written as they are given, and no other view changes them", async () => {
  const terms = parseTerms("seven eleven => 7-Eleven\n头发三十五 => 头发三十五\nMP3", "x");
  const view = (await TextView.open({ ...asSpoken, itn: "on", script: "tw" }, terms))!;
  const shown = (text: string, language: string) => written(view.pieces(text, language));
  expect(shown("the Seven Eleven sold twenty five mp3 players", "English")).toBe("the 7-Eleven sold 25 MP3 players");
  expect(shown("头发三十五和头发有三十五根", "Chinese")).toBe("头发三十五和頭髮有35根");
  expect((await TextView.open(asSpoken, terms))!.closedLength("at the seven", "English")).toBe("at the ".length);
});

test("a long text of any kind takes no second", async () => {
  const views: Partial<ViewOptions> = { itn: "all", script: "twp", cjkSpace: "add", digitWidth: "full" };
  const view = (await TextView.open({ ...asSpoken, ...views }, parseTerms("name\n~千问", "x")))!;
  for (const part of ["一", "1", "点", "1 一", "twenty ", "头发", "。", " "]) {
    const text = part.repeat(3e4 / part.length);
    const start = process.cpuUsage();
    view.pieces(text, "Chinese");
    view.closedLength(text, "Chinese");
    expect([part, process.cpuUsage(start).user / 1000 < 1000]).toEqual([part, true]);
  }
});
