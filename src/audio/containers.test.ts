import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeWhere, hasFfmpeg, testWhere } from "../../tests/support/where.ts";
import { InputError } from "../errors.ts";
import { chooseTrack, listTracks, parseContainer, refusePlaylist } from "./container.ts";
import { hear } from "./hear_fixture.ts";
import { readAudio } from "./input.ts";

const RATE = 16_000;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "qwen-asr-containers-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function ffmpeg(name: string, ...args: readonly string[]): string {
  const path = join(folder, name);
  const { status, stderr } = spawnSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args, path], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return path;
}

/** Where sound begins and ends, in seconds: begins, ends, begins... */
function edges(samples: Float32Array): number[] {
  const found: number[] = [];
  const step = RATE / 100;
  for (let at = 0; at < samples.length; at += step) {
    const isSound = samples.subarray(at, at + step).some((sample) => Math.abs(sample) > 0.02);
    if (isSound !== (found.length % 2 === 1)) found.push(at / RATE);
  }
  return found;
}

function near(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [i, sec] of expected.entries()) expect(Math.abs(found[i]! - sec)).toBeLessThan(0.08);
}

const PICTURE = ["-f", "lavfi", "-i", "testsrc=duration=6:size=64x64:rate=5"];
const TONE = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2:sample_rate=48000"];
const CODECS: readonly [string, string[]][] = [
  ["mkv", ["-c:v", "mpeg4", "-c:a", "flac"]],
  ["mp4", ["-c:v", "mpeg4", "-c:a", "aac"]],
  ["ts", ["-c:v", "mpeg2video", "-c:a", "mp2"]],
  ["nut", ["-c:v", "mpeg4", "-c:a", "pcm_s16le"]],
];

describeWhere(hasFfmpeg, "ffmpeg")("the container's time line", () => {
  test.each(CODECS)("%s whose sound starts 3 s after its picture", async (kind, codecs) => {
    const path = ffmpeg(
      `late.${kind}`,
      ...PICTURE,
      "-itsoffset",
      "3",
      ...TONE,
      "-map",
      "0:v",
      "-map",
      "1:a",
      ...codecs,
    );
    const { samples } = await hear(path);
    near(edges(samples).slice(0, 1), [3]);
    expect((await hear(path, { fromSec: 2.5, toSec: 4 })).samples).toEqual(samples.slice(2.5 * RATE, 4 * RATE));
  });

  test.each(CODECS)("%s with a hole of 2 s in its sound", async (kind, codecs) => {
    const hole = "asetnsamples=960,asetpts='PTS+if(gte(T,1),2*SR,0)'";
    const maps = ["-map", "0:v", "-map", "1:a"];
    const { samples } = await hear(ffmpeg(`hole.${kind}`, ...PICTURE, ...TONE, ...maps, "-af", hole, ...codecs));
    near(edges(samples).slice(0, 3), [0, 1, 3]);
  });

  test.each([
    ["mp3", []],
    ["m4a", ["-c:a", "aac"]],
    ["mka", ["-c:a", "aac"]],
    ["avi", ["-c:a", "mp3"]],
    ["mpg", ["-c:a", "mp2"]],
    ["ts", ["-c:a", "aac"]],
  ])("the encoder's delay counts once: %s", async (kind, codecs) => {
    const bursts = ["-f", "lavfi", "-i", "aevalsrc='sin(2764*t)*between(mod(t,2),1,1.5)*.5:d=4:s=48000'"];
    near(edges((await hear(ffmpeg(`bursts.${kind}`, ...bursts, ...codecs))).samples).slice(0, 3), [1, 1.5, 3]);
  });

  test.each(["mp3", "mka", "ts"])("joined %s files are heard one after the other", async (kind) => {
    const one = ffmpeg(`one.${kind}`, ...TONE);
    const both = join(folder, `both.${kind}`);
    copyFileSync(one, both);
    appendFileSync(both, readFileSync(one));
    expect(Math.abs((await hear(both)).samples.length / RATE - 4)).toBeLessThan(0.15);
  });

  test.each<[string, readonly string[]]>([
    ["channels, with times that go on", ["-ac", "6", "-output_ts_offset", "2"]],
    ["channels, with times that begin anew", ["-ac", "6"]],
    ["rate, with times that go on", ["-ar", "32000", "-output_ts_offset", "2"]],
  ])("sound that changes its %s, as on television, stays where it is", async (_, change) => {
    const mark = ["-f", "lavfi", "-i", "aevalsrc='sin(2764*t)*between(t,1,1.5)*.5:d=2:s=48000'"];
    const parts = [[], change].map((args, i) => ffmpeg(`part${i}.ts`, ...mark, "-c:a", "ac3", ...args));
    const path = join(folder, "changes.ts");
    writeFileSync(path, Buffer.concat(parts.map((part) => readFileSync(part))));
    near(edges((await hear(path)).samples), [1, 1.5, 3, 3.5]);
  });

  test("bare AAC frames that change their rate are heard at their own", async () => {
    const [one, two] = ["16000", "44100"].map((rate) => readFileSync(ffmpeg(`${rate}.aac`, ...TONE, "-ar", rate)));
    writeFileSync(join(folder, "changes.aac"), Buffer.concat([one!, two!]));
    const { samples } = await hear(join(folder, "changes.aac"), { decoder: "ffmpeg" });
    expect(Math.abs(samples.length / RATE - 4)).toBeLessThan(0.2);
  });

  test.each(["mp4", "mov"])("%s in a pipe, whose index comes after a MiB of pictures", async (kind) => {
    const noise = ["-f", "lavfi", "-i", "nullsrc=s=256x256:d=3:r=10,geq=random(1)*255:128:128"];
    const tracks = [...TONE, "-f", "lavfi", "-i", "sine=frequency=1000:duration=1:sample_rate=48000"];
    const maps = ["-map", "0:v", "-map", "1:a", "-map", "2:a", "-metadata:s:a:1", "language=ger", "-q:v", "1"];
    const bytes = readFileSync(ffmpeg(`index.${kind}`, ...noise, ...tracks, ...maps, "-c:v", "mpeg4", "-c:a", "aac"));
    expect(bytes.length).toBeGreaterThan(1 << 20);
    const source = () => ({ kind: "stream", name: "x", stream: new Blob([bytes]).stream() }) as const;
    for (const [track, seconds] of [["1", 2], ["de", 1]] as const) {
      const audio = await readAudio({ ...source(), track });
      expect(Math.abs(audio.durationSec - seconds)).toBeLessThan(0.1);
      await audio.close();
    }
  });

  test("joined MP4 files get a line", async () => {
    const one = ffmpeg("one.m4a", ...TONE);
    const bytes = readFileSync(one);
    writeFileSync(join(folder, "both.m4a"), Buffer.concat([bytes, bytes]));
    expect((await hear(join(folder, "both.m4a"))).warnings).toEqual([
      `another MP4 follows at byte ${bytes.length}, not read`,
    ]);
    expect((await hear(one)).warnings).toEqual([]);
  });
});

