/** AAC with and without containers: the samples of ffmpeg, wherever the index is; other kinds of it are told apart. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeWhere, hasFfmpeg } from "../../../tests/support/where.ts";
import { InputError } from "../../errors.ts";
import { hear, type Heard } from "../hear_fixture.ts";
import { readAudio } from "../input.ts";
import { aacSetup, readAudioConfig } from "./aac.ts";
import { decode, encode, ROUNDING, run, sameAsFfmpeg, worst } from "../../../tests/support/against_ffmpeg.ts";

const HE_AAC = join(import.meta.dir, "../../../tests/data/he.aac"); // Two seconds of speech, its upper half described.

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "qwen-asr-aac-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(at(name)));

function write(name: string, ...parts: readonly Uint8Array[]): string {
  writeFileSync(at(name), Buffer.concat(parts));
  return at(name);
}

async function piped(bytes: Uint8Array): Promise<Heard> {
  const audio = await readAudio({
    kind: "stream",
    name: "pipe",
    stream: new Blob([Buffer.from(bytes)]).stream(),
    decoder: "builtin",
  });
  try {
    return { samples: await audio.read(0, audio.length), warnings: audio.warnings, format: audio.format };
  } finally {
    await audio.close();
  }
}

describeWhere(hasFfmpeg, "ffmpeg")("the same samples as ffmpeg", () => {
  const surround = "pan=5.1|FL=c0|FR=c1|FC=.5*c0|LFE=c1|BL=.2*c0|BR=.3*c1";
  beforeAll(() => {
    const many: readonly (readonly string[])[] = [
      ["-ar", "8000", "-ac", "1", at("8k.m4a")],
      // Noise comes from a generator that has another state in the second pair of channels, and after damage.
      ["-ar", "44100", "-aac_pns", "0", at("44k.aac")],
      ["-af", surround, "-aac_pns", "0", at("5.1.aac")],
      ["-b:a", "48k", at("last.m4a")],
      ["-c:a", "aac", "-ac", "1", at("mono.mkv")],
      ["-c:a", "libmp3lame", at("mp3.mp4")],
      ["-c:a", "alac", at("alac.m4a")],
      ["-profile:a", "aac_main", at("main.m4a")],
    ];
    encode(...many.flat());
    const fragments = ["-c", "copy", "-movflags", "empty_moov+default_base_moof", "-frag_duration", "500000"];
    const first = ["-c", "copy", "-movflags", "+faststart", at("first.m4a")];
    run("-i", at("last.m4a"), ...first, ...fragments, at("fragments.mp4"));
  });

  test.each(["8k.m4a", "44k.aac", "5.1.aac", "fragments.mp4", "mono.mkv", "mp3.mp4"])(
    "%s",
    async (name) => {
      await sameAsFfmpeg(at(name), ROUNDING);
    },
  );

  test("a film whose sound begins late and has a hole, of two tracks, of which the second is the default", async () => {
    const film = ["-f", "lavfi", "-i", "color=c=black:s=16x16:r=5:d=7", "-itsoffset", "1.5", "-i", at("last.m4a")];
    const hole = ["-af", "asetpts=PTS+if(gte(T\\,2.5)\\,2/TB\\,0)", "-c:v", "mpeg4", "-c:a", "aac"];
    const marks = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger"];
    const flags = ["-disposition:a:0", "0", "-disposition:a:1", "default"];
    run(
      ...film,
      "-i",
      at("8k.m4a"),
      "-map",
      "0:v",
      "-map",
      "2:a",
      "-map",
      "1:a",
      ...hole,
      ...marks,
      ...flags,
      at("f.mp4"),
    );
    const heard = await hear(at("f.mp4"), { decoder: "builtin" });
    expect(heard.warnings).toEqual(["has 2 audio tracks: 1 eng, 2 ger (default); 2 is read (--track N|LANG)"]);
    const { samples } = await sameAsFfmpeg(at("f.mp4"), ROUNDING, { track: "de" });
    expect(heard.samples).toEqual(samples);
    const silent = (from: number, to: number) => samples.slice(from * 16_000, to * 16_000).every((one) => one === 0);
    expect([silent(0, 1.4), silent(1.6, 2.4), silent(2.7, 4.4), silent(4.6, 5)]).toEqual([true, false, true, false]);
    expect((await piped(bytesOf("f.mp4"))).samples).toEqual(samples);
  });

  test("the index first or last, in fragments, in a pipe, in any pieces", async () => {
    const { samples } = await hear(at("last.m4a"), { decoder: "builtin" });
    for (const name of ["last.m4a", "first.m4a"]) {
      expect((await hear(at(name), { decoder: "builtin" })).samples).toEqual(samples);
      expect(await piped(bytesOf(name))).toMatchObject({ samples, warnings: [] });
    }
    for (const name of ["first.m4a", "fragments.mp4", "44k.aac"]) {
      const whole = decode(name, bytesOf(name), 1e9);
      expect(whole.length).toBeGreaterThan(2.2 * 44_100);
      for (const size of [1, 1000]) expect(worst(decode(name, bytesOf(name), size), whole)).toBe(0);
    }
    expect((await piped(bytesOf("fragments.mp4"))).warnings).toEqual([]);
  });

  test("what the encoder adds in front: by edits, by a note of iTunes, by neither", async () => {
    const length = async (name: string) => (await hear(at(name), { decoder: "builtin" })).samples.length;
    const bytes = Buffer.from(bytesOf("last.m4a"));
    expect(await length("last.m4a")).toBe(108 * 1024 / 3);
    const plain = Buffer.from(bytes.toString("latin1").replace("edts", "free"), "latin1");
    write("plain.m4a", plain);
    expect(await length("plain.m4a")).toBe(Math.round(109 * 1024 / 3));
    write("noted.m4a", withNote(plain, 2112));
    expect(await length("noted.m4a")).toBe(Math.round((109 * 1024 - 2112) / 3));
  });

  test("ADTS with a tag in front, with checksums, with channels that the first frame describes", async () => {
    const { samples } = await hear(at("44k.aac"), { decoder: "builtin" });
    const frames = adtsFrames(bytesOf("44k.aac"));
    const tag = Buffer.from("ID3\x04\0\0\0\0\x10\0" + "\0".repeat(2048), "latin1");
    const variants = {
      "tag.aac": [tag, ...frames],
      "checksums.aac": frames.map((frame) => withHead(frame, { checksum: true })),
      "described.aac": frames.map((frame) => withHead(frame, { program: STEREO })),
    };
    for (const [name, parts] of Object.entries(variants)) {
      const heard = await hear(write(name, ...parts), { decoder: "builtin" });
      expect(heard).toMatchObject({ samples, warnings: [], format: "AAC" });
    }
  });

  test("damaged: silent there, the rest at its place, one line; cut off: a line", async () => {
    const { samples } = await hear(at("44k.aac"), { decoder: "builtin" });
    const bytes = bytesOf("44k.aac");
    bytes.fill(0x55, bytes.length >> 1, (bytes.length >> 1) + 1000);
    const hurt = await hear(write("hurt.aac", bytes), { decoder: "builtin" });
    expect(hurt.warnings).toEqual([expect.stringMatching(/^AAC is damaged at 1\.\d+ s/)]);
    expect(Math.abs(hurt.samples.length - samples.length)).toBeLessThan(2000);
    expect(worst(hurt.samples.slice(0, 14_000), samples.slice(0, 14_000))).toBe(0);
    expect(worst(hurt.samples.slice(-8000), samples.slice(-8000))).toBeLessThan(ROUNDING);
    for (const name of ["first.m4a", "fragments.mp4", "44k.aac"]) {
      const whole = bytesOf(name);
      const cut = await hear(write(`cut-${name}`, whole.subarray(0, whole.length * 0.6)), { decoder: "builtin" });
      expect(cut.warnings).toEqual([expect.stringMatching(/AAC is cut off at [\d.]+ s$/)]);
      expect(cut.samples.length).toBeGreaterThan(12_000);
    }
    const headless = write("headless.m4a", bytesOf("last.m4a").subarray(0, 9000));
    for (const decoder of ["builtin", "auto"] as const) {
      expect(await refusal(headless, decoder)).toEndWith("MP4 without its index (moov): cut off, or no recording");
    }
  });

  test("other kinds go to ffmpeg, also out of a pipe whose index comes last", async () => {
    expect(await refusal(at("alac.m4a"))).toEndWith("MP4 ALAC audio is not decoded by this program itself");
    expect(await refusal(at("main.m4a"))).toEndWith("MP4 AAC Main audio is not decoded by this program itself");
    const locked = Buffer.from(Buffer.from(bytesOf("last.m4a")).toString("latin1").replace("mp4a", "enca"), "latin1");
    expect(await refusal(write("locked.m4a", locked))).toContain("MP4 encrypted audio");
    const stream = new Blob([Buffer.from(bytesOf("alac.m4a"))]).stream();
    const audio = await readAudio({ kind: "stream", name: "pipe", stream });
    expect(audio.format).toBe("MP4 through ffmpeg");
    expect(audio.length).toBe(36_800);
    await audio.close();
  });

  test("HE-AAC goes to ffmpeg; where there is none, the lower half is decoded and a line says so", async () => {
    expect((await hear(HE_AAC)).format).toBe("AAC through ffmpeg");
    expect(await refusal(HE_AAC)).toEndWith("he.aac: HE-AAC audio is not decoded by this program itself");
    const { PATH } = process.env;
    process.env.PATH = folder;
    try {
      const half = await hear(HE_AAC);
      expect(half.warnings).toEqual(["is HE-AAC: what is above 8 kHz is not decoded (ffmpeg can)"]);
      expect(half.samples.length).toBeGreaterThan(1.9 * 16_000);
    } finally {
      process.env.PATH = PATH;
    }
  });
});

async function refusal(path: string, decoder: "builtin" | "auto" = "builtin"): Promise<string> {
  const error = await hear(path, { decoder }).catch((error) => error);
  expect(error).toBeInstanceOf(InputError);
  return error.message;
}

test.each([
  [1, [0], 0x4],
  [3, [1, 2, 0], 0x7],
  [4, [1, 2, 0, 3], 0x107],
  [6, [1, 2, 0, 5, 3, 4], 0x3f],
  [7, [1, 2, 0, 7, 5, 6, 3, 4], 0x63f],
])("layout %d in the order of a WAV", (layout, order, mask) => {
  const config = { objectType: 2, rate: 48_000, samples: 1024, layout, hasSbr: undefined };
  expect(aacSetup("x:", config, "AAC")).toMatchObject({ order, mask, channels: order.length });
});

describe("an AudioSpecificConfig", () => {
  const lc = { objectType: 2, samples: 1024, layout: 2, hasSbr: undefined };
  test.each([
    ["1210", { ...lc, rate: 44_100 }],
    ["1408", { ...lc, rate: 16_000, layout: 1 }],
    ["1214", { ...lc, rate: 44_100, samples: 960 }],
    ["1780178010", { ...lc, rate: 12_032 }], // A rate that is not in the table.
    ["2b920800", { ...lc, rate: 22_050, hasSbr: true }],
    ["eb8a0800", { ...lc, rate: 22_050, layout: 1, hasSbr: true }],
    ["139056e5a0", { ...lc, rate: 22_050, hasSbr: true }],
    ["139056e500", { ...lc, rate: 22_050, hasSbr: false }],
    ["1200 05 88 00 80 00 08 0c 40 00", { ...lc, rate: 44_100, layout: 0 }],
  ])("%s", (hex, expected) => {
    expect(readAudioConfig(Buffer.from(hex.replaceAll(" ", ""), "hex"))).toMatchObject(expected);
  });

  test("cut off", () => {
    expect(readAudioConfig(Uint8Array.of(0x12))).toBeUndefined();
    expect(readAudioConfig(new Uint8Array(0))).toBeUndefined();
  });
});

/** A box with a body. */
function box(name: string, ...body: readonly Uint8Array[]): Uint8Array {
  const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(name, "latin1"), ...body]);
  bytes.writeUInt32BE(bytes.length);
  return bytes;
}

