import { expect, test } from "bun:test";
import fc from "fast-check";
import { compose, type Piece, tile, written } from "./piece.ts";
import { writtenWords } from "./words.ts";

const shown = (words: string[], replacements: Piece[]) =>
  writtenWords(words, tile(words.join(""), replacements)).map(({ from, to, text }) => `${from}-${to}${text}`);

test("a number joins its words, all others keep their own", () => {
  expect(shown(["We", " have", " twenty", " five", " cats."], [{ from: 8, to: 19, text: "25" }])).toEqual([
    "0-1We",
    "1-2 have",
    "2-4 25",
    "4-5 cats.",
  ]);
  expect(shown(["我", "有", "三", "十五", "个"], [{ from: 2, to: 5, text: "35" }])).toEqual([
    "0-1我",
    "1-2有",
    "2-4" + "35",
    "4-5个",
  ]);
});

test("a piece inside a word changes that word alone; one across its end takes the next word with it", () => {
  expect(shown(["abc", "def"], [{ from: 1, to: 2, text: "X" }])).toEqual(["0-1aXc", "1-2def"]);
  expect(shown(["abc", "def", "ghi"], [{ from: 2, to: 4, text: "X" }])).toEqual(["0-2abXef", "2-3ghi"]);
});

test("no word is left blank: it goes with a neighbour, or everything stays", () => {
  expect(shown(["Well", " –", " yes"], [{ from: 4, to: 6, text: "" }])).toEqual(["0-2Well", "2-3 yes"]);
  expect(shown(["– ", "yes"], [{ from: 0, to: 2, text: "" }])).toEqual(["0-2yes"]);
  expect(shown(["…", "…"], [{ from: 0, to: 2, text: "" }])).toEqual(["0-1…", "1-2…"]);
});

/** A text in words, and pieces that rewrite it. */
const rewriting = fc.array(fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom(..."ab c一二") }), {
  maxLength: 12,
})
  .chain((words) => {
    const source = words.join("");
    const cuts = fc.uniqueArray(fc.integer({ min: 0, max: source.length }), { maxLength: 8 });
    const texts = fc.array(fc.option(fc.string({ maxLength: 3, unit: fc.constantFrom(..."xy z") })), {
      minLength: 9,
      maxLength: 9,
    });
    return fc.tuple(fc.constant(words), cuts, texts);
  }).map(([words, cuts, texts]) => ({ words, pieces: piecesAt(words.join(""), cuts, texts) }));

function piecesAt(source: string, cuts: readonly number[], texts: readonly (string | null)[]): Piece[] {
  const places = [...new Set([0, ...cuts, source.length])].toSorted((a, b) => a - b);
  return places.slice(1).map((to, index) => {
    const from = places[index]!;
    return { from, to, text: texts[index] ?? source.slice(from, to) };
  });
}

test("every word is in one written word, in order, and the texts are what the pieces write", () => {
  fc.assert(
    fc.property(rewriting, ({ words, pieces }) => {
      const result = writtenWords(words, pieces);
      expect(result.reduce((at, { from, to }) => (expect([from, to > from]).toEqual([at, true]), to), 0)).toBe(
        words.length,
      );
      const text = result.map((word) => word.text).join("");
      if (written(pieces).trim() !== "" || words.join("").trim() === "") expect(text).toBe(written(pieces));
      else expect(text).toBe(words.join(""));
      for (const { from, to, text } of result) {
        if (words.slice(from, to).some((word) => word.trim() !== "")) expect(text.trim()).not.toBe("");
      }
    }),
    { numRuns: 2000 },
  );
});

test("two rewritings are one: their pieces tile the source and write what the second wrote", () => {
  const second = fc.tuple(
    fc.array(fc.nat(40), { maxLength: 8 }),
    fc.array(fc.option(fc.string({ maxLength: 3 })), { minLength: 9, maxLength: 9 }),
  );
  fc.assert(
    fc.property(rewriting, second, ({ words, pieces }, [cuts, texts]) => {
      const [source, between] = [words.join(""), written(pieces)];
      const after = piecesAt(between, cuts.filter((cut) => cut < between.length), texts);
      if (between === "") return;
      const both = compose(source, pieces, after);
      expect(both.reduce((at, { from, to }) => (expect([from, to > from]).toEqual([at, true]), to), 0)).toBe(
        source.length,
      );
      expect(written(both)).toBe(written(after));
    }),
    { numRuns: 3000 },
  );
});
