import { expect, test } from "bun:test";
import fc from "fast-check";
import { written } from "./piece.ts";
import { type CuePunctuation, punctuated } from "./punctuation.ts";
import { type CjkSpace, type DigitWidth, spaced, withDigits } from "./spacing.ts";

const shown = (mode: CuePunctuation, line: string) => written(punctuated(mode, line));

test("light: no marks at the end of a line, Chinese commas are spaces", () => {
  for (
    const [line, wanted] of [
      ["今天天气很好，我们去公园吧。", "今天天气很好 我们去公园吧"],
      ["他说：“好。”", "他说：“好”"],
      ["苹果、香蕉，还有梨；", "苹果、香蕉 还有梨"],
      ["你好,世界!", "你好 世界"],
      ["真的吗？真的！", "真的吗？真的"],
      ["Well, I think so.", "Well, I think so"],
      ["ask Dr.", "ask Dr."],
      ["about 3.5,", "about 3.5"],
      ["……", "……"],
      ["， 好", " 好"],
    ] as const
  ) expect(shown("light", line)).toBe(wanted);
});

test("none: no marks, but those of words, numbers and what is said", () => {
  for (
    const [line, wanted] of [
      ["今天天气很好，我们去公园吧。", "今天天气很好 我们去公园吧"],
      ["他说：“好。”", "他说 好"],
      ["《三国演义》是书", "三国演义是书"],
      [
        "Don't go – it's 3:20, and 25% of the well-known 1,000 are \"here\"!",
        "Don't go it's 3:20 and 25% of the well-known 1,000 are here",
      ],
      ["it was -20 degrees (cold).", "it was -20 degrees cold"],
      ["- Yes, AT&T.", "Yes AT&T"],
      ["?!", "?!"],
      ["你好,世界", "你好 世界"],
      ["价格是3.5元，涨了25%。", "价格是3.5元 涨了25%"],
    ] as const
  ) expect(shown("none", line)).toBe(wanted);
});

test("nothing is blank that was not, letters and digits stay, and the pieces tile the line", () => {
  const line = fc.string({ unit: fc.constantFrom(..."ab 1你好，。、!?.,:;-–—…\"'“”（）%"), maxLength: 20 });
  fc.assert(
    fc.property(line, fc.constantFrom("light", "none"), (given, mode) => {
      const pieces = punctuated(mode as CuePunctuation, given);
      expect(pieces.reduce((at, { from, to }) => (expect([from, to > from]).toEqual([at, true]), to), 0)).toBe(
        given.length,
      );
      expect(written(pieces).trim() === "").toBe(given.trim() === "");
      expect(written(pieces).replace(/[^\p{L}\p{N}]/gu, "")).toBe(given.replace(/[^\p{L}\p{N}]/gu, ""));
    }),
    { numRuns: 2000 },
  );
});

test("space between Chinese and Latin: once, also to what stands before", () => {
  const space = (mode: CjkSpace, text: string, before = "") => written(spaced(mode, text, before));
  expect(space("add", "我用iPhone 15拍了25%的照片,OK吗")).toBe("我用 iPhone 15 拍了 25% 的照片,OK 吗");
  expect(space("add", "我用 iPhone 拍")).toBe("我用 iPhone 拍");
  expect(space("remove", "我用 iPhone 15 拍了 25% 的照片")).toBe("我用iPhone 15拍了25%的照片");
  expect(space("remove", " world 你好", "你好")).toBe("world你好");
  expect(space("add", "world", "你好")).toBe(" world");
  expect(space("keep", "我用iPhone 拍")).toBe("我用iPhone 拍");
  expect(space("add", "two words")).toBe("two words");
});

test("digits full and half; words with letters keep theirs", () => {
  const digits = (width: DigitWidth, text: string) => written(withDigits(width, text));
  expect(digits("full", "2025年3月，MP3和3.5元，iPhone-15")).toBe("２０２５年３月，MP3和３.５元，iPhone-15");
  expect(digits("half", "２０２５年")).toBe("2025年");
});

test("a long text of any of it takes no second", () => {
  for (const text of [" ", "，", "-", "1", "一", "a1", "1 一", ". "]) {
    const long = text.repeat(1e5 / text.length);
    const start = process.cpuUsage();
    for (const mode of ["light", "none"] as const) punctuated(mode, long);
    for (const mode of ["add", "remove"] as const) spaced(mode, long);
    for (const width of ["half", "full"] as const) withDigits(width, long);
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(1500);
  }
});
