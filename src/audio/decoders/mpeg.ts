/**
 * MPEG audio (MP3, MP2, MP1) without a container. In: bytes. Out: its frames as packets.
 *
 * The encoder's note in the first frame (Xing, Info, LAME) says how many samples at the start and at the end are its
 * own; a decoder adds 529. Other frames that follow are read too, of whatever layer, if they have the same rate.
 */

import { MPEG_SHARED, type MpegHeader, mpegHeader } from "../frames.ts";
import type { Joined } from "../joined_line.ts";
import { type Frame, type FrameFormat, FrameStream } from "./frame_stream.ts";
import type { CodecSetup, Demuxer, Packet } from "./packets.ts";

const DECODER_DELAY = 529;

const FORMAT: FrameFormat<MpegHeader> = {
  ...{ name: "MP3", nameOf: ({ layer }) => `MP${layer}`, mixesRates: false, headerBytes: 4, frameBytesMax: 2881 },
  ...{ header: mpegHeader, shared: MPEG_SHARED },
};

/** What the encoder left in the first frame, in samples. */
type EncoderNote = { readonly delay: number; readonly padding: number; readonly framesCount: number };

export class MpegDemuxer implements Demuxer {
  setup: CodecSetup | undefined;
  /** Of a file that follows, for its first frame. */
  #renewed: CodecSetup | undefined;
  readonly #stream = new FrameStream(FORMAT);
  #note: EncoderNote | undefined;
  #framesCount = 0;

  get lostBytes(): number {
    return this.#stream.lostBytes;
  }

  get isCut(): boolean {
    const { isCut, isFilledUp } = this.#stream;
    return isCut || (isFilledUp && this.#framesCount < (this.#note?.framesCount ?? 0));
  }

  get next(): Joined | undefined {
    return this.#stream.next;
  }

  push(bytes: Uint8Array): Packet[] {
    return this.#stream.push(bytes).flatMap((frame) => this.#take(frame) ?? []);
  }

  end(): Packet[] {
    return this.#stream.end().flatMap((frame) => this.#take(frame) ?? []);
  }

  #take({ frame, header, isOther }: Frame<MpegHeader>): Packet | undefined {
    if (frame === undefined) return this.#packet(new Uint8Array(0), header.samples);
    const note = encoderNote(frame, header);
    if (this.setup === undefined) {
      this.setup = setupOf(header);
      this.#note = note;
    } else if (isOther || note) this.#restart(header, note);
    return note ? undefined : this.#packet(frame.slice(), header.samples);
  }

  #restart(header: MpegHeader, note: EncoderNote | undefined): void {
    this.#renewed = setupOf(header);
    this.#note = note;
    this.#framesCount = 0;
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
