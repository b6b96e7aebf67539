/**
 * Sound of a socket: bare samples, or a recording as browsers and programs make it (WebM, MP4, Ogg, FLAC, WAV), which
 * its first bytes tell. In: bytes, cut anywhere. Out: 16 kHz mono, piece by piece. Pure.
 */

import { builtinDecoder } from "../audio/decoders/open.ts";
import { UnsupportedError } from "../audio/decoders/packets.ts";
import type { ByteDecoder } from "../audio/pcm.ts";
import { Resampler } from "../audio/resample.ts";
import { sniff } from "../audio/sniff.ts";
import { WavDecoder } from "../audio/wav.ts";
import { ApiError } from "./errors.ts";
import { PcmStream } from "./pcm_stream.ts";

/** So many bytes tell what it is. */
const headBytes = 12;
const name = "the sound";
/** By their first bytes, which samples do not have by chance. */
const containers = ["Matroska or WebM", "Ogg", "FLAC", "MP4"];

export class SoundStream {
  readonly #pcm: PcmStream;
  #head: Uint8Array | undefined = new Uint8Array();
  #encoded: EncodedStream | undefined;

  /** `rate` is that of bare samples; throws an ApiError where it is none. */
  constructor(rate: number) {
    this.#pcm = new PcmStream(rate);
  }

  /** It is no bare samples, as far as is known. */
  get isEncoded(): boolean {
    return this.#encoded !== undefined;
  }

  /** Throws an ApiError or an InputError where it is damaged, or cannot be decoded here. */
  *push(bytes: Uint8Array): Generator<Float32Array> {
    let rest = bytes;
    if (this.#head !== undefined) {
      this.#head = Buffer.concat([this.#head, bytes]);
      if (this.#head.length < headBytes) return;
      rest = this.#head;
      this.#head = undefined;
      const decoder = decoderOf(rest);
      this.#encoded = decoder && new EncodedStream(decoder);
    }
    if (this.#encoded) yield* this.#encoded.push(rest);
    else yield this.#pcm.push(rest);
  }

  /** What is left. Nothing comes after it. */
  *end(): Generator<Float32Array> {
    if (this.#head !== undefined && this.#head.length > 0) yield this.#pcm.push(this.#head);
    if (this.#encoded) yield* this.#encoded.end();
    else yield this.#pcm.end();
  }

  /** After the end: what is missing of it, a line each. */
  get losses(): readonly string[] {
    return this.#encoded?.losses ?? [];
  }
}

function decoderOf(head: Uint8Array): ByteDecoder | undefined {
  const found = sniff(head);
  if (found.kind === "wav") return new WavDecoder(name, Infinity, undefined);
  if (found.kind !== "container" || !containers.includes(found.name)) return undefined;
  const decoder = builtinDecoder(found.name, { name, track: undefined, channel: undefined, isLast: true });
  if (decoder === undefined) throw notDecoded(found.name);
  return decoder;
}

function notDecoded(what: string): ApiError {
  const message = `${what} is not decoded in streams: send samples, WebM, Ogg or fragmented MP4`;
  return new ApiError(415, message, { code: "unsupported_media_type" });
}

class EncodedStream {
  readonly #decoder: ByteDecoder;
  #resampler: Resampler | undefined;

  constructor(decoder: ByteDecoder) {
    this.#decoder = decoder;
  }

  push(bytes: Uint8Array): Generator<Float32Array> {
    return this.#all(() => this.#decoder.push(bytes));
  }

  *end(): Generator<Float32Array> {
    yield* this.#all(() => this.#decoder.end());
    if (this.#resampler) yield this.#resampler.flush();
  }

  get losses(): readonly string[] {
    const { lossLine, warnings } = this.#decoder;
    return [...warnings, ...(lossLine === undefined ? [] : [lossLine])];
  }

  *#all(first: () => Float32Array): Generator<Float32Array> {
    try {
      for (let samples: Float32Array | undefined = first(); samples; samples = this.#decoder.more?.()) {
        if (samples.length === 0) continue;
        this.#resampler ??= new Resampler(this.#decoder.info!.rate);
        yield this.#resampler.push(samples);
      }
    } catch (error) {
      throw error instanceof UnsupportedError ? notDecoded(error.message.slice(name.length + 2)) : error;
    }
  }
}
