import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { InputError } from "../errors.ts";
import { WavDecoder } from "./wav.ts";
import { WavCodecError } from "./wav_format.ts";
import { chunk, extensible, floats, formatBody, le, riff, s16, text, w64, w64Chunk, wav } from "./wav_fixture.ts";

/** Samples times 32768, so that 16-bit expectations read as they were written. */
function read(bytes: Uint8Array, cut = bytes.length): { values: number[]; warnings: string[]; decoder: WavDecoder } {
  const decoder = new WavDecoder("x.wav");
  const values: number[] = [];
  for (let at = 0; at < bytes.length; at += cut) values.push(...decoder.push(bytes.subarray(at, at + cut)));
  values.push(...decoder.end());
  return { values: values.map((value) => value * 32768), warnings: decoder.warnings, decoder };
}

function failure(bytes: Uint8Array): InputError {
  try {
    read(bytes);
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error("it was read");
}

const FMT = chunk("fmt ", formatBody());
const SAMPLES = [1, -2, 300, -32768, 32767];
const DATA = chunk("data", s16(...SAMPLES));

describe("sample formats", () => {
  test.each([
    ["8 bit", wav([0, 128, 255], { bits: 8 }), [-32768, 0, 32512], "WAV, 8-bit PCM"],
    ["16 bit", wav(s16(...SAMPLES)), SAMPLES, "WAV, 16-bit PCM"],
    ["12 bit in 2 bytes", wav(s16(16, -32), { bits: 12 }), [16, -32], "WAV, 12-bit PCM"],
    ["24 bit", wav([0, 0, 0x80, 0, 1, 0], { bits: 24 }), [-32768, 1], "WAV, 24-bit PCM"],
    ["24 bit in 4 bytes", wav([0, 0, 0, 0x80, 0, 0, 1, 0], { bits: 24, block: 4 }), [-32768, 1], "WAV, 24-bit PCM"],
    ["32 bit", wav([0, 0, 0, 0x80, 0, 0, 1, 0], { bits: 32 }), [-32768, 1], "WAV, 32-bit PCM"],
    ["float", wav(floats([0.5, -2], 32), { tag: 3, bits: 32 }), [16384, -65536], "WAV, 32-bit float"],
    ["half float", wav([0x00, 0x38, 0x00, 0xc0], { tag: 3, bits: 16 }), [16384, -65536], "WAV, 16-bit float"],
    ["double", wav(floats([0.5, -2], 64), { tag: 3, bits: 64 }), [16384, -65536], "WAV, 64-bit float"],
    ["A-law", wav([0xd5, 0xaa], { tag: 6, bits: 8 }), [8, 32256], "WAV, A-law"],
    ["µ-law", wav([0xfe, 0x00], { tag: 7, bits: 8 }), [8, -32124], "WAV, µ-law"],
    ["A-law that says 16 bits", wav([0xd5, 0xaa], { tag: 6, bits: 16, block: 1 }), [8, 32256], "WAV, A-law"],
    [
      "extensible PCM",
      wav(s16(...SAMPLES), { tag: 0xfffe, extra: extensible(1, 16) }),
      SAMPLES,
      "WAV, 16-bit PCM",
    ],
    [
      "extensible float",
      wav(floats([0.25], 32), { tag: 0xfffe, bits: 32, extra: extensible(3, 32) }),
      [8192],
      "WAV, 32-bit float",
    ],
    ["extensible µ-law", wav([0xfe], { tag: 0xfffe, bits: 8, extra: extensible(7, 8) }), [8], "WAV, µ-law"],
  ])("%s", (_name, bytes, expected, format) => {
    const { values, warnings, decoder } = read(bytes);
    expect(values).toEqual([...expected]);
    expect(warnings).toEqual([]);
    expect(decoder.info?.format).toBe(format);
  });

  test("channels are averaged, rate and channels are told", () => {
    const { values, decoder } = read(wav(s16(10, 20, -3, -4), { channels: 2, rate: 44_100 }));
    expect(values).toEqual([15, -3.5]);
    expect(decoder.info).toEqual({ rate: 44_100, channels: 2, format: "WAV, 16-bit PCM" });
  });

  test("more channels with places are mixed centre first, without them averaged", () => {
    const frame = s16(0, 0, 3414, 9999, 0, 0);
    const places = { tag: 0xfffe, channels: 6, extra: extensible(1, 16, 0x3f) };
    expect(read(wav(frame, places)).values[0]).toBeCloseTo(1000, 0);
    expect(read(wav(frame, { channels: 6 })).values[0]).toBeCloseTo((3414 + 9999) / 6, 2);
    expect(read(wav(s16(0, 900, 0), { ...places, channels: 3, extra: extensible(1, 16, 0xb) })).values[0])
      .toBeCloseTo(450, 2);
  });

  test("NaN samples are 0, with a warning", () => {
    const { values, warnings } = read(wav(floats([NaN, 0.5, Infinity], 32), { tag: 3, bits: 32 }));
    expect(values).toEqual([0, 16384, 0]);
    expect(warnings).toEqual(["2 samples are not finite numbers, read as 0"]);
  });

  test("a wrong block align is ignored, with a warning", () => {
    for (const block of [0, 1, 4, 999]) {
      const { values, warnings } = read(wav(s16(...SAMPLES), { block }));
      expect(values).toEqual(SAMPLES);
      expect(warnings).toEqual([`WAV block align is ${block}, not 2; read as 2`]);
    }
  });
});

describe("layout", () => {
  const noise = (length: number) => Array.from({ length }, (_, i) => i % 251);
  test.each([
    ["junk of any size and place", [
      ...chunk("JUNK", noise(27)),
      ...chunk("bext", noise(602)),
      ...FMT,
      ...chunk("FLLR", noise(4044)),
      ...chunk("LIST", noise(5001)),
      ...DATA,
      ...chunk("id3 ", noise(99)),
    ]],
    ["a pad byte left out", [...text("JUNK"), ...le(3, 4), 1, 2, 3, ...FMT, ...DATA]],
    ["empty chunks", [...chunk("JUNK", []), ...FMT, ...chunk("LIST", []), ...DATA]],
    ["a long fmt chunk", [...chunk("fmt ", formatBody({ extra: noise(101) })), ...DATA]],
    ["garbage after the data", [...FMT, ...DATA, 0xff, 0xfe, ...noise(33)]],
    ["a chunk past the end after the data", [...FMT, ...DATA, ...chunk("LIST", [1, 2], 4_000_000_000)]],
    ["data in two chunks", [...FMT, ...chunk("data", s16(1, -2)), ...chunk("data", s16(...SAMPLES.slice(2)))]],
    [
      "a partial frame before another data chunk",
      [...FMT, ...chunk("data", [...s16(1, -2), 77]), ...chunk("data", s16(...SAMPLES.slice(2)))],
    ],
  ])("%s", (_name, chunks) => {
    expect(read(riff(chunks)).values).toEqual(SAMPLES);
    expect(read(riff(chunks), 1).values).toEqual(SAMPLES);
    expect(read(riff(chunks)).warnings).toEqual([]);
  });

  test("the RIFF size does not matter", () => {
    for (const size of [0, 36, 0xffff_ffff]) {
      expect(read(riff([...FMT, ...DATA], "RIFF", size)).values).toEqual(SAMPLES);
    }
  });

  test("a second fmt chunk is ignored, with a warning", () => {
    const { values, warnings } = read(riff([...FMT, ...chunk("fmt ", formatBody({ bits: 8 })), ...DATA]));
    expect(values).toEqual(SAMPLES);
    expect(warnings).toEqual(["WAV has a second fmt chunk at byte 36, ignored"]);
  });

  test("an odd number of 8-bit samples before another chunk", () => {
    const bytes = riff([
      ...chunk("fmt ", formatBody({ bits: 8 })),
      ...chunk("data", [0, 64, 128]),
      ...chunk("LIST", [1]),
    ]);
    expect(read(bytes).values).toEqual([-32768, -16384, 0]);
  });
});

describe("streams and cut files", () => {
  test.each([0, 0xffff_ffff, 0xffff_ffdb, 0x7fff_f000, 0x7fff_ffff, 0x8000_0000])(
    "data size %i means until the end",
    (size) => {
      const { values, warnings } = read(riff([...FMT, ...chunk("data", s16(...SAMPLES), size)]));
      expect(values).toEqual(SAMPLES);
      expect(warnings).toEqual([]);
    },
  );

  test("data size 0 with fewer bytes than a chunk header", () => {
    expect(read(riff([...FMT, ...chunk("data", s16(7), 0)])).values).toEqual([7]);
    expect(read(riff([...FMT, ...chunk("data", [1], 0)])).values).toEqual([1]);
  });

  test("a header without samples is no samples", () => {
    expect(read(riff([...FMT, ...chunk("data", [])])).values).toEqual([]);
    expect(read(riff([...FMT, ...chunk("data", []), ...chunk("LIST", text("INFOabcd"))])).values).toEqual([]);
    expect(read(riff([...FMT, ...chunk("data", []), ...DATA])).values).toEqual(SAMPLES);
  });

  test("cut data gives what is there, with a warning", () => {
    const { values, warnings } = read(riff([...FMT, ...chunk("data", s16(...SAMPLES), 64_000)]));
    expect(values).toEqual(SAMPLES);
    expect(warnings).toEqual(["WAV data is cut short: 0.0 s of the 2.0 s in its header"]);
    expect(read(wav(s16(...SAMPLES)).subarray(0, 51)).values).toEqual(SAMPLES.slice(0, 3));
  });
});

describe("RF64 and W64", () => {
  const ds64 = (dataBytes: number) => chunk("ds64", [...le(0, 8), ...le(dataBytes, 8), ...le(0, 8), ...le(0, 4)]);
  const open = chunk("data", s16(...SAMPLES), 0xffff_ffff);
  test.each(["RF64", "BW64"])("%s", (form) => {
    const after = chunk("LIST", [1, 2, 3, 4]);
    expect(read(riff([...ds64(10), ...FMT, ...open, ...after], form)).values).toEqual(SAMPLES);
    expect(read(riff([...ds64(0), ...FMT, ...open], form)).values).toEqual(SAMPLES);
    expect(read(riff([...FMT, ...open], form)).values).toEqual(SAMPLES);
    expect(read(riff([...chunk("ds64", [1, 2]), ...FMT, ...open], form)).values).toEqual(SAMPLES);
    expect(read(riff([...ds64(2 ** 40), ...FMT, ...open], form)).warnings[0]).toStartWith("WAV data is cut short");
  });

  const fmt = w64Chunk("fmt ", formatBody());
  test.each([
    ["plain", [...fmt, ...w64Chunk("data", s16(...SAMPLES))]],
    ["junk before and after", [
      ...w64Chunk("junk", [1, 2, 3]),
      ...fmt,
      ...w64Chunk("data", s16(...SAMPLES)),
      ...w64Chunk("list", [1, 2, 3, 4, 5]),
    ]],
    ["size never written", [...fmt, ...w64Chunk("data", s16(...SAMPLES), 2 ** 63 - 1024).slice(0, -6)]],
    ["size 0", [...fmt, ...w64Chunk("data", s16(...SAMPLES), 0).slice(0, -6)]],
    ["size of the header alone", [...fmt, ...w64Chunk("data", s16(...SAMPLES), 24).slice(0, -6)]],
  ])("W64: %s", (_name, chunks) => {
    expect(read(w64(chunks)).values).toEqual(SAMPLES);
    expect(read(w64(chunks), 1).values).toEqual(SAMPLES);
  });

  test("W64: no samples, then another chunk", () => {
    expect(read(w64([...fmt, ...w64Chunk("data", []), ...w64Chunk("list", [1])])).values).toEqual([]);
  });

  test("W64: a chunk smaller than its header", () => {
    expect(failure(w64([...w64Chunk("junk", [], 5), ...fmt])).message)
      .toBe("x.wav: WAV chunk at byte 40 is 5 bytes, smaller than its own header");
  });
});

describe("refused with one line", () => {
  test.each([
    ["rate 0", wav([0, 0], { rate: 0 }), "WAV sample rate is 0 Hz"],
    ["rate 1", wav([0, 0], { rate: 1 }), "WAV sample rate is 1 Hz, outside 1000 to 768000 Hz"],
    ["rate 2^32-1", wav([0, 0], { rate: 2 ** 32 - 1 }), "WAV sample rate is 4294967295 Hz, outside 1000 to 768000 Hz"],
    ["no channels", wav([0, 0], { channels: 0, block: 2 }), "WAV has 0 channels"],
    ["no fmt", riff(chunk("JUNK", [1, 2])), "WAV has no fmt chunk"],
    ["fmt after data", riff([...DATA, ...FMT]), "WAV data chunk at byte 12 comes before its fmt chunk"],
    ["no data", riff(FMT), "WAV has no data chunk"],
    [
      "a short fmt chunk",
      riff([...chunk("fmt ", formatBody().slice(0, 14)), ...DATA]),
      "WAV fmt chunk is 14 bytes, fewer than 16",
    ],
    ["an empty fmt chunk", riff([...chunk("fmt ", []), ...DATA]), "WAV fmt chunk is 0 bytes, fewer than 16"],
    [
      "fmt cut at the end",
      riff(FMT).subarray(0, 30),
      'WAV has no fmt chunk: it ends inside the 16-byte chunk "fmt" at byte 12',
    ],
    [
      "a chunk past the end",
      riff([...FMT, ...chunk("LIST", [1, 2], 5000)]),
      'WAV has no data chunk: it ends inside the 5000-byte chunk "LIST" at byte 36',
    ],
    [
      "an unprintable chunk past the end",
      riff(chunk("\n\0\x1bZ", [], 9)),
      'WAV has no fmt chunk: it ends inside the 9-byte chunk "???Z" at byte 12',
    ],
    ["a cut header", riff([]).subarray(0, 7), "WAV header is cut short after 7 bytes"],
    ["a cut chunk header", riff([...FMT, ...DATA]).subarray(0, 41), "WAV has no data chunk"],
    ["another RIFF form", riff(FMT).fill(0x41, 8, 12), "WAV header is damaged: no RIFF/WAVE at its start"],
    ["a W64 with a damaged GUID", w64([]).fill(1, 4, 8), "WAV header is damaged: no RIFF/WAVE at its start"],
    [
      "a short extensible fmt",
      wav([0, 0], { tag: 0xfffe, extra: extensible(1, 16).slice(0, 6) }),
      "WAV extensible fmt chunk is 22 bytes, fewer than 40",
    ],
  ])("%s", (_name, bytes, message) => {
    expect(failure(bytes).message).toBe(`x.wav: ${message}`);
  });

  test.each([
    [wav([0], { tag: 2, bits: 4 }), "WAV holds Microsoft ADPCM (format 0x0002), not PCM"],
    [wav([0], { tag: 0x11, bits: 4 }), "WAV holds IMA ADPCM (format 0x0011), not PCM"],
    [wav([0], { tag: 0x31, bits: 0 }), "WAV holds GSM 6.10 (format 0x0031), not PCM"],
    [wav([0], { tag: 0x55, bits: 0 }), "WAV holds MP3 (format 0x0055), not PCM"],
    [wav([0], { tag: 0xabcd }), "WAV holds an unknown format (format 0xabcd), not PCM"],
    [wav([0], { bits: 0 }), "WAV has 0 bits per PCM sample, not 1 to 32"],
    [wav([0], { bits: 64 }), "WAV has 64 bits per PCM sample, not 1 to 32"],
    [wav([0], { tag: 3, bits: 24 }), "WAV holds 24-bit float samples, not 16, 32 or 64"],
    [
      wav([0], { tag: 0xfffe, extra: extensible(1, 16).fill(0xee, 10) }),
      "WAV holds audio of the unknown sub-format 0100eeeeeeeeeeeeeeeeeeeeeeeeeeee",
    ],
  ])("formats that are not PCM (%#)", (bytes, message) => {
    const error = failure(bytes);
    expect(error).toBeInstanceOf(WavCodecError);
    expect(error.message).toBe(`x.wav: ${message}`);
    expect(error.hint).toContain("ffmpeg");
  });
});

/** Speech-like 16-bit samples: slow waves that come and go. Never blank, never dense. */
function sound(count: number, from = 0): number[] {
  const wave = (i: number) => Math.round(9000 * Math.sin(i / 7) * Math.sin(i / 900) + 400 * Math.sin(i / 3) + 11);
  return Array.from({ length: count }, (_, i) => wave(from + i));
}

/** A file of that many random bytes, the same every time. */
function dense(count: number): number[] {
  let state = 12_345;
  return Array.from({ length: count }, () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) >> 16 & 0xff);
}

