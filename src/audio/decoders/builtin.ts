/**
 * Compressed audio without ffmpeg. In: bytes of any size. Out: mono samples at the codec's rate, on the container's
 * time line: what a codec adds at both ends is cut off, holes and damaged packets are silence.
 */

import { InputError } from "../../errors.ts";
import type { Track } from "../container.ts";
import type { Joined } from "../joined_line.ts";
import { createMixer, type Mixer } from "../mix.ts";
import { Resampler } from "../resample.ts";
import { type ByteDecoder, chosen, type SourceInfo } from "../pcm.ts";
import { type Codec, type Decoded, openCodec } from "./codec.ts";
import { type CodecSetup, type Demuxer, type Packet, UnsupportedError } from "./packets.ts";

/** Shorter holes are the container's rounding. */
const HOLE_SEC_MIN = 0.1;
/** No recording pauses for so long: times that jump further ahead are broken. */
const HOLE_SEC_MAX = 6 * 3600;
const SILENCE_FRAMES = 1 << 16;
/** So many samples are handed out at once, or few more: a few bytes can stand for hours of silence. */
const SAMPLES_AT_ONCE = 1 << 18;

export class BuiltinDecoder implements ByteDecoder {
  info: SourceInfo | undefined;
  readonly #name: string;
  readonly #demuxer: Demuxer;
  readonly #choice: number | "each" | undefined;
  readonly #mayBeLowBand: boolean;
  #setup: CodecSetup | undefined;
  #codec: Codec | undefined;
  #output: Output | undefined;
  /** Packets that hold nothing the codec can use, and where the first of them was, in samples. */
  #damagedCount = 0;
  #damagedAt = 0;
  /** Samples that damaged packets in front of the first sound one should have given. */
  #lostSamples = 0;
  #work: Generator<void> | undefined;
  #hasEnded = false;
  #isLowBand = false;

  /** `mayBeLowBand`: of HE-AAC the lower half of the band is decoded; an UnsupportedError otherwise. */
  constructor(name: string, demuxer: Demuxer, choice: number | "each" | undefined, mayBeLowBand: boolean) {
    this.#name = name;
    this.#demuxer = demuxer;
    this.#choice = choice;
    this.#mayBeLowBand = mayBeLowBand;
  }

