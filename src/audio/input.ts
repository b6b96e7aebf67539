/**
 * The door for audio. In: a file, FIFO, standard input or a stream of bytes. Out: 16 kHz mono samples in [-1, 1].
 *
 *     bytes -> decoder -> resampler -> samples, block by block
 *
 * `checkInput` rejects, before a model is loaded, every input that can be rejected without decoding it.
 */

import { hasOddName } from "../path_bytes.ts";
import { isatty } from "node:tty";
import { InputError, UsageError } from "../errors.ts";
import { release } from "../memory.ts";
import { printable } from "../writer.ts";
import {
  type ByteReader,
  findJoined,
  isStdinPath,
  openFile,
  openStdin,
  ReplayReader,
  statReadable,
  STDIN_NAME,
  StreamReader,
  WatchedReader,
} from "./bytes.ts";
import { type DecoderChoice, nextBytes, openDecoder, type OpenedDecoder } from "./decoder.ts";
import { FfmpegReader, type ProcessLimits } from "./ffmpeg.ts";
import { type Following, joinedLine } from "./joined_line.ts";
import { LevelMeter } from "./level.ts";
import { OffsetMeter } from "./offset.ts";
import type { SourceInfo } from "./pcm.ts";
import { microphoneCommand, microphoneName } from "./microphone.ts";
import { type Command, ProcessReader } from "./command.ts";
import { RAW_DEFAULT, type RawLayout } from "./raw.ts";
import { Resampler } from "./resample.ts";
import { type LeveledSamples, SampleStore } from "./sample_store.ts";
import { isUrl, urlCommand } from "./url.ts";
import { sampleRate } from "../units.ts";

/** Where audio comes from. */
export type AudioSource =
  | { readonly kind: "file"; readonly path: string }
  /** With `microphone`, what that device hears takes the place of standard input. */
  | { readonly kind: "stdin"; readonly microphone?: string }
  /** Bytes from elsewhere, such as an upload; `name` is for messages. Read once. */
  | { readonly kind: "stream"; readonly name: string; readonly stream: ReadableStream<Uint8Array> };

/** A source, how to read it, and which part of it. */
export type AudioInput = AudioSource & {
  /** Whether a URL may be fetched; by default it may not. */
  readonly allowsUrl?: boolean;
  /** Decode the bytes as headerless samples, whatever they look like. */
  readonly raw?: RawLayout;
  /** The audio track, by number from 1 or by language; the default one where there are several. */
  readonly track?: string;
  /** The only channel that is read, from 1; all are mixed by default. */
  readonly channel?: number | "each";
  /** What decodes compressed audio: this program where it can, else ffmpeg ("auto", the default), or one of them. */
  readonly decoder?: DecoderChoice;
  /** What ffmpeg may take; no limit by default. */
  readonly limits?: ProcessLimits;
  /** The wanted part, in seconds; the whole by default. */
  readonly fromSec?: number;
  readonly toSec?: number;
};

/** A recording that was read: its samples, in [-1, 1]. None for a recording without any. */
export type Audio = LeveledSamples & {
  readonly durationSec: number;
  readonly sourceRate: number;
  readonly channels: number;
  /** For people: "WAV, 16-bit PCM", "MP3 through ffmpeg". */
  readonly format: string;
  /** What the user should know of the recording: a line each, without the input's name. */
  readonly warnings: readonly string[];
  /** Lines for those who look for a fault. */
  readonly remarks: readonly string[];
  /** Gives memory and disk back. */
  close(): Promise<void>;
};

const measureSamples = 1 << 18;

/** How messages call an input. */
export function inputName(input: AudioInput): string {
  if (input.kind === "stdin") return input.microphone === undefined ? STDIN_NAME : microphoneName;
  return printable(input.kind === "file" ? input.path : input.name);
}

/** Throws if the input is missing, unreadable or a directory, or if the wanted part is empty. Reads nothing. */
export function checkInput(input: AudioInput): void {
  const { fromSec = 0, toSec = Infinity } = input;
  if (!(fromSec >= 0 && fromSec < Infinity)) throw new UsageError(`the start is ${fromSec} s, not 0 or more`);
  if (!(toSec > fromSec)) throw new UsageError(`the end, ${toSec} s, is not after the start, ${fromSec} s`);
  if (commandOf(input) !== undefined) return;
  if (input.kind === "file" && !isStdinPath(input.path)) statReadable(input.path);
  else if (isStdin(input) && isatty(0)) {
    throw new InputError(`${STDIN_NAME}: is a terminal`, "pipe a recording into it, or name a file");
  }
}

/** Reads, decodes, mixes, resamples, cuts and levels the whole input. */
export async function readAudio(input: AudioInput): Promise<Audio> {
  return (await readChannels(input))[0]!;
}

