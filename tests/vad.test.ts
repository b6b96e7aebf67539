/** Voice probabilities against those of the official model in its own runtime (tests/data/vad). */

import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { samplesInMemory } from "../src/audio/sample_store.ts";
import { fakeEngine } from "./support/fake_parts.ts";
import { vadFrame } from "../src/engine/native.ts";
import type { TranscribeRequest } from "../src/pipeline/decoding.ts";
import { transcribe } from "../src/pipeline/transcribe.ts";
import { findSpeech } from "../src/segment/find_speech.ts";
import { SpectralJudge } from "../src/segment/has_voice.ts";
import { Recording } from "../src/segment/recording.ts";
import { defaultVoiceRule } from "../src/segment/voice.ts";
import type { Span } from "../src/units.ts";
import schema from "../docs/speech.schema.json" with { type: "json" };
import { fixturesRoot, projectRoot } from "./fixtures.ts";
import { run, temporaryFolder } from "./harness.ts";
import { clipSamples, native } from "./native.ts";
import { expectRefusal } from "./support/cli.ts";
import { testWhere } from "./support/where.ts";

type Golden = { readonly source: string; readonly samples: number; readonly probs: readonly number[] };

const folder = join(projectRoot, "tests/data/vad");
/** Two runtimes in f32 differ by up to 1.3e-5 on these clips; what matters to a threshold begins near 1e-2. */
const errorMax = 1e-3;

function goldens(): { readonly golden: Golden; readonly wav: string | undefined }[] {
  return readdirSync(folder).filter((name) => name.endsWith(".json")).map((name) => {
    const golden = JSON.parse(readFileSync(join(folder, name), "utf8")) as Golden;
    const places = ["audio", "real"].map((place) => join(fixturesRoot(), place, golden.source));
    return { golden, wav: places.find(existsSync) };
  });
}

type SpeechFound = {
  readonly duration: number;
  readonly from?: number;
  readonly vad: string;
  readonly speech: readonly { readonly start: number; readonly end: number }[];
  readonly frame?: number;
  readonly probs?: readonly number[];
};

const validate = new Ajv2020({ allErrors: true }).compile(schema);

/** In pieces of these lengths, over and over. */
function probabilities(samples: Float32Array, pieces: readonly number[]): number[] {
  const vad = native().openVad();
  try {
    const all: number[] = [];
    for (let at = 0, turn = 0; at < samples.length; turn++) {
      const end = Math.min(samples.length, at + pieces[turn % pieces.length]!);
      all.push(...native().vadRun(vad, samples.subarray(at, end), end === samples.length));
      at = end;
    }
    return all;
  } finally {
    native().closeVad(vad);
  }
}

describe("voice probabilities", () => {
  for (const { golden, wav } of goldens()) {
    testWhere(wav !== undefined, `fixtures/real/${golden.source}`)(golden.source, async () => {
      const samples = await clipSamples(wav!);
      expect(samples.length).toBe(golden.samples);
      const whole = probabilities(samples, [samples.length]);
      expect(whole.length).toBe(golden.probs.length);
      const error = Math.max(...whole.map((probability, i) => Math.abs(probability - golden.probs[i]!)));
      expect(error).toBeLessThan(errorMax);
      expect(probabilities(samples, [vadFrame])).toEqual(whole);
      expect(probabilities(samples, [1, 511, 513, 7000])).toEqual(whole);
    });
  }

  test("a detector begins anew after the last samples", async () => {
    const wav = join(fixturesRoot(), "audio/en-short.wav");
    const samples = await clipSamples(wav);
    const vad = native().openVad();
    const first = native().vadRun(vad, samples, true);
    expect(native().vadRun(vad, samples, true)).toEqual(first);
    expect(native().vadRun(vad, new Float32Array(0), true).length).toBe(0);
    native().closeVad(vad);
  });

  test("a detector that is none is refused", () => {
    expect(() => native().vadRun(0 as never, new Float32Array(1), true)).toThrow("the handle is null");
  });
});

