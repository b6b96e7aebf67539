import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeWhere, hasFfmpeg, isRoot, testWhere } from "../../tests/support/where.ts";
import { InputError, UsageError } from "../errors.ts";
import { type Audio, type AudioInput, checkInput, openAudio, readAudio } from "./input.ts";
import { chunk, floats, formatBody, longWav, riff, s16, text, wav } from "./wav_fixture.ts";

const SECOND = 16_000;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "qwen-asr-audio-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function save(name: string, bytes: Uint8Array): AudioInput {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return { kind: "file", path };
}

function tone(seconds: number, rate = SECOND, hz = 440): Float32Array {
  return Float32Array.from({ length: seconds * rate }, (_, i) => 0.5 * Math.sin(2 * Math.PI * hz * i / rate));
}

/** What was read, with all its samples. */
type Read = Pick<Audio, "durationSec" | "sourceRate" | "channels" | "format" | "warnings"> & { samples: Float32Array };

async function read(input: AudioInput): Promise<Read> {
  const audio = await readAudio(input);
  const { durationSec, sourceRate, channels, format, warnings } = audio;
  const samples = await audio.read(0, audio.length);
  await audio.close();
  return { samples, durationSec, sourceRate, channels, format, warnings };
}

async function failure(input: AudioInput): Promise<string> {
  try {
    await read(input);
  } catch (error) {
    if (error instanceof InputError) return error.message.replaceAll(folder + "/", "");
    throw error;
  }
  throw new Error("it was read");
}

/** Largest difference from a 440 Hz tone at half scale, away from the ends. */
function toneError(samples: Float32Array, offset = 0): number {
  let error = 0;
  for (let i = 2000; i < samples.length - 2000; i++) {
    error = Math.max(error, Math.abs(samples[i] - 0.5 * Math.sin(2 * Math.PI * 440 * (i + offset) / SECOND)));
  }
  return error;
}

describe("files", () => {
  test("a constant offset is taken from the samples and their levels, and the peak rule comes after it", async () => {
    const clean = tone(2).map((sample) => 0.9 * sample);
    const one = save("offset.wav", wav(floats([...clean.map((sample) => sample + 0.2)], 32), { tag: 3, bits: 32 }));
    const audio = await readAudio(one);
    expect(audio.warnings).toEqual(["has a DC offset of 20.0 % of full scale, which is removed"]);
    expect(audio.levels[50]).toBeCloseTo(0.45 / Math.SQRT2, 2);
    const samples = await audio.read(0, audio.length);
    expect(Math.max(...samples.map((sample, i) => Math.abs(sample - clean[i]!)))).toBeLessThan(1e-4);
    await audio.close();
    const loud = await read(save(
      "loud.wav",
      wav(floats([...tone(2).map((sample) => 3 * sample - 0.8)], 32), {
        ...{ tag: 3, bits: 32 },
      }),
    ));
    expect(loud.warnings[0]).toContain("-80.0 % of full scale");
    expect(Math.max(...loud.samples)).toBeCloseTo(1, 3);
    expect(Math.min(...loud.samples)).toBeCloseTo(-1, 3);
  });

  test("a WAV at 16 kHz keeps its very samples", async () => {
    const audio = await read(save("plain.wav", wav(s16(1, -2, 32767, -32768))));
    expect(audio).toEqual({
      samples: Float32Array.of(1 / 32768, -2 / 32768, 32767 / 32768, -1),
      durationSec: 4 / SECOND,
      sourceRate: SECOND,
      channels: 1,
      format: "WAV, 16-bit PCM",
      warnings: [],
    });
  });

  test("another rate is resampled", async () => {
    for (const rate of [8000, 44_100, 48_000]) {
      const audio = await read(save("rate.wav", longWav(tone(2, rate), rate)));
      expect(audio.samples).toHaveLength(2 * SECOND);
      expect(audio.sourceRate).toBe(rate);
      expect(toneError(audio.samples)).toBeLessThan(1e-4); // 16-bit rounding.
    }
  });

  test("samples beyond 1 scale the whole clip; warnings come along", async () => {
    const bytes = wav([...floats([0.5, NaN, -4], 32), 1], { tag: 3, bits: 32 });
    const audio = await read(save("loud.wav", bytes));
    expect([...audio.samples]).toEqual([0.125, 0, -1]);
    expect(audio.warnings).toEqual(["1 sample is not a finite number, read as 0"]);
  });

  test("a header without samples is an empty recording", async () => {
    const audio = await read(save("none.wav", wav([], { rate: 44_100 })));
    expect(audio.samples).toHaveLength(0);
    expect(audio.durationSec).toBe(0);
  });

  test("junk longer than a block comes before the format", async () => {
    const junk = chunk("JUNK", new Uint8Array(700_001));
    const audio = await read(
      save("junk.wav", riff([...junk, ...chunk("fmt ", formatBody()), ...chunk("data", s16(5))])),
    );
    expect([...audio.samples]).toEqual([5 / 32768]);
  });

  test("raw bytes as stated, whatever they look like", async () => {
    const input = save("x.raw", wav(s16(1, 2)));
    const audio = await read({ ...input, raw: { format: "u8", rate: SECOND, channels: 2 } });
    expect(audio.samples).toHaveLength(24);
    expect(audio.samples[0]).toBe(((0x52 - 128) / 128 + (0x49 - 128) / 128) / 2);
    expect(audio.format).toBe("raw u8");
  });
});

