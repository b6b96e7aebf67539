/**
 * Recognises audio whose frames follow one another without a container. In: bytes. Out: the format's name. Pure.
 *
 * A frame's sync word is short, so only several frames at the distances that they state tell them from samples.
 */

type FrameFormat = {
  readonly name: string;
  /** Length of the frame whose header is at `at`; 0 if there is none. */
  readonly bytes: (head: Uint8Array, at: number) => number;
  /** Bits of the first four bytes that all frames of a file share. */
  readonly shared: number;
};

/** Bits of an MPEG audio header that the frames of a file share: all but bit rate, padding and channel mode. */
export const MPEG_SHARED = 0xfffe_0c00;
/** The same of an ADTS header: all but channels, lengths and marks. */
export const ADTS_SHARED = 0xffff_fc00;

const FORMATS: readonly FrameFormat[] = [
  { name: "MP3", bytes: mpegFrameBytes, shared: MPEG_SHARED },
  { name: "AAC", bytes: adtsFrameBytes, shared: ADTS_SHARED },
  { name: "AC-3", bytes: ac3FrameBytes, shared: 0xffff_0000 },
];

/** Frames in a row that prove the format: at the very beginning, and anywhere. */
const FRAMES_AT_START = 2;
const FRAMES_ANYWHERE = 3;

/** Strides of a transport stream's packets: plain, with a time in front, with error correction; how many prove it. */
const PACKET_STRIDES = [188, 192, 204];
const PACKETS_AT_START = 3;
const PACKETS_ANYWHERE = 5;

export function findFrames(head: Uint8Array): string | undefined {
  const atStart = FORMATS.find((format) => isChain(head, 0, format, FRAMES_AT_START));
  if (atStart) return atStart.name;
  if (arePackets(head, 0, 188, PACKETS_AT_START)) return "MPEG transport stream";
  for (let at = 0; at < head.length; at++) {
    const first = head[at];
    if (first === 0x47 && PACKET_STRIDES.some((stride) => arePackets(head, at, stride, PACKETS_ANYWHERE))) {
      return "MPEG transport stream";
    }
    if (first !== 0xff && first !== 0x0b) continue;
    const format = FORMATS.find((format) => isChain(head, at, format, FRAMES_ANYWHERE));
    if (format) return format.name;
  }
  return undefined;
}

/** Whether at least `framesCount` frames of that format follow one another from `at` on. */
export function isFrameChain(name: string, bytes: Uint8Array, at: number, framesCount: number): boolean {
  return isChain(bytes, at, formatOf(name), framesCount);
}

/** Length of the frame of that format whose header is at `at`; 0 if there is none. */
export function frameBytes(name: string, bytes: Uint8Array, at: number): number {
  return formatOf(name).bytes(bytes, at);
}

/** Whether packets of a transport stream follow one another from `at` on, with or without a time in front of each. */
export function isPackets(bytes: Uint8Array, at: number): boolean {
  return (bytes[at] === 0x47 && arePackets(bytes, at, 188, PACKETS_ANYWHERE)) ||
    (bytes[at + 4] === 0x47 && arePackets(bytes, at + 4, 192, PACKETS_ANYWHERE));
}

function formatOf(name: string): FrameFormat {
  return FORMATS.find((format) => format.name === name)!;
}

function isChain(head: Uint8Array, start: number, { bytes, shared }: FrameFormat, framesCount: number): boolean {
  const common = word(head, start) & shared;
  for (let at = start, frame = 0; frame < framesCount; frame++) {
    const length = bytes(head, at);
    if (length === 0 || (word(head, at) & shared) !== common) return false;
    at += length;
  }
  return true;
}

function word(head: Uint8Array, at: number): number {
  return (head[at]! << 24) | (head[at + 1]! << 16) | (head[at + 2]! << 8) | head[at + 3]!;
}

