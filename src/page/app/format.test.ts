import { expect, test } from "bun:test";
import { clock, size, stem } from "./format.ts";
import { pageLanguageFor } from "../languages.ts";
import { fill } from "./strings.ts";

test("times, sizes and names", () => {
  expect([0, 65.9, 3725, -1].map(clock)).toEqual(["0:00", "1:05", "1:02:05", "0:00"]);
  expect([0, 999, 1536, 2 ** 31, 500 * 2 ** 20].map(size)).toEqual(["0 B", "999 B", "1.5 kB", "2.0 GB", "500 MB"]);
  expect(["a/b/talk.part 1.m4a", "C:\\x\\y.wav", ".wav", "录音.mp3", 'a<b>"c".ogg', ""].map(stem)).toEqual([
    ...["talk.part 1", "y", ".wav", "录音", "a_b__c_", "transcript"],
  ]);
});

test("the page speaks the first language of its reader that it knows", () => {
  const of = (...languages: string[]) => pageLanguageFor(languages);
  expect([of("zh-CN"), of("zh-TW"), of("zh-Hant-HK"), of("yue"), of("de", "zh-HK"), of("en-GB", "zh"), of()]).toEqual([
    ...["zh-Hans", "zh-Hant", "zh-Hant", "zh-Hant", "zh-Hant", "en", "en"] as const,
  ]);
  expect(fill("{name}: {time} left {x}", { name: "{time}", time: "2" })).toBe("{time}: 2 left {x}");
});
