/** Tests of language names and codes. */

import { expect, test } from "bun:test";
import { findLanguage, languageNames, languagesText, languageTitle } from "./languages.ts";

test("30 languages, each found by its name in any case", () => {
  expect(languageNames.length).toBe(30);
  expect(new Set(languageNames).size).toBe(30);
  for (const name of languageNames) {
    expect(findLanguage(name)).toBe(name);
    expect(findLanguage(name.toUpperCase())).toBe(name);
    expect(findLanguage(` ${name.toLowerCase()} `)).toBe(name);
  }
});

test("every code in the list finds the language beside it", () => {
  const listed = [...languagesText().matchAll(/(\w+) \((\w+)\)/g)];
  expect(listed.length).toBe(30);
  for (const [, name, code] of listed) expect(findLanguage(code!)).toBe(name!);
});

test("codes with a region, other names, and what is none of them", () => {
  const cases: [string, string | undefined][] = [
    ["en-GB", "English"],
    ["pt_BR.UTF-8", "Portuguese"],
    ["zh-Hant-TW", "Chinese"],
    ["yue-HK", "Cantonese"],
    ["tl", "Filipino"],
    ["mandarin", "Chinese"],
    ["xx", undefined],
    ["engl", undefined],
    ["e", undefined],
    ["", undefined],
    ["english-ish", undefined],
  ];
  for (const [text, name] of cases) expect([text, findLanguage(text)]).toEqual([text, name]);
});

test("languageTitle", () => {
  expect(languageTitle("  eNGLISH ")).toBe("English");
  expect(languageTitle("")).toBe("");
});