/** An MP4 whose index comes last, with what iTunes notes of the encoder's delay in place of other notes. */
function withNote(bytes: Buffer, delay: number): Uint8Array {
  const moovAt = bytes.indexOf("moov") - 4;
  const notesAt = bytes.indexOf("udta", moovAt) - 4;
  const hex = (value: number) => value.toString(16).toUpperCase().padStart(8, "0");
  const text = Buffer.from(` 00000000 ${hex(delay)} 00000123 ${hex(0)}0001A000 00000000`);
  const name = box("name", Buffer.alloc(4), Buffer.from("iTunSMPB"));
  const list = box("ilst", box("----", box("mean", Buffer.alloc(4)), name, box("data", Buffer.alloc(8), text)));
  const notes = box("udta", box("meta", Buffer.alloc(4), list));
  return Buffer.concat([bytes.subarray(0, moovAt), box("moov", bytes.subarray(moovAt + 8, notesAt), notes)]);
}

function adtsFrames(bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = (bytes[at + 3]! & 3) << 11 | bytes[at + 4]! << 3 | bytes[at + 5]! >> 5;
    frames.push(bytes.subarray(at, at += length));
  }
  return frames;
}

/** A program config of one channel pair in front, ending on a byte. */
const STEREO = Uint8Array.of(0xa0, 0x28, 0x80, 0x00, 0x04, 0x00, 0x00);

/** The frame with a checksum, or with its channels described in the packet and not in the header. */
function withHead(frame: Uint8Array, { checksum = false, program = new Uint8Array(0) }): Uint8Array {
  const head = frame.slice(0, 7);
  if (checksum) head[1]! &= 0xfe;
  if (program.length > 0) head.set([head[2]! & 0xfe, head[3]! & 0x3f], 2);
  const length = frame.length + program.length + (checksum ? 2 : 0);
  head.set([head[3]! & 0xfc | length >> 11, length >> 3 & 0xff, length << 5 & 0xe0 | head[5]! & 0x1f], 3);
  return Buffer.concat([head, new Uint8Array(checksum ? 2 : 0), program, frame.subarray(7)]);
}
