/** Recognises a file by its first 4 KB. In: those bytes. Out: a kind, and a name for people. Pure. */

import { findFrames } from "./frames.ts";
import { W64_MAGIC } from "./wav_layout.ts";

/** How many bytes are looked at, if there are that many. */
export const SNIFF_BYTES = 4096;
/** And how many where those say nothing: a beginning that was cut off, or zeros in front. */
export const SNIFF_FAR_BYTES = 1 << 16;

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

/** `head` is the first `SNIFF_BYTES` or `SNIFF_FAR_BYTES`, or everything if there are fewer. */
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

/** Formats without a header of their own, or whose beginning was cut off. */
function sniffFrames(head: Uint8Array): Sniffed | undefined {
  if (
    ascii(head, 0, 3) === "ID3" && head.length >= 10 && head[3] < 0xff && head.subarray(6, 10).every((b) => b < 0x80)
  ) {
    return { kind: "container", name: "MP3" };
  }
  const name = findFrames(head);
  return name === undefined ? undefined : { kind: "container", name };
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