test("a stream of bytes is read as a file is: what has no header is refused", async () => {
  const streamOf = (bytes: Uint8Array<ArrayBuffer>): AudioInput => ({
    kind: "stream",
    name: "up.wav",
    stream: new Blob([bytes]).stream(),
  });
  const { samples, format } = await read(streamOf(longWav(tone(1), SECOND)));
  expect([samples.length, format]).toEqual([SECOND, "WAV, 16-bit PCM"]);
  expect((await read({ ...streamOf(longWav(tone(1), SECOND)), fromSec: 0.25 })).samples.length).toBe(12_000);
  expect(await failure(streamOf(new Uint8Array(5000).fill(7)))).toStartWith("up.wav: not a WAV");
  expect(await failure(streamOf(new Uint8Array(0)))).toBe("up.wav: empty file");
});

/** Two tones of a second, one on each side. */
function stereo(): Uint8Array<ArrayBuffer> {
  const [left, right] = [tone(1), tone(1, SECOND, 700)];
  const frames = Array.from(
    { length: 2 * SECOND },
    (_, i) => Math.round(32_768 * (i % 2 === 0 ? left : right)[i >> 1]!),
  );
  return wav(s16(...frames), { channels: 2 });
}

describe("one channel", () => {
  test("of a WAV and of raw samples; in antiphase without a remark", async () => {
    const input = save("sides.wav", stereo());
    for (const [channel, hz] of [[1, 440], [2, 700]] as const) {
      const { samples, channels, warnings } = await read({ ...input, channel });
      expect({ channels, warnings }).toEqual({ channels: 2, warnings: [] });
      const wanted = tone(1, SECOND, hz);
      expect(samples.every((sample, i) => Math.abs(sample - wanted[i]!) < 1e-4)).toBe(true);
    }
    const raw = { format: "s16le", rate: SECOND, channels: 3 } as const;
    const opposite = save("opposite.raw", Uint8Array.from(s16(16_384, -16_384, 8192, 16_384, -16_384, 8192)));
    expect([...(await read({ ...opposite, raw, channel: 3 })).samples]).toEqual([0.25, 0.25]);
    expect([...(await read({ ...opposite, raw, channel: 2 })).samples]).toEqual([-0.5, -0.5]);
  });

  test("that is not there", async () => {
    expect(await failure({ ...save("sides.wav", stereo()), channel: 3 })).toBe("sides.wav: has no channel 3: it has 2");
    const mono = save("one.wav", longWav(tone(1), SECOND));
    expect(await failure({ ...mono, channel: 2 })).toBe("one.wav: has no channel 2 (right): it has one");
    expect((await read({ ...mono, channel: 1 })).samples).toHaveLength(SECOND);
  });

  testWhere(hasFfmpeg, "ffmpeg")("of what ffmpeg decodes", async () => {
    const path = join(folder, "sides.flac");
    const { status } = spawnSync("ffmpeg", ["-v", "error", "-y", "-i", "pipe:0", path], { input: stereo() });
    expect(status).toBe(0);
    const sides = await Promise.all([1, 2].map((channel) => read({ kind: "file", path, channel })));
    for (const [side, hz] of [[0, 440], [1, 700]] as const) {
      const wanted = tone(1, SECOND, hz);
      expect(sides[side]!.samples.every((sample, i) => Math.abs(sample - wanted[i]!) < 1e-4)).toBe(true);
    }
  });
});

