/**
 * MPEG audio (MP3, MP2, MP1) without a container. In: bytes. Out: its frames as packets.
 *
 * Tags before, between and behind the frames are passed over. The encoder's note in the first frame (Xing, Info, LAME)
 * says how many samples at the start and at the end are its own; a decoder adds 529. Other frames that follow are read
 * too, of whatever layer, if they have the same rate.
 */

import { isFrameChain, MPEG_SHARED, type MpegHeader, mpegHeader } from "../frames.ts";
import type { Joined } from "../joined_line.ts";
import { isBlank } from "../plausible.ts";
import { FlacDemuxer } from "./flac.ts";
import type { CodecSetup, Demuxer, Packet } from "./packets.ts";
import { Pending } from "./pending.ts";

const DECODER_DELAY = 529;
const HEADER_BYTES = 4;
/** Frames in a row that show that others begin, and the most bytes they have. */
const OTHER_FRAMES = 4;
const OTHER_BYTES = 4 * 2881;

/** What the encoder left in the first frame, in samples. */
type EncoderNote = { readonly delay: number; readonly padding: number; readonly framesCount: number };

export class MpegDemuxer implements Demuxer {
  #setup: CodecSetup | undefined;
  #lostBytes = 0;
  #isCut = false;
  next: Joined | undefined;
  /** Of a file that follows, for its first frame. */
  #renewed: CodecSetup | undefined;
  readonly #name: string;
  readonly #pending = new Pending();
  /** Where a tag of MP3 stands in front of a FLAC. */
  #flac: FlacDemuxer | undefined;
  #shared = 0;
  /** The last frame ended where this one must begin. */
  #isInStep = false;
  #note: EncoderNote | undefined;
  #framesCount = 0;
  #framesBytes = 0;
  /** Since the last frame. */
  #lostRun = 0;

  constructor(name: string) {
    this.#name = name;
  }

  get setup(): CodecSetup | undefined {
    return this.#flac ? this.#flac.setup : this.#setup;
  }

  get lostBytes(): number {
    return this.#flac?.lostBytes ?? this.#lostBytes;
  }

  get isCut(): boolean {
    return this.#flac?.isCut ?? this.#isCut;
  }

  push(bytes: Uint8Array): Packet[] {
    if (this.#flac) return this.#flac.push(bytes);
    this.#pending.append(bytes);
    return this.#packets(false);
  }

  end(): Packet[] {
    return this.#flac ? this.#flac.end() : this.#packets(true);
  }

  #becomeFlac(isEnd: boolean): Packet[] {
    this.#flac = new FlacDemuxer(this.#name);
    const packets = this.#flac.push(this.#pending.view.slice());
    return isEnd ? [...packets, ...this.#flac.end()] : packets;
  }

  #packets(isEnd: boolean): Packet[] {
    const packets: Packet[] = [];
    for (;;) {
      const view = this.#pending.view;
      if (view.length < (isEnd ? 1 : 10)) break;
      const tag = tagBytes(view);
      if (tag > 0) {
        this.#pending.drop(tag);
        continue;
      }
      if (this.#setup === undefined && view.length >= 4 && startsWith(view, "fLaC")) return this.#becomeFlac(isEnd);
      const header = this.#headerAt(view, 0);
      if (header === undefined) {
        this.#isInStep = false;
        const other = this.#otherFrames(view, isEnd);
        if (other === "unknown") break;
        if (other === "begin") continue;
        if (!this.#seek(view, isEnd)) break;
        continue;
      }
      if (view.length < header.bytes + (isEnd || this.#isInStep ? 0 : HEADER_BYTES)) {
        if (isEnd && view.length < header.bytes) this.#isCut = true;
        break;
      }
      if (!this.#isInStep && !this.#isFollowed(view, header)) {
        this.#lose(1);
        continue;
      }
      this.#isInStep = true;
      packets.push(...this.#missing(header));
      const packet = this.#take(view.subarray(0, header.bytes), header);
      this.#pending.drop(header.bytes);
      if (packet) packets.push(packet);
    }
    return packets;
  }

  /** A header like those before it. */
  #headerAt(view: Uint8Array, at: number): MpegHeader | undefined {
    const header = mpegHeader(view, at);
    return header && (this.#shared === 0 || sharedBits(view, at) === this.#shared) ? header : undefined;
  }

  /** Whether frames of another kind begin: they are gone on with, or are the end. */
  #otherFrames(view: Uint8Array, isEnd: boolean): "none" | "unknown" | "begin" {
    const header = this.#setup && mpegHeader(view, 0);
    if (header === undefined) return "none";
    if (!isEnd && view.length < OTHER_BYTES) return "unknown";
    if (!isFrameChain("MP3", view, 0, OTHER_FRAMES)) return "none";
    if (header.rate === this.#setup!.rate) {
      this.#shared = sharedBits(view, 0);
      this.#restart(header, undefined);
    } else {
      const name = `MP${header.layer}`;
      this.next = {
        at: this.#pending.at,
        name,
        after: this.#setup!.format,
        ...(name === this.#setup!.format && { isOtherRate: true }),
      };
      this.#pending.drop(Infinity);
    }
    return "begin";
  }

  #restart(header: MpegHeader, note: EncoderNote | undefined): void {
    this.#renewed = setupOf(header);
    this.#note = note;
    [this.#framesCount, this.#framesBytes, this.#lostRun] = [0, 0, 0];
  }

  /** Goes to the next byte that may begin a frame. Returns false if more bytes are needed. */
  #seek(view: Uint8Array, isEnd: boolean): boolean {
    const next = view.indexOf(0xff, 1);
    if (next >= 0) return this.#lose(next);
    this.#lose(isEnd ? view.length : view.length - 9); // A tag may begin in what is left.
    return false;
  }

  #lose(bytes: number): true {
    const isLoss = this.#setup !== undefined && !isBlank(this.#pending.view.subarray(0, bytes), 0);
    if (isLoss) {
      this.#lostBytes += bytes;
      this.#lostRun += bytes;
    }
    this.#pending.drop(bytes);
    return true;
  }

  /** Nothing, in place of the frames that were where bytes are lost: as many as their mean length says. */
  #missing({ samples }: MpegHeader): Packet[] {
    const count = this.#framesCount === 0 ? 0 : Math.round(this.#lostRun * this.#framesCount / this.#framesBytes);
    this.#lostRun = 0;
    return Array.from({ length: count }, () => this.#packet(new Uint8Array(0), samples));
  }

  /** Whether another frame, a tag or the end comes where this one ends. */
  #isFollowed(view: Uint8Array, { bytes }: MpegHeader): boolean {
    if (view.length < bytes + HEADER_BYTES) return true; // Nobody can tell any more.
    if (mpegHeader(view, bytes) && sharedBits(view, bytes) === sharedBits(view, 0)) return true;
    return tagBytes(view.subarray(bytes)) > 0;
  }

  #take(frame: Uint8Array, header: MpegHeader): Packet | undefined {
    const note = encoderNote(frame, header);
    if (this.#setup === undefined) {
      this.#shared = sharedBits(frame, 0);
      this.#setup = setupOf(header);
      this.#note = note;
    } else if (note) this.#restart(header, note);
    if (note) return undefined;
    this.#framesBytes += frame.length;
    return this.#packet(frame.slice(), header.samples);
  }

