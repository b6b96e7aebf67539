/** Tests of how impossible times are replaced. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { spreadWords } from "./spread.ts";

const span = (startMs: number, endMs: number) => ({ startMs, endMs });

test("good times are left alone", () => {
  const times = [span(80, 400), span(400, 800), span(1600, 2000)];
  expect(spreadWords(["one", "two", "three"], times, [span(0, 2100)], 2500)).toEqual(times);
});

test("a word without length takes the free speech around it", () => {
  const times = [span(0, 400), span(640, 640), span(1200, 1600)];
  const speech = [span(0, 420), span(600, 1000), span(1180, 1700)];
  expect(spreadWords(["one", "two", "three"], times, speech, 2000)[1]).toEqual({ ...span(600, 1000), flag: "spread" });
});

test("without free speech it shares with the slower neighbour", () => {
  const times = [span(0, 400), span(400, 400), span(400, 1200)];
  const placed = spreadWords(["one", "two", "six"], times, [span(0, 1200)], 1200);
  expect(placed).toEqual([
    span(0, 400),
    { ...span(400, 800), flag: "spread" },
    { ...span(800, 1200), flag: "spread" },
  ]);
});

test("words piled up at one place are spread by their length", () => {
  const times = [span(0, 400), span(800, 800), span(800, 800), span(800, 880), span(2000, 2400)];
  const placed = spreadWords(["one", "a", "seven", "me", "two"], times, [span(0, 2400)], 2400);
  expect(placed.slice(1, 4)).toEqual([
    { ...span(400, 600), flag: "spread" },
    { ...span(600, 1600), flag: "spread" },
    { ...span(1600, 2000), flag: "spread" },
  ]);
});

test("too fast to be said counts as piled up, though every word has a length", () => {
  const times = [span(0, 400), span(800, 880), span(880, 960), span(960, 1040), span(3000, 3400)];
  const words = ["one", "extraordinary", "international", "developments", "two"];
  const placed = spreadWords(words, times, [span(0, 3400)], 3400);
  expect(placed.map(({ flag }) => flag)).toEqual([undefined, "spread", "spread", "spread", undefined]);
  expect(placed[3]!.endMs).toBe(3000);
});

test("more words than the audio has room for, and audio without speech, are not aligned", () => {
  const words = Array.from({ length: 100 }, () => "extraordinary");
  const placed = spreadWords(words, words.map(() => span(960, 960)), [span(0, 1000)], 1000);
  expect(new Set(placed.map(({ flag }) => flag))).toEqual(new Set(["unaligned"]));
  const silent = spreadWords(["one", "two"], [span(80, 80), span(80, 80)], [], 3000);
  expect(silent).toEqual([{ ...span(0, 1500), flag: "unaligned" }, { ...span(1500, 3000), flag: "unaligned" }]);
});

test("times past the end of the audio are brought back", () => {
  const placed = spreadWords(["one", "two"], [span(0, 400), span(9000, 9500)], [span(0, 1000)], 1000);
  expect(placed).toEqual([span(0, 400), { ...span(400, 1000), flag: "spread" }]);
});

test("whatever the times, results are in order, within the audio, and have length where there is room", () => {
  const times = fc.array(fc.nat(6000), { minLength: 2, maxLength: 60 }).map((all) => {
    const sorted = all.sort((a, b) => a - b);
    return Array.from({ length: sorted.length >> 1 }, (_, i) => span(sorted[2 * i]!, sorted[2 * i + 1]!));
  });
  const speech = fc.constantFrom([], [span(100, 900), span(2000, 4500)], [span(0, 5000)]);
  fc.assert(fc.property(times, speech, (all, voice) => {
    const words = all.map((_, i) => ["a", "three", "我"][i % 3]!);
    const placed = spreadWords(words, all, voice, 5000);
    let before = 0;
    for (const { startMs, endMs, flag } of placed) {
      expect(startMs).toBeGreaterThanOrEqual(before);
      expect(endMs).toBeGreaterThanOrEqual(startMs);
      if (flag !== "unaligned") expect(endMs).toBeGreaterThan(startMs);
      before = endMs;
    }
    expect(before).toBeLessThanOrEqual(5000);
    for (const [index, { flag, ...place }] of placed.entries()) {
      const { startMs, endMs } = all[index]!;
      if (flag === undefined) expect(place).toEqual(span(Math.min(startMs, 5000), Math.min(endMs, 5000)));
    }
  }));
});
