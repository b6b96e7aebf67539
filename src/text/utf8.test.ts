/** Tests of UTF-8 in pieces: any cut gives the same text. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { Utf8Decoder } from "./utf8.ts";

const encoder = new TextEncoder();

/** Decodes `bytes` piece by piece, cut at the given places. */
function decodeCut(bytes: Uint8Array, cuts: readonly number[]): string[] {
  const decoder = new Utf8Decoder();
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => decoder.push(bytes.subarray(places[index], end)));
}

test("any cut gives the same text, and never half a character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.array(fc.nat(), { maxLength: 12 }), (text, cuts) => {
      const wellFormed = text.toWellFormed();
      const pieces = decodeCut(encoder.encode(wellFormed), cuts);
      expect(pieces.join("")).toBe(wellFormed);
      for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
    }),
  );
});

test("bytes that are no UTF-8 decode as they would in one piece", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(fc.nat(), { maxLength: 12 }), (bytes, cuts) => {
      const closed = new Uint8Array([...bytes, 0x41]); // A last letter, so that nothing is left waiting.
      expect(decodeCut(closed, cuts).join("")).toBe(new TextDecoder("utf-8", { ignoreBOM: true }).decode(closed));
    }),
  );
});

test("an unfinished last character is dropped", () => {
  expect(decodeCut(encoder.encode("好世").subarray(0, 5), [])).toEqual(["好"]);
});
