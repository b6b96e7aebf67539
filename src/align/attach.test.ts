/** Tests of punctuation: which word gets it, and that no character is lost. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { attachPunctuation } from "./attach.ts";
import { spokenWords } from "./words.ts";

const texts = (text: string) => attachPunctuation(text, spokenWords(text, ""));

test("marks stay with the word that they belong to", () => {
  for (
    const [text, expected] of [
      ["Hello, world.", ["Hello,", " world."]],
      ["“Yes,” she said (twice).", ["“Yes,”", " she", " said", " (twice)."]],
      ["war — and peace", ["war —", " and", " peace"]],
      ["Salut ! Ça va ?", ["Salut !", " Ça", " va ?"]],
      ["il dit « oui » et", ["il", " dit", " « oui »", " et"]],
      ["¿Qué tal? ¡Bien!", ["¿Qué", " tal?", " ¡Bien!"]],
      ["你好，「世界」。好", ["你", "好，", "「世", "界」。", "好"]],
      ["well-known  3.5 % of", ["well-known", "  3.5 %", " of"]],
      ["...", []],
      ["- a -", ["- a -"]],
    ] as const
  ) expect(texts(text)).toEqual([...expected]);
});

test("joined they are the text, one for each word", () => {
  const character = fc.constantFrom(..."ab' 我，。「」(“”)—.!\n\u3000\u{1f600}");
  fc.assert(fc.property(fc.array(character).map((all) => all.join("")), (text) => {
    const words = spokenWords(text, "");
    const all = attachPunctuation(text, words);
    expect(all.length).toBe(words.length);
    if (words.length > 0) expect(all.join("")).toBe(text);
    words.forEach(({ start, end }, index) => expect(all[index]).toContain(text.slice(start, end)));
  }));
});
