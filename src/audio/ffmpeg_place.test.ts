import { expect, test } from "bun:test";
import { placed } from "./ffmpeg_place.ts";
import { chunk, formatBody, riff, s16 } from "./wav_fixture.ts";

const sound = s16(1, 2, 3, 4, 5, 6);
const file = riff([...chunk("fmt ", formatBody()), ...chunk("LIST", [1, 2, 3]), ...chunk("data", sound)]);
const header = file.subarray(0, file.length - sound.length);

async function place(bytes: Uint8Array, step: number, frames: number): Promise<Buffer> {
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += step) yield await Promise.resolve(bytes.subarray(at, at + step));
  }
  const out: Uint8Array[] = [];
  for await (const piece of placed(pieces(), Promise.resolve(frames))) out.push(piece);
  return Buffer.concat(out);
}

test("silence in front, as much of it as said, or less sound, in whatever pieces", async () => {
  for (const step of [1, 7, 1000]) {
    expect(await place(file, step, 0)).toEqual(Buffer.from(file));
    for (const frames of [3, 40_000]) {
      expect(await place(file, step, frames)).toEqual(
        Buffer.concat([header, new Uint8Array(2 * frames), Uint8Array.from(sound)]),
      );
    }
    expect(await place(file, step, -2)).toEqual(Buffer.concat([header, Uint8Array.from(sound.slice(4))]));
    expect(await place(file, step, -20)).toEqual(Buffer.from(header));
  }
});

test("what has no sound stays as it is", async () => {
  expect(await place(file.subarray(0, 30), 7, 5)).toEqual(Buffer.from(file.subarray(0, 30)));
  expect(await place(new Uint8Array(0), 1, 5)).toHaveLength(0);
});
