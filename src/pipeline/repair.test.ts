/** Tests of what stands of a text that repeats itself, and of how two texts of the same audio are joined. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { continued } from "./repair.ts";

const tokens = (text: string) =>
  (text.match(/\s*(?:[\p{L}\p{N}]+|[^\p{L}\p{N}\s])/gu) ?? []).map((word) => ({
    ...{ text: word, logprob: -0.1 },
  }));
const joined = (certain: string, again: string) =>
  continued(tokens(certain), tokens(again)).map(({ text }) => text).join("");

test("a text goes on where it ends in another text of the same audio", () => {
  const cases: [string, string, string][] = [
    ["", "All of it.", "All of it."],
    ["Well, you know,", "Well, you know, it was late.", "Well, you know, it was late."],
    ["Well, you know,", "Well you know. It was late.", "Well, you know, It was late."],
    ["Well I know,", "Well, you know, it was late.", "Well I know, it was late."],
    ["One two three", "Two three four.", "One two three four."],
    ["All of it.", "All of it.", "All of it."],
    ["All of it and more.", "All of it.", "All of it and more."],
    ["Good morning.", "", "Good morning."],
    ["\u4f60\u597d\uff0c", "\u4f60\u597d\u3002\u4eca\u5929", "\u4f60\u597d\uff0c\u4eca\u5929"],
  ];
  for (const [certain, again, whole] of cases) expect(joined(certain, again)).toBe(whole);
});

test("what was certain stays as it is, and nothing is added to a text that is all there", () => {
  const words = fc.array(fc.constantFrom("a", "b", "c", "no", ","), { maxLength: 30 }).map((list) => list.join(" "));
  fc.assert(
    fc.property(words, words, (certain, again) => {
      expect(joined(certain, again)).toStartWith(certain);
      expect(joined(certain, certain)).toBe(certain);
      expect(joined("", again)).toBe(again);
    }),
  );
});