/** The samples that a run hears, as ranges. */
async function heard(samples: Float32Array, changes: Partial<TranscribeRequest>): Promise<Span[]> {
  const audio = samplesInMemory(samples);
  const stop = new AbortController().signal;
  const open = () => {
    const vad = native().openVad();
    const run = (part: Float32Array, isLast: boolean) => native().vadRun(vad, part, isLast);
    return Promise.resolve({ frameSamples: vadFrame, run, close: () => native().closeVad(vad) });
  };
  const request: TranscribeRequest = {
    recording: Recording.of(audio, findSpeech(audio, { kind: "neural", rule: defaultVoiceRule }, open, stop)),
    ...{ startSec: 0, segmentSec: "auto", searchSec: 3, windowFrames: 800, language: "", prompt: "" },
    ...{ skipSilence: false, pastText: false, wholeSecMax: 4, cutSec: 4, memoryBytes: undefined },
    voiceJudge: () => new SpectralJudge(),
    ...changes,
  };
  const ranges: Span[] = [];
  const engine = fakeEngine(() => ({ says: "language English<asr_text>Hm." }));
  await transcribe(request, engine, stop, (event) => {
    if (event.kind === "segment") ranges.push(...event.segment.ranges);
  });
  return ranges;
}

describe("what is heard of speech", () => {
  const recallMin = 0.995;
  const real = goldens().filter(({ wav }) => wav?.includes("/real/") && !wav.includes("noise"));

  testWhere(real.length > 0, "fixtures/real")("nearly all frames of it, cut and without silences", async () => {
    for (const changes of [{}, { skipSilence: true }]) {
      let [spoken, found] = [0, 0];
      for (const { golden, wav } of real) {
        const ranges = await heard(await clipSamples(wav!), changes);
        for (const [frame, probability] of golden.probs.entries()) {
          const [start, end] = [frame * vadFrame, Math.min(golden.samples, (frame + 1) * vadFrame)];
          if (probability < defaultVoiceRule.threshold) continue;
          spoken++;
          if (covers(ranges, start, end)) found++;
        }
      }
      const recall = found / spoken;
      console.log(`frames of speech that are heard, ${JSON.stringify(changes)}: ${(100 * recall).toFixed(2)} %`);
      expect(recall).toBeGreaterThanOrEqual(recallMin);
    }
  });

  const singing = real.find(({ golden }) => golden.source === "event.wav");
  testWhere(singing !== undefined, "fixtures/real/event.wav")("singing loses nothing", async () => {
    const samples = await clipSamples(singing!.wav!);
    for (const changes of [{}, { segmentSec: 3, searchSec: 0 }]) {
      expect(covers(await heard(samples, changes), 0, samples.length)).toBeTrue();
    }
  });
});

/** Whether ranges, in order, hold all of [start, end). */
function covers(ranges: readonly Span[], start: number, end: number): boolean {
  let from = start;
  for (const range of ranges) if (range.start <= from && range.end > from) from = range.end;
  return from >= end;
}

