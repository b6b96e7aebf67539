/** The speaker networks as the program uses them; zig/network/speaker_test.zig compares their stages with PyTorch's. */

import { expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ModelError } from "../src/errors.ts";
import {
  openSpeakerNetworks,
  speakerClasses,
  speakerFloats,
  speakerFrames,
  type SpeakerNetworks,
  speakerWindow,
} from "../src/engine/speakers.ts";
import { clip, projectRoot } from "./fixtures.ts";
import { clipSamples } from "./native.ts";
import { describeWhere } from "./support/where.ts";

const file = join(projectRoot, "zig-out/speakers.safetensors");
const hasWeights = statSync(file).size > 0;
const library = () => Bun.file(join(projectRoot, "zig-out/lib/libqwen_asr.bin")).bytes();
const weights = () => Promise.resolve(new Uint8Array(readFileSync(file)));

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

async function withNetworks(run: (networks: SpeakerNetworks) => Promise<void>): Promise<void> {
  const networks = await openSpeakerNetworks({ library, weights, threads: 2 });
  try {
    await run(networks);
  } finally {
    networks.close();
  }
}

test("a build without their weights says so in one line, and how to get them", async () => {
  const opened = openSpeakerNetworks({ library, weights: () => Promise.resolve(new Uint8Array(0)), threads: 1 });
  const error = await opened.catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ModelError);
  expect([error.message, error.hint]).toEqual([
    "this build of qwen-asr has no weights of the speaker networks",
    "build it where pip can fetch them: scripts/setup --speakers, then scripts/build",
  ]);
});

test("weights that are none are refused", async () => {
  const opened = openSpeakerNetworks({ library, weights: () => Promise.resolve(new Uint8Array(9)), threads: 1 });
  expect(await opened.catch((thrown) => thrown)).toBeInstanceOf(ModelError);
});

describeWhere(hasWeights, "the speaker networks (scripts/setup)")("speaker networks", () => {
  test("one voice at a time in a recording of one, and probabilities add up", async () => {
    await withNetworks(async (networks) => {
      const samples = (await clipSamples(clip("en-45s").wav)).subarray(0, 2 * speakerWindow);
      const found = await networks.segmentation(samples);
      expect(found.length).toBe(2 * speakerFrames * speakerClasses);
      const seconds = Array<number>(speakerClasses).fill(0);
      for (let frame = 0; frame < 2 * speakerFrames; frame++) {
        const classes = found.subarray(frame * speakerClasses, (frame + 1) * speakerClasses);
        expect(classes.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
        seconds[classes.indexOf(Math.max(...classes))]! += 10 / speakerFrames;
      }
      expect(Math.max(...seconds.slice(1, 4))).toBeGreaterThan(10);
      expect(seconds.slice(4).reduce((sum, value) => sum + value)).toBeLessThan(0.5);
    });
  });

  test("a voice is more like itself than like another, and too little sound has none", async () => {
    await withNetworks(async (networks) => {
      const own = (await clipSamples(clip("en-45s").wav)).subarray(0, 160_000);
      const other = await clipSamples(clip("words-zh-3").wav);
      const samples = new Float32Array(own.length + other.length);
      samples.set(own);
      samples.set(other, own.length);
      const found = await networks.embed(samples, [
        [{ start: 0, end: 80_000 }],
        [{ start: 80_000, end: 120_000 }, { start: 120_000, end: own.length }],
        [{ start: own.length, end: samples.length }],
        [{ start: 0, end: 1000 }],
        [],
      ]);
      expect(found.length).toBe(5 * speakerFloats);
      const [a, b, c, short, none] = Array.from(
        { length: 5 },
        (_, i) => found.subarray(i * speakerFloats, (i + 1) * speakerFloats),
      );
      expect(cosine(a!, b!)).toBeGreaterThan(0.6);
      expect(cosine(a!, c!)).toBeLessThan(0.4);
      expect([...short!, ...none!].every((value) => value === 0)).toBe(true);
      expect(await networks.embed(new Float32Array(9), [])).toEqual(new Float32Array(0));
      expect(await networks.segmentation(new Float32Array(0))).toEqual(new Float32Array(0));
    });
  });

  test("samples are handed over; those of a larger recording stay", async () => {
    await withNetworks(async (networks) => {
      const recording = new Float32Array(2 * speakerWindow);
      const part = recording.subarray(speakerWindow);
      const own = recording.slice(speakerWindow);
      const [ofPart, ofOwn] = await Promise.all([networks.segmentation(part), networks.segmentation(own)]);
      expect(ofPart).toEqual(ofOwn);
      expect([part.length, own.length]).toEqual([speakerWindow, 0]);
    });
  });

  test("what is wrong is rejected, and the next request is answered", async () => {
    await withNetworks(async (networks) => {
      const wrong = networks.segmentation(new Float32Array(speakerWindow + 1));
      const right = networks.embed(new Float32Array(16_000), [[{ start: 0, end: 16_000 }]]);
      const [error, voice] = await Promise.all([wrong.catch((thrown) => thrown), right]);
      expect(error.message).toBe("160001 samples are no number of windows of 160000");
      expect(voice.length).toBe(speakerFloats);
    });
  });

  test("closing rejects what is under way, and whatever is asked later", async () => {
    const networks = await openSpeakerNetworks({ library, weights, threads: 1 });
    const asked = networks.segmentation(new Float32Array(speakerWindow));
    networks.close();
    networks.close();
    for (const late of [asked, networks.embed(new Float32Array(9), [])]) {
      expect((await late.catch((thrown) => thrown)).message).toBe("the speaker networks were closed");
    }
  });
});