test("levels are those of the samples that are read", async () => {
  const audio = await readAudio(save("loud.wav", wav(floats(Array(400).fill(-4), 32), { tag: 3, bits: 32 })));
  expect([...await audio.read(399, 400), ...audio.levels]).toEqual([-1, 1, 1, 1]);
});

describe("a part", () => {
  const rate = 48_000;
  const whole = () => read(save("part.wav", longWav(tone(3, rate), rate)));

  test("is the very samples of the whole", async () => {
    const { samples } = await whole();
    const input = { kind: "file", path: join(folder, "part.wav") } as const;
    const cut = async (part: Partial<AudioInput>) => (await read({ ...input, ...part } as AudioInput)).samples;
    expect(await cut({ fromSec: 1.25, toSec: 2 })).toEqual(samples.slice(20_000, 32_000));
    expect(await cut({ toSec: 0.00013 })).toEqual(samples.slice(0, 2));
    expect(await cut({ fromSec: 2.5, toSec: 99 })).toEqual(samples.slice(40_000));
  });

  test("from beyond the end is refused; a cut end is not looked at", async () => {
    await whole();
    const input = { kind: "file", path: join(folder, "part.wav") } as const;
    expect(await failure({ ...input, fromSec: 3 })).toBe("part.wav: is 3.00 s long, so nothing is left from 3 s on");
    const bytes = longWav(tone(3, rate), rate).subarray(0, 200_000);
    expect((await read({ ...save("cut.wav", bytes), toSec: 1 })).warnings).toEqual([]);
    expect((await read(save("cut.wav", bytes))).warnings).toEqual([
      "WAV data is cut short: 2.1 s of the 3.0 s in its header",
    ]);
  });

  test.each([[-1, 2], [NaN, 2], [2, 2], [2, 1], [Infinity, Infinity], [0, NaN]])("%f to %f is refused", (from, to) => {
    const input: AudioInput = { kind: "stdin", fromSec: from, toSec: to };
    expect(() => checkInput(input)).toThrow(UsageError);
  });
});

describe("refused with one line", () => {
  test("what is no file", async () => {
    mkdirSync(join(folder, "dir"), { recursive: true });
    const at = (name: string): AudioInput => ({ kind: "file", path: join(folder, name) });
    expect(await failure(at("talk.wav"))).toBe("talk.wav: no such file");
    expect(await failure(at("dir"))).toBe("dir: is a directory");
    expect(await failure(at("a\nb"))).toBe("a\\x0ab: no such file");
    expect(await failure(at("x\0y"))).toBe("x\\x00y: not a valid file name");
    expect(await failure(at("n".repeat(300)))).toEndWith(": file name too long");
    expect(() => checkInput(at("talk.wav"))).toThrow("no such file");
    expect(() => checkInput(at("dir"))).toThrow("is a directory");
  });

  testWhere(!isRoot, "a user other than root")("what may not be read", async () => {
    const input = save("secret.wav", wav(s16(1)));
    chmodSync(join(folder, "secret.wav"), 0);
    expect(await failure(input)).toBe("secret.wav: permission denied");
  });

  test.each([
    ["empty.wav", new Uint8Array(0), "empty file"],
    ["page.html", text("<!doctype html><p>Not found"), "looks like HTML, not audio"],
    ["big.wav", text(`RIFX\0\0\x01\0WAVEfmt ${"\0".repeat(300)}`), "big-endian WAV (RIFX) is not read"],
    ["notes.wav", text("just notes"), "looks like text, not audio"],
    ["noise.bin", s16(1, 2, 3, 4), "not a WAV and no other audio format known here"],
    ["zero.wav", wav(s16(1), { rate: 0 }), "WAV sample rate is 0 Hz"],
    ["short.wav", text("RIFF\0\0"), "WAV header is cut short after 6 bytes"],
    ["bare.wav", riff([]), "WAV has no fmt chunk"],
  ])("%s", async (name, bytes, message) => {
    expect(await failure(save(name, Uint8Array.from(bytes)))).toBe(`${name}: ${message}`);
  });

  test("other formats, where ffmpeg is not installed", async () => {
    const path = process.env.PATH;
    process.env.PATH = folder;
    try {
      expect(await failure(save("x.aiff", Uint8Array.from(text("FORM\0\0\0\0AIFF"))))).toBe(
        "x.aiff: AIFF audio needs ffmpeg, which is not installed",
      );
      expect(await failure(save("adpcm.wav", wav([0], { tag: 0x11, bits: 4 })))).toBe(
        "adpcm.wav: WAV holds IMA ADPCM (format 0x0011), not PCM",
      );
    } finally {
      process.env.PATH = path;
    }
  });
});

