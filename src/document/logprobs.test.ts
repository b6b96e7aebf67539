/** Tests of the log-probabilities of words. */

import { expect, test } from "bun:test";
import { wordLogprobs } from "./logprobs.ts";
import { unalignedSegment } from "./unaligned.ts";

const token = (text: string, logprob: number) => ({ text, logprob });

test("a word has its tokens, its marks' too", () => {
  expect(wordLogprobs(["Hello,", " world."], [token("Hel", -1), token("lo", -2), token(",", -4), token(" world.", -8)]))
    .toEqual([-7, -8]);
});

test("a token of two words counts for both, half a character with its other half", () => {
  expect(wordLogprobs(["你", "好", "吗"], [token("你好", -1), token("", -2), token("吗", -4)])).toEqual([-1, -1, -6]);
});

test("with and without an aligner a word is as sure", () => {
  const tokens = [token("Hel", -1), token("lo, wor", -2), token("ld.", -4)];
  const { words } = unalignedSegment({ text: "Hello, world.", language: "English", tokens }, [{
    startMs: 0,
    endMs: 9,
  }]);
  expect(words!.map(({ logprob }) => logprob)).toEqual(wordLogprobs(["Hello,", " world."], tokens));
});

test("no tokens, no words", () => {
  expect(wordLogprobs([], [token("a", -1)])).toEqual([]);
  expect(wordLogprobs(["a"], [])).toEqual([0]);
});
