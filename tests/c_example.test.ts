/**
 * samples/c, compiled against the public header alone with all warnings: transcribe.c and the one-call functions say
 * what the program says, stream.c what was said, in lines that end at pauses.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { dlopen, type Pointer } from "bun:ffi";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clip, golden, hasClip, modelDir, projectRoot, spokenText } from "./fixtures.ts";
import { lazily } from "../src/lazy.ts";
import { noVoices } from "../src/segment/sounds_fixture.ts";
import { run, type RunOptions } from "./harness.ts";
import { clipSamples, libraryPath } from "./native.ts";
import { testWhere } from "./support/where.ts";

const folder = mkdtempSync(join(tmpdir(), "qwen-asr-c-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const libraries = join(projectRoot, "zig-out", "lib");
const transcribe = join(folder, "transcribe");
const stream = join(folder, "stream");
const hasGcc = Bun.which("gcc") !== null;
const zigCompiler = { executable: join(projectRoot, "scripts", "zig"), env: { HOME: process.env.HOME } };

/** The messages of a compiler, "" where there are none. */
async function compile(name: string, to: string, words: readonly string[], options: RunOptions): Promise<string> {
  const flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", `-I${join(projectRoot, "zig")}`];
  const link = [`-L${libraries}`, `-Wl,-rpath,${libraries}`, "-lqwen_asr", "-lm"];
  const source = join(projectRoot, "samples", "c", name);
  const result = await run([...words, ...flags, source, "-o", to, ...link], { ...options, timeoutMs: 300_000 });
  return result.code === 0 ? "" : result.stderr || "failed";
}

beforeAll(async () => {
  expect(await compile("transcribe.c", transcribe, ["cc"], zigCompiler)).toBe("");
  expect(await compile("stream.c", stream, ["cc"], zigCompiler)).toBe("");
}, 300_000);

describe("transcribe.c", () => {
  for (const name of ["en-short", "zh-weather", "silence-3s"]) {
    test(`${name}: the golden text`, async () => {
      const result = await run([modelDir(), clip(name).wav], { executable: transcribe });
      expect(result).toMatchObject({ code: 0, stderr: "", stdout: `${spokenText(golden(name)!.plain)}\n` });
    });
  }

  test("a forced language is taken in any case, one the model does not know is refused", async () => {
    const { wav } = clip("en-short");
    const result = await run([modelDir(), wav, "eNGLISH"], { executable: transcribe });
    expect(result).toMatchObject({ code: 0, stdout: `${spokenText(golden("en-short")!.forced_language!)}\n` });
    const refused = await run([modelDir(), wav, "Klingon"], { executable: transcribe });
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toStartWith("transcribe: language Klingon: not one of Chinese, English, ");
  });

  testWhere(hasClip("en-names"), "the clip en-names")("a prompt is taken", async () => {
    const { wav, context } = clip("en-names");
    const result = await run([modelDir(), wav, "", context], { executable: transcribe });
    expect(result).toMatchObject({ code: 0, stdout: `${spokenText(golden("en-names")!.context!)}\n` });
  });

  test("what is no such file is one line on stderr and not success", async () => {
    const notWav = "not a RIFF/WAVE file: convert it (ffmpeg -i FILE OUT.wav), or decode it and pass its samples";
    for (const [path, why] of [[join(folder, "no.wav"), "no such file"], [import.meta.path, notWav]]) {
      const result = await run([modelDir(), path!], { executable: transcribe });
      expect(result).toMatchObject({ code: 1, stdout: "", stderr: `transcribe: ${path}: ${why}\n` });
    }
  });
});

/** The one-call functions, without the program's own table of them. */
function library() {
  return dlopen(libraryPath(), {
    qasr_error_message: { args: ["ptr", "u32"], returns: "u32" },
    qasr_model_open: { args: ["cstring", "u32", "u32", "ptr", "ptr", "ptr"], returns: "i32" },
    qasr_model_close: { args: ["ptr"], returns: "i32" },
    qasr_transcribe_file: {
      args: ["ptr", "cstring", "ptr", "u32", "ptr", "u32", "ptr", "ptr", "ptr", "u32", "ptr"],
      returns: "i32",
    },
    qasr_transcribe_samples: {
      args: ["ptr", "ptr", "u32", "ptr", "u32", "ptr", "u32", "ptr", "ptr", "ptr", "u32", "ptr"],
      returns: "i32",
    },
  }).symbols;
}

