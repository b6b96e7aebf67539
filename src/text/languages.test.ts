/** Tests of language names and codes. */

import { expect, test } from "bun:test";
import { chineseScriptOf, findLanguage, languageNames, languagesText, languageTitle } from "./languages.ts";

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

test("ISO 639-2 in both forms, 639-3, and locales", () => {
  const cases: Record<string, string> = {
    Chinese: "zho chi cmn zh-TW zh_Hant zh_CN.GB18030 zh-Hans-SG zh-cmn-Hans cmn-Hant-HK",
    Cantonese: "yue zh-HK zh_Hant_HK zh-MO zh-yue yue-Hant-HK YUE",
    English: "eng en_US en-GB en_US.UTF-8 EN-us en-001 en_IE@euro en_US_POSIX",
    German: "deu ger DEU de_AT de-CH-1996 de_DE.ISO-8859-15@euro",
    French: "fra fre fr_CA fr-Latn-FR",
    Portuguese: "por pt-BR pt_PT",
    Persian: "fas per pes fa-IR",
    Dutch: "nld dut nl-BE flemish",
    Czech: "ces cze cs_CZ",
    Greek: "ell gre el-GR",
    Romanian: "ron rum mo ro_MD",
    Macedonian: "mkd mac mk-MK",
    Malay: "msa may zsm ms_MY",
    Filipino: "fil tgl tl fil-PH",
    Indonesian: "ind in id-ID",
    Spanish: "spa es-419 es_MX",
    Arabic: "ara arb ar-EG",
  };
  for (const [name, codes] of Object.entries(cases)) {
    for (const code of codes.split(" ")) expect([code, findLanguage(code)]).toEqual([code, name]);
  }
  for (const code of ["zh-wuu", "heb", "gsw", "C", "C.UTF-8", "de-", "-de", "de_", "de DE", "en-toolongsubtag", "."]) {
    expect([code, findLanguage(code)]).toEqual([code, undefined]);
  }
});

test("languageTitle", () => {
  expect(languageTitle("  eNGLISH ")).toBe("English");
  expect(languageTitle("")).toBe("");
});

test("a script or region of Chinese asks for its characters; a script counts first", () => {
  const tags = {
    twp: ["zh-TW", "zh_TW.UTF-8", "zh-Hant", "ZH-HANT-TW", "cmn-TW", "yue-Hant"],
    hk: ["zh-HK", "zh-Hant-HK", "zh-MO", "yue-HK"],
    cn: ["zh-CN", "zh_CN.UTF-8", "zh-Hans", "zh-Hans-HK", "zh-SG", "yue-Hans"],
  } as const;
  for (const [script, names] of Object.entries(tags)) {
    for (const name of names) expect([name, chineseScriptOf(name)]).toEqual([name, script as keyof typeof tags]);
  }
  for (const name of ["zh", "Chinese", "yue", "Cantonese", "", "detect", "en-HK", "ja-TW", "de-CN"]) {
    expect([name, chineseScriptOf(name)]).toEqual([name, undefined]);
  }
});
