/** How containers are built: the length of what stands where a unit of theirs begins. In: bytes. Out: lengths. Pure. */

import { frameBytes, isFrameChain } from "./frames.ts";
import { isAscii, signatureAt } from "./starts.ts";
import { chunkName } from "./wav_layout.ts";

export type Walker = {
  /**
   * Bytes of the unit at `at`, where at least 16 are left: Infinity if it lasts to the end; 0 where none begins. After
   * bytes of no unit, `isLost`, it wants better proof.
   */
  readonly unit: (bytes: Uint8Array, at: number, isLost: boolean) => number;
  /** Units have no length: what comes after them is searched for, to the end. */
  readonly searches?: boolean;
  /** A file of the same kind begins at `at`, whose sound no player goes on with; asked before the unit is passed. */
  readonly endsAt?: (bytes: Uint8Array, at: number) => boolean;
};

/** Frames in a row that show where sound goes on. */
const FRAMES_MIN = 3;

/** A walker for a container by the name that sniffing gives it; undefined where its end cannot be seen. */
export function createWalker(name: string): Walker | undefined {
  switch (name) {
    case "MP3":
    case "AAC":
    case "AC-3":
      return {
        unit: (bytes, at, isLost) =>
          isLost && !isFrameChain(name, bytes, at, FRAMES_MIN) ? 0 : frameBytes(name, bytes, at),
      };
    case "FLAC":
      return flacWalker();
    case "Ogg":
      return oggWalker();
    case "MP4":
    case "QuickTime":
      return { unit: boxBytes, endsAt: (bytes, at) => isAscii(bytes, at + 4, "ftyp") };
    case "Matroska or WebM":
      return matroskaWalker();
    case "AVI":
      return { unit: aviBytes };
    case "AU":
      return { unit: auBytes, endsAt: (bytes, at) => signatureAt(bytes, at) === "AU" };
    case "AIFF":
      return { unit: formBytes, endsAt: (bytes, at) => formBytes(bytes, at) > 0 };
    case "CAF":
      return { unit: cafBytes, endsAt: (bytes, at) => isAscii(bytes, at, "caff") };
    case "WavPack":
      return wavPackWalker();
    case "MPEG transport stream":
      return packetWalker();
  }
  return undefined;
}

/** The boxes of a file that have no other around them. */
const BOXES = ["ftyp", "styp", "moov", "moof", "mdat", "free", "skip", "wide", "sidx", "mfra", "udta", "meta", "uuid"];

function boxBytes(bytes: Uint8Array, at: number, isLost: boolean): number {
  const name = chunkName(bytes, at + 4);
  if (at + 16 > bytes.length || !(isLost ? BOXES.includes(name) : /^[A-Za-z0-9 _-]{4}$/.test(name))) return 0;
  const short = u32be(bytes, at);
  if (short === 0) return name === "mdat" ? Infinity : 0;
  const length = short === 1 ? u32be(bytes, at + 8) * 2 ** 32 + u32be(bytes, at + 12) : short;
  return length < 8 ? 0 : length;
}

function aviBytes(bytes: Uint8Array, at: number): number {
  if (!isAscii(bytes, at, "RIFF") || !isAscii(bytes, at + 8, "AVI")) return 0;
  const size = u32le(bytes, at + 4);
  return size === 0 || size === 0xffff_ffff ? Infinity : 8 + size + size % 2;
}

function formBytes(bytes: Uint8Array, at: number): number {
  if (!isAscii(bytes, at, "FORM") || !isAscii(bytes, at + 8, "AIF")) return 0;
  const size = u32be(bytes, at + 4);
  return size <= 4 || size >= 0xffff_ff00 ? Infinity : 8 + size + size % 2;
}

function auBytes(bytes: Uint8Array, at: number): number {
  if (!isAscii(bytes, at, ".snd")) return 0;
  const size = u32be(bytes, at + 8);
  return size === 0 || size === 0xffff_ffff ? Infinity : u32be(bytes, at + 4) + size;
}

