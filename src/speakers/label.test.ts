import { expect, test } from "bun:test";
import { speakerName, unknownSpeaker } from "./label.ts";

test("speakerName: one line of something to see", () => {
  expect(["Anna ", " a\tb", "", "\u00a0", "\u202e", "a\nb", "a\u0000", "\u0085", "李 雷"].map(speakerName)).toEqual([
    ...["Anna", undefined, undefined, undefined, undefined, undefined, undefined, undefined, "李 雷"],
  ]);
});

test("unknownSpeaker: the number of those without a name", () => {
  expect(["Speaker 1", "Speaker 12", "Speaker", "Speaker 1 ", "speaker 1"].map(unknownSpeaker)).toEqual([
    ...[1, 12, undefined, undefined, undefined],
  ]);
});
