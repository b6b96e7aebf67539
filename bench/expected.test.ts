/** Which texts pass the benchmark, and which fail it. */

import { expect, test } from "bun:test";
import { clip, golden, hasClip } from "../tests/fixtures.ts";
import { firmText, margin, problemOf, problemOfReference } from "./expected.ts";

const words = (count: number) => Array.from({ length: count }, (_, index) => `word${index}`).join(" ");

test("margin: the closest call of a run", () => {
  const top5 = [[[1, 9.5], [2, 9]], [[3, 8], [4, 7.9]]] as [number, number][][];
  expect(margin({ prompt_ids: [], tokens: [], raw: "", top5 })).toBeCloseTo(0.1, 6);
});

test("a clip's golden is firm only where the nano does not waver", () => {
  expect(firmText(clip("en-weather"))).toBe(golden("en-weather")!.plain.raw.replace(/^.*<asr_text>/, ""));
  if (hasClip("en-45s")) expect(firmText(clip("en-45s"))).toBeUndefined();
});

test("bf16 must say exactly the expected text; int8 where it is firm", () => {
  const one = `${words(19)} other`;
  expect(problemOf(words(20), { text: words(20), isFirm: false }, "bf16")).toBeUndefined();
  expect(problemOf(one, { text: words(20), isFirm: false }, "bf16")).toStartWith("5.0 % of the words differ");
  expect(problemOf(one, { text: words(20), isFirm: true }, "int8")).toContain(`said:     ${one}`);
  expect(problemOf(one, { text: words(20), isFirm: false }, "int8")).toBeUndefined();
  expect(problemOf(one, { text: words(20), isFirm: true }, "int4")).toBeUndefined();
  expect(problemOf("", { text: words(20), isFirm: true }, "int4")).toStartWith("100.0 %");
  // Punctuation counts as text.
  expect(problemOf("Hello", { text: "Hello.", isFirm: true }, "int8")).toStartWith("0.0 %");
});

test("a reference must be close to what is really said", () => {
  expect(problemOfReference("The weather is fine.", "The weather is fine")).toBeUndefined();
  expect(problemOfReference("The weather", "The weather is fine")).toContain("character error rate");
});