function cafBytes(bytes: Uint8Array, at: number): number {
  if (isAscii(bytes, at, "caff")) return 8;
  if (at + 12 > bytes.length || !/^[A-Za-z0-9 ]{4}$/.test(chunkName(bytes, at))) return 0;
  const high = u32be(bytes, at + 4);
  return high === 0xffff_ffff ? Infinity : high > 2 ** 20 ? 0 : 12 + high * 2 ** 32 + u32be(bytes, at + 8);
}

/**
 * Blocks before the sound have lengths, cover art and headers of other files in them too; frames have none. A FLAC of
 * the same rate that follows is heard.
 */
function flacWalker(): Walker {
  let state: "start" | "blocks" | "frames" = "start";
  let rate = 0;
  return {
    searches: true,
    unit: (bytes, at) => {
      if (state === "frames" && signatureAt(bytes, at) !== "FLAC") return 0;
      if (state !== "blocks") {
        if (!isAscii(bytes, at, "fLaC")) return 0;
        state = "blocks";
        rate = flacRate(bytes, at);
        return 4;
      }
      if ((bytes[at]! & 0x80) !== 0) state = "frames";
      return 4 + (u32be(bytes, at) & 0xff_ffff);
    },
    endsAt: (bytes, at) => {
      return state === "frames" && signatureAt(bytes, at) === "FLAC" && flacRate(bytes, at) !== rate;
    },
  };
}

/** In the STREAMINFO of the file at `at`. */
function flacRate(bytes: Uint8Array, at: number): number {
  return u32be(bytes, at + 18) >>> 12;
}

const OGG_PAGE_BYTES = 27;
const OGG_CODECS = ["\x01vorbis", "OpusHead", "\x7fFLAC", "Speex   "];

/** Chained streams are heard while their codec is one of the first chain's. */
function oggWalker(): Walker {
  const codecs = new Set<string>();
  let isPastHeads = false;
  return {
    unit: (bytes, at) => {
      if (!isAscii(bytes, at, "OggS\0") || at + OGG_PAGE_BYTES > bytes.length) return 0;
      isPastHeads ||= (bytes[at + 5]! & 2) === 0;
      if (!isPastHeads) codecs.add(oggCodec(bytes, at));
      const segments = bytes[at + 26]!;
      const lengths = bytes.subarray(at + OGG_PAGE_BYTES, at + OGG_PAGE_BYTES + segments);
      return OGG_PAGE_BYTES + segments + lengths.reduce((sum, length) => sum + length, 0);
    },
    endsAt: (bytes, at) => {
      if (!isPastHeads || !isAscii(bytes, at, "OggS\0") || (bytes[at + 5]! & 2) === 0) return false;
      const codec = oggCodec(bytes, at);
      return codec !== "" && !codecs.has(codec);
    },
  };
}

function oggCodec(bytes: Uint8Array, at: number): string {
  const packetAt = at + OGG_PAGE_BYTES + bytes[at + 26]!;
  return OGG_CODECS.find((codec) => isAscii(bytes, packetAt, codec)) ?? "";
}

/** Blocks say which sample they begin with, and which of several channels: the very first again is another file's. */
function wavPackWalker(): Walker {
  return {
    unit: (bytes, at) => isAscii(bytes, at, "wvpk") ? 8 + u32le(bytes, at + 4) : 0,
    endsAt: (bytes, at) => {
      if (!isAscii(bytes, at, "wvpk") || at + 32 > bytes.length) return false;
      return u32le(bytes, at + 16) === 0 && (u32le(bytes, at + 24) & WAVPACK_INITIAL) !== 0;
    },
  };
}

const WAVPACK_INITIAL = 0x800;

const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const TRACKS = 0x1654ae6b;
/** Parts of a segment: SeekHead, Info, Tracks, Cluster, Cues, Attachments, Chapters, Tags. */
const SEGMENT_PARTS = [0x114d9b74, 0x1549a966, TRACKS, CLUSTER, 0x1c53bb6b, 0x1941a469, 0x1043a770, 0x1254c367];
/** Parts of a cluster, and what may stand anywhere: timestamp, blocks, sizes, padding, checksum. */
const SMALL_PARTS = [0xe7, 0xa3, 0xa0, 0xab, 0xa7, 0xec, 0xbf];

