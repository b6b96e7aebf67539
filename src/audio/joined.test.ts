import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeWhere, hasFfmpeg } from "../../tests/support/where.ts";
import { findJoined } from "./bytes.ts";
import { readAudio } from "./input.ts";
import { JoinedFinder } from "./joined.ts";
import { type Joined, joinedLine } from "./joined_line.ts";
import { chunk, text, wav } from "./wav_fixture.ts";
import { WavDecoder } from "./wav.ts";

let folder = "";
const made = new Map<string, Buffer>();
/** Name, what sniffing calls it, how ffmpeg makes it. */
const KINDS: readonly (readonly [string, string, readonly string[]])[] = [
  ["mp3", "MP3", []],
  ["flac", "FLAC", []],
  ["ogg", "Ogg", ["-c:a", "libvorbis"]],
  ["opus", "Ogg", ["-c:a", "libopus", "-ar", "48000"]],
  ["m4a", "MP4", ["-c:a", "aac"]],
  ["webm", "Matroska or WebM", ["-c:a", "libopus", "-ar", "48000"]],
  ["live.webm", "Matroska or WebM", ["-c:a", "libopus", "-ar", "48000", "-live", "1"]],
  ["mka", "Matroska or WebM", ["-c:a", "flac"]],
  ["aac", "AAC", []],
  ["ac3", "AC-3", []],
  ["ts", "MPEG transport stream", ["-c:a", "mp2"]],
  ["avi", "AVI", ["-c:a", "mp3"]],
  ["aiff", "AIFF", []],
  ["caf", "CAF", []],
  ["au", "AU", []],
  ["wv", "WavPack", []],
  ["wav", "WAV", []],
];
/** Players go on with one of these after itself. */
const GO_ON = ["mp3", "flac", "ogg", "opus", "webm", "live.webm", "mka", "aac", "ac3", "ts", "avi"];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "qwen-asr-joined-"));
  if (!hasFfmpeg) return;
  for (const [name, , codec] of KINDS) made.set(name, make(name, ...codec));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function make(name: string, ...codec: readonly string[]): Buffer {
  const path = join(folder, `one.${name}`);
  const tone = ["-f", "lavfi", "-i", "anoisesrc=d=0.4:r=32000:a=0.3:seed=1"];
  const { status, stderr } = spawnSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...tone, ...codec, path]);
  if (status !== 0) throw new Error(String(stderr));
  return readFileSync(path);
}

/** What a finder sees in pieces of `step` bytes. */
function pass(bytes: Uint8Array, step: number): Joined | undefined {
  const finder = new JoinedFinder();
  for (let at = 0; at < bytes.length; at += step) finder.push(bytes.subarray(at, at + step));
  finder.end();
  return finder.found;
}

/** In a pipe and in a file. */
async function find(bytes: Uint8Array): Promise<Joined | undefined> {
  const path = join(folder, "joined.bin");
  writeFileSync(path, bytes);
  const inFile = (await findJoined(path)).found;
  for (const step of [997, 65_536]) expect(pass(bytes, step)).toEqual(inFile);
  return inFile;
}

/** An ID3v2 frame in its tag. */
function id3(id: string, body: Uint8Array): Buffer {
  const size = (count: number) => [count >> 21 & 127, count >> 14 & 127, count >> 7 & 127, count & 127];
  const frame = Buffer.concat([Buffer.from(id), Buffer.from([...size(body.length), 0, 0]), body]);
  return Buffer.concat([Buffer.from("ID3\x04\0\0", "latin1"), Buffer.from(size(frame.length)), frame]);
}

const ID3V1 = Buffer.from("TAG" + "RIFF\0\0\0\0WAVEfmt ".padEnd(125, "\0"), "latin1");
const APE = Buffer.concat([
  Buffer.from("APETAGEX\xd0\x07\0\0\x28\0\0\0\x01\0\0\0\0\0\0\xa0\0\0\0\0\0\0\0\0", "latin1"),
  Buffer.from('fLaC\0\0\0"\0\0\0\0', "latin1").subarray(0, 8),
  Buffer.from("APETAGEX\xd0\x07\0\0\x28\0\0\0\x01\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\0", "latin1"),
]);

describeWhere(hasFfmpeg, "ffmpeg")("a file joined to another", () => {
  const containers = KINDS.filter(([name]) => name !== "wav");
  test.each(containers.map(([name, kind]) => [name, kind] as const))("after %s", async (name, kind) => {
    const first = made.get(name)!;
    for (const [other, otherKind] of KINDS) {
      if (otherKind === kind && GO_ON.includes(name)) continue;
      for (const between of [0, 4096]) {
        const found = await find(Buffer.concat([first, new Uint8Array(between), made.get(other)!]));
        expect(found).toEqual({ at: first.length + between, name: otherKind, after: kind });
      }
    }
  });

  test.each(GO_ON)("%s after itself is gone on with", async (name) => {
    const one = made.get(name)!;
    expect(await find(Buffer.concat([one, one, one]))).toBeUndefined();
  });

  test.each([["ogg", "opus"], ["opus", "ogg"], ["webm", "mka"], ["mka", "live.webm"]])(
    "%s and %s: other codecs",
    async (one, two) => {
      const found = await find(Buffer.concat([made.get(one)!, made.get(two)!]));
      expect(found?.at).toBe(made.get(one)!.length);
      expect(joinedLine(found!)).toMatch(/^another (Ogg|Matroska or WebM) follows at byte \d+, not read$/);
    },
  );

  test("tags between, which belong to what follows", async () => {
    const tagged = Buffer.concat([id3("APIC", new Uint8Array(70_000).fill(7)), made.get("mp3")!]);
    const flac = made.get("flac")!;
    expect(await find(Buffer.concat([flac, tagged]))).toEqual({ at: flac.length, name: "MP3", after: "FLAC" });
    const aac = Buffer.concat([id3("TIT2", Buffer.from("\0name")), made.get("aac")!]);
    expect((await find(Buffer.concat([aac, ID3V1, flac])))?.at).toBe(aac.length + 128);
  });
});

