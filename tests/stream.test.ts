/**
 * --stream through the executable: text against the offline text, pipes and pieces, ends, signals, formats.
 *
 * Slow ones, with ten minutes of clips and real time, are in tests/slow/stream.ts.
 */

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { characterErrors, rate, sum } from "../bench/cer.ts";
import { clip, clips, hasClip, modelDir } from "./fixtures.ts";
import { executable, run, temporaryFolder } from "./harness.ts";
import { clipSamples, nanoModel, native } from "./native.ts";
import { expectNoStack, expectRefusal, lines, qwen, wav } from "./support/cli.ts";
import { plainListener } from "./support/plain_listener.ts";
import { lazily } from "../src/lazy.ts";
import { separatorBetween } from "../src/text/join.ts";
import { testThoroughly, testWhere } from "./support/where.ts";

const chunkSecs: readonly number[] = [0.5, 1, 2, 3.7];
/** The demo model loses its place in longer clips, also without a stream. */
const short = clips().filter(({ seconds }) => seconds <= 24);
const spoken = short.filter(({ language }) => language !== "None");
const name = "en-weather";
const wavBytes = new Uint8Array(readFileSync(wav(name)));
const text = lines((await stream("2", wav(name))).stdout)[0]!;

function stream(chunkSec: string, ...rest: string[]) {
  return qwen(["--stream", "--stream-chunk-sec", chunkSec, ...rest]);
}

/** The text of each file, whose utterances are lines. */
async function texts(paths: readonly string[], ...rest: string[]): Promise<string[]> {
  const { code, stdout } = await qwen(["--stream", "--with-filename", ...rest, ...paths]);
  expect(code).toBe(0);
  return paths.map((path) => joined(lines(stdout).filter((line) => line.startsWith(`${path}: `)), `${path}: `));
}

/** The short clips that are streamed by chunks of so many seconds: all by the default's, a part by the others. */
function clipsOf(chunkSec: number) {
  const place = chunkSecs.indexOf(chunkSec);
  return chunkSec === 2 ? short : short.filter((_, index) => index % (chunkSec === 1 ? 2 : 4) === place % 2);
}

/** Their texts; several tests ask for them. */
const streamed = new Map<number, () => Promise<string[]>>(
  chunkSecs.map((
    sec,
  ) => [sec, lazily(() => texts(clipsOf(sec).map((one) => one.wav), "--stream-chunk-sec", String(sec)))]),
);

/** Lines as one text. */
function joined(said: readonly string[], prefix = ""): string {
  return said.map((line) => line.slice(prefix.length)).reduce((all, one) => all + separatorBetween(all, one) + one, "");
}

/** A WAV of 16 kHz mono samples. */
function wavOf(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(44 + samples.length * 2);
  bytes.set(wavBytes.subarray(0, 44));
  bytes.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), 44);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, bytes.length - 8, true);
  view.setUint32(40, samples.length * 2, true);
  return bytes;
}

async function pcm(clipName: string): Promise<Int16Array> {
  return Int16Array.from(await clipSamples(wav(clipName)), (value) => Math.round(value * 32_768));
}

function pieces(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += size));
    },
  });
}

describe("against the offline text", () => {
  const offline = qwen(["--silent", ...short.map((one) => one.wav)]).then(({ stdout }) => lines(stdout));
  const limits: Readonly<Record<number, number>> = { 1: 0.04, 2: 0.02, 3.7: 0.02 };

  for (const endpointMs of ["800", "0"]) {
    for (const chunkSec of endpointMs === "0" ? [1, 2] : chunkSecs) {
      const often = endpointMs === "0" && chunkSec === 2 ? testThoroughly : test;
      often(`chunks of ${chunkSec} s, --endpoint-ms ${endpointMs}`, async () => {
        const args = ["--stream-chunk-sec", String(chunkSec), "--endpoint-ms", endpointMs];
        const some = clipsOf(chunkSec).filter((_, index) => endpointMs === "800" || index % 2 === 0);
        const said = endpointMs === "800" // The default.
          ? await streamed.get(chunkSec)!()
          : await texts(some.map((one) => one.wav), ...args);
        const truth = await offline;
        const errors = rate(sum(said.map((one, index) => characterErrors(truth[short.indexOf(some[index]!)]!, one))));
        console.log(`stream, agreement, ${chunkSec} s, endpoint ${endpointMs}: CER ${(100 * errors).toFixed(2)} %`);
        expect(errors).toBeLessThanOrEqual(limits[chunkSec] ?? 1);
      });
    }
  }

  test("rollback says what a plain simulation of its rule says", async () => {
    for (const [chunkSec, some] of [[1, spoken.slice(0, 2)], [2, spoken.slice(5, 8)]] as const) {
      const args = ["--commit", "rollback", "--weights", "bf16", "--endpoint-ms", "0"];
      const said = lines((await stream(String(chunkSec), ...args, ...some.map((one) => one.wav))).stdout);
      const simulated: string[] = [];
      for (const one of some) simulated.push(await rollback(await clipSamples(one.wav), chunkSec));
      expect(said).toEqual(simulated);
      const truth = (await offline).filter((_, index) => some.includes(short[index]!));
      const errors = rate(sum(said.map((line, index) => characterErrors(truth[index]!, line))));
      console.log(`stream, rollback, ${chunkSec} s: CER ${(100 * errors).toFixed(2)} %`);
    }
  });
});

