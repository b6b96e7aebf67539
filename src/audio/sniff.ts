/** Recognises a file by its first 4 KB. In: those bytes. Out: a kind, and a name for people. Pure. */

import { W64_MAGIC } from "./wav_layout.ts";

/** How many bytes are looked at, if there are that many. */
export const SNIFF_BYTES = 4096;

export type Sniffed =
  | { readonly kind: "wav" }
  /** Audio or video that ffmpeg may read. */
  | { readonly kind: "container"; readonly name: string }
  /** Something else that was recognised; `name` follows "looks like" in messages. */
  | { readonly kind: "other"; readonly name: string }
  | { readonly kind: "unknown" };

type Signature = {
  readonly kind: "container" | "other";
  readonly name: string;
  /** Hex if it starts with "0x", else ASCII. */
  readonly magic: string;
  readonly at?: number;
};

const SIGNATURES: readonly Signature[] = [
  { kind: "container", name: "Ogg", magic: "OggS" },
  { kind: "container", name: "FLAC", magic: "fLaC" },
  { kind: "container", name: "Matroska or WebM", magic: "0x1a45dfa3" },
  { kind: "container", name: "MP4", magic: "ftyp", at: 4 },
  { kind: "container", name: "QuickTime", magic: "moov", at: 4 },
  { kind: "container", name: "QuickTime", magic: "mdat", at: 4 },
  { kind: "container", name: "QuickTime", magic: "wide", at: 4 },
  { kind: "container", name: "CAF", magic: "caff\0" },
  { kind: "container", name: "AMR", magic: "#!AMR" },
  { kind: "container", name: "AU", magic: ".snd\0" },
  { kind: "container", name: "Windows Media", magic: "0x3026b2758e66cf11" },
  { kind: "container", name: "Flash video", magic: "FLV\x01" },
  { kind: "container", name: "MPEG program stream", magic: "0x000001ba" },
  { kind: "container", name: "WavPack", magic: "wvpk" },
  { kind: "container", name: "Monkey's Audio", magic: "MAC " },
  { kind: "container", name: "True Audio", magic: "TTA1" },
  { kind: "container", name: "Creative Voice", magic: "Creative Voice File" },
  { kind: "container", name: "DSD", magic: "DSD " },
  { kind: "container", name: "big-endian WAV", magic: "RIFX" },
  { kind: "other", name: "PDF", magic: "%PDF-" },
  { kind: "other", name: "a ZIP archive", magic: "PK\x03\x04" },
  { kind: "other", name: "a gzip file", magic: "0x1f8b08" },
  { kind: "other", name: "a bzip2 file", magic: "1AY&SY", at: 4 },
  { kind: "other", name: "an xz file", magic: "0xfd377a585a00" },
  { kind: "other", name: "a Zstandard file", magic: "0x28b52ffd" },
  { kind: "other", name: "a 7-Zip archive", magic: "0x377abcaf271c" },
  { kind: "other", name: "a RAR archive", magic: "Rar!\x1a" },
  { kind: "other", name: "a tar archive", magic: "ustar", at: 257 },
  { kind: "other", name: "a PNG image", magic: "0x89504e470d0a1a0a" },
  { kind: "other", name: "a JPEG image", magic: "0xffd8ff" },
  { kind: "other", name: "a GIF image", magic: "GIF8" },
  { kind: "other", name: "a program", magic: "\x7fELF" },
  { kind: "other", name: "a SQLite database", magic: "SQLite format 3\0" },
  { kind: "other", name: "MIDI", magic: "MThd" },
  { kind: "other", name: "SILK speech", magic: "#!SILK" },
];

const RIFF_FORMS: Readonly<Record<string, Sniffed>> = {
  WAVE: { kind: "wav" },
  "AVI ": { kind: "container", name: "AVI" },
  WEBP: { kind: "other", name: "a WebP image" },
  RMID: { kind: "other", name: "MIDI" },
};

/** `head` is the first `SNIFF_BYTES`, or everything if there are fewer. */
export function sniff(head: Uint8Array): Sniffed {
  return sniffRiff(head) ?? sniffSignature(head) ?? sniffFrames(head) ?? sniffText(head) ?? { kind: "unknown" };
}

function sniffRiff(head: Uint8Array): Sniffed | undefined {
  const form = ascii(head, 8, 12);
  switch (ascii(head, 0, 4)) {
    case "RIFF":
      // Too short to tell: the WAV reader says what is missing.
      return head.length < 12
        ? { kind: "wav" }
        : RIFF_FORMS[form] ?? { kind: "other", name: "a RIFF file of another kind" };
    case "RF64":
    case "BW64":
      return { kind: "wav" };
    case "FORM":
      if (form === "AIFF" || form === "AIFC") return { kind: "container", name: "AIFF" };
      return undefined;
  }
  return startsWith(head, 0, `0x${W64_MAGIC}`) ? { kind: "wav" } : undefined;
}

function sniffSignature(head: Uint8Array): Sniffed | undefined {
  const hit = SIGNATURES.find(({ magic, at = 0 }) => startsWith(head, at, magic));
  return hit && { kind: hit.kind, name: hit.name };
}