/** A segment that follows is heard while its codecs are those of the first. */
function matroskaWalker(): Walker {
  const codecs = new Set<string>();
  let headers = 0;
  return {
    unit: (bytes, at) => {
      const element = ebmlElement(bytes, at);
      if (element === undefined) return 0;
      const { id, headerBytes, size } = element;
      if (id === EBML) headers++;
      if (id === TRACKS && headers <= 1) {
        for (const codec of tracksCodecs(bytes, at, headerBytes + size)) codecs.add(codec);
      }
      const isEntered = id === SEGMENT || (id === CLUSTER && size === Infinity);
      return isEntered ? headerBytes : headerBytes + size;
    },
    endsAt: (bytes, at) => {
      if (headers === 0 || ebmlElement(bytes, at)?.id !== EBML) return false;
      const next = tracksAfter(bytes, at);
      return next.length > 0 && next.some((codec) => !codecs.has(codec));
    },
  };
}

/** The codecs of the file whose header is at `at`, as far as the window shows them. */
function tracksAfter(bytes: Uint8Array, at: number): string[] {
  for (let steps = 0; steps < 20; steps++) {
    const element = ebmlElement(bytes, at);
    if (element === undefined) return [];
    if (element.id === TRACKS) return tracksCodecs(bytes, at, element.headerBytes + element.size);
    at += element.id === SEGMENT ? element.headerBytes : element.headerBytes + element.size;
  }
  return [];
}

function tracksCodecs(bytes: Uint8Array, at: number, length: number): string[] {
  const text = Buffer.from(bytes.subarray(at, at + Math.min(length, bytes.length))).toString("latin1");
  return text.match(/A_[A-Z0-9_/]+/g) ?? [];
}

function ebmlElement(bytes: Uint8Array, at: number): { id: number; headerBytes: number; size: number } | undefined {
  const idBytes = Math.clz32(bytes[at] ?? 0) - 23;
  if (idBytes > 4 || at + idBytes >= bytes.length) return undefined;
  const id = bytes.subarray(at, at + idBytes).reduce((value, byte) => value * 256 + byte, 0);
  if (![EBML, SEGMENT, ...SEGMENT_PARTS, ...SMALL_PARTS].includes(id)) return undefined;
  const sizeAt = at + idBytes;
  const sizeBytes = Math.clz32(bytes[sizeAt]!) - 23;
  if (sizeBytes > 8 || sizeAt + sizeBytes > bytes.length) return undefined;
  const first = bytes[sizeAt]! & (0xff >> sizeBytes);
  const rest = bytes.subarray(sizeAt + 1, sizeAt + sizeBytes);
  const isOpen = first === 0xff >> sizeBytes && rest.every((byte) => byte === 0xff);
  const size = isOpen ? Infinity : rest.reduce((value, byte) => value * 256 + byte, first);
  return { id, headerBytes: idBytes + sizeBytes, size };
}

/** Plain packets, with a time in front, with error correction. */
const PACKETS = [[188, 0], [192, 4], [204, 0]] as const;

function packetWalker(): Walker {
  let shape: readonly [number, number] | undefined;
  const fits = (bytes: Uint8Array, at: number, [stride, sync]: readonly [number, number]) =>
    [0, 1, 2].every((packet) => bytes[at + sync + packet * stride] === 0x47);
  return {
    unit: (bytes, at, isLost) => {
      if (isLost || shape === undefined) shape = PACKETS.find((one) => fits(bytes, at, one)) ?? shape;
      if (isLost && shape && !fits(bytes, at, shape)) return 0;
      return shape !== undefined && bytes[at + shape[1]] === 0x47 ? shape[0] : 0;
    },
  };
}

function u32be(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
}

function u32le(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
}
