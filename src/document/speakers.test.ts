import { describe, expect, test } from "bun:test";
import type { TimedSegment } from "./document.ts";
import * as speakers from "./speakers.ts";
import { renamed } from "./speakers.ts";

/** A segment of words of 400 ms each, 500 ms apart. */
function segmentOf(text: string, startMs = 0): TimedSegment {
  const words = text.split(/(?= )/).map((word, index) => ({
    text: word,
    startMs: startMs + 500 * index,
    endMs: startMs + 500 * index + 400,
  }));
  return { startMs, endMs: words.at(-1)!.endMs, text, language: "English", words, isTruncated: true };
}

const withSpeakers = (...given: Parameters<typeof speakers.withSpeakers>) => [...speakers.withSpeakers(...given)];
const turn = (speaker: string, startMs: number, endMs: number) => ({ speaker, startMs, endMs });
const shown = (segments: readonly TimedSegment[]) => segments.map(({ speaker, text }) => `${speaker}:${text}`);

describe("withSpeakers", () => {
  const segment = segmentOf("Are you there? Yes, I am. Good.");

  test("a turn that begins inside a segment splits it; the parts' texts are its text", () => {
    const parts = withSpeakers([segment], [turn("a", 0, 1450), turn("b", 1450, 2950), turn("a", 2950, 4000)]);
    expect(shown(parts)).toEqual(["a:Are you there?", "b: Yes, I am.", "a: Good."]);
    expect(parts.map(({ text }) => text).join("")).toBe(segment.text);
    expect(parts[1]).toMatchObject({ startMs: 1500, endMs: 2900, language: "English" });
    expect(parts[1]!.words!.every(({ speaker }) => speaker === "b")).toBe(true);
    expect(parts.map(({ isTruncated }) => isTruncated)).toEqual([undefined, undefined, true]);
  });

  test("words that nobody is known to speak are of the nearest speaker, else of who spoke before", () => {
    expect(shown(withSpeakers([segment], [turn("a", 0, 300), turn("b", 2400, 2600)]))).toEqual([
      ...["a:Are you there?", "b: Yes, I am. Good."],
    ]);
    const late = [segment, segmentOf("Far away.", 60_000)];
    expect(shown(withSpeakers(late, [turn("a", 0, 4000)]))).toEqual([`a:${segment.text}`, "a:Far away."]);
  });

  test("a short word of others within a sentence is no turn; at its end it is", () => {
    expect(shown(withSpeakers([segment], [turn("a", 0, 450), turn("b", 500, 900), turn("a", 900, 4000)]))).toEqual([
      `a:${segment.text}`,
    ]);
    expect(withSpeakers([segment], [turn("a", 0, 2950), turn("b", 2950, 4000)]).length).toBe(2);
  });

  test("nor is the first word of a sentence, unless it is all of it", () => {
    const others = [turn("a", 0, 1450), turn("b", 1450, 1950), turn("a", 1950, 4000)];
    expect(shown(withSpeakers([segment], others))).toEqual([`a:${segment.text}`]);
    const yes = segmentOf("Are you there? Yes. I am. Good.");
    expect(shown(withSpeakers([yes], others))).toEqual(["a:Are you there?", "b: Yes.", "a: I am. Good."]);
  });

  test("a turn begins with the sentence that begins near it, if its times are estimated", () => {
    const estimated = segment.words!.map((word) => ({ ...word, flag: "unaligned" as const }));
    const parts = (words: TimedSegment["words"], ...turns: ReturnType<typeof turn>[]) =>
      shown(withSpeakers([{ ...segment, words: words! }], turns));
    const early = [turn("a", 0, 950), turn("b", 1000, 4000)] as const;
    expect(parts(estimated, ...early)).toEqual(["a:Are you there?", "b: Yes, I am. Good."]);
    expect(parts(segment.words, ...early)).toEqual(["a:Are you", "b: there? Yes, I am. Good."]);
    const late = [turn("a", 0, 1950), turn("b", 2000, 4000)] as const;
    expect(parts(estimated, ...late)).toEqual(["a:Are you there?", "b: Yes, I am. Good."]);
    const inside = [turn("a", 0, 1950), turn("b", 2000, 2950), turn("a", 2950, 4000)] as const;
    expect(parts(estimated, ...inside)).toEqual(["a:Are you there?", "b: Yes, I am.", "a: Good."]);
  });

  test("what is said while others speak is marked", () => {
    const [one] = withSpeakers([segment], [turn("a", 0, 4000), turn("b", 500, 1400)]);
    expect(one!.words!.map(({ isOverlapped = false }) => isOverlapped)).toEqual([
      ...[false, true, true, false, false, false, false],
    ]);
  });

  test("segments without words, and recordings without speakers", () => {
    const { words: _, ...bare } = segment;
    expect(withSpeakers([bare], [turn("a", 0, 500), turn("b", 500, 4000)])).toEqual([{ ...bare, speaker: "b" }]);
    expect(withSpeakers([segment, bare], [])).toEqual([segment, bare]);
  });
});

test("renamed: segments and their words, whoever has a name", () => {
  const [one, two] = withSpeakers([segmentOf("Hello. Hi.")], [turn("a", 0, 450), turn("b", 450, 900)]);
  const [first, second] = renamed([one!, two!], new Map([["b", "Ben"]]));
  expect(first).toEqual(one!);
  expect(second).toMatchObject({ speaker: "Ben", words: [{ text: " Hi.", speaker: "Ben" }] });
});