/** Runs `readAudio` in another process, its standard input fed by a shell command. */
function readPiped(shell: string, input: AudioInput = { kind: "stdin" }): { audio?: Read; message?: string } {
  const script = `
    import { readAudio } from ${JSON.stringify(join(import.meta.dir, "input.ts"))};
    const result = await readAudio(JSON.parse(process.env.INPUT)).then(
      async (audio) => ({ audio: { ...audio, samples: [...await audio.read(0, audio.length)] } }),
      (error) => ({ message: error.message }),
    );
    process.stdout.write(JSON.stringify(result), () => process.exit(0));`;
  const file = join(folder, "read.ts");
  writeFileSync(file, script);
  const env = { ...process.env, INPUT: JSON.stringify(input), BUN: process.execPath, READ: file };
  const { stdout, stderr } = spawnSync("sh", ["-c", shell.replaceAll("READ", '"$BUN" "$READ"')], {
    cwd: folder,
    env,
    timeout: 20_000,
    maxBuffer: 1 << 28,
    encoding: "utf8",
  });
  if (stdout === "") throw new Error(`nothing came back: ${stderr}`);
  const result = JSON.parse(stdout);
  if (result.audio) result.audio.samples = Float32Array.from(result.audio.samples);
  return result;
}

describe("standard input", () => {
  test("a WAV in a pipe, a slow pipe, a redirect, /dev/stdin", () => {
    writeFileSync(join(folder, "in.wav"), longWav(tone(1), SECOND));
    const expected = readPiped("READ < in.wav").audio!;
    expect(expected.samples).toHaveLength(SECOND);
    expect(toneError(expected.samples)).toBeLessThan(1e-4);
    expect(readPiped("cat in.wav | READ").audio).toEqual(expected);
    expect(readPiped("(head -c 7; sleep 0.1; head -c 40; sleep 0.1; cat) < in.wav | READ").audio).toEqual(expected);
    for (const path of ["/dev/stdin", "/dev/fd/0"]) {
      expect(readPiped("cat in.wav | READ", { kind: "file", path }).audio).toEqual(expected);
      expect(readPiped("READ < in.wav", { kind: "file", path }).audio).toEqual(expected);
    }
  });

  test("a FIFO", () => {
    writeFileSync(join(folder, "fifo.wav"), longWav(tone(1), SECOND));
    const input: AudioInput = { kind: "file", path: join(folder, "fifo") };
    const { audio } = readPiped("mkfifo fifo && (cat fifo.wav > fifo & READ)", input);
    expect(audio?.samples).toHaveLength(SECOND);
  });

  test("anything unknown is 16-bit 16 kHz mono", () => {
    writeFileSync(
      join(folder, "in.pcm"),
      Uint8Array.from(s16(...Array.from({ length: 9000 }, (_, i) => i % 300 - 150))),
    );
    const { audio } = readPiped("cat in.pcm | READ");
    expect(audio?.samples).toHaveLength(9000);
    expect(audio?.samples[5]).toBe(-145 / 32768);
    expect(audio?.format).toBe("raw s16le");
    const raw = { format: "s16le", rate: 8000, channels: 1 } as const;
    expect(readPiped("cat in.pcm | READ", { kind: "stdin", raw }).audio?.samples).toHaveLength(18_000);
  });

  test("no data, text, HTML", () => {
    expect(readPiped("READ < /dev/null").message).toBe("standard input: no data");
    expect(readPiped("READ <&-").message).toBe("standard input: no data");
    expect(readPiped("echo hello | READ").message).toBe("standard input: looks like text, not audio");
    expect(readPiped("echo '<html>' | READ").message).toBe("standard input: looks like HTML, not audio");
  });

  test("text and compressed data that nothing recognises are refused", () => {
    const latin = Buffer.from(
      "Gregor Samsa erwachte und fand sich in seinem Bett. Überall Käfer. ".repeat(400),
      "latin1",
    );
    writeFileSync(join(folder, "in.latin"), latin);
    let state = 1;
    const random = Uint8Array.from({ length: 70_000 }, () => (state = (state * 48_271) % 2_147_483_647) >> 12 & 0xff);
    writeFileSync(join(folder, "in.random"), random);
    for (const [name, why] of [["in.latin", "they are text"], ["in.random", "they look compressed"]]) {
      expect(readPiped(`cat ${name} | READ`).message).toBe(
        `standard input: no known audio format, and no samples either: ${why}`,
      );
    }
    expect(readPiped("READ < .").message).toBe("standard input: is a directory");
  });

  test("stops reading at the end of the part, though the pipe stays open", () => {
    writeFileSync(
      join(folder, "live.wav"),
      riff([...chunk("fmt ", formatBody()), ...chunk("data", new Uint8Array(96_000), 0)]),
    );
    const { audio } = readPiped("(cat live.wav; sleep 15 2>&1 & cat) < live.wav | READ", { kind: "stdin", toSec: 1 });
    expect(audio?.samples).toHaveLength(SECOND);
  });
});

