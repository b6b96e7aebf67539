/** The WAV `fmt ` chunk. In: its bytes. Out: sample format, rate and channels, or an error of one line. Pure. */

import { InputError } from "../errors.ts";
import { counted } from "../units.ts";
import { checkSourceShape } from "./limits.ts";
import type { SampleFormat, SourceInfo } from "./pcm.ts";

/** A WAV whose samples this program does not decode itself; ffmpeg may be able to. */
export class WavCodecError extends InputError {}

export type WavFormat = {
  readonly sample: SampleFormat;
  readonly info: SourceInfo;
  readonly blockBytes: number;
  /** A bit per channel that says its place, 0 where the file does not. */
  readonly channelMask: number;
  readonly warnings: readonly string[];
};

/** Length of the part that matters: up to the end of the sub-format GUID. */
export const WAV_FORMAT_BYTES_MAX = 40;

const WAV_FORMAT_BYTES_MIN = 16;
const CONVERT_HINT = "install ffmpeg, or convert it to 16-bit PCM WAV";
const TAG_PCM = 1;
const TAG_FLOAT = 3;
const TAG_ALAW = 6;
const TAG_MULAW = 7;
const TAG_EXTENSIBLE = 0xfffe;

/** Last 14 bytes of a sub-format GUID whose first two are a plain format tag: Microsoft's, and ambisonic B-format's. */
const GUID_TAILS = ["000000001000800000aa00389b71", "00002107d3118644c8c1ca000000"];

const CODEC_NAMES: Readonly<Record<number, string>> = {
  0x0002: "Microsoft ADPCM",
  0x0005: "IBM CVSD",
  0x0010: "OKI ADPCM",
  0x0011: "IMA ADPCM",
  0x0016: "G.723 ADPCM",
  0x0020: "Yamaha ADPCM",
  0x0022: "TrueSpeech",
  0x0031: "GSM 6.10",
  0x0040: "G.721 ADPCM",
  0x0042: "G.723.1",
  0x0045: "G.726 ADPCM",
  0x0050: "MPEG layer 1 or 2",
  0x0055: "MP3",
  0x0064: "G.726 ADPCM",
  0x0065: "G.722 ADPCM",
  0x0083: "G.729",
  0x0092: "Dolby AC-3",
  0x00ff: "AAC",
  0x0161: "Windows Media Audio",
  0x0162: "Windows Media Audio Pro",
  0x0163: "Windows Media Audio Lossless",
  0x0270: "ATRAC3",
  0x1610: "AAC",
  0x2000: "Dolby AC-3",
  0x2001: "DTS",
  0x674f: "Vorbis",
  0x704f: "Opus",
  0xf1ac: "FLAC",
};

/** `chunk`: the start of the chunk, at most `WAV_FORMAT_BYTES_MAX` bytes; `what` starts messages ("talk.wav: WAV"). */
export function parseWavFormat(what: string, chunk: Uint8Array): WavFormat {
  if (chunk.length < WAV_FORMAT_BYTES_MIN) {
    throw new InputError(`${what} fmt chunk is ${counted(chunk.length, "byte")}, fewer than ${WAV_FORMAT_BYTES_MIN}`);
  }
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  const tag = readTag(what, chunk, view);
  const channels = view.getUint16(2, true);
  const rate = view.getUint32(4, true);
  checkSourceShape(what, rate, channels);
  const layout = {
    tag,
    channels,
    blockBytes: view.getUint16(12, true),
    bits: view.getUint16(14, true),
  };
  const { sample, width, label } = chooseSample(what, layout);
  const blockBytes = width * channels;
  const warnings = layout.blockBytes === blockBytes
    ? []
    : [`WAV block align is ${layout.blockBytes}, not ${blockBytes}; read as ${blockBytes}`];
  const channelMask = tagIsExtensible(view) ? view.getUint32(20, true) : 0;
  return { sample, blockBytes, channelMask, warnings, info: { rate, channels, format: `WAV, ${label}` } };
}

function tagIsExtensible(view: DataView): boolean {
  return view.getUint16(0, true) === TAG_EXTENSIBLE;
}

function readTag(what: string, chunk: Uint8Array, view: DataView): number {
  if (!tagIsExtensible(view)) return view.getUint16(0, true);
  if (chunk.length < WAV_FORMAT_BYTES_MAX) {
    throw new InputError(
      `${what} extensible fmt chunk is ${counted(chunk.length, "byte")}, fewer than ${WAV_FORMAT_BYTES_MAX}`,
    );
  }
  const guid = [...chunk.subarray(24, 40)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (!GUID_TAILS.includes(guid.slice(4))) {
    throw new WavCodecError(`${what} holds audio of the unknown sub-format ${guid}`, CONVERT_HINT);
  }
  return view.getUint16(24, true);
}

type Layout = { readonly tag: number; readonly channels: number; readonly blockBytes: number; readonly bits: number };
type Choice = { readonly sample: SampleFormat; readonly width: number; readonly label: string };

function chooseSample(what: string, layout: Layout): Choice {
  switch (layout.tag) {
    case TAG_PCM:
      return choosePcm(what, layout);
    case TAG_FLOAT:
      if (layout.bits === 16) return { sample: "f16le", width: 2, label: "16-bit float" };
      if (layout.bits === 32) return { sample: "f32le", width: 4, label: "32-bit float" };
      if (layout.bits === 64) return { sample: "f64le", width: 8, label: "64-bit float" };
      throw new WavCodecError(`${what} holds ${layout.bits}-bit float samples, not 16, 32 or 64`, CONVERT_HINT);
    // G.711 is one byte per sample; some writers state the 16 bits it decodes to.
    case TAG_ALAW:
      return { sample: "alaw", width: 1, label: "A-law" };
    case TAG_MULAW:
      return { sample: "mulaw", width: 1, label: "µ-law" };
  }
  const name = CODEC_NAMES[layout.tag];
  const tag = `0x${layout.tag.toString(16).padStart(4, "0")}`;
  throw new WavCodecError(`${what} holds ${name ?? "an unknown format"} (format ${tag}), not PCM`, CONVERT_HINT);
}

function choosePcm(what: string, layout: Layout): Choice {
  const { bits, channels, blockBytes } = layout;
  if (bits === 0 || bits > 32) {
    throw new WavCodecError(`${what} has ${bits} bits per PCM sample, not 1 to 32`, CONVERT_HINT);
  }
  const label = `${bits}-bit PCM`;
  // Samples are left-justified in whole bytes, so 12 bits read as 16; 20 or 24 bits may also sit in 4 bytes.
  if (bits > 16 && blockBytes === 4 * channels) return { sample: "s32le", width: 4, label };
  if (bits <= 8) return { sample: "u8", width: 1, label };
  if (bits <= 16) return { sample: "s16le", width: 2, label };
  if (bits <= 24) return { sample: "s24le", width: 3, label };
  return { sample: "s32le", width: 4, label };
}
