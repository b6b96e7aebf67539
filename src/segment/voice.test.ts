import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { voiceRanges, type VoiceRule } from "./voice.ts";

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
