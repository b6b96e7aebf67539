/** Tests of how Japanese and Korean are split, with the data that the program carries. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { splitterSource } from "./splitters.ts";
import { spokenWords } from "./words.ts";

const source = splitterSource({ koreanWords: () => Bun.file(join(import.meta.dir, "korean_words.txt")).text() });
const wordsOf = async (text: string, language: string) =>
  spokenWords(text, language, await source(language)).map(({ word }) => word).join("|");

test("Korean as the official code cuts it", async () => {
  for (
    const [text, expected] of [
      ["안녕하세요 오늘은 날씨가 좋네요.", "안녕|하세요|오늘|은|날씨|가|좋네요"],
      ["저는 한국어를 공부합니다", "저는|한국어|를|공부|합니다"],
      ["대한민국의 수도는 서울입니다", "대한민국|의|수도|는|서울|입니다"],
      ["그는 학교에서 친구들과 함께 축구를 했다", "그는|학교|에서|친구|들과|함께|축구|를|했다"],
      ["가나다라마바사 아버지가방에들어가신다", "가나|다라마바사|아버지|가방에들어가신다"],
    ] as const
  ) expect(await wordsOf(text, "Korean")).toBe(expected);
  expect((await source("Korean")).korean!.size).toBe(17_968);
});

test("Japanese is cut by a dictionary, digits come one by one", async () => {
  expect(await wordsOf("今日は天気がいいですね。Qwen3です", "Japanese")).toBe(
    "今日|は|天気|が|いい|です|ね|Qwen|3|です",
  );
  expect(await wordsOf("この電車は渋谷に止まりますか。", "Japanese")).toBe("この|電車|は|渋谷|に|止まり|ます|か");
  expect(await wordsOf("2023年", "Japanese")).toBe("2|0|2|3|年");
});

test("other languages need nothing", async () => {
  expect(await source("English")).toEqual({});
  expect(await source("")).toEqual({});
});
