/** Tests of samples by position, in memory and in a file, and of their levels. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LevelMeter } from "./level.ts";
import { openNameless, type SampleFile, samplesInMemory, SampleStore } from "./sample_store.ts";

const all = Float32Array.from({ length: 2_500_000 }, (_, i) => ((i * 7919) % 20_011) / 20_011 - 0.5);
const borders = [0, 3, 3, 1_048_575, 1_048_576, 1_048_577, 2_097_152, 2_400_000, 2_500_000];

async function filled(store: SampleStore): Promise<SampleStore> {
  for (const [index, end] of borders.entries()) await store.append(all.subarray(borders[index - 1] ?? 0, end));
  expect(store.length).toBe(all.length);
  return store;
}

async function expectAll(store: SampleStore): Promise<void> {
  const position = fc.oneof(fc.constantFrom(...borders), fc.integer({ min: 0, max: all.length }));
  await fc.assert(
    fc.asyncProperty(position, position, async (one, other) => {
      const [start, end] = [Math.min(one, other), Math.max(one, other)];
      expect(Bun.hash(await store.read(start, end))).toBe(Bun.hash(all.slice(start, end)));
    }),
    { numRuns: 40 },
  );
  await expect(store.read(-1, 2)).rejects.toThrow("samples -1 to 2 of 2500000");
  await expect(store.read(0, all.length + 1)).rejects.toThrow();
}

describe("a store gives back what was appended, from anywhere", () => {
  test("in memory", async () => {
    const store = await filled(new SampleStore());
    expect(store.isInFile).toBe(false);
    await expectAll(store);
  });

  for (const memorySamples of [0, 1_500_000]) {
    test(`in a file without a name, from ${memorySamples} samples on`, async () => {
      const folder = await mkdtemp(join(tmpdir(), "store-"));
      const store = await filled(new SampleStore(() => openNameless(folder), memorySamples));
      expect([store.isInFile, store.problem, await readdir(folder)]).toEqual([true, undefined, []]);
      await expectAll(store);
      await store.close();
      await store.close();
      await rm(folder, { recursive: true });
    });
  }

  test("in memory where no file can be had", async () => {
    const store = await filled(new SampleStore(() => openNameless("/nowhere"), 0));
    expect([store.isInFile, store.problem]).toEqual([false, expect.stringContaining("ENOENT")]);
    await expectAll(store);
  });

  test("in memory again where the file's disk is full", async () => {
    let written = 0;
    const openFile = async (): Promise<SampleFile> => {
      const file = await openNameless(tmpdir());
      const write = ((...args: Parameters<typeof file.write>) => {
        if (written++ > 0) return Promise.reject(new Error("no space left"));
        return file.write(...args);
      }) as SampleFile["write"];
      return { read: file.read.bind(file), write, close: () => file.close() };
    };
    const store = await filled(new SampleStore(openFile, 0));
    expect([written, store.isInFile, store.problem]).toEqual([2, false, "no space left"]);
    await expectAll(store);
  });

  test("divided by a peak", async () => {
    const store = await filled(new SampleStore());
    store.divideBy(4);
    expect(await store.read(5, 9)).toEqual(all.slice(5, 9).map((sample) => sample / 4));
  });

  test("without an offset, then divided, in memory and in a file", async () => {
    for (const memorySamples of [1e9, 0]) {
      const store = await filled(new SampleStore(undefined, memorySamples));
      store.takeOffset(0.25);
      store.divideBy(4);
      expect(await store.read(5, 9)).toEqual(all.slice(5, 9).map((sample) => Math.fround(sample - 0.25) / 4));
      expect(() => store.takeOffset(0.1)).toThrow();
      await store.close();
    }
  });
});

describe("levels", () => {
  test("the RMS of every 10 ms, in blocks of any size, and the peak", () => {
    const samples = all.subarray(0, 48_077);
    const expected = Array.from({ length: Math.ceil(samples.length / 160) }, (_, window) => {
      const own = samples.subarray(window * 160, (window + 1) * 160);
      return Math.sqrt(own.reduce((sum, sample) => sum + sample * sample, 0) / own.length);
    });
    for (const size of [1, 159, 160, 4000]) {
      const meter = new LevelMeter();
      for (let at = 0; at < samples.length; at += size) meter.push(samples.subarray(at, at + size));
      expect([...meter.end()]).toEqual(expected);
      expect(meter.peak).toBe(samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0));
    }
  });

  test("of no samples there are none; a NaN counts as silence", () => {
    expect(samplesInMemory(new Float32Array(0)).levels.length).toBe(0);
    expect([...samplesInMemory(Float32Array.of(NaN, 1)).levels]).toEqual([0]);
    const meter = new LevelMeter();
    meter.push(Float32Array.of(0.5, NaN, -3));
    expect(meter.peak).toBe(3);
  });
});
