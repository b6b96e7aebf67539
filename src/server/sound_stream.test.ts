import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { hear } from "../audio/hear_fixture.ts";
import { ffmpeg, hasFfmpeg, testWhere } from "../../tests/support/where.ts";
import { SoundStream } from "./sound_stream.ts";

const folder = mkdtempSync(join(tmpdir(), "qwen-asr-sound-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** All that comes of the bytes in pieces of these sizes, again and again. */
function heard(bytes: Uint8Array, sizes: readonly number[], rate = 16_000): { samples: number[]; losses: string[] } {
  const stream = new SoundStream(rate);
  const samples: number[] = [];
  const take = (pieces: Iterable<Float32Array>) => {
    for (const piece of pieces) samples.push(...piece);
  };
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length]!;
    take(stream.push(bytes.subarray(at, at + size)));
    at += size;
  }
  take(stream.end());
  return { samples, losses: [...stream.losses] };
}

const cuts = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 8 });

test("bare samples, cut anywhere, and fewer than tell what they are", () => {
  const bytes = new Uint8Array(Int16Array.from({ length: 5000 }, (_, at) => (at * 733) % 20_011 - 10_000).buffer);
  const whole = heard(bytes, [bytes.length], 24_000).samples;
  expect(whole.length).toBeCloseTo(3333, -1);
  fc.assert(fc.property(cuts, (sizes) => expect(heard(bytes, sizes, 24_000).samples).toEqual(whole)), { numRuns: 30 });
  for (let count = 0; count < 14; count++) {
    expect(heard(bytes.subarray(0, count), [1]).samples).toHaveLength(count >> 1);
  }
});

// As a browser's recorder writes it, no cluster knows its size.
const containers: readonly (readonly [string, readonly string[]])[] = [
  ["live.webm", ["-c:a", "libopus", "-live", "1", "-cluster_time_limit", "200", "-f", "webm"]],
  ["live.mp4", ["-c:a", "aac", "-movflags", "empty_moov+default_base_moof", "-frag_duration", "200000"]],
  ["talk.ogg", ["-c:a", "libopus", "-page_duration", "100000"]],
  ["talk.flac", []],
  ["talk.wav", []],
];
for (const [name, args] of containers) {
  testWhere(hasFfmpeg, "ffmpeg")(`${name}: the samples of the file, cut anywhere`, async () => {
    const path = make(name, args);
    const whole = [...(await hear(path)).samples];
    const bytes = readFileSync(path);
    fc.assert(
      fc.property(cuts, (sizes) => {
        const { samples, losses } = heard(bytes, sizes);
        expect(losses).toEqual([]);
        expect(samples).toEqual(whole);
      }),
      { numRuns: 8 },
    );
    const cut = heard(bytes.subarray(0, bytes.length * 0.7), [999]);
    expect(cut.samples.length).toBeGreaterThan(whole.length * 0.5);
    expect(cut.samples.length).toBeLessThan(whole.length);
  });
}

test("what is damaged or not decoded is refused, and says why", () => {
  const ebml = [0x1a, 0x45, 0xdf, 0xa3];
  const refusal = (bytes: readonly number[]) => {
    try {
      return heard(Uint8Array.from(bytes), [7]);
    } catch (error) {
      return error;
    }
  };
  expect(refusal([...ebml, ...new Array<number>(100).fill(0)])).toMatchObject({
    message: "the sound: is damaged: no audio is found in it",
  });
  const track = [0xd7, 0x81, 1, 0x83, 0x81, 2, 0x86, 0x85, ...Buffer.from("A_AC3")];
  const tracks = [0x16, 0x54, 0xae, 0x6b, 0x80 + track.length + 2, 0xae, 0x80 + track.length, ...track];
  expect(refusal([...ebml, 0x80, ...tracks])).toMatchObject({
    status: 415,
    message: "Matroska AC3 audio is not decoded in streams: send samples, WebM, Ogg or fragmented MP4",
  });
});

function make(name: string, args: readonly string[]): string {
  const path = join(folder, name);
  const sound = ["-f", "lavfi", "-i", "sine=frequency=300:duration=1.5:sample_rate=48000"];
  const { status, stderr } = spawnSync(ffmpeg!, ["-nostdin", "-v", "error", "-y", ...sound, ...args, path]);
  if (status !== 0) throw new Error(String(stderr));
  return path;
}
