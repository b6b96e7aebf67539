/**
 * FLAC without a container. In: bytes. Out: its frames as packets, each with its place.
 *
 * A frame does not say how long it is: it ends where the next header begins and its checksum is right. Another FLAC
 * that follows is read too, if it has the same rate.
 */

import { InputError } from "../../errors.ts";
import { lazily } from "../../lazy.ts";
import type { Joined } from "../joined_line.ts";
import { checkSourceShape } from "../limits.ts";
import { isBlank } from "../plausible.ts";
import { id3Bytes, isAscii, startAt, trailingTagBytes } from "../starts.ts";
import type { CodecSetup, Demuxer, Packet } from "./packets.ts";
import { Pending } from "./pending.ts";

const STREAMINFO_BYTES = 34;
/** Of a header, with the longest number and both sizes. */
const HEADER_BYTES_MAX = 16;
/** Frames of 65,535 samples of 8 channels with 32 bits, stored as they are, are 2 MiB long. */
const FRAME_BYTES_MAX = (1 << 21) + 1024;

type FrameHeader = { readonly bytes: number; readonly samples: number; readonly at: number };

export class FlacDemuxer implements Demuxer {
  setup: CodecSetup | undefined;
  lostBytes = 0;
  isCut = false;
  next: Joined | undefined;
  readonly #name: string;
  readonly #pending = new Pending();
  #state: "magic" | "blocks" | "frames" | "over" = "magic";
  /** Where the file begins. */
  #fileAt = 0;
  /** Of a file that follows, for its first frame. */
  #renewed: CodecSetup | undefined;
  #blockSamples = 0;
  /** Of the file: as far as its frames went, and as its header says, 0 where that is unknown. */
  #samples = 0;
  #samplesStated = 0;
  /** There are blank bytes where frames should be. */
  #isFilledUp = false;
  /** Of the frame at the front: its checksum so far, up to the candidate that was looked at last. */
  #checked = 0;
  #crc = 0;

  constructor(name: string) {
    this.#name = name;
  }

  push(bytes: Uint8Array): Packet[] {
    this.#pending.append(bytes);
    return this.#packets(false);
  }