/** Packets open with 0x47, without the flag of a damaged one, and hold a payload, an adaptation field or both. */
function arePackets(head: Uint8Array, start: number, stride: number, packetsCount: number): boolean {
  for (let packet = 0; packet < packetsCount; packet++) {
    const at = start + packet * stride;
    if (head[at] !== 0x47) return false;
    const isWhole = at + 3 < head.length && packetsCount > PACKETS_AT_START;
    if (isWhole && ((head[at + 1]! & 0x80) !== 0 || (head[at + 3]! & 0x30) === 0)) return false;
  }
  return true;
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

/** What an MPEG audio frame says of itself. */
export type MpegHeader = {
  readonly layer: 1 | 2 | 3;
  readonly isMpeg1: boolean;
  readonly rate: number;
  readonly channels: number;
  /** Samples of each channel. */
  readonly samples: number;
  /** Length of the frame. */
  readonly bytes: number;
};

/** The header at `at` of an MPEG audio frame; undefined if there is none. */
export function mpegHeader(head: Uint8Array, at: number): MpegHeader | undefined {
  if (at + 4 > head.length || head[at] !== 0xff || (head[at + 1] & 0xe0) !== 0xe0) return undefined;
  const version = (head[at + 1] >> 3) & 3; // 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5.
  const layer = 4 - ((head[at + 1] >> 1) & 3);
  const rateCode = (head[at + 2] >> 2) & 3;
  if (version === 1 || layer === 4 || rateCode === 3) return undefined;
  const isMpeg1 = version === 3;
  const kbits = (isMpeg1 ? MPEG1_KBITS : MPEG2_KBITS)[layer][head[at + 2] >> 4] ?? 0;
  if (kbits === 0) return undefined; // Reserved, or the very rare free format.
  const rate = MPEG1_RATES[rateCode] / (isMpeg1 ? 1 : version === 2 ? 2 : 4);
  const padding = (head[at + 2] >> 1) & 1;
  const samples = layer === 1 ? 384 : layer === 3 && !isMpeg1 ? 576 : 1152;
  const bytes = layer === 1
    ? (Math.floor(12_000 * kbits / rate) + padding) * 4
    : Math.floor(samples / 8 * 1000 * kbits / rate) + padding;
  const channels = head[at + 3] >> 6 === 3 ? 1 : 2;
  return { layer: layer as 1 | 2 | 3, isMpeg1, rate, channels, samples, bytes };
}

function mpegFrameBytes(head: Uint8Array, at: number): number {
  return mpegHeader(head, at)?.bytes ?? 0;
}

/** What an ADTS frame of AAC says of itself. */
export type AdtsHeader = {
  /** MPEG-4's number of the kind of audio. */
  readonly objectType: number;
  readonly rateCode: number;
  /** Which speakers there are; 0 where the packet says so. */
  readonly layout: number;
  /** Length of the header, with the checksum that may follow. */
  readonly headBytes: number;
  /** Length of the frame. */
  readonly bytes: number;
  /** Packets in it. */
  readonly blocks: number;
};

/** The header at `at` of an ADTS frame; undefined if there is none. */
export function adtsHeader(head: Uint8Array, at: number): AdtsHeader | undefined {
  if (at + 7 > head.length || head[at] !== 0xff || (head[at + 1] & 0xf6) !== 0xf0) return undefined;
  const rateCode = (head[at + 2] >> 2) & 15;
  const bytes = (head[at + 3] & 3) << 11 | head[at + 4] << 3 | head[at + 5] >> 5;
  const headBytes = (head[at + 1] & 1) === 1 ? 7 : 9;
  if (rateCode > 12 || bytes < headBytes) return undefined;
  const layout = (head[at + 2] & 1) << 2 | head[at + 3] >> 6;
  return { objectType: 1 + (head[at + 2] >> 6), rateCode, layout, headBytes, bytes, blocks: 1 + (head[at + 6] & 3) };
}

function adtsFrameBytes(head: Uint8Array, at: number): number {
  return adtsHeader(head, at)?.bytes ?? 0;
}

const AC3_KBITS = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
const AC3_RATES = [48_000, 44_100, 32_000];

/** Length of the AC-3 or E-AC-3 frame whose header is at `at`; 0 if there is none. */
function ac3FrameBytes(head: Uint8Array, at: number): number {
  if (at + 6 > head.length || head[at] !== 0x0b || head[at + 1] !== 0x77) return 0;
  const version = head[at + 5]! >> 3;
  if (version > 10 && version <= 16) return (((head[at + 2]! & 7) << 8 | head[at + 3]!) + 1) * 2;
  const rate = AC3_RATES[head[at + 4]! >> 6];
  const code = head[at + 4]! & 0x3f;
  const kbits = AC3_KBITS[code >> 1];
  if (version > 10 || rate === undefined || kbits === undefined) return 0;
  const words = Math.floor(kbits * 96_000 / rate); // Of 16 bits, in a frame of 1536 samples.
  return 2 * (rate === 44_100 ? words + (code & 1) : words);
}
