import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { unvoicedRanges, voiceRanges, type VoiceRule } from "./voice.ts";

const folder = join(import.meta.dir, "../../tests/data/vad");

type Reference = {
  readonly threshold?: number;
  readonly min_silence_duration_ms?: number;
  readonly speech_pad_ms?: number;
};
type Golden = {
  readonly source: string;
  readonly samples: number;
  readonly probs: readonly number[];
  readonly segments: readonly { readonly options: Reference; readonly samples: readonly (readonly number[])[] }[];
};

function ruleOf({ threshold = 0.5, min_silence_duration_ms = 100, speech_pad_ms = 30 }: Reference): VoiceRule {
  return { threshold, minSpeechMs: 250, minSilenceMs: min_silence_duration_ms, padMs: speech_pad_ms };
}

describe("the ranges of the detector's own program", () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".json"))) {
    const { source, samples, probs, segments } = JSON.parse(readFileSync(join(folder, name), "utf8")) as Golden;
    for (const { options, samples: expected } of segments) {
      test(`${source}, ${JSON.stringify(options)}`, () => {
        const ranges = voiceRanges(probs, 512, samples, ruleOf(options));
        expect(ranges.map(({ start, end }) => [start, end])).toEqual(expected.map((range) => [...range]));
      });
    }
  }
});

const rule: VoiceRule = { threshold: 0.5, minSpeechMs: 100, minSilenceMs: 320, padMs: 64 };

/** "#": a voice, "-": in between, " ": none; a frame each. */
function ranges(picture: string): number[][] {
  const probabilities = [...picture].map((mark) => ({ "#": 0.9, "-": 0.4, " ": 0.1 })[mark]!);
  return voiceRanges(probabilities, 512, picture.length * 512, rule).map(({ start, end }) => [start / 512, end / 512]);
}

test("a voice that wavers stays one range, and a click is none", () => {
  expect(ranges("   #####-----#####               #  ")).toEqual([[1, 20]]);
  expect(ranges("   #                  ")).toEqual([]);
  expect(ranges("")).toEqual([]);
});

test("a voice at both ends reaches them, and two ranges share a short silence", () => {
  expect(ranges("#####           #####")).toEqual([[0, 7], [14, 21]]);
  const close: VoiceRule = { ...rule, minSilenceMs: 64, padMs: 200 };
  const probabilities = [...Array(8).fill(1), ...Array(4).fill(0), ...Array(8).fill(1)];
  expect(voiceRanges(probabilities, 512, 20 * 512, close)).toEqual([
    { start: 0, end: 10 * 512 },
    { start: 10 * 512, end: 20 * 512 },
  ]);
});

test("where no voice may be: seconds without two doubtful frames in a row, less what is near one", () => {
  const of = (...stretches: readonly (readonly [frames: number, probability: number])[]) => {
    const probabilities = stretches.flatMap(([frames, probability]) => Array<number>(frames).fill(probability));
    const found = unvoicedRanges(probabilities, 512, probabilities.length * 512 - 100);
    return found.map(({ start, end }) => [start, end].map((place) => Math.round((place * 100) / 16_000) / 100));
  };
  expect(of([50, 0.1], [20, 0.9], [50, 0.1])).toEqual([[0, 1.3], [2.54, 3.83]]); // Both ends of a recording.
  expect(of([10, 0.9], [46, 0.1], [10, 0.9])).toEqual([]); // Less than 1.5 s.
  expect(of([10, 0.9], [50, 0.1], [1, 0.4], [50, 0.1], [10, 0.9])).toEqual([[0.62, 3.25]]);
  expect(of([10, 0.9], [50, 0.1], [2, 0.2], [50, 0.1], [10, 0.9])).toEqual([[0.62, 1.62], [2.28, 3.28]]);
  expect(of([200, 0.16])).toEqual([]);
  expect(of()).toEqual([]);
});
