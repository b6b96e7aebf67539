import { describe, expect, test } from "bun:test";
import { channelWeights, createMixer } from "./mix.ts";

const MASKS = { "3.0": 0x7, "4.0": 0x107, "5.0": 0x37, "5.1": 0x3f, "5.1 side": 0x60f, "6.1": 0x70f, "7.1": 0x63f };
type Layout = keyof typeof MASKS;

function countOf(mask: number): number {
  return mask.toString(2).replaceAll("0", "").length;
}

describe("layouts with places", () => {
  test.each<[Layout, number[]]>([
    ["3.0", [0.29, 0.29, 0.41]],
    ["4.0", [0.23, 0.23, 0.32, 0.23]],
    ["5.0", [0.21, 0.21, 0.29, 0.15, 0.15]],
    ["5.1", [0.21, 0.21, 0.29, 0, 0.15, 0.15]],
    ["5.1 side", [0.21, 0.21, 0.29, 0, 0.15, 0.15]],
    ["6.1", [0.18, 0.18, 0.26, 0, 0.13, 0.13, 0.13]],
    ["7.1", [0.16, 0.16, 0.23, 0, 0.11, 0.11, 0.11, 0.11]],
  ])("%s is mixed centre first", (layout, expected) => {
    const weights = channelWeights(countOf(MASKS[layout]), MASKS[layout])!;
    expect(weights.map((weight) => Math.round(weight * 100) / 100)).toEqual(expected);
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
  });

  test("a mask that does not fit says nothing: the mean", () => {
    for (const [channels, mask] of [[6, 0], [6, 0x3], [4, 0xffff_ffff], [3, 0x8]] as const) {
      expect(channelWeights(channels, mask)).toBeUndefined();
      const mono = new Float32Array(1);
      createMixer(channels, mask).mix(Float64Array.from({ length: channels }, (_, i) => i), 1, mono, 0);
      expect(mono[0]).toBe((channels - 1) / 2);
    }
  });
});

test("one channel alone, whatever the others are; of fewer, the last", () => {
  const frames = Float64Array.from({ length: 12 }, (_, i) => i);
  const read = (channels: number, only: number) => {
    const mono = new Float32Array(12 / channels);
    createMixer(channels, 0, only).mix(frames, mono.length, mono, 0);
    return [...mono];
  };
  expect(read(2, 1)).toEqual([0, 2, 4, 6, 8, 10]);
  expect(read(2, 2)).toEqual([1, 3, 5, 7, 9, 11]);
  expect(read(6, 6)).toEqual([5, 11]);
  expect(read(2, 3)).toEqual(read(2, 2));
  expect(read(1, 2)).toEqual([...frames]);
});

describe("two channels", () => {
  function mix(count: number, left: (i: number) => number, right: (i: number) => number) {
    const frames = Float64Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? left : right)(i >> 1));
    const mono = new Float32Array(count);
    const mixer = createMixer(2, 3);
    for (let at = 0; at < count; at += 777) { // In cuts that are none of the mixer's.
      const framesCount = Math.min(777, count - at);
      mixer.mix(frames.subarray(2 * at), framesCount, mono, at);
    }
    return { mono, oneSided: mixer.oneSidedCount };
  }
  const voice = (i: number) => 0.3 * Math.sin(i / 11) * Math.sin(i / 2000);
  const other = (i: number) => 0.3 * Math.sin(i / 17 + 1);

  test.each<[string, (i: number) => number]>([
    ["exactly", (i) => -voice(i)],
    ["a little quieter", (i) => -0.8 * voice(i)],
    ["with noise of its own", (i) => -voice(i) + 0.01 * Math.sin(i * 7.7)],
    ["30 dB down", (i) => -voice(i)],
  ])("in antiphase, %s: the left one", (name, right) => {
    const gain = name === "30 dB down" ? 0.03 : 1;
    const { mono, oneSided } = mix(20_000, (i) => gain * voice(i), (i) => gain * right(i));
    for (let i = 1000; i < 20_000; i++) expect(mono[i]).toBe(Math.fround(gain * voice(i)));
    expect(oneSided).toBeGreaterThan(19_000);
  });

  test.each<[string, (i: number) => number]>([
    ["the same", voice],
    ["half as loud and turned over", (i) => -0.5 * voice(i)],
    ["silent", () => 0],
    ["something else", other],
    ["later", (i) => voice(i - 16)],
  ])("the other one %s: the mean, to the bit", (_name, right) => {
    const { mono, oneSided } = mix(20_000, voice, right);
    for (let i = 0; i < 20_000; i++) expect(mono[i]).toBe(Math.fround((voice(i) + right(i)) / 2));
    expect(oneSided).toBe(0);
  });
});