/** The same; where the input asks for each channel, one recording for each, of the same length. */
export async function readChannels(input: AudioInput): Promise<Audio[]> {
  const stream = await openAudio(input);
  const sides = Array.from({ length: stream.width }, () => (
    { store: new SampleStore(), meter: new LevelMeter(), offsets: new OffsetMeter() }
  ));
  try {
    for (let blocks = await stream.nextOfEach(); blocks !== undefined; blocks = await stream.nextOfEach()) {
      for (const [index, { store, meter, offsets }] of sides.entries()) {
        meter.push(blocks[index]!);
        offsets.push(blocks[index]!);
        await store.append(blocks[index]!);
      }
    }
    const read = await Promise.all(sides.map((side) => wholeOf(side, stream.info)));
    read[0]!.warnings.unshift(...stream.warnings);
    return read;
  } catch (error) {
    for (const { store } of sides) await store.close();
    throw error;
  } finally {
    await stream.close();
  }
}

type Side = { readonly store: SampleStore; readonly meter: LevelMeter; readonly offsets: OffsetMeter };

/** The stored recording, once its offset is taken away and its peak limited. */
async function wholeOf({ store, meter, offsets }: Side, { rate, channels, format }: SourceInfo) {
  const offset = offsets.end();
  const levels = await limitPeak(store, offset === 0 ? meter : await withoutOffset(store, offset));
  return {
    ...{ length: store.length, levels, durationSec: store.length / sampleRate, sourceRate: rate, channels, format },
    warnings: offsetWarnings(offset),
    remarks: store.problem === undefined ? [] : [`The samples stay in memory: ${store.problem}`],
    read: (start: number, end: number) => store.read(start, end),
    close: () => store.close(),
  };
}

function offsetWarnings(offset: number): string[] {
  if (offset === 0) return [];
  return [`has a DC offset of ${(offset * 100).toFixed(1)} % of full scale, which is removed`];
}

/** Takes the offset away. Returns the levels then. */
async function withoutOffset(store: SampleStore, offset: number): Promise<LevelMeter> {
  store.takeOffset(offset);
  return await measured(store);
}

/** As the official front end does: a peak above 1 divides the whole recording by it. Returns the levels then. */
async function limitPeak(store: SampleStore, meter: LevelMeter): Promise<Float64Array> {
  if (meter.peak <= 1) return meter.end();
  store.divideBy(meter.peak);
  return (await measured(store)).end();
}

async function measured(store: SampleStore): Promise<LevelMeter> {
  const meter = new LevelMeter();
  for (let at = 0; at < store.length; at += measureSamples) {
    const samples = await store.read(at, Math.min(store.length, at + measureSamples));
    meter.push(samples);
    release(samples);
  }
  return meter;
}

