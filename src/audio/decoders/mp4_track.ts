/** What an MP4 or QuickTime file says of a track. In: its `trak` box. Out: language, edits, codec. Pure. */

import type { Track } from "../container.ts";
import { checkSourceShape } from "../limits.ts";
import { AAC_SAMPLES, type AacConfig, aacSetup, readAudioConfig } from "./aac.ts";
import { boxes, boxName, findBox, i32, i64, u16, u32, u64 } from "./boxes.ts";
import { flacSetup } from "./flac.ts";
import { opusHead } from "./opus.ts";
import { type CodecSetup, UnsupportedError } from "./packets.ts";

/** A stretch of a track that is heard from a moment on. */
export type Edit = {
  /** On the file's time line, in seconds. */
  readonly startSec: number;
  /** In the track, in its own time. */
  readonly mediaTime: number;
  /** In seconds; Infinity: to the end. */
  readonly durationSec: number;
};

export type Mp4Track = {
  readonly id: number;
  readonly kind: "audio" | "video" | "other";
  readonly about: Omit<Track, "stream">;
  /** Steps of its time in a second. */
  readonly timescale: number;
  /** At least one. */
  readonly edits: readonly Edit[];
  /** The box with its tables of samples. */
  readonly tables: Uint8Array;
  /** The sound is in another file. */
  readonly isElsewhere: boolean;
};

/** The lowest of AAC, in Hz. */
const RATE_MIN = 7350;
/** A damaged list may repeat a recording without end. */
const EDITS_MAX = 1000;

/** `movieScale`: steps of the file's time in a second. */
export function readTrack(body: Uint8Array, movieScale: number): Mp4Track {
  const header = findBox(body, "tkhd") ?? new Uint8Array(0);
  const media = findBox(body, "mdia") ?? new Uint8Array(0);
  const mediaHeader = findBox(media, "mdhd") ?? new Uint8Array(0);
  const handler = boxName(findBox(media, "hdlr") ?? new Uint8Array(0), 8);
  const isWide = mediaHeader[0] === 1;
  const references = findBox(media, "minf/dinf/dref");
  const reference = references && boxes(references.subarray(8))[0];
  return {
    id: u32(header, header[0] === 1 ? 20 : 12),
    kind: handler === "soun" ? "audio" : handler === "vide" ? "video" : "other",
    about: {
      language: languageOf(u16(mediaHeader, isWide ? 32 : 20)),
      title: titleOf(findBox(body, "udta") ?? new Uint8Array(0)),
      isDefault: (header[3]! & 1) === 1,
    },
    timescale: u32(mediaHeader, isWide ? 20 : 12) || 1,
    edits: readEdits(findBox(body, "edts/elst"), movieScale),
    tables: findBox(media, "minf/stbl") ?? new Uint8Array(0),
    isElsewhere: reference !== undefined && (u32(reference.body, 0) & 1) === 0,
  };
}

/** When the track is first heard or seen, where its first sample is at `time`, in seconds. */
export function startOf({ edits, timescale }: Mp4Track, time: number): number {
  const { startSec, mediaTime } = edits[0]!;
  return startSec + Math.max(0, time - mediaTime) / timescale;
}

function readEdits(list: Uint8Array | undefined, movieScale: number): Edit[] {
  const whole: Edit = { startSec: 0, mediaTime: 0, durationSec: Infinity };
  if (list === undefined) return [whole];
  const isWide = list[0] === 1;
  const size = isWide ? 20 : 12;
  const edits: Edit[] = [];
  let startSec = 0;
  const count = Math.min(u32(list, 4), EDITS_MAX, Math.floor((list.length - 8) / size));
  for (let at = 8; at < 8 + count * size; at += size) {
    const durationSec = (isWide ? u64(list, at) : u32(list, at)) / movieScale;
    const mediaTime = isWide ? i64(list, at + 8) : i32(list, at + 4);
    if (mediaTime >= 0) edits.push({ startSec, mediaTime, durationSec: durationSec || Infinity });
    startSec += durationSec;
  }
  return edits.length > 0 ? edits : [{ ...whole, startSec }];
}

/** No encoder's delay is longer. */
const DELAY_MAX = 16_384;

/** Samples at the beginning that are the encoder's, as iTunes notes them; 0 where it does not. `movie`: of `moov`. */
export function notedDelay(movie: Uint8Array): number {
  const list = findBox((findBox(movie, "udta/meta") ?? new Uint8Array(0)).subarray(4), "ilst");
  const decode = (body: Uint8Array | undefined) => new TextDecoder().decode(body);
  const note = boxes(list ?? new Uint8Array(0)).find(({ name, body }) =>
    name === "----" && decode(findBox(body, "name")).endsWith("iTunSMPB")
  );
  const delay = /^.{8} [0-9a-f]{8} ([0-9a-f]{8}) /is.exec(decode(note && findBox(note.body, "data")))?.[1];
  const samples = parseInt(delay ?? "0", 16);
  return samples < DELAY_MAX ? samples : 0;
}

/** A track that has no edits of its own, without its first samples; as it is where its time is not in samples. */
export function withoutDelay(track: Mp4Track, samples: number): Mp4Track {
  const [first] = track.edits;
  const isPlain = track.edits.length === 1 && first!.mediaTime === 0 && first!.durationSec === Infinity;
  return isPlain && track.timescale >= RATE_MIN ? { ...track, edits: [{ ...first!, mediaTime: samples }] } : track;
}

