/** What opens a file, wherever it stands in other bytes: stricter than a first look. In: bytes. Out: a name. Pure. */

import { isFrameChain, isPackets } from "./frames.ts";
import { chunkName, formBytes, isKnownChunk } from "./wav_layout.ts";

/** So many bytes tell all that have a signature; frames that follow one another take more. */
export const SIGNATURE_BYTES = 64;
/** Frames in a row that are no chance. */
const FRAMES_MIN = 4;

type Opener = { readonly name: string; readonly opens: (bytes: Uint8Array, at: number) => boolean };

/** By the first byte of a file. MP4 is apart: its name comes after its size. */
const OPENERS: Readonly<Record<string, readonly Opener[]>> = {
  R: [
    { name: "WAV", opens: (bytes, at) => formBytes(bytes, at) > 0 && isKnownChunk(bytes, at + 12, false) },
    { name: "AVI", opens: (bytes, at) => isAscii(bytes, at, "RIFF") && isAscii(bytes, at + 8, "AVI LIST") },
  ],
  B: [{ name: "WAV", opens: (bytes, at) => formBytes(bytes, at) > 0 && isKnownChunk(bytes, at + 12, false) }],
  r: [{ name: "WAV", opens: (bytes, at) => formBytes(bytes, at) > 0 }],
  f: [{ name: "FLAC", opens: opensFlac }],
  O: [{ name: "Ogg", opens: (bytes, at) => isAscii(bytes, at, "OggS\0\x02") && isAscii(bytes, at + 18, "\0\0\0\0") }],
  F: [{ name: "AIFF", opens: (bytes, at) => isAscii(bytes, at, "FORM") && isAscii(bytes, at + 8, "AIF") }],
  c: [{ name: "CAF", opens: (bytes, at) => isAscii(bytes, at, "caff\0\x01\0\0desc") }],
  ".": [{ name: "AU", opens: (bytes, at) => isAscii(bytes, at, ".snd\0\0") && isAscii(bytes, at + 12, "\0\0\0") }],
  w: [{ name: "WavPack", opens: (bytes, at) => isAscii(bytes, at, "wvpk") && bytes[at + 9] === 4 }],
  "#": [{ name: "AMR", opens: (bytes, at) => isAscii(bytes, at, "#!AMR\n") || isAscii(bytes, at, "#!AMR-WB\n") }],
  "\x1a": [{ name: "Matroska or WebM", opens: opensMatroska }],
  "0": [{
    name: "Windows Media",
    opens: (bytes, at) => isAscii(bytes, at, "0&\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa"),
  }],
};

const BY_BYTE: readonly (readonly Opener[])[] = Array.from(
  { length: 256 },
  (_, byte) => OPENERS[String.fromCharCode(byte)] ?? [],
);

/** Bytes that open a file, a frame, a packet or a tag. */
const MAY_OPEN = Uint8Array.from(BY_BYTE, (openers, byte) => {
  return openers.length > 0 || [0xff, 0x0b, 0x47, 0x49, 0x54, 0x41].includes(byte) ? 1 : 0;
});

/** What opens at `at`, by its signature. */
export function signatureAt(bytes: Uint8Array, at: number): string | undefined {
  if (bytes[at + 4] === 0x66 && opensMp4(bytes, at)) return "MP4";
  return BY_BYTE[bytes[at]!]?.find(({ opens }) => opens(bytes, at))?.name;
}

/** The same; also frames without a container. */
export function startAt(bytes: Uint8Array, at: number): string | undefined {
  return signatureAt(bytes, at) ?? framesAt(bytes, at);
}

/** The first place from `from` up to `to` where a file may open; `to` where none may. */
export function findCandidate(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    if (MAY_OPEN[bytes[at]!] === 1 || bytes[at + 4] === 0x66) return at;
  }
  return to;
}

/** What to search for, and how far it stands behind the beginning of its file. */
const MAGICS =
  ([["fLaC", 0], ["RIFF", 0], ["OggS\0\x02", 0], ["ftyp", 4], ["\x1aE\xdf\xa3", 0], ["FORM", 0], ["wvpk", 0]] as const)
    .map(([magic, behind]) => ({ magic: Buffer.from(magic, "latin1"), behind }));

/** Where a signature stands, and of what, at the speed of memory; undefined where none does. */
export function findSignature(bytes: Uint8Array): { readonly at: number; readonly name: string } | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = MAGICS.flatMap(({ magic, behind }) => {
    for (let at = buffer.indexOf(magic); at >= 0; at = buffer.indexOf(magic, at + 1)) {
      const name = signatureAt(bytes, at - behind);
      if (name !== undefined) return [{ at: at - behind, name }];
    }
    return [];
  });
  return found.reduce<typeof found[0] | undefined>((first, one) => first && first.at < one.at ? first : one, undefined);
}

function framesAt(bytes: Uint8Array, at: number): string | undefined {
  if (isPackets(bytes, at)) return "MPEG transport stream";
  if (bytes[at] !== 0xff && bytes[at] !== 0x0b) return undefined;
  return ["MP3", "AAC", "AC-3"].find((name) => isFrameChain(name, bytes, at, FRAMES_MIN));
}

const ID3V1_BYTES = 128;
const APE_BYTES = 32;

/** Length of an ID3v1 or APE tag, as they stand behind the sound; 0 where there is none. */
export function trailingTagBytes(bytes: Uint8Array, at: number): number {
  if (isAscii(bytes, at, "TAG")) return ID3V1_BYTES;
  if (!isAscii(bytes, at, "APETAGEX") || at + APE_BYTES > bytes.length) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const isHeader = (view.getUint32(20, true) & 0x2000_0000) !== 0;
  return isHeader ? APE_BYTES + view.getUint32(12, true) : APE_BYTES;
}

/** Length of an ID3v2 tag that opens at `at`; 0 where there is none. */
export function id3Bytes(bytes: Uint8Array, at: number): number {
  if (!isAscii(bytes, at, "ID3") || bytes[at + 3]! > 4 || bytes[at + 3]! < 2 || at + 10 > bytes.length) return 0;
  const size = bytes.subarray(at + 6, at + 10);
  if (size.some((byte) => byte >= 0x80)) return 0;
  const footer = (bytes[at + 5]! & 0x10) === 0 ? 0 : 10;
  return 10 + (size[0]! << 21 | size[1]! << 14 | size[2]! << 7 | size[3]!) + footer;
}

export function isAscii(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** The first block is STREAMINFO, whose length is known. */
function opensFlac(bytes: Uint8Array, at: number): boolean {
  return isAscii(bytes, at, "fLaC") && (bytes[at + 4]! & 0x7f) === 0 && isAscii(bytes, at + 5, '\0\0"');
}

function opensMatroska(bytes: Uint8Array, at: number): boolean {
  if (!isAscii(bytes, at, "\x1aE\xdf\xa3")) return false;
  const head = Buffer.from(bytes.subarray(at, at + SIGNATURE_BYTES)).toString("latin1");
  return head.includes("webm") || head.includes("matroska");
}

function opensMp4(bytes: Uint8Array, at: number): boolean {
  if (!isAscii(bytes, at, "\0\0") || !isAscii(bytes, at + 4, "ftyp")) return false;
  const size = bytes[at + 2]! << 8 | bytes[at + 3]!;
  return size >= 16 && size <= 1024 && size % 4 === 0 && /^[A-Za-z0-9 _]{4}$/.test(chunkName(bytes, at + 8));
}