const PROSE = text("It was a bright cold day in April, and the clocks were striking thirteen. ".repeat(60));

describe("sound that the header does not count", () => {
  const all = sound(9000);
  const stated = (size: number, body: readonly number[] = s16(...all)) => chunk("data", body, size);
  const ds64 = (dataBytes: number) => chunk("ds64", [...le(0, 8), ...le(dataBytes, 8), ...le(0, 8), ...le(0, 4)]);
  const three = chunk("fmt ", formatBody({ bits: 24, channels: 3 }));
  const bytes24 = all.flatMap((value) => [0, ...s16(value)]);
  test.each([
    ["a recorder that died", riff([...FMT, ...stated(6000)]), all],
    ["an odd size", riff([...FMT, ...stated(6001)]), all],
    ["ds64 too small", riff([...ds64(4000), ...FMT, ...stated(0xffff_ffff)], "RF64"), all],
    ["W64", w64([...w64Chunk("fmt ", formatBody()), ...w64Chunk("data", s16(...all), 5024)]), all],
    [
      "a size that wrapped in the middle of a frame",
      riff([...three, ...chunk("data", bytes24, 9 * 500 + 4)]),
      undefined,
    ],
    [
      "silence before it goes on",
      riff([...FMT, ...stated(200, s16(...all.slice(0, 100), ...new Array(20_000).fill(0), ...all))]),
      [
        ...all.slice(0, 100),
        ...new Array(20_000).fill(0),
        ...all,
      ],
    ],
  ])("%s", (_name, bytes, expected) => {
    const { values, warnings } = read(bytes);
    if (expected) expect(values).toEqual(expected);
    else expect(values).toHaveLength(3000);
    expect(read(bytes, 777).values).toEqual(values);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^WAV holds [0-9.]+ s, not the [0-9.]+ s in its header: all is read$/);
  });

  test("half a second that the header does not count is told to a tenth", () => {
    expect(read(riff([...FMT, ...stated(2000)])).warnings).toEqual([
      "WAV holds 0.6 s, not the 0.1 s in its header: all is read",
    ]);
  });

  test("WAVs that were joined are heard one after the other", () => {
    const [a, b] = [sound(3000), sound(2500, 5000)];
    const stream = riff([...FMT, ...chunk("data", s16(...a), 0xffff_ffff)]);
    const joins: [Uint8Array[], number[]][] = [
      [[wav(s16(...a)), wav(s16(...b)), wav(s16(...a))], [...a, ...b, ...a]],
      [[stream, stream], [...a, ...a]],
      [[wav(s16(...a)), w64([...w64Chunk("fmt ", formatBody()), ...w64Chunk("data", s16(...b))])], [...a, ...b]],
      [[wav(s16(...a)), wav(floats(b.map((value) => value / 32768), 32), { tag: 3, bits: 32 })], [...a, ...b]],
      [[riff([...FMT, ...chunk("data", s16(...a)), ...chunk("LIST", [1, 2, 3])]), wav(s16(...b))], [...a, ...b]],
    ];
    for (const [files, expected] of joins) {
      const bytes = Buffer.concat(files);
      expect(read(bytes).values).toEqual(expected);
      expect(read(bytes, 61).values).toEqual(expected);
      expect(read(bytes).warnings).toEqual([]);
    }
    const cut = Buffer.concat([wav(s16(...sound(40_000))).subarray(0, 44 + 6000), wav(s16(...b))]);
    expect(read(cut).values).toEqual([...a, ...b]);
    expect(read(cut).warnings).toEqual(["WAV data is cut short: 0.2 s of the 2.5 s in its header"]);
  });

  test("a joined WAV at another rate or that cannot be read gets a line", () => {
    const first = wav(s16(...all));
    const lines = (second: Uint8Array) => read(Buffer.concat([first, second]));
    expect(lines(wav(s16(1), { rate: 8000 })).values).toEqual(all);
    expect(lines(wav(s16(1), { rate: 8000 })).warnings).toEqual([
      "another WAV follows at byte 18044, not read: its rate is 8000 Hz, not 16000 Hz",
    ]);
    expect(lines(wav([0], { tag: 0x11, bits: 4 })).warnings).toEqual([
      "another WAV follows at byte 18044, not read: the WAV holds IMA ADPCM (format 0x0011), not PCM",
    ]);
    expect(lines(wav(s16(1), { rate: 0 })).warnings[0]).toContain("sample rate is 0 Hz");
  });

  test("what is no sound after the data is left, with a line", () => {
    const data = chunk("data", s16(...all));
    const line = "WAV: what follows its sound from byte 18044 on is not read";
    for (const tail of [PROSE, dense(20_000), [...new Array(5000).fill(0), ...dense(15_000)]]) {
      const { values, warnings } = read(riff([...FMT, ...data, ...tail]));
      expect(values).toEqual(all);
      expect(warnings.map((text) => text.replace("23044", "18044"))).toEqual([line]);
    }
    for (const value of [0, 0xff, 0x20]) {
      const { values, warnings, decoder } = read(riff([...FMT, ...data, ...new Array(70_000).fill(value)]));
      expect(values).toEqual(all);
      expect(warnings).toEqual([]);
      expect(decoder.info?.rate).toBe(16_000);
    }
  });

  test("a gigabyte of zeros after the data, or in place of chunks, is skipped at the speed of memory", () => {
    const zeros = new Uint8Array(1 << 20);
    for (const start of [riff([...FMT, ...DATA]), riff([...FMT, ...DATA, ...chunk("LIST", [1, 2])]), riff(FMT)]) {
      const decoder = new WavDecoder("x.wav");
      let count = decoder.push(start).length;
      const startMs = performance.now();
      for (let i = 0; i < 1024; i++) count += decoder.push(zeros).length;
      expect(performance.now() - startMs).toBeLessThan(5000);
      if (count > 0) expect(count + decoder.end().length).toBe(SAMPLES.length);
      else expect(() => decoder.end()).toThrow("has no data chunk");
    }
  });

  test("a blank end that is known ends the reading", () => {
    const bytes = riff([...FMT, ...chunk("data", [...s16(...all), ...new Array(50_000).fill(0)], 0)]);
    const decoder = new WavDecoder("x.wav", 44 + 18_000);
    expect([...decoder.push(bytes), ...decoder.end()].map((value) => value * 32768)).toEqual(all);
    expect(decoder.isDone).toBe(true);
  });
});