/** From the second chunk on, all tokens but five are final; each chunk is decoded from nothing. */
async function rollback(samples: Float32Array, chunkSec: number): Promise<string> {
  const options = { windowFrames: 800, context: "", language: "", usesCaches: false };
  const listener = plainListener(native(), nanoModel(), options);
  const step = chunkSec * 16_000;
  const tag = native().info(nanoModel()).asrTextId;
  let raw: { id: number; bytes: Uint8Array }[] = [];
  let prefix: typeof raw = [];
  for (let at = 0, chunk = 0; at < samples.length; at += step, chunk++) {
    const isLast = at + step >= samples.length;
    const fixed = chunk < 2 ? [] : raw.slice(0, Math.max(prefix.length, raw.length - 5));
    if (fixed.some(({ id }, index) => id === tag && index < fixed.length - 1)) prefix = fixed;
    const { tokens } = await listener.hear({
      samples: samples.subarray(at, at + step),
      ...{
        forget: 0,
        prefix: prefix.map(({ id }) => id),
        draft: [],
        tokensMax: isLast ? 400 : Math.max(32, 16 * chunkSec),
      },
    });
    raw = [...prefix, ...tokens];
  }
  await listener.close();
  const text = raw.slice(raw.findIndex(({ id }) => id === tag) + 1);
  return new TextDecoder().decode(Buffer.concat(text.map(({ bytes }) => bytes))).trim();
}

describe("a pipe is stepped as a file is", () => {
  test("pieces of 1 to 64,000 bytes, WAV and raw", async () => {
    for (const size of [1, 999, 64_000]) {
      const source = size < 10 ? wav("en-subsecond") : wav(name);
      const bytes = new Uint8Array(readFileSync(source));
      const expected = (await stream("0.5", source)).stdout;
      for (const input of size < 10 ? [bytes] : [bytes, bytes.subarray(44)]) {
        const result = await qwen(["--stream", "--stdin", "--stream-chunk-sec", "0.5"], { stdin: pieces(input, size) });
        expect({ size, code: result.code, stdout: result.stdout }).toEqual({ size, code: 0, stdout: expected });
      }
    }
  });

  for (const chunkSec of chunkSecs) {
    test(`clips, chunks of ${chunkSec} s`, async () => {
      const all = clipsOf(chunkSec);
      const some = all.filter(({ language }) => language !== "None").slice(0, 4);
      const said = await streamed.get(chunkSec)!();
      const file = some.map((one) => said[all.indexOf(one)]!);
      const piped = await Promise.all(some.map(async (one) => {
        const command = ["--stream", "--stdin", "--stream-chunk-sec", String(chunkSec), "-t", "1"];
        return (await qwen(command, { stdin: pieces(new Uint8Array(readFileSync(one.wav)), 3001) })).stdout;
      }));
      expect(piped.map((stdout) => joined(lines(stdout)))).toEqual(file);
    });
  }

  test("other rates and channels, and a length that is not known", async () => {
    const samples = await pcm(name);
    const doubled = Int16Array.from({ length: samples.length * 2 }, (_, index) => samples[index >> 1]!);
    const stereo = wavOf(doubled);
    const view = new DataView(stereo.buffer);
    view.setUint16(22, 2, true);
    view.setUint16(32, 4, true);
    for (const at of [4, 40]) view.setUint32(at, 0xffff_ffff, true);
    expect((await qwen(["--stream", "--stdin"], { stdin: stereo })).stdout).toBe(`${text}\n`);
    view.setUint16(22, 1, true);
    view.setUint16(32, 2, true);
    view.setUint32(24, 32_000, true);
    expect((await qwen(["--stream", "--stdin"], { stdin: pieces(stereo, 5000) })).stdout).toBe(`${text}\n`);
  });
});

