/**
 * Ogg with Vorbis, Opus or FLAC. In: bytes. Out: the packets of the audio stream, each page's with their place. Several
 * such streams beside each other, and pictures, whose clock counts too, are left to ffmpeg.
 *
 * A page states where its last packet ends (its granule), the last page where the sound ends. Streams that follow one
 * another in a file are heard one after the other, where they are of one codec and rate.
 */

import { InputError } from "../../errors.ts";
import { lazily } from "../../lazy.ts";
import { isBlank } from "../plausible.ts";
import { isAscii } from "../starts.ts";
import { flacFrame, flacSetup } from "./flac.ts";
import { opusHead, opusSamples } from "./opus.ts";
import { type CodecSetup, type Demuxer, keepTo, type Packet, UnsupportedError } from "./packets.ts";
import { Pending } from "./pending.ts";
import { VorbisLengths } from "./vorbis.ts";

const HEADER_BYTES = 27;
/** Longer than any packet of these codecs. */
const PACKET_BYTES_MAX = 1 << 24;

type Page = {
  readonly isContinued: boolean;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** Samples from the start to the end of its last packet; undefined where no packet ends on it. */
  readonly granule: number | undefined;
  readonly serial: number;
  readonly sequence: number;
  readonly lacing: Uint8Array;
  readonly body: Uint8Array;
  readonly bytes: number;
};

export class OggDemuxer implements Demuxer {
  setup: CodecSetup | undefined;
  lostBytes = 0;
  isCut = false;
  readonly #name: string;
  readonly #pending = new Pending();
  #stream: LogicalStream | undefined;
  #hasLast = false;

  constructor(name: string) {
    this.#name = name;
  }