describeWhere(hasFfmpeg, "ffmpeg")("through ffmpeg", () => {
  function convert(name: string, ...args: readonly string[]): AudioInput {
    const source = save("source.wav", longWav(tone(3, 48_000), 48_000));
    const path = join(folder, name);
    const from = ["-nostdin", "-v", "error", "-y", "-i", (source as { path: string }).path];
    const { status, stderr } = spawnSync("ffmpeg", [...from, ...args, path], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return { kind: "file", path, decoder: "ffmpeg" };
  }

  test.each([
    ["x.flac", "FLAC", 0, []],
    ["x.aiff", "AIFF", 0, []],
    ["x.caf", "CAF", 0, []],
    ["x.mka", "Matroska or WebM", 0, ["-c:a", "flac"]],
    ["x.ogg", "Ogg", 0, ["-c:a", "flac"]],
    ["x.wv", "WavPack", 0, []],
    ["x.mp3", "MP3", 0.02, []],
    ["x.aac", "AAC", 0.05, ["-c:a", "aac"]],
    ["x.m4a", "MP4", 0.05, ["-c:a", "aac"]],
    ["-x y:z.mp3", "MP3", 0.02, []],
  ])("%s, as a file and in a pipe", async (name, format, tolerance, args) => {
    const input = convert(name, ...args);
    const audio = await read(input);
    expect(audio.format).toBe(`${format} through ffmpeg`);
    expect(audio.sourceRate).toBe(48_000);
    expect(audio.warnings).toEqual([]);
    expect(Math.abs(audio.durationSec - 3)).toBeLessThan(0.1);
    if (tolerance === 0) expect(toneError(audio.samples)).toBeLessThan(1e-4);
    const piped = readPiped(`cat < './${name}' | READ`).audio!;
    expect(Math.abs(piped.durationSec - 3)).toBeLessThan(0.1);
    if (format !== "WavPack") expect(piped.warnings).toEqual([]); // ffmpeg grumbles at the end of its pipe.
  });

  test("an MP4 whose index comes last, longer than any buffer, in a pipe", () => {
    const path = join(folder, "long.m4a");
    const noise = ["-f", "lavfi", "-i", "anoisesrc=duration=20:sample_rate=44100"];
    spawnSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...noise, "-c:a", "aac", "-b:a", "128k", path]);
    const { audio } = readPiped("cat long.m4a | READ");
    expect(Math.abs(audio!.durationSec - 20)).toBeLessThan(0.1);
    expect(audio!.warnings).toEqual([]);
  });

  test.each([
    ["adpcm_ima_wav", [], 0.03],
    ["adpcm_ms", [], 0.03],
    ["pcm_s64le", [], 1e-4],
  ])("WAV with %s, as a file and in a pipe", async (codec, args, tolerance) => {
    const audio = await read(convert("codec.wav", "-c:a", codec, ...args));
    expect(audio.format).toBe("WAV through ffmpeg");
    expect(toneError(audio.samples)).toBeLessThan(tolerance);
    expect(readPiped("cat codec.wav | READ").audio?.samples).toEqual(audio.samples);
  });

  test.each([
    ["s16.wav", ["-c:a", "pcm_s16le"]],
    ["s24.wav", ["-c:a", "pcm_s24le"]],
    ["s32.wav", ["-c:a", "pcm_s32le", "-af", "pan=stereo|c0=c0|c1=c0"]],
    ["f32.wav", ["-c:a", "pcm_f32le"]],
    ["f64.wav", ["-c:a", "pcm_f64le"]],
    ["rf64.wav", ["-rf64", "always"]],
    ["x.w64", ["-c:a", "pcm_s24le"]],
    ["six.wav", ["-c:a", "pcm_s24le", "-af", "pan=6c|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0"]],
  ])("%s, as ffmpeg writes it, is read here", async (name, args) => {
    const audio = await read(convert(name, ...args));
    expect(audio.format).toStartWith("WAV, ");
    expect(audio.warnings).toEqual([]);
    expect(toneError(audio.samples)).toBeLessThan(2e-4);
  });

  test.each(["wav", "w64"])("%s in a pipe, as ffmpeg writes it there, is read here", (format) => {
    convert("pipe.wav");
    const { audio } = readPiped(`ffmpeg -nostdin -v error -i pipe.wav -f ${format} - | READ`);
    expect(audio?.format).toStartWith("WAV, ");
    expect(audio?.warnings).toEqual([]);
    expect(audio?.samples).toHaveLength(3 * SECOND);
  });

  test.each(["alaw", "mulaw"] as const)("%s: all 256 codes as ffmpeg decodes them", async (format) => {
    const codes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const tag = format === "alaw" ? 6 : 7;
    const input = save("law.wav", wav(codes, { tag, bits: 8 }));
    const path = join(folder, "law16.wav");
    spawnSync("ffmpeg", ["-v", "error", "-y", "-i", join(folder, "law.wav"), "-c:a", "pcm_s16le", path]);
    expect((await read(input)).samples).toEqual((await read({ kind: "file", path })).samples);
  });

  test("ffmpeg's refusal is one line", async () => {
    const bytes = Uint8Array.from([...text("caff\0\x01\0\0"), ...new Array(9000).fill(7)]);
    expect(await failure(save("bad.caf", bytes))).toMatch(/^bad\.caf: ffmpeg: [^\n]*Invalid data[^\n]*$/);
    const video = ["-f", "lavfi", "-i", "testsrc=duration=0.2:size=64x64", "-c:v", "mpeg4"];
    spawnSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...video, join(folder, "silent.mp4")]);
    expect(await failure({ kind: "file", path: join(folder, "silent.mp4") })).toBe(
      "silent.mp4: no audio track",
    );
  });

  test("ffmpeg that dies while it is fed does not hang or crash the feeder", () => {
    const head = "printf 'TTA1\\000\\000\\000\\000'";
    const { message } = readPiped(`(${head}; head -c 30000000 /dev/zero) | READ`);
    expect(message).toStartWith("standard input: ffmpeg: ");
    const open = readPiped(`(${head}; head -c 3000000 /dev/zero; sleep 15 2>&1 & cat) < /dev/zero | READ`);
    expect(open.message).toStartWith("standard input: ffmpeg: ");
  });

  test("a part stops ffmpeg early", async () => {
    const input = convert("part.flac");
    const whole = await read(input);
    const part = await read({ ...input, fromSec: 0.5, toSec: 1 });
    expect(part.samples).toEqual(whole.samples.slice(8000, 16_000));
  });

  test("a stream can be closed before its end", async () => {
    const stream = await openAudio(convert("early.flac"));
    expect((await stream.next())!.length).toBeGreaterThan(0);
    await stream.close();
    await stream.close();
    expect(await stream.next()).toBeUndefined();
  });

  test("a damaged file gives what is there, with a warning", async () => {
    convert("whole.flac");
    const bytes = readFileSync(join(folder, "whole.flac"));
    const cut = save("damaged.flac", bytes.subarray(0, bytes.length * 0.6));
    const audio = await read({ ...cut, decoder: "ffmpeg" });
    expect(audio.samples.length).toBeGreaterThan(SECOND);
    expect(audio.warnings).toHaveLength(1);
    expect(audio.warnings[0]).toMatch(/^ffmpeg: .+/);
  });
});
