import { describe, expect, test } from "bun:test";
import { sniff } from "./sniff.ts";
import { le, s16, text, w64, wav } from "./wav_fixture.ts";

function bytes(...parts: (string | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => typeof part === "string" ? text(part) : part));
}

const ZEROS = new Array(600).fill(0);
/** MPEG 1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes a frame. */
const MP3_FRAME = [0xff, 0xfb, 0x90, 0x64, ...new Array(413).fill(0x55)];
/** ADTS frame of 100 bytes. */
const ADTS_FRAME = [0xff, 0xf1, 0x50, 0x80, 100 >> 3, (100 & 7) << 5 | 0x1f, 0xfc, ...new Array(93).fill(0x21)];

describe("audio", () => {
  test.each([
    ["RIFF", wav([0, 0])],
    ["cut RIFF", bytes("RIFF", [0, 0])],
    ["RF64", bytes("RF64", le(2 ** 32 - 1, 4), "WAVE")],
    ["BW64", bytes("BW64", le(2 ** 32 - 1, 4), "WAVE")],
    ["W64", w64([])],
  ])("%s is a WAV", (_name, head) => {
    expect(sniff(head)).toEqual({ kind: "wav" });
  });

  test.each([
    ["MP3", bytes("ID3", [4, 0, 0, 0, 0, 1, 0], ZEROS)],
    ["MP3", bytes(MP3_FRAME, MP3_FRAME)],
    ["AAC", bytes(ADTS_FRAME, ADTS_FRAME)],
    ["Ogg", bytes("OggS", ZEROS)],
    ["FLAC", bytes("fLaC", ZEROS)],
    ["MP4", bytes([0, 0, 0, 32], "ftypM4A ", ZEROS)],
    ["QuickTime", bytes([0, 0, 0, 8], "wide", ZEROS)],
    ["Matroska or WebM", bytes([0x1a, 0x45, 0xdf, 0xa3], ZEROS)],
    ["AIFF", bytes("FORM", [0, 0, 1, 0], "AIFC", ZEROS)],
    ["CAF", bytes("caff", [0, 1, 0, 0], ZEROS)],
    ["AMR", bytes("#!AMR\n", ZEROS)],
    ["AMR", bytes("#!AMR-WB\n", ZEROS)],
    ["AU", bytes(".snd", ZEROS)],
    ["AVI", bytes("RIFF", [0, 0, 1, 0], "AVI LIST", ZEROS)],
    ["big-endian WAV", bytes("RIFX", [0, 0, 1, 0], "WAVE", ZEROS)],
    ["Windows Media", bytes([0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11], ZEROS)],
    ["MPEG transport stream", bytes([0x47, ...ZEROS.slice(1, 188)], [0x47, ...ZEROS.slice(1, 188)], [0x47, 0])],
  ])("%s goes to ffmpeg", (name, head) => {
    expect(sniff(head)).toEqual({ kind: "container", name });
  });
});

describe("not audio", () => {
  test.each([
    ["HTML", bytes("\n <!DOCTYPE html><title>x</title>")],
    ["HTML", bytes([0xef, 0xbb, 0xbf], "<HTML>")],
    ["XML or HTML", bytes('<?xml version="1.0"?>')],
    ["JSON", bytes('{"error": "not found"}')],
    ["JSON", bytes("[1, 2]")],
    ["a playlist", bytes("#EXTM3U\n#EXTINF:1\nhttp://example.invalid/x.mp3\n")],
    ["text", bytes("hello\n")],
    ["text", new TextEncoder().encode("你好，世界。".repeat(400)).subarray(0, 4096)],
    ["text", bytes([0xff, 0xfe], [..."hello"].flatMap((char) => [char.charCodeAt(0), 0]))],
    ["PDF", bytes("%PDF-1.7\n", [0x80, 0])],
    ["a ZIP archive", bytes("PK", [3, 4], ZEROS)],
    ["a gzip file", bytes([0x1f, 0x8b, 8], ZEROS)],
    ["a PNG image", bytes([0x89], "PNG\r\n", [0x1a, 0x0a], ZEROS)],
    ["a JPEG image", bytes([0xff, 0xd8, 0xff, 0xe0], ZEROS)],
    ["a tar archive", bytes("name", ZEROS.slice(0, 253), "ustar", ZEROS)],
    ["a WebP image", bytes("RIFF", [0, 0, 1, 0], "WEBPVP8 ", ZEROS)],
    ["a RIFF file of another kind", bytes("RIFF", [0, 0, 1, 0], "ABCD", ZEROS)],
  ])("%s", (name, head) => {
    expect(sniff(head)).toEqual({ kind: "other", name });
  });
});

describe("samples without a header stay unknown", () => {
  const tone = s16(...Array.from({ length: 2000 }, (_, i) => Math.round(9000 * Math.sin(i / 5))));
  test.each([
    ["silence", bytes(ZEROS)],
    ["a tone", bytes(tone)],
    ["a first sample like an MPEG sync word", bytes([0xff, 0xfb, 0x90, 0x64], tone)],
    ["a first sample like an ADTS sync word", bytes([0xff, 0xf1, 0x50, 0x80, 0x0c, 0x9f, 0xfc], tone)],
    ["a first sample like a UTF-16 mark", bytes([0xff, 0xfe], tone)],
    ["one byte", bytes([0x80])],
    ["a FORM that is not AIFF", bytes("FORM", tone)],
    ["nothing", bytes()],
  ])("%s", (_name, head) => {
    expect(sniff(head)).toEqual({ kind: "unknown" });
  });
});
