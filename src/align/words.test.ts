/** Tests of the split into spoken words: the official code's vectors, and that every word is found at its place. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { guessLanguage, spokenWords } from "./words.ts";

const wordsOf = (text: string, language: string, splitters = {}) =>
  spokenWords(text, language, splitters).map(({ word }) => word).join("|");

test("words as the official code cuts them", () => {
  for (
    const [text, language, expected] of [
      ["我用iPhone 15打电话，OK吗？", "Chinese", "我|用|iPhone|15|打|电|话|OK|吗"],
      ["l'été, c'est l’amour", "French", "l'été|c'est|lamour"],
      ["コーヒー 々", "Chinese", "コーヒー|々"],
      ["big—or small", "English", "bigor|small"],
      ["3.5%", "English", "35"],
      ["it’s it's co-operate", "English", "its|it's|cooperate"],
      ["e\u0301te\u0301", "French", "ete"],
      ["", "English", ""],
      ["... —", "English", ""],
      ["a\u3000b\u0085c\ufeffd", "", "a|b|cd"],
      ["𠀀a𪜀", "Chinese", "𠀀|a|𪜀"],
    ] as const
  ) expect(wordsOf(text, language)).toBe(expected);
});

test("Korean words are cut behind the longest word of the list", () => {
  const korean = new Set(["안녕", "오늘", "날씨", "날", "한국어", "한국", "공부", "좋네"]);
  expect(wordsOf("안녕하세요 오늘은 날씨가 좋다.", "Korean", { korean })).toBe("안녕|하세요|오늘|은|날씨|가|좋다");
  expect(wordsOf("저는 한국어를 공부합니다", "korean", { korean })).toBe("저는|한국어|를|공부|합니다");
  expect(wordsOf("안녕, 오늘!", "Korean", { korean })).toBe("안녕|오늘");
  expect(wordsOf("안녕하세요", "Korean")).toBe("안녕하세요");
});

test("Japanese pieces are found again in text that NFKC changes", () => {
  const text = "ｶﾞｯｺｳ①は\u3000か\u3099";
  const japanese = (folded: string) => {
    expect(folded).toBe("ガッコウ1は が");
    return ["ガッコウ", "1", "は", " ", "が"];
  };
  const words = spokenWords(text, "Japanese", { japanese });
  expect(words.map(({ word, start, end }) => [word, text.slice(start, end)])).toEqual([
    ["ガッコウ", "ｶﾞｯｺｳ"],
    ["1", "①"],
    ["は", "は"],
    ["が", "か\u3099"],
  ]);
});

test("words lie in the text, in order, and hold nothing but what is there", () => {
  const character = fc.constantFrom(..."aZ'9é我々ガ한 \n,。（“—-\u0301\u{1f600}");
  const korean = new Set(["aZ", "한a"]);
  fc.assert(
    fc.property(
      fc.array(character).map((all) => all.join("")),
      fc.constantFrom("", "Korean", "Japanese"),
      (text, language) => {
        const japanese = (folded: string) => folded.match(/.{1,2}/gsu) ?? [];
        let position = 0;
        for (const { word, start, end } of spokenWords(text, language, { korean, japanese })) {
          expect(start).toBeGreaterThanOrEqual(position);
          expect(end).toBeGreaterThan(start);
          const source = text.slice(start, end);
          for (const one of word) expect(source + source.normalize("NFKC")).toContain(one);
          position = end;
        }
        expect(position).toBeLessThanOrEqual(text.length);
      },
    ),
  );
});

test("a language is guessed where it matters", () => {
  expect(guessLanguage("今日は天気がいいですね。")).toBe("Japanese");
  expect(guessLanguage("오늘은 날씨가 좋네요")).toBe("Korean");
  expect(guessLanguage("今天天气很好")).toBe("");
  expect(guessLanguage("Good morning")).toBe("");
  expect(guessLanguage("")).toBe("");
});