describe("one call", () => {
  test("made sounds without a voice have no text, with a language too", () => {
    const symbols = library();
    const [handle, text, bytes] = [new BigUint64Array(1), new Uint8Array(4096), new Uint32Array(1)];
    const c = (words: string) => Buffer.from(`${words}\0`) as unknown as Pointer;
    expect(symbols.qasr_model_open(c(modelDir()), 2, 1, null, null, handle)).toBe(0);
    const model = Number(handle[0]) as Pointer;
    for (const samples of [new Float32Array(48_000), ...Object.values(noVoices)]) {
      for (const language of [null, c("English")]) {
        const status = symbols.qasr_transcribe_samples(
          ...[model, samples, samples.length, language, language === null ? 0 : 7] as const,
          ...[null, 0, null, null, text, text.length, bytes] as const,
        );
        expect([status, bytes[0]]).toEqual([0, 0]);
      }
    }
    expect(symbols.qasr_model_close(model)).toBe(0);
  });

  for (const [number, weights] of [[0, "bf16"], [1, "int8"]] as const) {
    // A long recording, which is cut in one way for all weights, takes three times as long with bf16.
    const long = weights === "int8" ? ["en-45s"] : [];
    const names = ["en-short", "en-digits", "zh-weather", ...long, "noise-3s"];
    test(`${weights}: what the program says, from files and from samples`, async () => {
      const symbols = library();
      const [handle, text, bytes] = [new BigUint64Array(1), new Uint8Array(4096), new Uint32Array(1)];
      const c = (words: string) => Buffer.from(`${words}\0`) as unknown as Pointer;
      expect(symbols.qasr_model_open(c(modelDir()), 2, number, null, null, handle)).toBe(0);
      const model = Number(handle[0]) as Pointer;
      const said = (status: number) => {
        expect(status).toBe(0);
        return new TextDecoder().decode(text.subarray(0, bytes[0]));
      };
      const none = [null, 0, null, 0, null, null, text, text.length, bytes] as const;
      const found: string[] = [];
      for (const name of names) {
        const fromFile = said(symbols.qasr_transcribe_file(model, c(clip(name).wav), ...none));
        const samples = await clipSamples(clip(name).wav);
        expect(said(symbols.qasr_transcribe_samples(model, samples, samples.length, ...none))).toBe(fromFile);
        found.push(fromFile);
      }
      const odd = join(folder, "odd.wav");
      writeFileSync(odd, oddFile(await clipSamples(clip("en-short").wav)));
      found.push(said(symbols.qasr_transcribe_file(model, c(odd), ...none)));
      expect(symbols.qasr_transcribe_file(model, c(odd), null, 0, null, 0, null, null, text, 3, bytes)).toBe(-4);
      expect(symbols.qasr_model_close(model)).toBe(0);

      const files = [...names.map((name) => clip(name).wav), odd];
      const program = await run(["-d", modelDir(), "--weights", weights, "--silent", ...files]);
      expect(program.stdout).toBe(found.map((one) => `${one}\n`).join(""));
    });
  }
});

/** The same sound at 48 kHz in two channels of 32-bit float, with a header that states no length. */
function oddFile(samples: Float32Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(44));
  for (const [at, text] of [[0, "RIFF"], [8, "WAVEfmt "], [36, "data"]] as const) {
    [...text].forEach((character, i) => header.setUint8(at + i, character.charCodeAt(0)));
  }
  for (const [at, value] of [[4, 0xffffffff], [16, 16], [24, 48_000], [28, 384_000], [40, 0xffffffff]] as const) {
    header.setUint32(at, value, true);
  }
  for (const [at, value] of [[20, 3], [22, 2], [32, 8], [34, 32]] as const) header.setUint16(at, value, true);
  const sound = new Float32Array(samples.length * 6);
  for (let i = 0; i < samples.length * 3; i++) {
    const [before, after] = [samples[Math.floor(i / 3)]!, samples[Math.floor(i / 3) + 1] ?? 0];
    sound.fill(before + (after - before) * (i % 3) / 3, 2 * i, 2 * i + 2);
  }
  return Buffer.concat([new Uint8Array(header.buffer), new Uint8Array(sound.buffer)]);
}

/** What stream.c says of a long recording; tests only read it. */
const longStream = lazily(async () => await run([modelDir()], { executable: stream, stdin: await raw("en-45s") }));

/** A clip as raw 16-bit samples. */
async function raw(name: string): Promise<Uint8Array> {
  const samples = await clipSamples(clip(name).wav);
  return new Uint8Array(Int16Array.from(samples, (sample) => sample * 32_768).buffer);
}

describe("stream.c", () => {
  for (const name of ["en-short", "en-digits", "zh-weather"]) {
    test(`${name}: a line with the golden text`, async () => {
      const result = await run([modelDir()], { executable: stream, stdin: await raw(name) });
      expect(result).toMatchObject({ code: 0, stderr: "", stdout: `${spokenText(golden(name)!.plain)}\n` });
    });
  }

  test("a long recording: a line per utterance, and the program's words but for few", async () => {
    const result = await longStream();
    expect(result.code).toBe(0);
    const lines = result.stdout.trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(5);
    const whole = spokenText(golden("en-45s")!.plain);
    const same = lines.filter((line) => whole.includes(line));
    expect(same.length).toBeGreaterThanOrEqual(lines.length - 1);
  });

  test("silence and nothing say nothing", async () => {
    for (const stdin of [new Uint8Array(0), new Uint8Array(200_001)]) {
      expect(await run([modelDir()], { executable: stream, stdin })).toMatchObject({ code: 0, stdout: "", stderr: "" });
    }
  });

  test("an interrupted recording is heard out", async () => {
    const audio = (await raw("en-45s")).subarray(0, 2 * 16_000 * 9);
    const stdin = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(audio) }); // Never ends.
    const signalWhen = { text: "Berlin", signal: "SIGINT" } as const;
    const result = await run([modelDir()], { executable: stream, stdin, signalWhen });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toMatch(/^Robert and Steven are in Berlin\.\n(.+\n)*$/);
  });

  testWhere(hasGcc, "gcc, for its sanitizers")("no address out of bounds, no undefined behaviour", async () => {
    const checked = join(folder, "stream_checked");
    const words = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"];
    expect(await compile("stream.c", checked, words, { executable: "gcc", env: { HOME: process.env.HOME } })).toBe("");
    const plain = await longStream();
    const result = await run([modelDir()], { executable: checked, stdin: await raw("en-45s") });
    expect(result).toMatchObject({ code: 0, stdout: plain.stdout, stderr: "" });
  });
});