/** Opens an input for reading block by block, as it comes: offset and peak stay, which need the whole. */
export async function openAudio(input: AudioInput): Promise<AudioStream> {
  checkInput(input);
  const name = inputName(input);
  const command = commandOf(input);
  const watched = new WatchedReader(command ? new ProcessReader(command) : await openBytes(input, name));
  const reader = new ReplayReader(watched);
  try {
    const isPiped = isStdin(input);
    const file = input.kind === "file" && !isPiped && !command && statReadable(input.path).isFile()
      ? input.path
      : undefined;
    const path = file === undefined ? undefined : ffmpegName(file);
    const { track, channel, decoder = "auto", limits } = input;
    const raw = input.kind === "stdin" && input.microphone !== undefined ? RAW_DEFAULT : input.raw;
    const opened = await openDecoder({ name, path, isStdin: isPiped, raw, track, channel, decoder, limits }, reader);
    const following = () => followingOf(watched, file);
    return new AudioStream(name, opened, rangeOf(input), channel === "each", following);
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** What follows the container, seen as it passed or, where ffmpeg read the file itself, in the file. */
async function followingOf(watched: WatchedReader, path: string | undefined): Promise<Following> {
  return watched.hasEnded || path === undefined ? watched.following : await findJoined(path);
}

/** The program that gives the bytes, where it is not this one. Throws an InputError where it may not or cannot. */
function commandOf(input: AudioInput): Command | undefined {
  if (input.kind === "stdin" && input.microphone !== undefined) return microphoneCommand(input.microphone);
  if (input.kind === "file" && isUrl(input.path)) return urlCommand(input.path, input.allowsUrl);
  return undefined;
}

/** A child process cannot be given a name that is not UTF-8: ffmpeg then gets the bytes. */
function ffmpegName(path: string): string | undefined {
  return hasOddName(path) ? undefined : path;
}

function isStdin(input: AudioSource): boolean {
  return input.kind === "stdin" || (input.kind === "file" && isStdinPath(input.path));
}

async function openBytes(source: AudioSource, name: string): Promise<ByteReader> {
  if (source.kind === "stream") return new StreamReader(name, source.stream);
  return source.kind === "stdin" || isStdinPath(source.path) ? openStdin(name) : await openFile(source.path);
}

class AudioStream {
  readonly info: SourceInfo;
  readonly warnings: string[] = [];
  /** Channels that come out, each for itself. */
  readonly width: number;
  readonly #name: string;
  readonly #opened: OpenedDecoder;
  readonly #resamplers: readonly Resampler[];
  readonly #from: number;
  /** At the end: what follows the file that was read. */
  readonly #following: () => Promise<Following>;
  #state: "first" | "body" | "tail" | "ended" = "first";
  #sourceSamples = 0;

  constructor(
    name: string,
    opened: OpenedDecoder,
    range: { readonly from: number; readonly to: number },
    isApart: boolean,
    following: () => Promise<Following>,
  ) {
    this.#following = following;
    const info = opened.decoder.info!;
    this.#name = name;
    this.#opened = opened;
    this.#from = range.from;
    this.warnings.push(...opened.warnings);
    this.width = isApart ? info.channels : 1;
    this.#resamplers = Array.from({ length: this.width }, () => new Resampler(info.rate, range));
    this.info = opened.container === undefined ? info : { ...info, format: `${opened.container} through ffmpeg` };
  }

  /** The next samples at 16 kHz, never none; undefined at the end. */
  async next(): Promise<Float32Array | undefined> {
    return (await this.nextOfEach())?.[0];
  }

  /** The same of every channel that comes out, equally many. */
  async nextOfEach(): Promise<readonly Float32Array[] | undefined> {
    while (this.#state !== "ended" && !this.#resamplers[0]!.done) {
      const blocks = await this.#step();
      if (blocks[0]!.length > 0) return blocks;
    }
    return undefined;
  }

  async close(): Promise<void> {
    this.#state = "ended";
    await this.#opened.reader.close();
  }

  async #step(): Promise<readonly Float32Array[]> {
    if (this.#state === "first") {
      this.#state = "body";
      return this.#resample(this.#opened.first);
    }
    const { decoder, reader } = this.#opened;
    const more = decoder.more?.();
    if (more !== undefined) return this.#resample(more);
    if (this.#state === "tail") {
      this.#state = "ended";
      return this.#flush();
    }
    const bytes = decoder.isDone ? undefined : await nextBytes(reader, decoder);
    if (bytes !== undefined) return this.#resample(decoder.push(bytes));
    this.#state = "tail";
    return await this.#tail();
  }

  #resample(samples: Float32Array): Float32Array[] {
    this.#sourceSamples += samples.length / this.width;
    if (this.width === 1) return [this.#resamplers[0]!.push(samples)];
    return this.#resamplers.map((resampler, side) => resampler.push(everyNth(samples, side, this.width)));
  }

  /** The samples that only the end of the bytes completes. */
  async #tail(): Promise<readonly Float32Array[]> {
    const { decoder, reader } = this.#opened;
    const complaint = reader instanceof FfmpegReader ? await reader.complaint() : undefined;
    if (complaint !== undefined && this.#sourceSamples === 0) {
      throw new InputError(`${this.#name}: ffmpeg: ${complaint}`);
    }
    const samples = this.#resample(decoder.end());
    const { found, goesOn } = await this.#following();
    const isFfmpeg = reader instanceof FfmpegReader;
    if (isFfmpeg && goesOn?.name === "FLAC") this.warnings.push(joinedLine(goesOn)); // It loses frames there.
    const joined = decoder.unheard ? decoder.unheard(found) : found;
    const isExplained = joined !== undefined || goesOn !== undefined; // By the header of a file in the middle.
    if (complaint !== undefined && !isExplained) this.warnings.push(`ffmpeg: ${complaint}`);
    if (joined !== undefined) this.warnings.push(joinedLine(joined, isFfmpeg));
    else if (decoder.lossLine !== undefined) this.warnings.push(decoder.lossLine);
    return samples;
  }

  #flush(): readonly Float32Array[] {
    this.warnings.push(...this.#opened.decoder.warnings);
    if (this.#sourceSamples === 0) this.warnings.push("holds no samples, so there is no text");
    const seconds = this.#sourceSamples / this.info.rate;
    const fromSec = this.#from / sampleRate;
    if (fromSec > 0 && fromSec >= seconds) {
      throw new InputError(`${this.#name}: is ${seconds.toFixed(2)} s long, so nothing is left from ${fromSec} s on`);
    }
    return this.#resamplers.map((resampler) => resampler.flush());
  }
}

function rangeOf({ fromSec = 0, toSec = Infinity }: AudioInput): { from: number; to: number } {
  return { from: Math.round(fromSec * sampleRate), to: Math.round(toSec * sampleRate) };
}

function everyNth(samples: Float32Array, first: number, step: number): Float32Array {
  return Float32Array.from({ length: samples.length / step }, (_, at) => samples[at * step + first]!);
}
