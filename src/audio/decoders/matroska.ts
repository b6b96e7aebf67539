/**
 * Matroska and WebM with Opus, Vorbis, FLAC, MPEG audio or AAC. In: bytes. Out: the packets of one audio track.
 *
 * Read from front to back: elements that hold others are entered, and all others are told apart by their names, so that
 * neither sizes that nobody knew (live streams) nor lost bytes matter for long.
 */

import { InputError } from "../../errors.ts";
import { chooseTrack, type Track } from "../container.ts";
import { mpegHeader } from "../frames.ts";
import { AAC_SAMPLES, type AacConfig, aacSetup, readAudioConfig } from "./aac.ts";
import { isBlank } from "../plausible.ts";
import { flacSetup } from "./flac.ts";
import { type Element, type ElementHead, elements, readHead, text, unsigned } from "./ebml.ts";
import { opusHead, opusSamples } from "./opus.ts";
import { type CodecSetup, type Demuxer, keepTo, type Packet, UnsupportedError } from "./packets.ts";
import { Pending } from "./pending.ts";
import { VorbisLengths } from "./vorbis.ts";

const SEGMENT = 0x18538067;
const INFO = 0x1549a966;
const TRACKS = 0x1654ae6b;
const CLUSTER = 0x1f43b675;
const CLUSTER_TIME = 0xe7;
const SIMPLE_BLOCK = 0xa3;
const BLOCK_GROUP = 0xa0;
const BLOCK = 0xa1;
const DISCARD_PADDING = 0x75a2;

/** No header and no packet of sound is longer. */
const ELEMENT_BYTES_MAX = 1 << 24;
const BLOCK_HEAD_BYTES = 16;

export class MatroskaDemuxer implements Demuxer {
  setup: CodecSetup | undefined;
  tracks: readonly Track[] = [];
  track: Track | undefined;
  lostBytes = 0;
  isCut = false;
  /** Place in the stream; what is blank behind it is no loss. */
  #segmentEnd = Infinity;
  readonly #name: string;
  readonly #wanted: string | undefined;
  readonly #pending = new Pending();
  /** Nanoseconds in a step of all times. */
  #scale = 1_000_000;
  #clusterTime = 0;
  #startTime: number | undefined;
  #entry: TrackEntry | undefined;
  #skipLeft = 0;

  constructor(name: string, wanted: string | undefined) {
    this.#name = name;
    this.#wanted = wanted;
  }

