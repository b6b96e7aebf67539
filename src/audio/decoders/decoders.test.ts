/** What is decoded here against what ffmpeg decodes: the same samples, at the same places. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeWhere, hasFfmpeg } from "../../../tests/support/where.ts";
import { hear } from "../hear_fixture.ts";
import { decode, encode, ROUNDING, sameAsFfmpeg, worst } from "../../../tests/support/against_ffmpeg.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "qwen-asr-decoders-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function make(name: string, ...args: readonly string[]): string {
  const path = join(folder, name);
  encode(...args, path);
  return path;
}

describeWhere(hasFfmpeg, "ffmpeg")("the same samples as ffmpeg", () => {
  const mpeg: readonly (readonly [string, readonly string[], number])[] = [
    ["8k.mp3", ["-ar", "8000", "-ac", "1"], ROUNDING],
    ["vbr.mp3", ["-ar", "44100", "-q:a", "4", "-id3v2_version", "0", "-write_id3v1", "1"], ROUNDING],
    ["no-xing.mp3", ["-ar", "16000", "-write_xing", "0", "-joint_stereo", "0"], ROUNDING],
    ["layer2.mp2", ["-b:a", "192k"], 3e-5], // Its tables are rounded to 24 bits.
  ];
  test.each(mpeg)("%s", async (name, args, bound) => {
    await sameAsFfmpeg(make(name, ...args), bound);
  });

  test.each([
    ["44k.flac", ["-ar", "44100", "-compression_level", "12"]],
    ["24-bit.flac", ["-sample_fmt", "s32", "-ar", "96000"]],
    ["5.1.flac", ["-af", "pan=5.1|FL=c0|FR=c1|FC=.5*c0|LFE=c1|BL=.2*c0|BR=.3*c1"]],
    ["short.flac", ["-t", "0.01"]],
  ])("%s", async (name, args) => {
    await sameAsFfmpeg(make(name, ...args), 0);
  });

  const containers: readonly (readonly [string, readonly string[], number])[] = [
    ["44k.ogg", ["-ar", "44100", "-c:a", "libvorbis"], ROUNDING],
    ["5.1.opus", ["-af", "pan=5.1|FL=c0|FR=c1|FC=.5*c0|LFE=c1|BL=.2*c0|BR=.3*c1", "-c:a", "libopus"], 1e-4],
    ["flac.oga", ["-c:a", "flac"], 0],
    ["stereo.webm", ["-c:a", "libopus", "-b:a", "128k"], 1e-4],
    ["live.webm", ["-c:a", "libvorbis", "-live", "1", "-f", "webm"], ROUNDING],
    ["mp3.mka", ["-c:a", "mp3"], ROUNDING],
  ];
  test.each(containers)("%s", async (name, args, bound) => {
    await sameAsFfmpeg(make(name, ...args), bound);
  });

  test("a film of two tracks: the one asked for, by number and by language", async () => {
    const film = ["-f", "lavfi", "-i", "testsrc=s=64x64:r=5:d=2", "-f", "lavfi", "-i", "sine=d=1:r=48000"];
    const maps = ["-map", "1:v", "-map", "0:a", "-map", "2:a", "-metadata:s:a:0", "language=eng"];
    const path = make("film.mkv", ...film, ...maps, "-metadata:s:a:1", "language=ger", "-c:v", "mpeg4", "-c:a", "flac");
    const first = await hear(path, { decoder: "builtin" });
    expect(first.warnings).toEqual(["has 2 audio tracks: 1 eng (default), 2 ger; 1 is read (--track N|LANG)"]);
    const german = await sameAsFfmpeg(path, 0, { track: "de" });
    expect(german.samples).toHaveLength(16_000);
    expect((await hear(path, { track: "2", decoder: "builtin" })).samples).toEqual(german.samples);
    const none = await hear(path, { track: "fr", decoder: "builtin" }).catch((error) => error);
    expect(none.message).toEndWith("has no audio track fr: it has 1 eng (default), 2 ger");
  });

  test(
    "an Ogg of several tracks, or with pictures, is left to ffmpeg: tracks are told, late sound is late",
    async () => {
      const other = ["-f", "lavfi", "-i", "sine=d=1:r=48000", "-map", "0:a", "-map", "1:a", "-c:a", "libopus"];
      const two = make("two.ogg", ...other, "-ar", "48000");
      const line = "has 2 audio tracks: 1, 2; 1 is read (--track N|LANG)";
      expect((await hear(two)).warnings).toEqual([line]);
      expect((await hear(two, { track: "2" })).samples.length).toBe(16_000);
      const alone = await hear(two, { decoder: "builtin" }).catch((error) => error);
      expect(alone.message).toEndWith("Ogg with several audio tracks is not decoded by this program itself");

      const pictures = [
        "-f",
        "lavfi",
        "-i",
        "testsrc=s=64x64:r=5:d=4",
        "-map",
        "1:v",
        "-map",
        "0:a",
        "-c:v",
        "libtheora",
      ];
      const film = make("film.ogv", ...pictures, "-af", "asetpts=PTS+2*SR", "-c:a", "libvorbis");
      const { samples } = await hear(film);
      expect(samples.subarray(0, 31_000).every((sample) => Math.abs(sample) < 0.01)).toBe(true);
      expect(samples.subarray(33_000, 36_000).some((sample) => Math.abs(sample) > 0.02)).toBe(true);
    },
  );

  test("a part, and one channel", async () => {
    const path = make("parts.mp3");
    const { samples } = await hear(path);
    await sameAsFfmpeg(path, ROUNDING, { fromSec: 0.5, toSec: 1.25 });
    expect((await hear(path, { fromSec: 0.5, toSec: 1.25 })).samples).toEqual(samples.slice(8000, 20_000));
    await sameAsFfmpeg(path, ROUNDING, { channel: 2 });
  });

  test("pictures in front and behind", async () => {
    const cover = join(folder, "cover.png");
    spawnSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=s=640x480:d=1", "-frames:v", "1", cover]);
    const maps = ["-i", cover, "-map", "0:a", "-map", "1:v", "-c:v", "copy", "-disposition:v", "attached_pic"];
    await sameAsFfmpeg(make("cover.mp3", ...maps), ROUNDING);
    const flac = make("cover.flac", ...maps);
    const { samples } = await sameAsFfmpeg(flac, 0);
    const tagged = join(folder, "tagged.flac");
    const id3 = Buffer.from("ID3\x04\0\0\0\0\x10\0" + "\0".repeat(2048), "latin1");
    writeFileSync(tagged, Buffer.concat([id3, readFileSync(flac), Buffer.from("TAG".padEnd(128))]));
    expect(await hear(tagged)).toMatchObject({ samples, warnings: [] });
  });

  test("joined files of one rate are heard one after the other, without the encoders' delays", async () => {
    for (const names of [["a.mp3", "b.mp3"], ["a.mp2", "a.mp3"], ["a.mp3", "a.mp2"], ["a.flac", "b.flac"]]) {
      const paths = names.map((name) => make(name, ...(name === "b.flac" ? ["-ac", "1", "-sample_fmt", "s32"] : [])));
      const alone = await Promise.all(paths.map((path) => hear(path)));
      const both = join(folder, `both.${names[0]}`);
      writeFileSync(both, Buffer.concat(paths.map((path) => readFileSync(path))));
      const { samples, warnings } = await hear(both, { decoder: "builtin" });
      expect([names, warnings]).toEqual([names, []]);
      expect(samples.length).toBe(alone.reduce((sum, one) => sum + one.samples.length, 0));
      expect(worst(samples.slice(-8000), alone[1]!.samples.slice(-8000))).toBeLessThan(ROUNDING);
    }
  });

  test("a joined file of another rate gets a line, and the one before it keeps its last frame", async () => {
    const others: readonly [string, string, readonly string[]][] = [
      ["c.flac", "another FLAC follows at byte N, of another sample rate, not read", ["-ar", "44100"]],
      ["c.mp3", "another MP3 follows at byte N, of another sample rate, not read", ["-ar", "44100"]],
      ["c.ac3", "AC-3 audio follows at byte N, not read", []],
      ["d.flac", "FLAC audio follows at byte N, not read", []],
      ["d.mp3", "MP3 audio follows at byte N, not read", ["-write_xing", "0", "-id3v2_version", "0"]],
    ];
    for (const [second, line, args] of others) {
      const kind = line.startsWith("another MP3") || second === "d.flac" ? "mp3" : "flac";
      const first = make(`first.${kind}`);
      const { samples } = await hear(first);
      const both = join(folder, `both.${kind}`);
      writeFileSync(both, Buffer.concat([first, make(second, ...args)].map((path) => readFileSync(path))));
      const heard = await hear(both, { decoder: "builtin" });
      expect(heard.warnings.map((warning) => warning.replace(/byte \d+/, "byte N"))).toEqual([line]);
      expect([second, heard.samples.length]).toEqual([second, samples.length]);
      if (second !== "c.flac") continue;
      const [told] = (await hear(both, { decoder: "ffmpeg" })).warnings; // It reads some of it.
      expect(told).toEndWith("of another sample rate, not read or read in part");
    }
  });

  test("in any pieces", () => {
    for (const name of ["pieces.mp3", "pieces.flac", "pieces.ogg", "pieces.webm"]) {
      const bytes = readFileSync(make(name, "-ar", "24000", "-t", "0.7"));
      const whole = decode(name, bytes, bytes.length);
      for (const size of [1, 7, 1000]) expect(decode(name, bytes, size)).toEqual(whole);
    }
  });

  test("cut off: what is whole is kept, and a line says where it ends", async () => {
    for (
      const [name, line] of [["cut.mp3", /^MP3 is cut off at 1\.\d+ s$/], ["cut.flac", /^FLAC is cut off at /]] as const
    ) {
      const path = make(name, "-b:a", "96k");
      const { samples } = await hear(path);
      const bytes = readFileSync(path);
      writeFileSync(path, bytes.subarray(0, bytes.length * 0.6));
      const cut = await hear(path, { decoder: "builtin" });
      expect(cut.warnings).toHaveLength(1);
      expect(cut.warnings[0]).toMatch(line);
      expect(cut.samples.length).toBeGreaterThan(12_000);
      const sound = cut.samples.length - 200; // The resampler has seen no further.
      expect(worst(cut.samples.slice(0, sound), samples.slice(0, sound))).toBe(0);
    }
  });

  test("filled up with zeros: no word is said of them, but of sound that is missing", async () => {
    for (const name of ["full.mp3", "full.flac", "full.ogg", "full.mka"]) {
      const path = make(name, ...(name === "full.mka" ? ["-c:a", "libopus", "-ar", "48000"] : []));
      const whole = await hear(path, { decoder: "builtin" });
      const bytes = readFileSync(path);
      for (const zeros of [5000, 3 << 20]) {
        writeFileSync(path, Buffer.concat([bytes, new Uint8Array(zeros)]));
        expect(await hear(path, { decoder: "builtin" })).toMatchObject({ samples: whole.samples, warnings: [] });
        writeFileSync(path, Buffer.concat([bytes.subarray(0, bytes.length * 0.6), new Uint8Array(zeros)]));
        const { warnings } = await hear(path, { decoder: "builtin" });
        expect([name, zeros, warnings.filter((line) => /is (cut off|damaged)/.test(line)).length]).toEqual([
          name,
          zeros,
          1,
        ]);
      }
    }
  });

  test("damaged: silent there, the rest at its place, one line", async () => {
    for (const name of ["hurt.mp3", "hurt.flac"]) {
      const path = make(name, "-b:a", "96k");
      const { samples } = await hear(path);
      const bytes = readFileSync(path);
      bytes.fill(0x55, bytes.length >> 1, (bytes.length >> 1) + 1500);
      writeFileSync(path, bytes);
      const hurt = await hear(path, { decoder: "builtin" });
      expect(hurt.warnings).toHaveLength(1);
      expect(hurt.warnings[0]).toMatch(/^(MP3|FLAC) is damaged/);
      expect(Math.abs(hurt.samples.length - samples.length)).toBeLessThan(3000);
      expect(worst(hurt.samples.slice(0, 14_000), samples.slice(0, 14_000))).toBe(0);
      expect(worst(hurt.samples.slice(-8000), samples.slice(-8000))).toBeLessThan(ROUNDING);
    }
  });
});

describe("what cannot be decoded gets a line", () => {
  test.each([
    ["tag.mp3", Buffer.from("ID3\x04\0\0\0\0\0\0" + "\0".repeat(100), "latin1"), "is damaged: no audio is found in it"],
    ["head.flac", Buffer.from("fLaC\x84\0\0\x04abcd", "latin1"), "FLAC without its STREAMINFO"],
    ["zero.flac", Buffer.from("fLaC\x80\0\0\x22" + "\0".repeat(34), "latin1"), "FLAC sample rate is 0 Hz"],
  ])("%s", async (name, bytes, message) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    const error = await hear(path, { decoder: "builtin" }).catch((error) => error);
    expect(error.message).toContain(message);
  });

  test("a format that only ffmpeg decodes, with --decoder builtin", async () => {
    const path = join(folder, "x.amr");
    writeFileSync(path, "#!AMR\n\0\0\0");
    const error = await hear(path, { decoder: "builtin" }).catch((error) => error);
    expect(error.message).toEndWith("x.amr: AMR audio is not decoded by this program itself");
  });
});
