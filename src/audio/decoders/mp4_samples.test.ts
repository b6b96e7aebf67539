import { expect, test } from "bun:test";
import { type Heard, heard, type Sample, tableSamples } from "./mp4_samples.ts";

const RATE = 48_000;

function samples(count: number): Sample[] {
  return Array.from({ length: count }, (_, i) => (
    { place: 100 * i, bytes: 100, time: 1024 * i, duration: 1024, description: 0 }
  ));
}

/** Number of the sample, and its times in samples; those that are not heard are left out. */
function placed({ sample, atSec, skipSec, keepSec }: Heard): readonly number[][] {
  if (atSec === undefined) return [];
  return [[sample.time / 1024, atSec, skipSec, keepSec].map((value, i) => i === 0 ? value : Math.round(value * RATE))];
}

test("edits: a late start, a cut, the rest; a codec sees up to a second of what is before", () => {
  const edits = [
    { startSec: 2, mediaTime: 1024 + 24, durationSec: 2000 / RATE },
    { startSec: 2 + 2000 / RATE, mediaTime: 100 * 1024, durationSec: Infinity },
  ];
  const all = [...heard(() => samples(103), edits, RATE)];
  const start = 2 * RATE;
  expect(all.flatMap(placed)).toEqual([
    [1, start - 24, 24, 2000], // It has 1000.
    [2, start + 1000, 0, 1000],
    [100, start + 2000, 0, Infinity],
    [101, start + 3024, 0, Infinity],
    [102, start + 4048, 0, Infinity],
  ]);
  const before = all.filter(({ atSec }) => atSec === undefined).map(({ sample }) => sample.time / 1024);
  expect(before).toEqual([0, ...Array.from({ length: 47 }, (_, i) => 53 + i)]);
});

test("tables that are cut off or empty give what is whole", () => {
  const word = (value: number) => [value >>> 24, value >> 16 & 255, value >> 8 & 255, value & 255];
  const box = (name: string, ...words: readonly number[]) => {
    const body = words.flatMap(word);
    return [...word(8 + body.length), ...Buffer.from(name), ...body];
  };
  const stsc = box("stsc", 0, 1, 1, 2, 1);
  const table = (sizes: readonly number[], ...chunks: readonly number[]) =>
    Uint8Array.from([
      ...box("stts", 0, 1, 1000, 1024),
      ...stsc,
      ...box("stsz", 0, 0, 1000, ...sizes),
      ...box("stco", 0, 1000, ...chunks),
    ]);
  const read = (bytes: Uint8Array) => [...tableSamples(bytes)].map(({ place, bytes, time }) => [place, bytes, time]);
  expect(read(table([5, 6, 7], 50, 90))).toEqual([[50, 5, 0], [55, 6, 1024], [90, 7, 2048]]);
  expect(read(table([5, 6, 7], 50))).toEqual([[50, 5, 0], [55, 6, 1024]]);
  expect(read(table([]))).toEqual([]);
  expect(read(new Uint8Array(0))).toEqual([]);
});