/** Formats whose frames carry a short sync word: only two of them at the right distance tell them from samples. */
function sniffFrames(head: Uint8Array): Sniffed | undefined {
  if (
    ascii(head, 0, 3) === "ID3" && head.length >= 10 && head[3] < 0xff && head.subarray(6, 10).every((b) => b < 0x80)
  ) {
    return { kind: "container", name: "MP3" };
  }
  if (followsAt(head, mpegFrameBytes)) return { kind: "container", name: "MP3" };
  if (followsAt(head, adtsFrameBytes)) return { kind: "container", name: "AAC" };
  if (head.length >= 377 && head[0] === 0x47 && head[188] === 0x47 && head[376] === 0x47) {
    return { kind: "container", name: "MPEG transport stream" };
  }
  return undefined;
}

function followsAt(head: Uint8Array, frameBytes: (head: Uint8Array, at: number) => number): boolean {
  const first = frameBytes(head, 0);
  return first > 0 && frameBytes(head, first) > 0;
}

const MPEG1_KBITS: Readonly<Record<number, readonly number[]>> = {
  1: [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
};
const MPEG2_KBITS: Readonly<Record<number, readonly number[]>> = {
  1: [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  3: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};
const MPEG1_RATES = [44_100, 48_000, 32_000];

/** Length of the MPEG audio frame whose header is at `at`; 0 if there is none. */
function mpegFrameBytes(head: Uint8Array, at: number): number {
  if (at + 4 > head.length || head[at] !== 0xff || (head[at + 1] & 0xe0) !== 0xe0) return 0;
  const version = (head[at + 1] >> 3) & 3; // 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5.
  const layer = 4 - ((head[at + 1] >> 1) & 3);
  const rateCode = (head[at + 2] >> 2) & 3;
  if (version === 1 || layer === 4 || rateCode === 3) return 0;
  const kbits = (version === 3 ? MPEG1_KBITS : MPEG2_KBITS)[layer][head[at + 2] >> 4] ?? 0;
  if (kbits === 0) return 0; // Reserved, or the very rare free format.
  const rate = MPEG1_RATES[rateCode] / (version === 3 ? 1 : version === 2 ? 2 : 4);
  const padding = (head[at + 2] >> 1) & 1;
  if (layer === 1) return (Math.floor(12_000 * kbits / rate) + padding) * 4;
  const samples = layer === 3 && version !== 3 ? 576 : 1152;
  return Math.floor(samples / 8 * 1000 * kbits / rate) + padding;
}

/** Length of the ADTS AAC frame whose header is at `at`; 0 if there is none. */
function adtsFrameBytes(head: Uint8Array, at: number): number {
  if (at + 7 > head.length || head[at] !== 0xff || (head[at + 1] & 0xf6) !== 0xf0) return 0;
  if (((head[at + 2] >> 2) & 15) > 12) return 0;
  const bytes = (head[at + 3] & 3) << 11 | head[at + 4] << 3 | head[at + 5] >> 5;
  return bytes >= 7 ? bytes : 0;
}

function sniffText(head: Uint8Array): Sniffed | undefined {
  const text = decodeText(head);
  if (text === undefined) return undefined;
  const start = text.trimStart().slice(0, 200).toLowerCase();
  if (start.startsWith("<!doctype html") || start.startsWith("<html")) return { kind: "other", name: "HTML" };
  if (start.startsWith("<")) return { kind: "other", name: "XML or HTML" };
  if (/^[{[]\s*(["{[\]}\d-]|true|false|null|$)/.test(start)) return { kind: "other", name: "JSON" };
  if (start.startsWith("#extm3u")) return { kind: "other", name: "a playlist" };
  return { kind: "other", name: "text" };
}

/** The text, if every character is one that people write; else undefined. */
function decodeText(head: Uint8Array): string | undefined {
  if (head.length === 0) return undefined;
  const isUtf16 = head.length > 2 && head[0] === 0xff && head[1] === 0xfe;
  try {
    // The option "stream" accepts a character that is cut off at the end.
    const text = new TextDecoder(isUtf16 ? "utf-16le" : "utf-8", { fatal: true }).decode(head, { stream: true });
    // deno-lint-ignore no-control-regex
    const hasControls = /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffe\uffff]/.test(text);
    return text.length === 0 || hasControls || (isUtf16 && !/^[ -~\s]+$/.test(text)) ? undefined : text;
  } catch (error) {
    if (error instanceof TypeError) return undefined; // Not UTF-8: not text.
    throw error;
  }
}

function startsWith(head: Uint8Array, at: number, magic: string): boolean {
  const bytes = magic.startsWith("0x")
    ? Array.from(magic.slice(2).match(/../g)!, (pair) => parseInt(pair, 16))
    : Array.from(magic, (char) => char.charCodeAt(0));
  return head.length >= at + bytes.length && bytes.every((byte, i) => head[at + i] === byte);
}

function ascii(head: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...head.subarray(from, to));
}