describeWhere(hasFfmpeg, "ffmpeg")("what a player would play", () => {
  const pass = (bytes: Uint8Array, name: string) => {
    writeFileSync(join(folder, name), bytes);
    return hear(join(folder, name), { decoder: "ffmpeg" });
  };

  test.each([
    ["x.ac3", "ac3", "AC-3", 0],
    ["x.eac3", "eac3", "AC-3", 0],
    ["x.mp3", "mp3", "MP3", 700],
    ["x.aac", "adts", "AAC", 333],
    ["x.ts", "mpegts", "MPEG transport stream", 500],
    ["x.m2ts", "mpegts", "MPEG transport stream", 0],
    ["x.mp2", "mp2", "MP3", 99],
  ])("%s, its first bytes cut off or zeros in front", async (name, format, label, cut) => {
    const path = ffmpeg(name, ...TONE, "-f", format, ...(name === "x.m2ts" ? ["-mpegts_m2ts_mode", "1"] : []));
    const bytes = readFileSync(path);
    for (const changed of [bytes, bytes.subarray(cut), Buffer.concat([new Uint8Array(5000), bytes])]) {
      const { samples, format: said } = await pass(changed, name);
      expect(said).toBe(`${label} through ffmpeg`);
      expect(samples.length / RATE).toBeGreaterThan(1.5);
    }
  });

  test("filled up with zeros: no word is said of them", async () => {
    const bytes = readFileSync(ffmpeg("full.ts", ...TONE, "-c:a", "mp2"));
    const { samples } = await pass(bytes, "full.ts");
    const filled = Buffer.concat([bytes, new Uint8Array(3 << 20)]);
    expect(await pass(filled, "full.ts")).toMatchObject({ samples, warnings: [] });
  });

  test("a format that nothing here knows", async () => {
    const { samples, format } = await hear(ffmpeg("x.spx.nut", ...TONE, "-f", "nut", "-c:a", "pcm_s16le"));
    expect(format).toBe("NUT through ffmpeg");
    expect(samples).toHaveLength(2 * RATE);
  });
});

