import { expect, test } from "bun:test";
import { languageOfRow, normalised, normaliserOf } from "./normalise.ts";

test("words of languages with spaces", () => {
  const cases: readonly (readonly [language: string, text: string, words: string])[] = [
    ["English", "Don’t — STOP, 'now'!", "don't stop now"],
    ["English", "It's 'rock'n'roll', isn`t it", "it's rock'n'roll isn't it"],
    ["English", "well-known; e\u0301te\u0301 (x)", "well known été x"],
    ["English", "3.5 miles at 10:30, 1,000.", "3.5 miles at 10:30 1,000"],
    ["English", "ＡＢＣ　１２ ﬁne", "abc 12 fine"],
    ["English", "a\u00adb c\u200bd ☎️ \ufeffe", "ab cd e"],
    ["German", "STRASSE Straße", "strasse strasse"],
    ["Greek", "ΟΔΟΣ οδος", "οδοσ οδοσ"],
    ["Turkish", "IŞIK İstanbul", "ışık istanbul"],
    ["English", "İstanbul", "istanbul"],
    ["French", "L’eau, c'est bon ?", "l'eau c'est bon"],
    ["Spanish", "¿Qué? ¡No!", "qué no"],
    ["Hindi", "नमस्ते दुनिया।", "नमस्ते दुनिया"],
    ["Korean", "안녕 하세요.", "안녕 하세요"],
    ["English", " \t ", ""],
  ];
  for (const [language, text, words] of cases) {
    expect(normalised(text, language, "words").words!.join(" ")).toBe(words);
  }
});

test("characters of languages without", () => {
  const characters = (text: string, language: string) => normalised(text, language, "characters").characters.join("");
  expect(characters("今天是 Ｗednesday，三月８号。", "Chinese")).toBe("今天是wednesday三月8号");
  expect(characters("ﾃﾚﾋﾞ、コーヒー「三」", "Japanese")).toBe("テレビコーヒー三");
  expect(normalised("今天", "Chinese", "characters").words).toBeUndefined();
  expect(normalised("안녕 하세요", "Korean", "words").characters).toEqual(["안", "녕", "하", "세", "요"]);
  expect(normalised("𠮷野", "Japanese", "characters").characters).toEqual(["𠮷", "野"]);
});

test("the language decides, or the script of the text", () => {
  const languages = ["Chinese", "Cantonese", "Japanese", "Thai", "Lao", "Khmer", "Korean", "English", "Hindi"];
  expect(languages.filter((language) => normaliserOf(language, "") === "characters")).toEqual(languages.slice(0, 6));
  const texts = ["今天 ok", "ほんとう", "สวัสดีครับ", "ສະບາຍດີ", "안녕 하세요", "hello", "привет", ""];
  expect(texts.filter((text) => normaliserOf("", text) === "characters")).toEqual(texts.slice(0, 4));
  expect(["en", "LO", "khmer", "zh-TW", "klingon"].map(languageOfRow)).toEqual(
    ["English", "Lao", "Khmer", "Chinese", undefined],
  );
});
