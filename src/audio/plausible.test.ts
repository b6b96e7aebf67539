import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { clips } from "../../tests/fixtures.ts";
import type { SampleFormat } from "./pcm.ts";
import { isBlank, judgeBytes } from "./plausible.ts";
import { floats, text } from "./wav_fixture.ts";

const PROSE = "Als Gregor Samsa eines Morgens aus unruhigen Träumen erwachte, fand er sich in seinem Bett. ".repeat(90);

/** Uniform in [0, 1), the same every time. */
function generator(): () => number {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

function s16(count: number, sample: (i: number) => number): Uint8Array {
  const rounded = Int16Array.from(
    { length: count },
    (_, i) => Math.max(-32768, Math.min(32767, Math.round(sample(i) * 32768))),
  );
  return new Uint8Array(rounded.buffer);
}

describe("sound is taken for sound", () => {
  test("every clip, at gains from -60 to 20 dB, from any even offset", () => {
    for (const { wav } of clips()) {
      const samples = new Int16Array(readFileSync(wav).subarray(44).slice().buffer);
      for (let gain = -60; gain <= 20; gain += 10) {
        const bytes = s16(Math.min(samples.length, 160_000), (i) => samples[i]! / 32768 * 10 ** (gain / 20));
        for (let at = 0; at < bytes.length; at += 7998) {
          const verdict = judgeBytes(bytes.subarray(at, at + 16_000), "s16le", 1);
          expect(["samples", "blank"]).toContain(verdict);
        }
      }
    }
  });

  test.each<[string, (i: number) => number]>([
    ["a loud tone", (i) => Math.sin(i / 3)],
    ["a clipped tone", (i) => 9 * Math.sin(i / 40)],
    ["one click", (i) => i === 5000 ? 0.9 : 0],
    ["a constant offset", () => 0.3],
    ["dither", (i) => (i * 7 % 3 - 1) / 32768],
  ])("%s", (_name, sample) => {
    expect(["samples", "blank"]).toContain(judgeBytes(s16(8000, sample), "s16le", 1));
  });

  test("loud noise, clipped noise, very few samples", () => {
    const random = generator();
    const gauss = () => Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
    for (const level of [0.001, 0.1, 0.3, 3]) {
      expect(judgeBytes(s16(8000, () => level * gauss()), "s16le", 1)).toBe("samples");
    }
    expect(judgeBytes(Uint8Array.of(1, 2), "s16le", 1)).toBe("samples");
    expect(judgeBytes(new Uint8Array(0), "s16le", 1)).toBe("samples");
  });
});

describe("no sound", () => {
  const zip = gzipSync(Uint8Array.from({ length: 400_000 }, (_, i) => (i * i >> 3) % 251 ^ (i >> 9)));
  test.each<SampleFormat>(["s16le", "s16be", "s24le", "s32le", "f16le", "f32le", "f64be", "u8"])(
    "random and compressed bytes as %s",
    (format) => {
      const random = generator();
      const bytes = Uint8Array.from({ length: 16_384 }, () => 256 * random());
      expect(judgeBytes(bytes, format, 1)).toBe("dense");
    },
  );

  test("a compressed file, wherever it is cut", () => {
    expect(zip.length).toBeGreaterThan(20_000);
    for (let at = 1024; at + 16_000 < zip.length; at += 6002) {
      expect(judgeBytes(zip.subarray(at, at + 16_000), "s16le", 1)).toBe("dense");
    }
  });

  test.each(["utf-8", "latin1"] as const)("prose in %s", (encoding) => {
    expect(judgeBytes(Buffer.from(PROSE, encoding), "s16le", 1)).toBe("text");
  });

  test("source code, markup, numbers as text", () => {
    const markup = '<cue start="00:00:01.000"><v Roger>We are in New York City</v></cue>\n'.repeat(100);
    expect(judgeBytes(Uint8Array.from(text(markup)), "s16le", 1)).toBe("text");
    expect(judgeBytes(Uint8Array.from(text("for (let i = 0; i < 9; i++) sum += rows[i];\n".repeat(90))), "s16le", 1))
      .toBe("text");
  });
});

test("float samples of any scale are sound", () => {
  for (const scale of [1e-6, 1, 32768, 2 ** 30]) {
    const values = Array.from({ length: 2000 }, (_, i) => scale * Math.sin(i / 5));
    expect(judgeBytes(Uint8Array.from(floats(values, 32)), "f32le", 1)).toBe("samples");
  }
});

test("blank bytes", () => {
  expect(isBlank(new Uint8Array(200_000), 0)).toBe(true);
  expect(isBlank(new Uint8Array(200_000).fill(7), 7)).toBe(true);
  expect(isBlank(new Uint8Array(200_000).fill(1, 199_999), 0)).toBe(false);
  expect(judgeBytes(new Uint8Array(50).fill(0xff), "s16le", 1)).toBe("blank");
});