describe("tracks", () => {
  const said = (rows: readonly string[]) =>
    parseContainer(
      `Input #0, matroska,webm, from 'x':\n  Duration: 00:00:06.01, start: 1.400000, bitrate: 47 kb/s\n` +
        `  Stream #0:0: Video: h264 (High), yuv420p\n${rows.map((row) => `  Stream ${row}\n`).join("")}`,
    )!;
  const film = said([
    "#0:1(chi): Audio: opus, 48000 Hz, mono, fltp\n    Metadata:\n      title           : Director",
    "#0:2[0x101](eng): Audio: ac3, 48000 Hz, 5.1(side), fltp, 448 kb/s (default)",
    "#0:3(und): Audio: aac (LC), 48000 Hz, stereo, fltp",
    "#0:4(eng): Subtitle: subrip (default)",
  ]);

  test("what ffmpeg says is understood", () => {
    expect(film).toEqual({
      format: "matroska,webm",
      startSec: 1.4,
      isGuess: false,
      tracks: [
        { stream: 1, language: "chi", title: "Director", isDefault: false },
        { stream: 2, language: "eng", title: "", isDefault: true },
        { stream: 3, language: "", title: "", isDefault: false },
      ],
    });
    expect(listTracks(film.tracks)).toBe('1 chi "Director", 2 eng (default), 3');
    expect(parseContainer("x: Invalid data found when processing input\n")).toBeUndefined();
  });

  test.each<[string | undefined, number]>([
    [undefined, 2],
    ["1", 1],
    ["3", 3],
    ["eng", 2],
    ["en", 2],
    ["English", 2],
    ["en-GB", 2],
    ["zh", 1],
    ["zho", 1],
    ["CHI", 1],
    ["Chinese", 1],
  ])("--track %s", (wanted, stream) => {
    expect(chooseTrack("x.mkv", film, wanted).stream).toBe(stream);
  });

  test("one that is not there is refused with a list", () => {
    for (const wanted of ["0", "4", "fr", "xx!", "-1"]) {
      expect(() => chooseTrack("x.mkv", film, wanted)).toThrow(
        `x.mkv: has no audio track ${wanted}: it has 1 chi "Director", 2 eng (default), 3`,
      );
    }
    expect(() => chooseTrack("x.mkv", said([]), undefined)).toThrow("x.mkv: no audio track");
  });

  test("without a default the first", () => {
    expect(chooseTrack("x.ts", said(["#0:5: Audio: mp2", "#0:6: Audio: ac3, 5.1"]), undefined).stream).toBe(5);
  });

  testWhere(hasFfmpeg, "ffmpeg")("of a film, by flag, number and language", async () => {
    const tones = [...TONE, "-f", "lavfi", "-i", "sine=frequency=1000:duration=1:sample_rate=48000"];
    const marks = ["-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "language=fre", "-c:a", "flac"];
    const flags = ["-disposition:a:0", "0", "-disposition:a:1", "default"];
    const path = ffmpeg("two.mkv", ...tones, "-map", "0:a", "-map", "1:a", ...marks, ...flags);
    const byFlag = await hear(path);
    expect(byFlag.samples).toHaveLength(RATE);
    expect(byFlag.warnings).toEqual([
      "has 2 audio tracks: 1 ger, 2 fre (default); 2 is read (--track N|LANG)",
    ]);
    for (const track of ["1", "de", "German"]) expect((await hear(path, { track })).samples).toHaveLength(2 * RATE);
    expect((await hear(path, { track: "fr" })).warnings).toEqual([]);
  });
});

test("a list of other files is told by its format", () => {
  const container = (format: string) => ({ format, startSec: 0, tracks: [], isGuess: false });
  for (const format of ["hls", "hls,applehttp", "concat", "dash"]) {
    expect(() => refusePlaylist("x.mp3", container(format))).toThrow(`x.mp3: a list of other files (${format})`);
  }
  for (const format of ["matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "wav", "mp3"]) {
    refusePlaylist("x", container(format));
  }
});

describeWhere(hasFfmpeg, "ffmpeg")("what names other files is no recording", () => {
  const tag = (text: string) => Buffer.concat([Buffer.from("ID3\x04\0\0\0\0\0\0", "latin1"), Buffer.from(text)]);
  const lists: readonly [string, (other: string) => Uint8Array | string][] = [
    ["hls.mp3", (other) => tag(`#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${other}\n#EXT-X-ENDLIST\n`)],
    ["hls.m3u8", (other) => `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${other}\n#EXT-X-ENDLIST\n`],
    ["concat.avi", (other) => `ffconcat version 1.0\nfile '${other}'\n`],
  ];
  test.each(lists)("%s", async (name, listing) => {
    const other = ffmpeg("other.ts", ...TONE, "-c:a", "mp2");
    const path = join(folder, name);
    writeFileSync(path, listing(other));
    await expect(hear(path)).rejects.toThrow(InputError);
  });
});