describe("inspect -f json", () => {
  const at = (name: string) => join(fixturesRoot(), "audio", `${name}.wav`);
  const own = ["--vad-min-speech-ms", "250", "--vad-min-silence-ms", "100", "--vad-pad-ms", "30"];

  async function inspected(...args: readonly string[]): Promise<SpeechFound> {
    const { code, stdout, stderr } = await run(["inspect", "-f", "json", ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const found = JSON.parse(stdout);
    expect(validate(found) ? [] : validate.errors).toEqual([]);
    return found;
  }

  test("lists the ranges that the detector's own program finds", async () => {
    const { segments, samples } = JSON.parse(readFileSync(join(folder, "en-weather.json"), "utf8"));
    const { duration, vad, speech } = await inspected(at("en-weather"), ...own);
    expect({ duration, vad }).toEqual({ duration: Number((samples / 16_000).toFixed(3)), vad: "neural" });
    const expected = segments[0].samples.map((range: number[]) => range.map((sample) => sample / 16_000));
    expect(speech.map(({ start, end }) => [start, end])).toEqual(expected.map(([start, end]: number[]) => {
      return [Number(start!.toFixed(3)), Number(end!.toFixed(3))];
    }));
  });

  test("with the probability of every frame, and times of the recording if a part is read", async () => {
    const { probs } = JSON.parse(readFileSync(join(folder, "en-short.json"), "utf8"));
    const found = await inspected("--probs", at("en-short"));
    expect(found.frame).toBe(0.032);
    expect(found.probs!.length).toBe(probs.length);
    found.probs!.forEach((probability, i) => expect(Math.abs(probability - probs[i])).toBeLessThan(errorMax));
    const part = await inspected("--from", "1", at("en-short"));
    expect(part.from).toBe(1);
    expect(part.speech[0]!.start).toBeGreaterThanOrEqual(1);
  });

  test("finds none in silence and noise, by energy too", async () => {
    for (const name of ["silence-3s", "noise-3s"]) {
      expect((await inspected(at(name))).speech).toEqual([]);
      expect((await inspected("--vad", "energy", at(name))).vad).toBe("energy");
    }
  });

  test("takes other weights of the detector from a file, and no other file", async () => {
    using folder = temporaryFolder();
    const put = (name: string, bytes: Uint8Array) => {
      writeFileSync(join(folder.path, name), bytes);
      return join(folder.path, name);
    };
    const weights = readFileSync(join(projectRoot, "zig/network/silero_vad.safetensors"));
    const own = await inspected("--probs", at("en-short"));
    expect(await inspected("--probs", "--vad-model", put("same", weights), at("en-short"))).toEqual(own);
    const header = Number(weights.readBigUInt64LE(0));
    const tensors = JSON.parse(weights.toString("utf8", 8, 8 + header));
    const at8 = (place: number) => 8 + header + place;
    const deaf = Buffer.from(weights);
    deaf.writeFloatLE(-99, at8(tensors["final_conv.bias"].data_offsets[0]));
    expect((await inspected("--vad-model", put("deaf", deaf), at("en-short"))).speech).toEqual([]);
    const broken = Buffer.from(weights);
    broken.writeFloatLE(NaN, at8(tensors["conv1.weight"].data_offsets[0]));
    const refusals = [
      [put("broken", broken), "broken: tensor conv1.weight has values that are no numbers"],
      [put("cut", weights.subarray(0, 500_000)), "the file at 500000 (truncated download?)"],
      [put("empty", new Uint8Array()), "0 bytes are too few for a safetensors file"],
      [join(fixturesRoot(), "nano-asr", "model.safetensors"), "is no voice detector: "],
      [join(folder.path, "none"), "none: no such file"],
      [folder.path, ": is a directory"],
    ] as const;
    for (const [path, says] of refusals) {
      expectRefusal(await run(["inspect", "-f", "json", "--vad-model", path, at("en-short")]), 3, says);
    }
  });

  test("reads a pipe, writes a file, and says what it does not take", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "speech.json");
    const piped = await run(["inspect", "-f", "json", "-", "-o", path], { stdin: readFileSync(at("en-short")) });
    expect(piped).toMatchObject({ code: 0, stdout: "" });
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(await inspected(at("en-short")));
    const refusals = [
      [["-f", "srt"], "inspect draws, or takes -f json, got 'srt'"],
      [["--probs"], "--probs needs -f json"],
      [["-f", "json", "--probs", "--vad", "energy"], "--probs are those of --vad neural"],
      [["--vad-threshold", "1"], "--vad-threshold must be 0.01 to 0.99, got '1'"],
    ] as const;
    for (const [args, message] of refusals) {
      const { code, stderr } = await run(["inspect", ...args, at("en-short")]);
      expect(code).toBe(2);
      expect(stderr).toContain(message);
    }
  });
});
