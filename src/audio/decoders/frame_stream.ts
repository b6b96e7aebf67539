/**
 * Frames that follow one another without a container, each with a header that says how long it is. In: bytes. Out: the
 * frames, and how many were lost.
 *
 * Tags before, between and behind the frames are passed over. Where bytes are lost, frames go on with the next header
 * like those before that another one follows. Other frames that follow are read too, if they may.
 */

import { isFrameChain } from "../frames.ts";
import type { Joined } from "../joined_line.ts";
import { isBlank } from "../plausible.ts";
import { Pending } from "./pending.ts";

/** Frames in a row that show that others begin. */
const OTHER_FRAMES = 4;

/** What a header says: length of its frame, samples per channel, their rate. */
export type FrameHeader = { readonly bytes: number; readonly samples: number; readonly rate: number };

export type FrameFormat<Header extends FrameHeader> = {
  /** In frames.ts. */
  readonly name: "MP3" | "AAC";
  /** For people: "MP2". */
  readonly nameOf: (header: Header) => string;
  /** Frames of another rate are gone on with. */
  readonly mixesRates: boolean;
  readonly headerBytes: number;
  readonly frameBytesMax: number;
  /** The header at `at`; undefined if there is none. */
  readonly header: (view: Uint8Array, at: number) => Header | undefined;
  /** Bits that the first four bytes of all frames share. */
  readonly shared: number;
};

export type Frame<Header> = {
  /** Valid until more bytes come; undefined where it is lost. */
  readonly frame: Uint8Array | undefined;
  readonly header: Header;
  /** Others than before begin with it. */
  readonly isOther: boolean;
};

export class FrameStream<Header extends FrameHeader> {
  lostBytes = 0;
  isCut = false;
  /** The latest bytes that are no frames are blank: no loss, unless there should be frames. */
  isFilledUp = false;
  /** Frames of another rate that follow. */
  next: Joined | undefined;
  readonly #format: FrameFormat<Header>;
  readonly #pending = new Pending();
  #shared: number | undefined;
  /** The last frame ended where this one must begin. */
  #isInStep = false;
  #first: Header | undefined;
  #isOther = false;
  #framesCount = 0;
  #framesBytes = 0;
  /** Since the last frame. */
  #lostRun = 0;

  constructor(format: FrameFormat<Header>) {
    this.#format = format;
  }

  push(bytes: Uint8Array): Frame<Header>[] {
    this.#pending.append(bytes);
    return this.#frames(false);
  }

  end(): Frame<Header>[] {
    return this.#frames(true);
  }

  #frames(isEnd: boolean): Frame<Header>[] {
    const frames: Frame<Header>[] = [];
    for (;;) {
      const view = this.#pending.view;
      if (view.length < (isEnd ? 1 : 10)) break;
      const tag = tagBytes(view);
      if (tag > 0) {
        this.#pending.drop(tag);
        continue;
      }
      const header = this.#headerAt(view, 0);
      if (header === undefined) {
        this.#isInStep = false;
        const other = this.#otherFrames(view, isEnd);
        if (other === "unknown") break;
        if (other === "begin") continue;
        if (!this.#seek(view, isEnd)) break;
        continue;
      }
      if (view.length < header.bytes + (isEnd || this.#isInStep ? 0 : this.#format.headerBytes)) {
        if (isEnd && view.length < header.bytes) this.isCut = true;
        break;
      }
      if (!this.#isInStep && !this.#isFollowed(view, header)) {
        this.#lose(1);
        continue;
      }
      frames.push(...this.#missing(header), this.#take(view.subarray(0, header.bytes), header));
    }
    return frames;
  }

  /** A header like those before it. */
  #headerAt(view: Uint8Array, at: number): Header | undefined {
    const header = this.#format.header(view, at);
    return header && (this.#shared === undefined || this.#sharedBits(view, at) === this.#shared) ? header : undefined;
  }

  /** Whether frames of another kind begin: they are gone on with, or are the end. */
  #otherFrames(view: Uint8Array, isEnd: boolean): "none" | "unknown" | "begin" {
    const { name, nameOf, frameBytesMax, mixesRates } = this.#format;
    const header = this.#first && this.#format.header(view, 0);
    if (header === undefined) return "none";
    if (!isEnd && view.length < OTHER_FRAMES * frameBytesMax) return "unknown";
    if (!isFrameChain(name, view, 0, OTHER_FRAMES)) return "none";
    if (mixesRates || header.rate === this.#first!.rate) {
      this.#shared = this.#sharedBits(view, 0);
      this.#isOther = true;
      [this.#framesCount, this.#framesBytes, this.#lostRun] = [0, 0, 0];
    } else {
      const names = { name: nameOf(header), after: nameOf(this.#first!) };
      this.next = { at: this.#pending.at, ...names, ...(names.name === names.after && { isOtherRate: true }) };
      this.#pending.drop(Infinity);
    }
    return "begin";
  }

  #sharedBits(view: Uint8Array, at: number): number {
    return ((view[at]! << 24) | (view[at + 1]! << 16) | (view[at + 2]! << 8) | view[at + 3]!) & this.#format.shared;
  }

  /** Goes to the next byte that may begin a frame. Returns false if more bytes are needed. */
  #seek(view: Uint8Array, isEnd: boolean): boolean {
    const next = view.indexOf(0xff, 1);
    if (next >= 0) return this.#lose(next);
    this.#lose(isEnd ? view.length : view.length - 9); // A tag may begin in what is left.
    return false;
  }

  #lose(bytes: number): true {
    this.isFilledUp = isBlank(this.#pending.view.subarray(0, bytes), 0);
    if (this.#shared !== undefined && !this.isFilledUp) {
      this.lostBytes += bytes;
      this.#lostRun += bytes;
    }
    this.#pending.drop(bytes);
    return true;
  }

  /** The frames that were where bytes are lost: as many as their mean length says. */
  #missing(header: Header): Frame<Header>[] {
    const count = this.#framesCount === 0 ? 0 : Math.round(this.#lostRun * this.#framesCount / this.#framesBytes);
    this.#lostRun = 0;
    return Array.from({ length: count }, () => ({ frame: undefined, header, isOther: false }));
  }

  /** Whether another frame, a tag or the end comes where this one ends. */
  #isFollowed(view: Uint8Array, { bytes }: Header): boolean {
    if (view.length < bytes + this.#format.headerBytes) return true; // Nobody can tell any more.
    const isSame = this.#sharedBits(view, bytes) === this.#sharedBits(view, 0);
    return (isSame && this.#format.header(view, bytes) !== undefined) || tagBytes(view.subarray(bytes)) > 0;
  }

  #take(frame: Uint8Array, header: Header): Frame<Header> {
    this.#shared ??= this.#sharedBits(frame, 0);
    this.#first ??= header;
    this.#isInStep = true;
    this.#framesCount++;
    this.#framesBytes += frame.length;
    this.#pending.drop(frame.length);
    const isOther = this.#isOther;
    this.#isOther = false;
    return { frame, header, isOther };
  }
}

/** Length of the tag that `view` begins with; 0 if there is none. */
export function tagBytes(view: Uint8Array): number {
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

export function startsWith(view: Uint8Array, text: string): boolean {
  return view.length >= text.length && Array.from(text).every((char, at) => view[at] === char.charCodeAt(0));
}