  #packet(data: Uint8Array, samples: number): Packet {
    const setup = this.#renewed;
    this.#renewed = undefined;
    return { data, samples, ...this.#trim(this.#framesCount++ * samples, samples), ...(setup && { setup }) };
  }

  #trim(from: number, samples: number): Pick<Packet, "skip" | "keep"> {
    if (this.#note === undefined) return {};
    const { delay, padding, framesCount } = this.#note;
    const skip = Math.min(samples, Math.max(0, delay + DECODER_DELAY - from));
    const total = framesCount * samples;
    const end = framesCount > 0 && from < total ? total - Math.max(0, padding - DECODER_DELAY) : Infinity;
    return { skip, keep: Math.max(0, Math.min(samples, end - from) - skip) };
  }
}

function setupOf({ layer, rate, channels }: MpegHeader): CodecSetup {
  return { codec: `mp${layer}`, rate, channels, header: new Uint8Array(0), format: `MP${layer}` };
}

function sharedBits(view: Uint8Array, at: number): number {
  return ((view[at]! << 24) | (view[at + 1]! << 16) | (view[at + 2]! << 8) | view[at + 3]!) & MPEG_SHARED;
}

/** Length of the tag that `view` begins with; 0 if there is none. */
function tagBytes(view: Uint8Array): number {
  if (startsWith(view, "ID3") && view.length >= 10 && view.subarray(6, 10).every((byte) => byte < 0x80)) {
    return 10 + (view[6]! << 21 | view[7]! << 14 | view[8]! << 7 | view[9]!);
  }
  if (startsWith(view, "TAG")) return 128;
  if (startsWith(view, "APETAGEX") && view.length >= 24) {
    const size = new DataView(view.buffer, view.byteOffset).getUint32(12, true); // Items and footer.
    return (view[23]! & 0x20) !== 0 ? size + 32 : 32;
  }
  return 0;
}

function startsWith(view: Uint8Array, text: string): boolean {
  return view.length >= text.length && Array.from(text).every((char, at) => view[at] === char.charCodeAt(0));
}

const ENCODERS = ["LAME", "Lavf", "Lavc"];

/** The note in a frame that holds no sound; undefined where it is a frame like all others. */
function encoderNote(frame: Uint8Array, { isMpeg1, channels, layer }: MpegHeader): EncoderNote | undefined {
  if (layer !== 3) return undefined;
  const at = 4 + (isMpeg1 ? (channels === 1 ? 17 : 32) : (channels === 1 ? 9 : 17));
  const none = { delay: -DECODER_DELAY, padding: DECODER_DELAY, framesCount: 0 };
  if (text(frame, 36, 4) === "VBRI") return none;
  if (!["Xing", "Info"].includes(text(frame, at, 4)) || at + 8 > frame.length) return undefined;
  const flags = frame[at + 7]!;
  if ((flags & 3) === 0) return undefined;
  let place = at + 8;
  const word = () => (frame[place]! * 2 ** 24) + (frame[place + 1]! << 16 | frame[place + 2]! << 8 | frame[place + 3]!);
  const framesCount = (flags & 1) !== 0 ? word() : 0;
  place += ((flags & 1) !== 0 ? 4 : 0) + ((flags & 2) !== 0 ? 4 : 0) + ((flags & 4) !== 0 ? 100 : 0);
  place += (flags & 8) !== 0 ? 4 : 0;
  if (!ENCODERS.includes(text(frame, place, 4)) || place + 24 > frame.length) return none;
  const pads = frame[place + 21]! << 16 | frame[place + 22]! << 8 | frame[place + 23]!;
  return { delay: pads >> 12, padding: pads & 0xfff, framesCount: Number.isFinite(framesCount) ? framesCount : 0 };
}

function text(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
