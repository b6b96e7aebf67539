/** What a demuxer hands to a codec: packets of one track, and where their samples belong. Pure. */

import { InputError } from "../../errors.ts";
import type { Track } from "../container.ts";
import type { Joined } from "../joined_line.ts";

export type CodecName = "mp1" | "mp2" | "mp3" | "flac" | "vorbis" | "opus" | "aac";

/** What a codec must know before its first packet. */
export type CodecSetup = {
  readonly codec: CodecName;
  /** Hz. */
  readonly rate: number;
  readonly channels: number;
  /** The codec's own header: STREAMINFO, identification and setup packets, AudioSpecificConfig; may be empty. */
  readonly header: Uint8Array;
  /** For people: "Ogg Vorbis". */
  readonly format: string;
  /** For each channel in the order of a WAV, which one of the codec it is; undefined: the same. */
  readonly order?: readonly number[];
  /** A bit per channel that says its place, as a WAV has them; undefined: the usual places of so many. */
  readonly mask?: number;
  /** AAC: whether the upper half of the band comes as a description, which is not decoded; undefined: packets tell. */
  readonly hasSbr?: boolean;
};

/** What this program does not decode by itself; the message ends with "audio". */
export class UnsupportedError extends InputError {}

export type Packet = {
  /** Valid until the demuxer is called again. */
  readonly data: Uint8Array;
  /** Samples per channel that it should give, where the container says so: what stands in for a damaged packet. */
  readonly samples?: number;
  /** Where its first sample, skipped ones included, lies on the time line, in samples; undefined: behind the last. */
  readonly at?: number;
  /** Samples at its beginning that are the codec's delay. */
  readonly skip?: number;
  /** Only so many of the samples behind those are sound; the rest is padding. */
  readonly keep?: number;
  /** The codec begins anew with it, before this packet. */
  readonly setup?: CodecSetup;
};

/** `keep` of a packet of `samples` of which the first `skip` are no sound and none from `stop` on is. */
export function keepTo(stop: number, samples: number, skip: number): { readonly keep?: number } {
  return stop >= samples ? {} : { keep: Math.max(0, stop - skip) };
}

/** Bytes in, packets out. Throws an InputError where the bytes cannot be what they seem. */
export interface Demuxer {
  /** Known before the first packet is returned. */
  readonly setup: CodecSetup | undefined;
  /** All audio tracks, where the container can have several. */
  readonly tracks?: readonly Track[];
  readonly track?: Track;
  /** Bytes that belong to no packet and to nothing else that is known. */
  readonly lostBytes: number;
  /** The last packet is not whole. */
  readonly isCut: boolean;
  /** A file of the same kind that follows, but cannot be gone on with. */
  readonly next?: Joined | undefined;
  push(bytes: Uint8Array): Packet[];
  /**
   * Where the bytes of the next `push` must come from; undefined: from behind the last. Only for a caller that can
   * always do so, before every `push`; without calls, bytes come in their order.
   */
  jump?(): number | undefined;
  /** Whether places that were passed may be asked for. */
  readonly mayGoBack?: boolean;
  /** Call once, after the last byte. */
  end(): Packet[];
}