test("sizes that are off by a little are told as they are", () => {
  const says = (bytes: number) => read(riff([...FMT, ...chunk("data", s16(...SAMPLES), 10 + bytes)])).warnings;
  expect(says(44)).toEqual(["WAV data size counts the 44 bytes of its header too; nothing is missing"]);
  expect(says(8)).toEqual(["WAV data is 8 bytes shorter than its header says"]);
  expect(says(1)).toEqual(["WAV data is 1 byte shorter than its header says"]);
  expect(says(3200)).toEqual(["WAV data is cut short: 0.00 s of the 0.10 s in its header"]);
});

test("the cuts of the byte stream do not matter", () => {
  const files = [
    riff([...chunk("JUNK", [1, 2, 3]), ...FMT, ...DATA, ...chunk("LIST", [1, 2, 3])]),
    wav(s16(...Array.from({ length: 60 }, (_, i) => i * 99)), { channels: 3, bits: 16 }),
    wav(floats([0.1, NaN, -0.3, 0.7], 64), { tag: 3, bits: 64 }),
    w64([...w64Chunk("fmt ", formatBody()), ...w64Chunk("data", s16(...SAMPLES))]),
  ];
  const lengths = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 60 });
  fc.assert(fc.property(fc.constantFrom(...files), lengths, (file, cuts) => {
    const decoder = new WavDecoder("x.wav");
    const values: number[] = [];
    let at = 0;
    for (const length of cuts) values.push(...decoder.push(file.subarray(at, at += length)));
    values.push(...decoder.push(file.subarray(at)), ...decoder.end());
    expect(values.map((value) => value * 32768)).toEqual(read(file).values);
  }));
});
