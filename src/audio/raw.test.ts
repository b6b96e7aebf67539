import { describe, expect, test } from "bun:test";
import { InputError } from "../errors.ts";
import { RAW_DEFAULT, RawDecoder } from "./raw.ts";

describe("raw", () => {
  test("16-bit little-endian mono by default", () => {
    const decoder = new RawDecoder("x.pcm");
    expect(decoder.info).toEqual({ rate: 16_000, channels: 1, format: "raw s16le" });
    expect([...decoder.push(Uint8Array.of(0, 0x80, 0))]).toEqual([-1]);
    expect([...decoder.push(Uint8Array.of(0x40))]).toEqual([0.5]);
    expect([...decoder.end()]).toEqual([]);
    expect(decoder.warnings).toEqual([]);
  });

  test("another layout, and bytes left over", () => {
    const decoder = new RawDecoder("x.pcm", { format: "s24be", rate: 8000, channels: 2 });
    expect([...decoder.push(Uint8Array.of(0x40, 0, 0, 0x20, 0, 0, 1, 2, 3, 4))]).toEqual([0.375]);
    decoder.end();
    expect(decoder.warnings).toEqual(["raw audio ends inside a frame: 4 bytes left over"]);
  });

  test.each([
    [{ rate: 0 }, "x.pcm: raw audio sample rate is 0 Hz"],
    [{ rate: 10 }, "x.pcm: raw audio sample rate is 10 Hz, outside 1000 to 768000 Hz"],
    [{ rate: 16_000.5 }, "x.pcm: raw audio sample rate is 16000.5 Hz, outside 1000 to 768000 Hz"],
    [{ rate: NaN }, "x.pcm: raw audio sample rate is NaN Hz, outside 1000 to 768000 Hz"],
    [{ channels: 0 }, "x.pcm: raw audio has 0 channels"],
    [{ channels: 1e9 }, "x.pcm: raw audio has 1000000000 channels, outside 1 to 65535"],
    [{ channels: -1 }, "x.pcm: raw audio has -1 channels, outside 1 to 65535"],
  ])("%o is refused", (part, message) => {
    expect(() => new RawDecoder("x.pcm", { ...RAW_DEFAULT, ...part })).toThrow(new InputError(message));
  });
});