/** Three letters of five bits each. Small numbers are QuickTime's own, of which the first is English. */
function languageOf(code: number): string {
  if (code < 0x400 || code === 0x7fff) return code === 0 ? "eng" : "";
  const language = String.fromCharCode(...[10, 5, 0].map((shift) => 0x60 + (code >> shift & 31)));
  return language === "und" ? "" : language;
}

function titleOf(userData: Uint8Array): string {
  const name = findBox(userData, "name");
  return name === undefined ? "" : new TextDecoder().decode(name).replaceAll("\0", "").trim();
}

/** A description of a track's samples, of which a track can have several. */
export function readDescriptions({ tables }: Mp4Track): { readonly name: string; readonly body: Uint8Array }[] {
  return boxes((findBox(tables, "stsd") ?? new Uint8Array(0)).subarray(8));
}

/** What is needed to decode samples of that description. `what` begins messages: "x.m4a: MP4". */
export function describedSetup(what: string, description: { readonly name: string; readonly body: Uint8Array }) {
  const { name, body } = description;
  const entry = readEntry(body);
  const plain = (codec: CodecSetup["codec"], format: string): CodecSetup => {
    checkSourceShape(`${what} ${format}`, entry.rate, entry.channels);
    return { codec, rate: entry.rate, channels: entry.channels, header: new Uint8Array(0), format: `MP4 ${format}` };
  };
  switch (name) {
    case "mp4a":
      return elementarySetup(what, entry, plain);
    case ".mp3":
      return plain("mp3", "MP3");
    case "fLaC":
      return flacSetup(what, (entry.inner("dfLa") ?? new Uint8Array(0)).subarray(8), "MP4 FLAC");
    case "Opus":
      return opusHead(what, opusHeadOf(entry.inner("dOps") ?? new Uint8Array(0)), "MP4 Opus").setup;
    case "enca":
      throw new UnsupportedError(`${what} encrypted audio`);
    default:
      throw new UnsupportedError(`${what} ${CODECS[name] ?? name.trim()} audio`);
  }
}

const CODECS: Readonly<Record<string, string>> = {
  ...{ alac: "ALAC", "ac-3": "AC-3", "ec-3": "E-AC-3", "ac-4": "AC-4", samr: "AMR", sawb: "AMR-WB" },
  ...{ sowt: "PCM", twos: "PCM", lpcm: "PCM", in24: "PCM", in32: "PCM", fl32: "PCM", "raw ": "PCM", ipcm: "PCM" },
};

type Entry = {
  readonly rate: number;
  readonly channels: number;
  /** A box that describes the codec; QuickTime has another one around it. */
  readonly inner: (name: string) => Uint8Array | undefined;
};

/** QuickTime has longer entries than MP4: versions 1 and 2. */
function readEntry(body: Uint8Array): Entry {
  const version = u16(body, 8);
  const inside = body.subarray(28 + (version === 1 ? 16 : version === 2 ? 36 : 0));
  const wide = version === 2 && body.length >= 48;
  return {
    rate: wide ? Math.round(new DataView(body.buffer, body.byteOffset).getFloat64(32)) : u32(body, 24) >>> 16,
    channels: wide ? u32(body, 40) : u16(body, 16),
    inner: (name) => findBox(inside, name) ?? findBox(inside, `wave/${name}`),
  };
}

function elementarySetup(
  what: string,
  { rate, channels, inner }: Entry,
  plain: (
    codec: CodecSetup["codec"],
    format: string,
  ) => CodecSetup,
): CodecSetup {
  const { kind, config } = readDescriptor((inner("esds") ?? new Uint8Array(0)).subarray(4));
  if (kind === 0x6b || kind === 0x69) return plain("mp3", "MP3");
  if (kind === 0x66 || kind === 0x68) throw new UnsupportedError(`${what} AAC ${kind === 0x66 ? "Main" : "SSR"} audio`);
  if (kind !== 0x40 && kind !== 0x67) throw new UnsupportedError(`${what} audio of kind 0x${kind.toString(16)}: audio`);
  const stated: AacConfig = { objectType: 2, rate, layout: channels, samples: AAC_SAMPLES, hasSbr: undefined };
  return aacSetup(what, readAudioConfig(config) ?? stated, "MP4 AAC");
}

/** The kind of an elementary stream, and its codec's own header. */
function readDescriptor(bytes: Uint8Array): { readonly kind: number; readonly config: Uint8Array } {
  let kind = 0x40;
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at++]!;
    let length = 0;
    for (let more = true, digits = 0; more && digits < 4; digits++) {
      const byte = bytes[at++] ?? 0;
      length = length << 7 | byte & 0x7f;
      more = byte >= 0x80;
    }
    if (tag === 3) {
      const flags = bytes[at + 2] ?? 0;
      at += 3 + ((flags & 0x80) !== 0 ? 2 : 0) + ((flags & 0x40) !== 0 ? 1 + (bytes[at + 3] ?? 0) : 0);
      at += (flags & 0x20) !== 0 ? 2 : 0;
    } else if (tag === 4) {
      kind = bytes[at] ?? kind;
      at += 13;
    } else if (tag === 5) return { kind, config: bytes.subarray(at, at + length) };
    else at += length;
  }
  return { kind, config: new Uint8Array(0) };
}

/** An "OpusHead" says the same with the lowest byte first. */
function opusHeadOf(box: Uint8Array): Uint8Array {
  const head = new Uint8Array(8 + box.length);
  head.set(Buffer.from("OpusHead"));
  head.set(box, 8);
  head[8] = 1;
  for (const [at, bytes] of [[10, 2], [12, 4], [16, 2]] as const) head.subarray(at, at + bytes).reverse();
  return head;
}
