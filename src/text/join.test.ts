/** Tests of the separator between segments, script by script. */

import { expect, test } from "bun:test";
import { separatorBetween } from "./join.ts";

const cases: readonly [before: string, after: string, separator: string][] = [
  ["Hello.", "World", " "],
  ["Hello", "world", " "],
  ["你好。", "世界", ""],
  ["你好", "世界", ""],
  ["你好", "world", " "],
  ["hello", "世界", " "],
  ["你好。", "Hello", ""],
  ["hello", "（世界", ""],
  ["元々", "々", ""],
  ["カタカナー", "ひらがな", ""],
  ["𠀀", "𠀁", ""],
  ["สวัสดี", "ครับ", ""],
  ["ສະບາຍ", "ດີ", ""],
  ["안녕하세요", "세계", " "],
  ["안녕.", "네", " "],
  ["Hello", ", world", ""],
  ["Hello", "...", ""],
  ["Hello", "’s", ""],
  ["Hello", "(well)", " "],
  ["Hello", "“well”", " "],
  ["Hello", "- yes", " "],
  ["Hello (", "well)", ""],
  ["¿", "Qué", ""],
  ["हिन्दी", "में", " "],
  ["مرحبا", "بك", " "],
  ["cafe\u0301", "bar", " "],
  ["", "Hello", ""],
  ["Hello", "", ""],
];

test("separator between segments", () => {
  for (const [before, after, separator] of cases) {
    expect([before, after, separatorBetween(before, after)]).toEqual([before, after, separator]);
  }
});