  end(): Packet[] {
    const packets = this.#packets(true);
    if (this.#isFilledUp && this.#samples < this.#samplesStated) this.isCut = true;
    return packets;
  }

  #packets(isEnd: boolean): Packet[] {
    const packets: Packet[] = [];
    for (;;) {
      if (this.#state === "magic") this.#magic();
      if (this.#state === "blocks") this.#blocks();
      if (this.#state === "over") this.#pending.drop(this.#pending.length);
      if (this.#state !== "frames") return packets;
      const packet = this.#frame(isEnd);
      if (packet === "more") return packets;
      if (packet !== "lost") packets.push(packet);
    }
  }

  #magic(): void {
    if (this.#pending.length < 4) return;
    this.#fileAt = this.#pending.at;
    this.#pending.drop(4); // "fLaC", which was seen.
    this.#state = "blocks";
  }

  /** Metadata blocks, pictures among them, of which one counts. */
  #blocks(): void {
    for (;;) {
      const view = this.#pending.view;
      if (view.length < 4) return;
      const kind = view[0]! & 0x7f;
      const bytes = view[1]! << 16 | view[2]! << 8 | view[3]!;
      if (kind === 0) {
        if (view.length < 4 + STREAMINFO_BYTES) return;
        this.#streamInfo(view.slice(4, 4 + STREAMINFO_BYTES));
        if (this.#state === "over") return;
      }
      const isLast = (view[0]! & 0x80) !== 0;
      this.#pending.drop(4 + bytes);
      if (isLast) {
        if (this.setup === undefined) throw new InputError(`${this.#name}: FLAC without its STREAMINFO`);
        this.#state = "frames";
        return;
      }
    }
  }

  #streamInfo(info: Uint8Array): void {
    if (this.setup !== undefined && rateOf(info) !== this.setup.rate) {
      this.next = { at: this.#fileAt, name: "FLAC", after: "FLAC", isOtherRate: true };
      this.#state = "over";
      return;
    }
    const isFirst = this.setup === undefined;
    this.setup = flacSetup(this.#name, info, "FLAC");
    if (!isFirst) this.#renewed = this.setup;
    this.#blockSamples = info[0]! << 8 | info[1]!;
    this.#samples = 0;
    this.#samplesStated = (info[13]! & 15) * 2 ** 32 + new DataView(info.buffer, info.byteOffset).getUint32(14);
  }

  /** The frame at the front. */
  #frame(isEnd: boolean): Packet | "more" | "lost" {
    const view = this.#pending.view;
    if (view.length < (isEnd ? 1 : HEADER_BYTES_MAX)) return "more";
    if (isAscii(view, 0, "fLaC")) {
      this.#state = "magic";
      return "lost";
    }
    const tag = id3Bytes(view, 0);
    if (tag > 0) {
      this.#pending.drop(tag);
      return "lost";
    }
    const header = frameHeader(view, 0, this.#blockSamples);
    if (header === undefined) return this.#seek(view, isEnd);
    for (let at = view.indexOf(0xff, Math.max(this.#checked, header.bytes)); at >= 0; at = view.indexOf(0xff, at + 1)) {
      if (!isEnd && at + HEADER_BYTES_MAX > view.length) return "more";
      if (at > FRAME_BYTES_MAX) break;
      if (frameHeader(view, at, this.#blockSamples) === undefined) continue;
      this.#crc = crc16(view, this.#checked, at, this.#crc);
      this.#checked = at;
      if (this.#crc === 0) return this.#take(view, at, header);
    }
    if (!isEnd && view.length <= FRAME_BYTES_MAX) return "more";
    return this.#unended(view, header, isEnd);
  }

  /** No header ends this frame: it is the last one, with or without a tag behind it, or damaged. */
  #unended(view: Uint8Array, header: FrameHeader, isEnd: boolean): Packet | "lost" {
    const end = this.#endOf(view, header.bytes, isEnd);
    if (end !== undefined) {
      const packet = this.#take(view, end, header);
      const rest = this.#pending.view;
      if (trailingTagBytes(rest, 0) === rest.length) this.#pending.drop(rest.length);
      return packet;
    }
    let next = view.indexOf(0xff, header.bytes);
    while (next >= 0 && frameHeader(view, next, this.#blockSamples) === undefined) next = view.indexOf(0xff, next + 1);
    if (next < 0 && isEnd) {
      this.isCut = true;
      this.#pending.drop(view.length);
    } else this.#lose(next < 0 ? view.length : next);
    return "lost";
  }

  /** Where the frame at the front ends: its checksum is right, and a tag, blanks, another file or nothing follows. */
  #endOf(view: Uint8Array, from: number, isEnd: boolean): number | undefined {
    let crc = crc16(view, 0, from, 0);
    for (let at = from; at < view.length; crc = crc16(view, at, at + 1, crc), at++) {
      if (crc === 0 && endsAt(view, at)) return at;
    }
    return isEnd && crc === 0 ? view.length : undefined;
  }

  #take(view: Uint8Array, bytes: number, { at, samples }: FrameHeader): Packet {
    const setup = this.#renewed;
    this.#renewed = undefined;
    const packet = { data: view.slice(0, bytes), samples, at, ...(setup && { setup }) };
    this.#samples = at + samples;
    this.#pending.drop(bytes);
    this.#restart();
    return packet;
  }

  #seek(view: Uint8Array, isEnd: boolean): "lost" | "more" {
    let next = view.indexOf(0xff, 1);
    while (next >= 0 && next + HEADER_BYTES_MAX <= view.length && !frameHeader(view, next, this.#blockSamples)) {
      next = view.indexOf(0xff, next + 1);
    }
    if (next < 0) next = view.length;
    const again = Buffer.from(view.buffer, view.byteOffset, view.length).indexOf("fLaC", 1, "latin1");
    this.#lose(again < 0 ? next : Math.min(next, again));
    return isEnd || this.#pending.length >= HEADER_BYTES_MAX ? "lost" : "more";
  }

  /** Blank bytes are no loss: some recorders and copies fill a file up. */
  #lose(bytes: number): void {
    this.#isFilledUp = isBlank(this.#pending.view.subarray(0, bytes), 0);
    if (!this.#isFilledUp) this.lostBytes += bytes;
    this.#pending.drop(bytes);
    this.#restart();
  }

  #restart(): void {
    this.#checked = 0;
    this.#crc = 0;
  }
}

const BLANK_BYTES = 16;

function endsAt(view: Uint8Array, at: number): boolean {
  if (view[at] === 0) return isBlank(view.subarray(at, at + BLANK_BYTES), 0);
  return startAt(view, at) !== undefined || id3Bytes(view, at) > 0 || trailingTagBytes(view, at) > 0;
}

function rateOf(info: Uint8Array): number {
  return info[10]! << 12 | info[11]! << 4 | info[12]! >> 4;
}

/** What a STREAMINFO block says. Throws an InputError where it cannot be right. */
export function flacSetup(name: string, info: Uint8Array, format: string): CodecSetup {
  const rate = rateOf(info);
  const channels = (info[12]! >> 1 & 7) + 1;
  checkSourceShape(`${name}: FLAC`, rate, channels);
  return { codec: "flac", rate, channels, header: info.slice(0, STREAMINFO_BYTES), format };
}

/** What the frame that is `packet` says of itself; undefined where it is none. */
export function flacFrame(packet: Uint8Array, blockSamples: number): { samples: number; at: number } | undefined {
  return frameHeader(packet, 0, blockSamples);
}

/** The header at `at`, if its checksum is right. `blockSamples`: of all blocks, where they have one size. */
function frameHeader(view: Uint8Array, at: number, blockSamples: number): FrameHeader | undefined {
  if (view[at] !== 0xff || (view[at + 1]! & 0xfe) !== 0xf8 || at + 6 > view.length) return undefined;
  const sizeCode = view[at + 2]! >> 4;
  const rateCode = view[at + 2]! & 15;
  if (sizeCode === 0 || rateCode === 15 || view[at + 3]! >> 4 > 10 || (view[at + 3]! & 1) !== 0) return undefined;
  const number = codedNumber(view, at + 4);
  if (number === undefined) return undefined;
  let place = at + 4 + number.bytes;
  let samples = sizeCode === 1 ? 192 : sizeCode < 6 ? 576 << sizeCode - 2 : 256 << sizeCode - 8;
  if (sizeCode === 6) samples = view[place++]! + 1;
  if (sizeCode === 7) samples = (view[place++]! << 8 | view[place++]!) + 1;
  place += rateCode === 12 ? 1 : rateCode === 13 || rateCode === 14 ? 2 : 0;
  if (place >= view.length || crc8(view, at, place) !== view[place]) return undefined;
  const isVariable = (view[at + 1]! & 1) !== 0;
  return { bytes: place + 1 - at, samples, at: isVariable ? number.value : number.value * (blockSamples || samples) };
}

/** A number of up to 36 bits, coded as UTF-8 codes characters. */
function codedNumber(view: Uint8Array, at: number): { readonly value: number; readonly bytes: number } | undefined {
  const first = view[at]!;
  if (first < 0x80) return { value: first, bytes: 1 };
  const bytes = Math.clz32(~first & 0xff) - 24;
  if (bytes < 2 || bytes > 7) return undefined;
  let value = bytes === 7 ? 0 : first & (0x7f >> bytes);
  for (let i = 1; i < bytes; i++) {
    const byte = view[at + i]!;
    if ((byte & 0xc0) !== 0x80) return undefined;
    value = value * 64 + (byte & 0x3f);
  }
  return { value, bytes };
}

const crc8Table = lazily(() => crcTable(8, 0x07));
const crc16Table = lazily(() => crcTable(16, 0x8005));

function crcTable(bits: 8 | 16, polynomial: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << bits - 8;
    for (let bit = 0; bit < 8; bit++) crc = crc >> bits - 1 & 1 ? crc << 1 ^ polynomial : crc << 1;
    return crc & 2 ** bits - 1;
  });
}

function crc8(view: Uint8Array, from: number, to: number): number {
  const table = crc8Table();
  let crc = 0;
  for (let at = from; at < to; at++) crc = table[crc ^ view[at]!]!;
  return crc;
}

function crc16(view: Uint8Array, from: number, to: number, before: number): number {
  const table = crc16Table();
  let crc = before;
  for (let at = from; at < to; at++) crc = (crc << 8 & 0xffff) ^ table[crc >> 8 ^ view[at]!]!;
  return crc;
}