  get warnings(): readonly string[] {
    const { format = "", rate: lastRate = 1 } = this.#setup ?? {};
    const rate = this.info?.rate ?? lastRate;
    const more = this.#damagedCount > 1 ? ` and ${this.#damagedCount - 1} more places` : "";
    const damaged = `${format} is damaged at ${(this.#damagedAt / rate).toFixed(2)} s${more}, where it is silent`;
    const lowBand = `is HE-AAC: what is above ${lastRate / 2000} kHz is not decoded (ffmpeg can)`;
    const own = [...(this.#isLowBand ? [lowBand] : []), ...(this.#damagedCount > 0 ? [damaged] : [])];
    return [...own, ...this.#output?.notes(rate) ?? []];
  }

  get lossLine(): string | undefined {
    const { format = "" } = this.#setup ?? {};
    const { rate = 1 } = this.info ?? {};
    const { lostBytes, isCut } = this.#demuxer;
    if (isCut) return `${format} is cut off at ${((this.#output?.framesCount ?? 0) / rate).toFixed(2)} s`;
    if (lostBytes === 0 || this.#damagedCount > 0) return undefined;
    return `${format} is damaged: ${lostBytes} bytes of it are not read`;
  }

  unheard(found: Joined | undefined): Joined | undefined {
    const { next } = this.#demuxer;
    return next && !(found && found.at < next.at) ? next : found;
  }

  /** All audio tracks, where the container can have several. */
  get tracks(): readonly Track[] | undefined {
    return this.#demuxer.tracks;
  }

  get track(): Track | undefined {
    return this.#demuxer.track;
  }

  /** See Demuxer. */
  jump(): number | undefined {
    return this.#demuxer.jump?.();
  }

  get mayGoBack(): boolean {
    return this.#demuxer.mayGoBack ?? false;
  }

  push(bytes: Uint8Array): Float32Array {
    this.#work = this.#decode(this.#demuxer.push(bytes));
    return this.more() ?? new Float32Array(0);
  }

  more(): Float32Array | undefined {
    if (this.#work === undefined) return undefined;
    if (this.#work.next().done) this.#work = undefined;
    return this.#output?.collect();
  }

  /** Safe to repeat: nothing comes after the end. */
  end(): Float32Array {
    if (this.#hasEnded) return new Float32Array(0);
    this.#hasEnded = true;
    this.#work = this.#last(this.#demuxer.end());
    const samples = this.more();
    if (this.info === undefined) throw new InputError(`${this.#name}: ${this.#nothing()}`);
    return samples ?? new Float32Array(0);
  }

  #nothing(): string {
    const { setup } = this.#demuxer;
    if (setup === undefined) return "is damaged: no audio is found in it";
    return this.#damagedCount > 0 ? `${setup.format} is damaged: nothing of it can be decoded` : "no audio";
  }

  /** Yields whenever enough samples wait to be handed out. */
  *#decode(packets: readonly Packet[]): Generator<void> {
    const { setup } = this.#demuxer;
    if (setup !== undefined && this.#setup === undefined) this.#open(setup);
    for (const packet of packets) {
      yield* this.#take(packet);
      if (this.#output?.isFull) yield;
    }
  }

  *#last(packets: readonly Packet[]): Generator<void> {
    yield* this.#decode(packets);
    this.#output?.finish();
  }

  #open(setup: CodecSetup): void {
    this.#setup = setup;
    this.#codec = openCodec(setup);
    if (this.#codec === undefined) throw new UnsupportedError(`${this.#name}: ${setup.format} audio of this kind`);
    if (setup.hasSbr) this.#foundLowBand();
  }

  /** Before anything was handed out, another decoder may take over. */
  #foundLowBand(): void {
    if (this.#output === undefined && !this.#mayBeLowBand) throw new UnsupportedError(`${this.#name}: HE-AAC audio`);
    this.#isLowBand = true;
  }

  *#take(packet: Packet): Generator<void> {
    if (packet.setup !== undefined) this.#open(packet.setup);
    const decoded = this.#codec!.decode(packet.data);
    if (decoded === undefined || (this.info !== undefined && decoded.rate !== this.#setup!.rate)) {
      return yield* this.#damaged(packet);
    }
    if (decoded.isLowBand && !this.#isLowBand) this.#foundLowBand();
    if (this.#output === undefined) {
      this.#output = this.#start(decoded);
      yield* this.#output.silence(this.#lostSamples);
    }
    yield* this.#output.write(decoded, packet);
  }

  #start({ rate, channels }: Decoded): Output {
    this.info = { rate, channels, format: this.#setup!.format };
    return new Output(this.info, this.#setup!.mask ?? MASKS[channels] ?? 0, chosen(this.#choice, channels));
  }

  *#damaged({ samples = 0, skip = 0, keep = Infinity, at }: Packet): Generator<void> {
    if (this.#damagedCount++ === 0) this.#damagedAt = at ?? this.#output?.framesCount ?? 0;
    const lost = Math.max(0, Math.min(samples - skip, keep));
    if (this.#output) yield* this.#output.missing(lost, at === undefined ? undefined : at + skip, this.#setup!.rate);
    else this.#lostSamples += lost;
  }
}

/** Channels by their number in the order of a WAV: how FLAC, Vorbis and Opus place them. */
const MASKS: readonly number[] = [0, 0x4, 0x3, 0x7, 0x33, 0x37, 0x3f, 0x70f, 0x63f];

/** Mixed samples that were not handed out yet, each at its place on the time line. */
class Output {
  framesCount = 0;
  readonly #rate: number;
  readonly #channels: number;
  readonly #mixer: Mixer;
  #blocks: Float32Array[] = [];
  #waiting = 0;
  #scratch = new Float64Array(0);
  /** Where a part has another rate than the first: one for each channel that comes out. */
  #converters: readonly Resampler[] = [];
  #convertedRate: number;
  /** What is added to the container's times, where they jumped back or too far. */
  #shift = 0;
  #hasBegun = false;

  constructor({ rate, channels }: SourceInfo, mask: number, choice: ReturnType<typeof chosen>) {
    this.#rate = rate;
    this.#convertedRate = rate;
    this.#channels = channels;
    this.#mixer = createMixer(channels, mask, choice);
  }

  get isFull(): boolean {
    return this.#waiting >= SAMPLES_AT_ONCE;
  }

  /** The packet's numbers are of its own rate. */
  *write({ samples, channels, rate }: Decoded, { at, skip = 0, keep = Infinity }: Packet): Generator<void> {
    if (at !== undefined) yield* this.#goTo(Math.round((at + skip) * this.#rate / rate));
    const all = samples.length / channels;
    const from = Math.min(all, skip);
    const frames = Math.min(all - from, keep);
    if (frames <= 0) return;
    this.#hasBegun = true;
    const block = this.#inChannels(samples.subarray(from * channels, (from + frames) * channels), channels);
    const mixed = new Float32Array(frames * (this.#mixer.width ?? 1));
    this.#mixer.mix(block, frames, mixed, 0);
    this.#convertFrom(rate);
    this.#add(this.#convert((converter, samples) => converter.push(samples), mixed));
  }

  /** What only the end completes. */
  finish(): void {
    this.#convertFrom(this.#rate);
  }

  #convertFrom(rate: number): void {
    if (rate === this.#convertedRate) return;
    if (this.#converters.length > 0) this.#add(this.#convert((converter) => converter.flush(), new Float32Array(0)));
    this.#convertedRate = rate;
    const count = rate === this.#rate ? 0 : this.#mixer.width ?? 1;
    this.#converters = Array.from({ length: count }, () => new Resampler(rate, undefined, this.#rate));
  }

  /** Each channel that comes out for itself; the block as it is where it has the right rate. */
  #convert(one: (converter: Resampler, samples: Float32Array) => Float32Array, block: Float32Array): Float32Array {
    const width = this.#converters.length;
    if (width === 0) return block;
    const sides = this.#converters.map((converter, side) => {
      return one(converter, Float32Array.from({ length: block.length / width }, (_, at) => block[at * width + side]!));
    });
    return Float32Array.from({ length: sides[0]!.length * width }, (_, at) => {
      return sides[at % width]![Math.floor(at / width)]!;
    });
  }

  /** Silence in place of what a packet of that rate should have given. */
  *missing(frames: number, at: number | undefined, rate: number): Generator<void> {
    if (at !== undefined) yield* this.#goTo(Math.round(at * this.#rate / rate));
    yield* this.silence(Math.round(frames * this.#rate / rate));
  }

  *silence(frames: number): Generator<void> {
    for (let left = frames; left > 0; left -= SILENCE_FRAMES) {
      const count = Math.min(left, SILENCE_FRAMES);
      this.#add(new Float32Array(count * (this.#mixer.width ?? 1)));
      if (this.isFull) yield;
    }
  }

  collect(): Float32Array {
    const blocks = this.#blocks;
    this.#blocks = [];
    this.#waiting = 0;
    if (blocks.length === 1) return blocks[0]!;
    const joined = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of blocks) {
      joined.set(block, at);
      at += block.length;
    }
    return joined;
  }

  notes(rate: number): string[] {
    const seconds = this.#mixer.oneSidedCount / rate;
    if (seconds < 0.2) return [];
    return [`left and right are in antiphase and cancel out (for ${seconds.toFixed(1)} s): the left one alone is read`];
  }

  #add(block: Float32Array): void {
    this.#blocks.push(block);
    this.#waiting += block.length;
    this.framesCount += block.length / (this.#mixer.width ?? 1);
  }

  /** Fills a hole before `place`; sound goes on where times jump back or absurdly far. */
  *#goTo(place: number): Generator<void> {
    const hole = place + this.#shift - this.framesCount;
    const isSmall = Math.abs(hole) <= (this.#hasBegun ? HOLE_SEC_MIN : 0.001) * this.#rate;
    if (isSmall) return;
    if (hole > 0 && hole <= HOLE_SEC_MAX * this.#rate) yield* this.silence(Math.round(hole));
    else this.#shift -= hole;
  }

  /** As doubles, with as many channels as the recording began with. */
  #inChannels(samples: Float32Array, channels: number): Float64Array {
    const frames = samples.length / channels;
    const width = this.#channels;
    if (this.#scratch.length < frames * width) this.#scratch = new Float64Array(frames * width);
    if (channels === width) this.#scratch.set(samples);
    else {
      for (let frame = 0; frame < frames; frame++) {
        for (let channel = 0; channel < width; channel++) {
          this.#scratch[frame * width + channel] = samples[frame * channels + Math.min(channel, channels - 1)]!;
        }
      }
    }
    return this.#scratch;
  }
}
