import { expect, test } from "bun:test";
import { isPattern, nameTest, pathTest } from "./patterns.ts";

const names: readonly (readonly [string, string, boolean])[] = [
  ["*.wav", "talk.wav", true],
  ["*.wav", "talk.wave", false],
  ["*.wav", ".talk.wav", false],
  [".*.wav", ".talk.wav", true],
  ["?.wav", "a.wav", true],
  ["?.wav", "ab.wav", false],
  ["?.wav", "\u{1f600}.wav", true],
  ["lat?.wav", "lat\udce9.wav", true],
  ["[a-c]*.wav", "b1.wav", true],
  ["[!a-c]*.wav", "b1.wav", false],
  ["[!a-c]*.wav", "d1.wav", true],
  ["[]x].wav", "].wav", true],
  ["talk[.wav", "talk[.wav", true],
  ["*.{wav,mp3}", "talk.mp3", true],
  ["*.{wav,mp3}", "talk.ogg", false],
  ["{a,b{c,d}}.wav", "bd.wav", true],
  ["{a.wav", "{a.wav", true],
  ["a{b}.wav", "a{b}.wav", true],
  ["a+(b).wav", "a+(b).wav", true],
  ["*", "a\nb.wav", true],
];

test("a name is tested as shells do", () => {
  for (const [pattern, name, isTaken] of names) {
    expect([pattern, name, nameTest(pattern)(name)]).toEqual([pattern, name, isTaken]);
  }
});

const paths: readonly (readonly [string, string, boolean])[] = [
  ["*.wav", "day 1/talk.wav", true],
  ["day 1/*.wav", "day 1/talk.wav", true],
  ["day 1/*.wav", "day 1/room/talk.wav", false],
  ["**/talk.wav", "day 1/room/talk.wav", true],
  ["**/talk.wav", "talk.wav", true],
  ["day 1/**", "day 1/room/talk.wav", true],
  ["./day 1/*.wav", "day 1/talk.wav", true],
  ["old/", "day 1/old", true],
  ["day?1/x", "day/1/x", false],
  ["day[!x]1/x", "day/1/x", false],
];

test("a pattern with a slash is about the whole path", () => {
  for (const [pattern, path, isTaken] of paths) {
    expect([pattern, path, pathTest(pattern)(path)]).toEqual([pattern, path, isTaken]);
  }
});

test("what shells would take for a pattern", () => {
  expect(["*.wav", "a?", "[ab]", "{a,b}", "talk.wav", "a b"].map(isPattern)).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
  ]);
});