  push(bytes: Uint8Array): Packet[] {
    this.#pending.append(bytes);
    const packets: Packet[] = [];
    for (;;) {
      const view = this.#pending.view;
      const page = readPage(view);
      if (page === "more") return packets;
      if (page === "none") {
        const next = Buffer.from(view.buffer, view.byteOffset, view.length).indexOf("OggS", 1);
        this.#lose(next > 0 ? next : view.length - 3);
      } else {
        packets.push(...this.#page(page));
        this.#pending.drop(page.bytes);
      }
    }
  }

  end(): Packet[] {
    const isInPage = isAscii(this.#pending.view, 0, "OggS");
    if (isInPage || (this.#stream !== undefined && !this.#hasLast)) this.isCut = true;
    if (this.#stream !== undefined && this.setup === undefined) {
      throw new InputError(`${this.#name}: Ogg is cut off within its headers`);
    }
    return [];
  }

  #lose(bytes: number): void {
    const isLoss = this.#stream !== undefined && !isBlank(this.#pending.view.subarray(0, bytes), 0);
    if (isLoss) this.lostBytes += bytes;
    this.#pending.drop(bytes);
  }

  #page(page: Page): Packet[] {
    if (page.isFirst) this.#refuseFilm(page);
    if (page.isFirst && (this.#stream === undefined || this.#hasLast)) this.#begin(page);
    const stream = this.#stream;
    if (stream === undefined || page.serial !== stream.serial) return [];
    const packets = stream.page(page);
    this.lostBytes += stream.takeLost();
    if (page.isLast) this.#hasLast = true;
    if (stream.setup === undefined || packets.length === 0) return packets;
    if (this.setup === undefined) this.setup = stream.setup;
    else if (this.setup !== stream.setup) {
      if (stream.setup.codec !== this.setup.codec || stream.setup.rate !== this.setup.rate) return [];
      packets[0] = { ...packets[0]!, setup: stream.setup };
      this.setup = stream.setup;
    }
    return packets;
  }

  /** All streams of a file begin before any goes on. */
  #refuseFilm({ body }: Page): void {
    if (this.setup !== undefined) return;
    if (isPicture(body)) throw new UnsupportedError(`${this.#name}: Ogg with pictures`);
    if (this.#stream !== undefined && codecOf(body) !== undefined) {
      throw new UnsupportedError(`${this.#name}: Ogg with several audio tracks`);
    }
  }

  #begin(page: Page): void {
    const codec = codecOf(page.body);
    if (codec === "vorbis" || codec === "opus" || codec === "flac") {
      this.#stream = new LogicalStream(this.#name, page, codec, this.#stream?.end ?? 0);
      this.#hasLast = false;
    } else if (codec !== undefined && this.#stream === undefined) {
      throw new UnsupportedError(`${this.#name}: ${codec} audio`);
    }
  }
}

/** The packets of one stream. */
class LogicalStream {
  readonly serial: number;
  setup: CodecSetup | undefined;
  readonly #name: string;
  readonly #codec: "vorbis" | "opus" | "flac";
  readonly #headers: Uint8Array[] = [];
  /** The beginning of a packet that goes on in the next page; undefined after a gap. */
  #partial: Uint8Array[] | undefined = [];
  #sequence: number;
  #lost = 0;
  #samplesOf: (packet: Uint8Array) => number = () => 0;
  #blockSamples = 0;
  /** Samples that the decoder adds at the start, of which some are left to be skipped. */
  #preSkip = 0;
  #skipLeft = 0;
  /** What is taken from a granule to have a place on the time line. */
  #shift: number | undefined;
  /** On the time line, after what was handed out. */
  end: number;

  constructor(name: string, { serial, sequence }: Page, codec: "vorbis" | "opus" | "flac", end: number) {
    this.#name = name;
    this.serial = serial;
    this.#sequence = sequence;
    this.#codec = codec;
    this.end = end;
  }

  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  page(page: Page): Packet[] {
    if (page.sequence !== this.#sequence) {
      this.#partial = undefined;
      this.#lost++;
    }
    this.#sequence = page.sequence + 1;
    const data = this.#whole(page).filter((packet) => !this.#takesHeader(packet));
    if (data.length === 0) return [];
    if (this.setup === undefined) throw new InputError(`${this.#name}: Ogg without its headers`);
    return this.#codec === "flac" ? data.map((packet) => this.#flacPacket(packet)) : this.#placed(data, page);
  }

  /** The packets that end on this page. */
  #whole({ isContinued, lacing, body }: Page): Uint8Array[] {
    const whole: Uint8Array[] = [];
    let parts = isContinued ? this.#partial : [];
    let [from, to] = [0, 0];
    for (const length of lacing) {
      to += length;
      if (length === 255) continue;
      if (parts !== undefined) whole.push(new Uint8Array(Buffer.concat([...parts, body.subarray(from, to)])));
      parts = [];
      from = to;
    }
    const isOpen = lacing.at(-1) === 255;
    this.#partial = isOpen ? parts && [...parts, body.slice(from)] : [];
    const bytes = this.#partial?.reduce((sum, part) => sum + part.length, 0) ?? 0;
    if (bytes > PACKET_BYTES_MAX) this.#partial = undefined;
    return whole;
  }

  #takesHeader(packet: Uint8Array): boolean {
    if (this.#codec === "flac") return this.#takesFlacHeader(packet);
    const count = this.#codec === "opus" ? 2 : 3;
    if (this.#headers.length >= count) return false;
    this.#headers.push(packet);
    if (this.#headers.length === count) this.#begin(this.#headers);
    return true;
  }

  #begin([first, , third]: readonly Uint8Array[]): void {
    if (this.#codec === "opus") {
      const { setup, preSkip } = opusHead(this.#name, first!, "Ogg Opus");
      this.setup = setup;
      this.#preSkip = preSkip;
      this.#skipLeft = preSkip;
      this.#samplesOf = opusSamples;
    } else {
      const lengths = new VorbisLengths(this.#name, first!, third!, "Ogg Vorbis");
      this.setup = lengths.setup;
      this.#samplesOf = (packet) => lengths.samplesOf(packet);
    }
  }

  #takesFlacHeader(packet: Uint8Array): boolean {
    if (packet[0] === 0xff) return false;
    if (this.setup === undefined && packet.length >= 51 && codecOf(packet) === "flac") {
      this.setup = flacSetup(this.#name, packet.subarray(17), "Ogg FLAC");
      this.#blockSamples = packet[17]! << 8 | packet[18]!;
    }
    return true;
  }

  #flacPacket(data: Uint8Array): Packet {
    const frame = flacFrame(data, this.#blockSamples);
    if (frame === undefined) return { data };
    this.#shift ??= frame.at - this.end;
    const at = frame.at - this.#shift;
    this.end = at + frame.samples;
    return { data, samples: frame.samples, at };
  }

  /** Packets with the place that the page's granule gives them. */
  #placed(data: readonly Uint8Array[], { granule, isLast }: Page): Packet[] {
    const lengths = data.map((packet) => this.#samplesOf(packet));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    let at = this.end;
    if (granule !== undefined && !isLast) {
      this.#shift ??= granule - total - this.end;
      at = granule - total - this.#shift;
    } else this.#shift ??= 0;
    const stop = isLast && granule !== undefined ? granule - this.#shift : Infinity;
    const packets = data.map((packet, index): Packet => {
      const samples = lengths[index]!;
      const skip = Math.min(samples, this.#skipLeft);
      this.#skipLeft -= skip;
      const place = at - this.#preSkip;
      at += samples;
      const keep = keepTo(stop - (at - samples), samples, skip);
      return { data: packet, samples, ...(index === 0 ? { at: place } : {}), ...(skip > 0 ? { skip } : {}), ...keep };
    });
    this.end = Math.min(at, Math.max(stop, this.end));
    return packets;
  }
}

function readPage(view: Uint8Array): Page | "more" | "none" {
  if (view.length < 4) return "more";
  if (!(view[0] === 0x4f && view[1] === 0x67 && view[2] === 0x67 && view[3] === 0x53)) return "none";
  if (view.length < HEADER_BYTES) return "more";
  const from = HEADER_BYTES + view[26]!;
  if (view.length < from) return "more";
  const lacing = view.slice(HEADER_BYTES, from);
  const bytes = lacing.reduce((sum, length) => sum + length, from);
  if (view.length < bytes) return "more";
  if (checksum(view.subarray(0, bytes)) !== word(view, 22)) return "none";
  const high = word(view, 10);
  const granule = high === 0xffff_ffff && word(view, 6) === 0xffff_ffff ? undefined : high * 2 ** 32 + word(view, 6);
  const flags = view[5]!;
  return {
    ...{ isContinued: (flags & 1) !== 0, isFirst: (flags & 2) !== 0, isLast: (flags & 4) !== 0 },
    ...{ granule, serial: word(view, 14), sequence: word(view, 18), lacing, body: view.subarray(from, bytes), bytes },
  };
}

/** The codec of a stream that begins so; undefined where it is no audio. */
function codecOf(body: Uint8Array): string | undefined {
  if (isAscii(body, 0, "\x01vorbis")) return "vorbis";
  if (isAscii(body, 0, "OpusHead")) return "opus";
  if (isAscii(body, 0, "\x7fFLAC")) return "flac";
  return isAscii(body, 0, "Speex   ") ? "Speex" : undefined;
}

/** Theora, Dirac, VP8, and what OGM has. */
function isPicture(body: Uint8Array): boolean {
  return ["\x80theora", "BBCD\0", "OVP80", "\x01video"].some((text) => isAscii(body, 0, text));
}

function word(view: Uint8Array, at: number): number {
  return (view[at]! | view[at + 1]! << 8 | view[at + 2]! << 16 | view[at + 3]! << 24) >>> 0;
}

const crcTable = lazily(() =>
  Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? crc << 1 ^ 0x04c1_1db7 : crc << 1;
    return crc;
  })
);

/** With its own four bytes taken for 0. */
function checksum(page: Uint8Array): number {
  const table = crcTable();
  let crc = 0;
  for (let at = 0; at < page.length; at++) {
    const byte = at >= 22 && at < 26 ? 0 : page[at]!;
    crc = crc << 8 ^ table[(crc >>> 24 ^ byte) & 0xff]!;
  }
  return crc >>> 0;
}
