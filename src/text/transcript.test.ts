/** Tests of the transcript parser: any cut of the tokens gives the same text. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { headerLanguage, TranscriptParser } from "./transcript.ts";

const tag = 151704;
const encoder = new TextEncoder();

/** Cuts bytes into tokens whose lengths are those in `sizes`, in turns. */
function tokensOf(text: string, sizes: readonly number[], firstId: number): { id: number; bytes: Uint8Array }[] {
  const bytes = encoder.encode(text);
  const tokens = [];
  for (let start = 0, i = 0; start < bytes.length; i++) {
    const end = start + (sizes[i % sizes.length] ?? 1);
    tokens.push({ id: firstId + i, bytes: bytes.subarray(start, end) });
    start = end;
  }
  return tokens;
}

const tagToken = { id: tag, bytes: new Uint8Array(0) };

function run(tokens: readonly { id: number; bytes: Uint8Array }[], inText = false) {
  const parser = new TranscriptParser(tag, inText);
  const pieces = [...tokens.map((token) => parser.push(token)), parser.end()];
  return { text: pieces.join(""), pieces, language: parser.language, textTokens: parser.textTokens };
}

test("any cut of header and text gives the language and the trimmed text", () => {
  const cut = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), cut, (text, sizes) => {
      const tokens = [...tokensOf("language English", sizes, 0), tagToken, ...tokensOf(text, sizes, 500)];
      const result = run(tokens);
      expect(result.language).toBe("English");
      expect(result.text).toBe(text.toWellFormed().trim());
      for (const piece of result.pieces) expect(piece.isWellFormed()).toBe(true);
    }),
  );
});

test("at every moment the text so far is trimmed", () => {
  const cut = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(fc.constantFrom(" ", "\n", "a", "好"), { maxLength: 20 }), cut, (characters, sizes) => {
      let text = "";
      for (const piece of run(tokensOf(characters.join(""), sizes, 1), true).pieces) {
        text += piece;
        expect(text).toBe(text.trim());
      }
    }),
  );
});

test("the forms a model answers in", () => {
  const parse = (header: string, text: string | undefined) =>
    run([...tokensOf(header, [5], 0), ...(text === undefined ? [] : [tagToken, ...tokensOf(text, [4], 90)])]);
  const cases: [header: string, text: string | undefined, language: string | undefined, result: string][] = [
    ["language English", " Hello. ", "English", "Hello."],
    ["language None", "", undefined, ""],
    ["language None", "Hm.", undefined, "Hm."],
    ["LANGUAGE chinese\n", "好", "Chinese", "好"],
    ["noise\nlanguage German", "Ja", "German", "Ja"],
    ["", "Hello", undefined, "Hello"],
    ["something", "Hello", undefined, "Hello"],
    ["language English", undefined, "English", ""],
    ["language None", undefined, undefined, ""],
    ["language", undefined, undefined, ""],
    ["Language is a tool.", undefined, undefined, "Language is a tool."],
    [" Hello there. ", undefined, undefined, "Hello there."],
    ["", undefined, undefined, ""],
  ];
  for (const [header, text, language, result] of cases) {
    const parsed = parse(header, text);
    expect([header, text, parsed.language, parsed.text]).toEqual([header, text, language, result]);
  }
});

test("with a forced language the first token is text, and a repeated tag is not printed", () => {
  const result = run([...tokensOf("Hello", [2], 0), tagToken, ...tokensOf(" world", [6], 50)], true);
  expect(result).toMatchObject({ text: "Hello world", language: undefined, textTokens: 4 });
});

test("only tokens after the tag count as text", () => {
  expect(run([...tokensOf("language English", [8], 0), tagToken, ...tokensOf("abc", [1], 9)]).textTokens).toBe(3);
});

test("headerLanguage keeps a name of two words", () => {
  expect(headerLanguage("language sign language")).toBe("Sign language");
});