describe("ends", () => {
  test("lengths of whole windows and 1, 159, 160 samples more; ends in mid word", async () => {
    using folder = temporaryFolder();
    const samples = await pcm(name);
    const lengths = [0, 1, 159, 160].map((more) => 128_000 + more);
    const cuts = [...lengths, 32_000, 32_001, 47_000, 61_111, 99_999, 159, 1];
    const paths = cuts.map((length) => {
      const path = join(folder.path, `${length}.wav`);
      writeFileSync(path, wavOf(samples.subarray(0, length)));
      return path;
    });
    const whole = lines((await qwen(["--silent", ...paths])).stdout);
    for (const [index, line] of (await texts(paths)).entries()) {
      expect({ length: cuts[index], errors: rate(characterErrors(whole[index]!, line)) })
        .toEqual({ length: cuts[index]!, errors: 0 });
    }
  });

  test("silence and noise say nothing", async () => {
    for (const quiet of short.filter(({ language }) => language === "None")) {
      expect(await stream("1", quiet.wav)).toMatchObject({ code: 0, stdout: "\n" });
    }
  });

  test("a pipe that dies in the middle of a sample", async () => {
    const { code, stdout } = await qwen(["--stream", "--stdin"], {
      stdin: wavBytes.subarray(0, wavBytes.length - 40_001),
    });
    expect(code).toBe(0);
    expect(text).toStartWith(stdout.trim().split(" ").slice(0, -2).join(" "));
    expect(stdout.length).toBeGreaterThan(text.length / 2);
  });

  test("a pipe that stalls goes on", async () => {
    const stdin = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(wavBytes.slice(0, 150_000));
        await Bun.sleep(1500);
        controller.enqueue(wavBytes.slice(150_000));
        controller.close();
      },
    });
    expect((await qwen(["--stream", "--stdin"], { stdin })).stdout).toBe(`${text}\n`);
  });
});

