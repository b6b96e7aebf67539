import { expect, test } from "bun:test";
import fc from "fast-check";
import { tile, written } from "./piece.ts";
import { chineseReadings } from "./readings.ts";
import { parseTerms, termContext, TermTable } from "./terms.ts";

const readings = await chineseReadings();
const table = (lines: string) => new TermTable(parseTerms(lines, "names.txt"), readings);
const shown = (lines: string, text: string) => written(tile(text, table(lines).matches(text)));

test("whole words in any case, with spaces or hyphens; the longest of several", () => {
  expect(shown("OpenBLAS", "we use openblas and OPENBLAS, not openblasx")).toBe(
    "we use OpenBLAS and OpenBLAS, not openblasx",
  );
  expect(shown("Catherine => Kathryn\nJohn => Jon", "Catherine's door. John and Johnny, (john)")).toBe(
    "Kathryn's door. Jon and Johnny, (Jon)",
  );
  expect(shown("quen a s r => Qwen-ASR\nquen => Qwen", "quen A  S R, quen-a-s-r or Quen")).toBe(
    "Qwen-ASR, Qwen-ASR or Qwen",
  );
  expect(shown("zig", "Zig is zig. ZIG")).toBe("Zig is zig. zig");
  expect(shown("Zoë", "ZOË")).toBe("Zoë");
});

test("Chinese anywhere, and by sound where it is asked for", () => {
  expect(shown("千问", "我用千问和千文")).toBe("我用千问和千文");
  expect(shown("~千问", "我用千问和千文和前问")).toBe("我用千问和千问和千问");
  expect(shown("~重庆", "重庆和虫庆，重青")).toBe("重庆和重庆，重庆");
  expect(shown("~张三 => 章叁", "这是张三和章三")).toBe("这是章叁和章叁");
  expect(shown("~千问", "no Chinese")).toBe("no Chinese");
  expect(shown("~A股 => A股票", "买a古吧")).toBe("买A股票吧");
});

test("a mistake in the file is told with its line", () => {
  const message = (lines: string) => {
    try {
      return parseTerms(lines, "names.txt");
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(message("a\n\n => b")).toBe("names.txt: line 3: nothing before =>");
  expect(message("a =>")).toBe("names.txt: line 1: nothing behind =>");
  expect(message("a => b => c")).toBe("names.txt: line 1: more than one =>");
  expect(message("a\r\n~")).toBe("names.txt: line 2: no term behind ~");
  expect(message("~name")).toBe("names.txt: line 1: ~ finds Chinese by its sound, and there is none");
  expect(message("...")).toBe("names.txt: line 1: a term without letters");
  expect(message(`${"a".repeat(201)}`)).toBe("names.txt: line 1: a term of more than 200 characters");
  expect(message(" \n\n")).toBe("names.txt: no terms in it");
  expect(message("\ufeffa\r\n a \r\n")).toEqual([{ heard: "a", wanted: "a", bySound: false }]);
});

test("the model is told the prompt, then the terms", () => {
  const terms = parseTerms("Catherine => Kathryn\nKathryn\n~千问", "x");
  expect(termContext("Names:", terms)).toBe("Names:\nKathryn, 千问");
  expect(termContext("", terms)).toBe("Kathryn, 千问");
  expect(termContext("Names:", [])).toBe("Names:");
});

test("a text that goes on is closed only where no term may lie across", () => {
  const closed = (lines: string, text: string, length = text.length) =>
    text.slice(0, table(lines).closedLength(text, length));
  expect(closed("New York", "I saw New")).toBe("I saw ");
  expect(closed("New York", "I saw Newark")).toBe("I saw Newark");
  expect(closed("York", "in York")).toBe("in ");
  expect(closed("York", "in York.")).toBe("in York.");
  expect(closed("New York", "I saw New York again", 11)).toBe("I saw ");
  expect(closed("~千问大模型", "我用前问大")).toBe("我用");
});

test("like a search by regular expressions, and fast", () => {
  const words = fc.array(fc.constantFrom("ab", "AB", "abc", "c", "ab c", " ", "-", ".", "我"), { maxLength: 12 });
  fc.assert(
    fc.property(words, (parts) => {
      const text = parts.join("");
      const wanted = text.replace(/(?<![a-z])(?:ab[\s-]+c|ab)(?![a-z])/gi, (found) => /c/i.test(found) ? "ABC" : "Ab");
      expect(shown("ab c => ABC\nab => Ab", text)).toBe(wanted);
    }),
    { numRuns: 1000 },
  );
  const many = Array.from({ length: 2000 }, (_, index) => `term ${index.toString(36)} => T${index}`).join("\n");
  const searched = table(`${many}\n~千问\naaaaaaaaaaaaaaaaaaaaaaaa`);
  for (const text of ["a", "term ", "我", "-", " "]) {
    const start = process.cpuUsage();
    searched.matches(text.repeat(1e5 / text.length));
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(2000);
  }
});
