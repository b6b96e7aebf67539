/** What holds for any English text, and numbers, dates and times there and back. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Piece, written } from "../piece.ts";
import { englishItn } from "./english.ts";

const write = (text: string, all = false): string => written(englishItn(text, { all }));

const vocabulary = `
  zero oh o one two three five nine ten eleven twelve thirteen fifteen nineteen twenty thirty eighty ninety hundred
  thousand million billion and point a minus negative plus first second third tenth twentieth twenty-first hundredth
  half quarter past to or by between out of from at dot com g mail slash underscore double percent per cent dollars
  dollar cents pounds won degrees people years hours o'clock p.m. pm am p m a i I the July May march Seven Eleven Twenty
  Hundred dogs is 5 20 1984 3:30 $5 2.5 eighties hundreds thousands room flight seven four six vision fifty oh
`.trim().split(/\s+/);
const joints = [" ", " ", " ", " ", " ", " ", "-", ", ", ". ", "  ", "\n", "—", ".", "/", " (", "’s "];

const sentence = fc.array(fc.tuple(fc.constantFrom(...vocabulary), fc.constantFrom(...joints)), { maxLength: 14 })
  .map((parts) => parts.map(([word, joint]) => word + joint).join(""));
const anyText = fc.oneof({ weight: 5, arbitrary: sentence }, { weight: 1, arbitrary: fc.string({ unit: "grapheme" }) });

test("pieces tile the text, and what is rewritten holds a number or is a half of the day", () => {
  fc.assert(
    fc.property(anyText, fc.boolean(), (text, all) => {
      const pieces = englishItn(text, { all });
      let at = 0;
      for (const piece of pieces) {
        expect(piece.from).toBe(at);
        at = piece.to;
        expect(rewritten(text, piece)).toBe(true);
      }
      expect(at).toBe(text.length);
      expect(write(text, all) === "").toBe(text === "");
    }),
    { numRuns: 1000 },
  );
});

/** No piece is empty; what is changed has a digit, or is "p.m.", a zone or an address. */
function rewritten(text: string, { from, to, text: out }: Piece): boolean {
  if (out === "") return false;
  return text.slice(from, to) === out || /\d|^[ap]\.m\.?$|^[a-z]{3}$|[.@]/i.test(out);
}

test("written twice is written once", () => {
  fc.assert(
    fc.property(anyText, fc.boolean(), (text, all) => {
      const once = write(text, all);
      expect(write(once, all)).toBe(once);
    }),
    { numRuns: 1000 },
  );
});
