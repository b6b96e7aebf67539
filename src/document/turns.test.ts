import { expect, test } from "bun:test";
import type { TimedSegment } from "./document.ts";
import { speakerNames, turns } from "./turns.ts";

/** Words as "text@start-end" in tenths of seconds. */
function segment(words: string, language = "English"): TimedSegment {
  const timed = words.split(" ").map((word, index) => {
    const [, text, start, end] = /^(.*)@(\d+)-(\d+)$/.exec(word)!;
    return { text: (index === 0 ? "" : " ") + text!, startMs: Number(start) * 100, endMs: Number(end) * 100 };
  });
  const text = timed.map((word) => word.text).join("");
  return { startMs: timed[0]!.startMs, endMs: timed.at(-1)!.endMs, text, language, words: timed };
}

const shown = (segments: readonly TimedSegment[]) => segments.map(({ speaker, text }) => `${speaker}:${text}`);

test("phrases of both sides in order of time; who goes on alone is not cut", () => {
  const left = segment("Hello.@0-5 Are@10-12 you@12-14 there?@14-20 Fine.@60-65");
  const right = segment("Yes@30-33 I@33-35 am@42-45 and@45-50 you?@50-55");
  const all = turns([{ speaker: "left", segments: [left] }, { speaker: "right", segments: [right] }]);
  expect(shown(all)).toEqual(["left:Hello. Are you there?", "right: Yes I am and you?", "left: Fine."]);
  expect(all.map(({ startMs, endMs }) => [startMs, endMs])).toEqual([[0, 2000], [3000, 5500], [6000, 6500]]);
  for (const { speaker, words, text } of all) {
    expect(words!.every((word) => word.speaker === speaker)).toBe(true);
    expect(words!.map((word) => word.text).join("")).toBe(text);
  }
});

test("who is interrupted within a sentence keeps it, unless a pause is there", () => {
  const left = segment("I@0-5 think@6-10 that@11-15 so.@40-45");
  const right = segment("Hm.@8-10 Right.@20-25");
  const all = turns([{ speaker: "1", segments: [left] }, { speaker: "2", segments: [right] }]);
  expect(shown(all)).toEqual(["1:I think that", "2: Hm. Right.", "1: so."]);
});

test("segments stay apart, languages keep their spacing, texts without words stay whole", () => {
  const one = [segment("One.@0-5"), segment("Two.@6-10")];
  expect(shown(turns([{ speaker: "left", segments: one }]))).toEqual(["left:One.", "left: Two."]);
  const chinese = [segment("你好@0-5", "Chinese"), { ...segment("世界@20-25", "Chinese") }];
  expect(shown(turns([{ speaker: "left", segments: chinese }]))).toEqual(["left:你好", "left:世界"]);
  const { words: _, ...untimed } = segment("Whole.@10-20");
  expect(turns([{ speaker: "1", segments: [untimed] }, { speaker: "2", segments: [] }])).toEqual([
    { ...untimed, speaker: "1" },
  ]);
  expect(turns([])).toEqual([]);
});

test("what was said stands beside what is written, by turn", () => {
  const words = segment("five@0-5 six@20-25").words!.map((word) => ({
    ...word,
    spoken: word.text,
    text: word.text[0]!,
  }));
  const rewritten = { ...segment("five@0-5 six@20-25"), words, text: "f ", spoken: "five six" };
  const other = segment("Hm.@10-12");
  const all = turns([{ speaker: "left", segments: [rewritten] }, { speaker: "right", segments: [other] }]);
  expect(all.map(({ spoken }) => spoken)).toEqual(["five", undefined, " six"]);
});

test("names", () => {
  expect([1, 2, 3].map(speakerNames)).toEqual([["1"], ["left", "right"], ["1", "2", "3"]]);
});