describeWhere(hasFfmpeg, "ffmpeg")("no false alarm", () => {
  test.each(KINDS.map(([name]) => name))("%s alone, with tags, padding, zeros, cut off, damaged", async (name) => {
    const whole = made.get(name)!;
    const damaged = Buffer.from(whole);
    for (let at = 700; at + 80 < damaged.length; at += 1500) damaged.fill(0x5a, at, at + 80);
    const beyond = [ID3V1, APE, Buffer.concat([APE, ID3V1]), new Uint8Array(50_000), new Uint8Array(3000).fill(0xff)];
    const endings = beyond.map((end) => Buffer.concat([whole, end]));
    for (const bytes of [whole, whole.subarray(0, whole.length * 0.6), damaged, ...endings]) {
      expect(await find(bytes)).toBeUndefined();
    }
  });

  test("other files inside: cover art, kept headers, attachments, names", async () => {
    const wavFile = made.get("wav")!;
    const mp3 = made.get("mp3")!;
    expect(await find(Buffer.concat([id3("GEOB", wavFile), mp3, ID3V1]))).toBeUndefined();
    expect(await find(Buffer.concat([id3("GEOB", made.get("flac")!), made.get("flac")!]))).toBeUndefined();
    const inFrame = Buffer.from(mp3);
    inFrame.set(wavFile.subarray(0, 60), 2000);
    expect(await find(inFrame)).toBeUndefined();
    const flac = made.get("flac")!;
    const kept = Buffer.concat([
      Buffer.from([2, 0, wavFile.length + 4 >> 8 & 255, wavFile.length + 4 & 255]),
      Buffer.from("riff"),
      wavFile,
    ]);
    kept[1] = wavFile.length + 4 >> 16;
    expect(await find(Buffer.concat([flac.subarray(0, 42), kept, flac.subarray(42)]))).toBeUndefined();
    const box = Buffer.concat([Buffer.alloc(4), Buffer.from("free"), made.get("m4a")!]);
    box.writeUInt32BE(box.length);
    expect(await find(Buffer.concat([made.get("m4a")!, box]))).toBeUndefined();
  });
});

describe("after the sound of a WAV", () => {
  const sound = Int16Array.from({ length: 16_000 }, (_, i) => 9000 * Math.sin(i / 7));
  const data = [...new Uint8Array(sound.buffer)];
  const flac = Buffer.concat([
    Buffer.from('fLaC\0\0\0"', "latin1"),
    Buffer.from(data.map((byte, i) => byte * i * 7 & 255)),
  ]);
  const read = (bytes: Uint8Array) => {
    const decoder = new WavDecoder("x");
    let count = 0;
    for (let at = 0; at < bytes.length; at += 4001) count += decoder.push(bytes.subarray(at, at + 4001)).length;
    return { count: count + decoder.end().length, warnings: decoder.warnings };
  };

  test.each([
    ["", wav(data)],
    [", after a LIST", Buffer.concat([wav(data), Uint8Array.from(chunk("LIST", text("INFOISFT\x04\0\0\0abc\0")))])],
    [
      ", of unknown size",
      (() => {
        const open = wav(data);
        open.fill(0xff, 40, 44);
        return open;
      })(),
    ],
  ])("a FLAC is no sound%s", (_, first) => {
    const { count, warnings } = read(Buffer.concat([first, flac]));
    expect(warnings).toEqual([`FLAC audio follows at byte ${first.length}, not read`]);
    expect(count).toBe(16_000);
  });

  test("an ID3 tag alone is no file", () => {
    expect(read(Buffer.concat([wav(data), id3("TIT2", Buffer.from("\0a name"))])).warnings).toEqual([]);
  });
});

describeWhere(hasFfmpeg, "ffmpeg")("said at the end", () => {
  test.each([["mp3", "wav"], ["flac", "mp3"], ["m4a", "flac"], ["wav", "m4a"]])(
    "%s and %s, file and pipe",
    async (one, two) => {
      const bytes = Buffer.concat([made.get(one)!, made.get(two)!]);
      const path = join(folder, `both.${one}`);
      writeFileSync(path, bytes);
      const kind = KINDS.find(([name]) => name === two)![1];
      const inputs = [
        { kind: "file", path } as const,
        { kind: "stream", name: "x", stream: new Blob([bytes]).stream() } as const,
      ];
      for (const input of inputs) {
        const audio = await readAudio(input);
        expect(audio.warnings).toEqual([`${kind} audio follows at byte ${made.get(one)!.length}, not read`]);
        expect(Math.abs(audio.durationSec - 0.4)).toBeLessThan(0.1);
        await audio.close();
      }
    },
  );

  test.each(["wav", "ogg", "flac"])("the last frame of a FLAC before %s is heard", async (two) => {
    const path = join(folder, "both.flac");
    writeFileSync(path, Buffer.concat([made.get("flac")!, made.get(two)!]));
    const audio = await readAudio({ kind: "file", path });
    expect(audio.durationSec).toBeCloseTo(two === "flac" ? 0.8 : 0.4, 3);
    await audio.close();
  });
});