  push(bytes: Uint8Array): Packet[] {
    this.#pending.append(bytes);
    const packets: Packet[] = [];
    while (this.#step(packets));
    return packets;
  }

  end(): Packet[] {
    const isFilledUp = isBlank(this.#pending.view, 0) && this.#pending.at >= this.#segmentEnd;
    if (this.#pending.length > 0 && !isFilledUp) this.isCut = true;
    return [];
  }

  /** Reads the element at the front. Returns false if more bytes are needed. */
  #step(packets: Packet[]): boolean {
    const view = this.#pending.view;
    const head = readHead(view, 0);
    if (head === "more") return false;
    if (head === "none") return this.#seek(view);
    if (head.id === SEGMENT) this.#segmentEnd = this.#pending.at + head.headBytes + head.bytes;
    if (head.id === SEGMENT || head.id === CLUSTER) {
      this.#pending.drop(head.headBytes);
      return true;
    }
    const isNeeded = [INFO, TRACKS, CLUSTER_TIME, BLOCK_GROUP, SIMPLE_BLOCK].includes(head.id);
    if (!isNeeded || head.bytes > ELEMENT_BYTES_MAX) return this.#pass(head);
    if ((head.id === SIMPLE_BLOCK || head.id === BLOCK_GROUP) && this.#isOfOthers(view, head)) return this.#pass(head);
    if (view.length < head.headBytes + head.bytes) return false;
    this.#read(head, view.subarray(head.headBytes, head.headBytes + head.bytes), packets);
    this.#pending.drop(head.headBytes + head.bytes);
    return true;
  }

  #pass({ headBytes, bytes }: ElementHead): true {
    if (bytes === Infinity) throw new InputError(`${this.#name}: Matroska is damaged: an element has no size`);
    this.#pending.drop(headBytes + bytes);
    return true;
  }

  /** Whether a block, or the one in a group, which comes first, is surely of another track. */
  #isOfOthers(view: Uint8Array, { id, headBytes, bytes }: ElementHead): boolean {
    if (this.#entry === undefined) return false;
    let at = headBytes;
    if (id === BLOCK_GROUP) {
      if (view.length < Math.min(headBytes + bytes, headBytes + BLOCK_HEAD_BYTES)) return false;
      const inner = readHead(view, at);
      if (typeof inner === "string" || inner.id !== BLOCK) return false;
      at += inner.headBytes;
    }
    const number = view[at];
    return number !== undefined && number > 0x80 && number !== (this.#entry.number | 0x80);
  }

  /** Goes to the next cluster. */
  #seek(view: Uint8Array): boolean {
    const bytes = Buffer.from(view.buffer, view.byteOffset, view.length);
    const next = bytes.indexOf("1f43b675", 1, "hex");
    const lost = next > 0 ? next : Math.max(0, view.length - 3);
    const isFiller = this.#pending.at >= this.#segmentEnd && isBlank(view.subarray(0, lost), 0);
    if (!isFiller) this.lostBytes += lost;
    this.#pending.drop(lost);
    return next > 0;
  }

  #read({ id }: ElementHead, body: Uint8Array, packets: Packet[]): void {
    if (id === INFO) {
      for (const { id, data } of elements(body)) if (id === 0x2ad7b1) this.#scale = unsigned(data) || 1_000_000;
    } else if (id === TRACKS) this.#chooseTrack(body);
    else if (id === CLUSTER_TIME) {
      this.#clusterTime = unsigned(body);
      this.#startTime ??= this.#clusterTime;
    } else if (id === SIMPLE_BLOCK) this.#block(body, 0, packets);
    else {
      let [block, discardNs]: [Uint8Array | undefined, number] = [undefined, 0];
      for (const { id, data } of elements(body)) {
        if (id === BLOCK) block = data;
        if (id === DISCARD_PADDING) discardNs = unsigned(data);
      }
      if (block) this.#block(block, discardNs, packets);
    }
  }

  #chooseTrack(body: Uint8Array): void {
    if (this.#entry !== undefined) return;
    const entries = elements(body).filter(({ id }) => id === 0xae).map(({ data }) => trackEntry(data));
    const audio = entries.filter(({ isAudio }) => isAudio);
    this.tracks = audio.map(({ language, title, isDefault }, stream) => ({ stream, language, title, isDefault }));
    const container = { format: "matroska,webm", startSec: 0, tracks: this.tracks, isGuess: false };
    this.track = chooseTrack(this.#name, container, this.#wanted);
    this.#entry = audio[this.track.stream]!;
    this.setup = setupOf(this.#name, this.#entry);
    this.#skipLeft = Math.round(this.#entry.delayNs * this.setup.rate / 1e9);
    this.#entry.delaySamples = this.#skipLeft;
  }

  #block(block: Uint8Array, discardNs: number, packets: Packet[]): void {
    const number = readHead(block, 0, true);
    if (this.#entry === undefined || typeof number === "string" || number.id !== this.#entry.number) return;
    const at = number.headBytes;
    const { rate } = this.setup!;
    const time = this.#clusterTime - this.#startTime! + ((block[at]! << 8 | block[at + 1]!) << 16 >> 16);
    const frames = unlaced(block.subarray(at + 3), block[at + 2]! >> 1 & 3);
    const discard = Math.round(discardNs * rate / 1e9);
    for (const [index, frame] of frames.entries()) {
      const data = this.#entry.prefix.length > 0 ? new Uint8Array(Buffer.concat([this.#entry.prefix, frame])) : frame;
      const samples = this.#entry.samplesOf?.(data) ?? 0;
      const skip = samples > 0 ? Math.min(samples, this.#skipLeft) : this.#skipLeft;
      this.#skipLeft -= skip;
      const place = Math.round(time * this.#scale * rate / 1e9) - this.#entry.delaySamples;
      const isLast = index === frames.length - 1;
      const keep = isLast && discard > 0 && samples > 0 ? keepTo(samples - discard, samples, skip) : {};
      packets.push({ data: data.slice(), samples, ...(index === 0 ? { at: place } : {}), skip, ...keep });
    }
  }
}

type TrackEntry = {
  number: number;
  isAudio: boolean;
  codec: string;
  header: Uint8Array;
  language: string;
  title: string;
  isDefault: boolean;
  rate: number;
  channels: number;
  delayNs: number;
  delaySamples: number;
  /** What every packet begins with and does not state. */
  prefix: Uint8Array;
  isPacked: boolean;
  samplesOf?: (packet: Uint8Array) => number;
};

function trackEntry(body: Uint8Array): TrackEntry {
  const empty = new Uint8Array(0);
  const entry: TrackEntry = {
    ...{ number: 0, isAudio: false, codec: "", header: empty, language: "eng", title: "", isDefault: true },
    ...{ rate: 8000, channels: 1, delayNs: 0, delaySamples: 0, prefix: empty, isPacked: false },
  };
  for (const { id, data } of elements(body)) readTrackElement(entry, { id, data });
  if (entry.language === "und") entry.language = "";
  return entry;
}

function readTrackElement(entry: TrackEntry, { id, data }: Element): void {
  if (id === 0xd7) entry.number = unsigned(data);
  if (id === 0x83) entry.isAudio = unsigned(data) === 2;
  if (id === 0x86) entry.codec = text(data);
  if (id === 0x63a2) entry.header = data.slice();
  if (id === 0x22b59c || id === 0x22b59d) entry.language = text(data);
  if (id === 0x536e) entry.title = text(data);
  if (id === 0x88) entry.isDefault = unsigned(data) === 1;
  if (id === 0x56aa) entry.delayNs = unsigned(data);
  if (id === 0xe1) {
    for (const inner of elements(data)) {
      if (inner.id === 0x9f) entry.channels = unsigned(inner.data);
      const view = new DataView(inner.data.buffer, inner.data.byteOffset, inner.data.length);
      if (inner.id === 0xb5 && (inner.data.length === 4 || inner.data.length === 8)) {
        entry.rate = inner.data.length === 4 ? view.getFloat32(0) : view.getFloat64(0);
      }
    }
  }
  if (id === 0x6d80) {
    const compression = elements(data).flatMap(({ data }) => elements(data)).filter(({ id }) => id === 0x5034)
      .flatMap(({ data }) => elements(data));
    const kind = compression.find(({ id }) => id === 0x4254);
    entry.isPacked = kind === undefined || unsigned(kind.data) !== 3;
    entry.prefix = compression.find(({ id }) => id === 0x4255)?.data.slice() ?? entry.prefix;
  }
}

function setupOf(name: string, entry: TrackEntry): CodecSetup {
  const { codec, header, rate, channels } = entry;
  const refuse = (what: string) => new UnsupportedError(`${name}: ${what} audio`);
  if (entry.isPacked) throw refuse("Matroska with compressed");
  const plain = (codec: CodecSetup["codec"], format: string, header = new Uint8Array(0)): CodecSetup => ({
    ...{ codec, rate: Math.round(rate), channels, header, format },
  });
  if (codec.startsWith("A_AAC")) {
    entry.samplesOf = () => AAC_SAMPLES;
    return aacSetup(`${name}: Matroska`, aacConfig(entry), "Matroska AAC");
  }
  switch (codec) {
    case "A_OPUS":
      entry.samplesOf = opusSamples;
      return opusHead(name, header, "Matroska Opus").setup;
    case "A_VORBIS": {
      const [first, , third] = xiphHeaders(header);
      if (first === undefined || third === undefined) throw new InputError(`${name}: Vorbis header is damaged`);
      const lengths = new VorbisLengths(name, first, third, "Matroska Vorbis");
      entry.samplesOf = (packet) => lengths.samplesOf(packet);
      return lengths.setup;
    }
    case "A_FLAC":
      return flacSetup(name, header.subarray(8), "Matroska FLAC");
    case "A_MPEG/L3":
    case "A_MPEG/L2":
      entry.samplesOf = (packet) => mpegHeader(packet, 0)?.samples ?? 0;
      return plain(codec === "A_MPEG/L3" ? "mp3" : "mp2", "Matroska MP3");
    default:
      throw refuse(codec.replace(/^A_/, "Matroska ") || "Matroska");
  }
}

/** Old writers name the kind of AAC in place of its header. */
function aacConfig({ codec, header, rate, channels }: TrackEntry): AacConfig {
  const objectType = codec.includes("/MAIN") ? 1 : codec.includes("/SSR") ? 3 : codec.includes("/LTP") ? 4 : 2;
  const hasSbr = codec.includes("/SBR") ? true : undefined;
  const stated = { objectType, rate: Math.round(rate), layout: channels, samples: AAC_SAMPLES, hasSbr };
  return (header.length >= 2 ? readAudioConfig(header) : undefined) ?? stated;
}

/** The three headers of Vorbis in one: how many less one, the lengths of all but the last, the headers. */
function xiphHeaders(bytes: Uint8Array): Uint8Array[] {
  const { lengths, at } = xiphLengths(bytes, (bytes[0] ?? 0) + 1, 1);
  return split(bytes.subarray(at), lengths);
}

/** Frames of a block. `lacing`: 0 none, 1 as Xiph does, 2 all of one length, 3 as EBML does. */
function unlaced(body: Uint8Array, lacing: number): Uint8Array[] {
  if (lacing === 0) return [body];
  const count = (body[0] ?? 0) + 1;
  if (lacing === 2) {
    const each = Math.floor((body.length - 1) / count);
    return split(body.subarray(1), Array.from({ length: count - 1 }, () => each));
  }
  const { lengths, at } = lacing === 1 ? xiphLengths(body, count, 1) : ebmlLengths(body, count, 1);
  return split(body.subarray(at), lengths);
}

/** Parts of these lengths, then the rest. */
function split(body: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  let at = 0;
  const parts = lengths.map((length) => body.subarray(at, at += Math.max(0, length)));
  return [...parts, body.subarray(at)];
}

function xiphLengths(bytes: Uint8Array, count: number, from: number) {
  const lengths: number[] = [];
  let at = from;
  while (lengths.length < count - 1 && at < bytes.length) {
    let length = 0;
    while (bytes[at] === 255) length += bytes[at++]!;
    lengths.push(length + (bytes[at++] ?? 0));
  }
  return { lengths, at };
}

function ebmlLengths(bytes: Uint8Array, count: number, from: number) {
  const lengths: number[] = [];
  let at = from;
  while (lengths.length < count - 1) {
    const head = readHead(bytes, at, true);
    if (typeof head === "string") break;
    const bias = 2 ** (7 * head.headBytes - 1) - 1;
    lengths.push(lengths.length === 0 ? head.id : lengths.at(-1)! + head.id - bias);
    at += head.headBytes;
  }
  return { lengths, at };
}