describe("what comes out", () => {
  test("the C program's command lines", async () => {
    const loud = await qwen(["--stdin", "--stream", "--monitor"], { stdin: wavBytes });
    expect(loud).toMatchObject({ code: 0, stdout: `${text}\n` });
    expect(loud.stderr).toMatch(
      /\n▶·[▪▸] 2\.0 s: encoder \d+ ms, prompt \d+ ms, decoder \d+ tokens \d+ ms\n/,
    );
    expect(loud.stderr).toMatch(
      /\nInference: \d+ ms, \d+ text tokens \(.* tok\/s, encoding: \d+ms, decoding: \d+ms\)\n/,
    );
    expect(loud.stderr).toMatch(/\nAudio: 10\.4 s processed in \d+\.\d+ s \(.*x realtime\)\n$/);
    const silent = await qwen(["--stdin", "--stream", "--silent"], { stdin: wavBytes });
    expect(silent).toMatchObject({ code: 0, stdout: `${text}\n`, stderr: "" });
    const one = await qwen(["-t", "1", "--stream", "--enc-window-sec", "8", "--silent", "-i", wav(name)]);
    expect(one).toMatchObject({ code: 0, stdout: (await qwen(["--silent", wav(name)])).stdout, stderr: "" });
    const every = "--stream --stream-max-new-tokens 32 --enc-window-sec 4 --past-text auto --skip-silence -S 20 -W 1 " +
      "--language English --debug -i";
    const all = await qwen([...every.split(" "), wav(name)]);
    expect(all).toMatchObject({ code: 0, stdout: `${text}\n` });
    expect(all.stderr).toMatch(/ {2}Verify: \d+ of \d+ draft tokens/);
  });

  /** Runs with caches and without; tests/listen.test.ts compares both token by token. */
  async function cachesAgree(some: typeof spoken): Promise<void> {
    const args = ["--stream", "--monitor", "--weights", "bf16", ...some.map((one) => one.wav)];
    const cached = await qwen(args);
    const plain = await qwen(args, { env: { QWEN_STREAM_NO_ENC_CACHE: "1" } });
    expect(plain.stdout).toBe(cached.stdout);
    expect(cached.stderr).toContain("▶");
    expect(plain.stderr).not.toContain("▶");
  }

  test("with and without caches, the same", () => cachesAgree(spoken.slice(0, 2)));
  testThoroughly("with and without caches, the same for six clips", () => cachesAgree(spoken.slice(0, 6)));

  test("--past-text no: joined by overlap", async () => {
    const { stdout } = await stream("2", "--past-text", "no", wav(name));
    expect(rate(characterErrors(text, stdout))).toBeLessThan(0.05);
  });

  test("jsonl: partial, commit and final, in order", async () => {
    const { stdout } = await stream("1", "-f", "jsonl", "--from", "0.1", wav(name));
    const events = lines(stdout).map((line) => JSON.parse(line));
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(["partial", "commit", "final"]));
    const commits = events.filter(({ type }) => type === "commit");
    expect(commits.map((event) => event.text).join("")).toBe(text);
    const final = events.filter(({ type }) => type === "final");
    expect(final.map((event) => event.text).join(" ")).toBe(text);
    for (const event of events) {
      const doubt = event.type === "final" ? ["no_speech"] : [];
      expect(Object.keys(event)).toEqual(["type", "file", "id", "start_ms", "end_ms", "language", "text", ...doubt]);
      if (event.type !== "commit") expect(event.start_ms).toBeWithin(0, 1000);
      expect(event.end_ms).toBeGreaterThanOrEqual(event.start_ms);
    }
    for (const [index, { start_ms: startMs }] of commits.entries()) {
      if (index > 0) expect(startMs).toBeGreaterThanOrEqual(commits[index - 1]!.end_ms);
    }
    expect(commits.at(-1)!.start_ms).toBeGreaterThan(3000);
    expect(final[0]).toMatchObject({ id: 1, language: "English" });
  });

  testWhere(hasClip("en-45s"), "the clip en-45s")(
    "srt and vtt: cues as utterances close, none over the next",
    async () => {
      for (const [format, end] of [["srt", "60"], ["vtt", "20"]] as const) {
        const { stdout } = await stream("2", "-f", format, "--to", end, wav("en-45s"));
        const times = [...stdout.matchAll(/(\d+):(\d+):(\d+)[.,](\d+) --> (\d+):(\d+):(\d+)[.,](\d+)/g)].map(
          (match) => {
            const [, ...numbers] = match.map(Number);
            const ms = (at: number) =>
              ((numbers[at]! * 60 + numbers[at + 1]!) * 60 + numbers[at + 2]!) * 1000 + numbers[at + 3]!;
            return [ms(0), ms(4)] as const;
          },
        );
        expect(times.length).toBeGreaterThan(format === "srt" ? 10 : 5);
        for (const [index, [from, to]] of times.entries()) {
          expect(to).toBeGreaterThan(from);
          if (index > 0) expect(from).toBeGreaterThanOrEqual(times[index - 1]![1]);
          expect(to).toBeLessThanOrEqual(clip("en-45s").seconds * 1000);
        }
        for (const line of lines(stdout)) expect(line.length).toBeLessThanOrEqual(42);
        expect(stdout.startsWith("WEBVTT\n\n")).toBe(format === "vtt");
      }
    },
  );

  testWhere(hasClip("en-45s"), "the clip en-45s")(
    "a line per utterance, as a piece of text each; one line with --silent; paragraphs as those of files",
    async () => {
      const stdin = new Uint8Array(readFileSync(wav("en-45s")));
      const asked = ["--stream", "--to", "25", "-"];
      const loud = (await qwen(asked, { stdin })).stdout;
      expect(lines(loud).length).toBeGreaterThan(5);
      for (const line of lines(loud)) expect(line).toMatch(/^[A-Z].*[.?]$/);
      const silent = (await qwen(["--silent", ...asked], { stdin })).stdout;
      expect(silent).toBe(`${joined(lines(loud))}\n`);
      for (const sec of ["1.1", "60"]) {
        const { stdout } = await qwen(["--paragraph-sec", sec, ...asked], { stdin });
        expect(stdout.replaceAll("\n\n", " ")).toBe(silent);
        expect(stdout.includes("\n\n")).toBe(sec !== "60");
      }
      const short = await qwen(["--paragraph-sec", "0.5", ...asked], { stdin });
      expect(short.stderr).toContain("A stream sees pauses of --endpoint-ms (800 ms) and more");
      expect(short.stdout.split("\n\n").length).toBe(lines(loud).length);
    },
  );

  test("several files, one paragraph each; one that fails does not stop the others", async () => {
    const result = await qwen(["--stream", "--with-filename", wav(name), "/nowhere/x.wav", wav("en-short")]);
    expect(result.code).toBe(1);
    expect(lines(result.stdout)).toEqual([`${wav(name)}: ${text}`, `${wav("en-short")}: Please open the old door.`]);
    expect(result.stderr).toContain("qwen-asr: /nowhere/x.wav: no such file\n");
  });

  test("-o, and a reader that has seen enough", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "text.txt");
    expect((await stream("2", "-o", path, wav(name))).stdout).toBe("");
    expect(readFileSync(path, "utf8")).toBe(`${text}\n`);
    const command = `"$0" -d '${modelDir()}' --stream '${wav("en-45s")}' | head -c 1`;
    const head = await run(["-c", command, executable()], { executable: "/bin/sh" });
    expect(head.stdout.length).toBe(1);
    expectNoStack(head);
  });

  test("what cannot be streamed is refused in one line", async () => {
    expectRefusal(await run(["-d", "/nowhere", "--stream", wav(name)]), 3, /\/nowhere/);
    expectRefusal(await qwen(["--stream", "--stdin"], { stdin: new Uint8Array(0) }), 1, /standard input: no data/);
  });
});
