/**
 * AUDIO IN: a file, FIFO or standard input in, 16 kHz mono samples in [-1, 1] out.
 *
 * bytes -> sniff -> WAV / raw / ffmpeg decoder -> resampler -> samples, block by block: a long recording is held
 * once, as samples. What can be said about an input without decoding it, `checkInput` says before a model loads.
 */

import { isatty } from "node:tty";
import { InputError, UsageError } from "../errors.ts";
import { printable } from "../writer.ts";
import { type ByteReader, isStdinPath, openFile, openStdin, ReplayReader, statReadable, STDIN_NAME } from "./bytes.ts";
import { ffmpegPath, FfmpegReader, findFfmpeg } from "./ffmpeg.ts";
import { LevelMeter } from "./level.ts";
import type { ByteDecoder, SourceInfo } from "./pcm.ts";
import { RAW_DEFAULT, RawDecoder, type RawLayout } from "./raw.ts";
import { Resampler } from "./resample.ts";
import { type LeveledSamples, SampleStore } from "./sample_store.ts";
import { sniff, SNIFF_BYTES } from "./sniff.ts";
import { WavDecoder } from "./wav.ts";
import { WavCodecError } from "./wav_format.ts";
import { sampleRate } from "../units.ts";

/** Where audio comes from. */
export type AudioSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "stdin" };

/** A source, how to read it, and which part of it. */
export type AudioInput = AudioSource & {
  /** Decode the bytes as headerless samples, whatever they look like. */
  readonly raw?: RawLayout;
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
  /** One line each, without the input's name. */
  readonly warnings: readonly string[];
  /** The same, for those who look for a fault. */
  readonly remarks: readonly string[];
  /** Gives memory and disk back. */
  close(): Promise<void>;
};

const measureSamples = 1 << 18;

/** How messages call an input. */
export function inputName(input: AudioInput): string {
  return input.kind === "stdin" ? STDIN_NAME : printable(input.path);
}

/** Throws where the input is missing, unreadable or a directory, or the wanted part is none. Reads nothing. */
export function checkInput(input: AudioInput): void {
  const { fromSec = 0, toSec = Infinity } = input;
  if (!(fromSec >= 0 && fromSec < Infinity)) throw new UsageError(`the start is ${fromSec} s, not 0 or more`);
  if (!(toSec > fromSec)) throw new UsageError(`the end, ${toSec} s, is not after the start, ${fromSec} s`);
  if (input.kind === "file" && !isStdinPath(input.path)) statReadable(input.path);
  else if (isatty(0)) throw new InputError(`${STDIN_NAME}: is a terminal`, "pipe a recording into it, or name a file");
}

/** Reads, decodes, mixes, resamples, cuts and levels the whole input. */
export async function readAudio(input: AudioInput): Promise<Audio> {
  const stream = await openAudio(input);
  const store = new SampleStore();
  try {
    const meter = new LevelMeter();
    for (let block = await stream.next(); block !== undefined; block = await stream.next()) {
      meter.push(block);
      await store.append(block);
    }
    const levels = await limitPeak(store, meter);
    const { rate, channels, format } = stream.info;
    return {
      ...{ length: store.length, levels, durationSec: store.length / sampleRate, sourceRate: rate, channels, format },
      warnings: [...stream.warnings],
      remarks: store.problem === undefined ? [] : [`The samples stay in memory: ${store.problem}`],
      read: (start, end) => store.read(start, end),
      close: () => store.close(),
    };
  } catch (error) {
    await store.close();
    throw error;
  } finally {
    await stream.close();
  }
}

/** As the official front end does: a peak above 1 divides the whole recording by it. Returns the levels then. */
async function limitPeak(store: SampleStore, meter: LevelMeter): Promise<Float64Array> {
  if (meter.peak <= 1) return meter.end();
  store.divideBy(meter.peak);
  const limited = new LevelMeter();
  for (let at = 0; at < store.length; at += measureSamples) {
    limited.push(await store.read(at, Math.min(store.length, at + measureSamples)));
  }
  return limited.end();
}

/** Opens an input for reading block by block, as it comes: no peak rule, which needs the whole. */
export async function openAudio(input: AudioInput): Promise<AudioStream> {
  checkInput(input);
  const name = inputName(input);
  const isStdin = input.kind === "stdin" || isStdinPath(input.path);
  const reader = new ReplayReader(isStdin ? openStdin(name) : await openFile(input.path));
  try {
    const opened = await openDecoder(input, reader, name, isStdin);
    return new AudioStream(name, opened, rangeOf(input));
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** Containers that may keep their index at the end. */
const INDEX_LAST = ["MP4", "QuickTime"];

/** A decoder whose `info` is known, the bytes that go into it, and the samples it already gave. */
type Opened = {
  readonly reader: ByteReader;
  readonly decoder: ByteDecoder;
  readonly first: Float32Array;
  /** Set where the bytes come out of ffmpeg: what it decodes. */
  readonly container?: string;
};

export class AudioStream {
  readonly info: SourceInfo;
  readonly warnings: string[] = [];
  readonly #name: string;
  readonly #opened: Opened;
  readonly #resampler: Resampler;
  readonly #from: number;
  #state: "first" | "body" | "ended" = "first";
  #sourceSamples = 0;

  constructor(name: string, opened: Opened, range: { readonly from: number; readonly to: number }) {
    const info = opened.decoder.info!;
    this.#name = name;
    this.#opened = opened;
    this.#from = range.from;
    this.#resampler = new Resampler(info.rate, range);
    this.info = opened.container === undefined ? info : { ...info, format: `${opened.container} through ffmpeg` };
  }

  /** The next samples at 16 kHz, never none; undefined at the end. */
  async next(): Promise<Float32Array | undefined> {
    while (this.#state !== "ended" && !this.#resampler.done) {
      const block = await this.#step();
      if (block.length > 0) return block;
    }
    return undefined;
  }

  async close(): Promise<void> {
    this.#state = "ended";
    await this.#opened.reader.close();
  }

  async #step(): Promise<Float32Array> {
    if (this.#state === "first") {
      this.#state = "body";
      return this.#resample(this.#opened.first);
    }
    const bytes = this.#opened.decoder.isDone ? undefined : await this.#opened.reader.next();
    if (bytes !== undefined) return this.#resample(this.#opened.decoder.push(bytes));
    this.#state = "ended";
    return await this.#end();
  }

  #resample(samples: Float32Array): Float32Array {
    this.#sourceSamples += samples.length;
    return this.#resampler.push(samples);
  }

  async #end(): Promise<Float32Array> {
    const { decoder, reader } = this.#opened;
    const complaint = reader instanceof FfmpegReader ? await reader.complaint() : undefined;
    if (complaint !== undefined) {
      if (this.#sourceSamples === 0) throw new InputError(`${this.#name}: ffmpeg: ${complaint}`);
      this.warnings.push(`ffmpeg: ${complaint}`);
    }
    const tail = this.#resample(decoder.end());
    this.warnings.push(...decoder.warnings);
    if (this.#sourceSamples === 0) this.warnings.push("holds no samples, so there is no text");
    const seconds = this.#sourceSamples / this.info.rate;
    const fromSec = this.#from / sampleRate;
    if (fromSec > 0 && fromSec >= seconds) {
      throw new InputError(`${this.#name}: is ${seconds.toFixed(2)} s long, so nothing is left from ${fromSec} s on`);
    }
    return joinTwo(tail, this.#resampler.flush());
  }
}

function rangeOf({ fromSec = 0, toSec = Infinity }: AudioInput): { from: number; to: number } {
  return { from: Math.round(fromSec * sampleRate), to: Math.round(toSec * sampleRate) };
}

async function openDecoder(input: AudioInput, reader: ReplayReader, name: string, isStdin: boolean): Promise<Opened> {
  const head = await readHead(reader);
  if (head.length === 0) throw new InputError(isStdin ? `${name}: no data` : `${name}: empty file`);
  if (input.raw !== undefined) return await startDecoder(reader, new RawDecoder(name, input.raw), name);
  const sniffed = sniff(head);
  switch (sniffed.kind) {
    case "wav":
      return await openWav(input, reader, name);
    case "container":
      return await openFfmpeg(input, reader, name, sniffed.name);
    case "other":
      throw new InputError(`${name}: looks like ${sniffed.name}, not audio`);
    case "unknown":
      if (isStdin) return await startDecoder(reader, new RawDecoder(name, RAW_DEFAULT), name);
      throw new InputError(
        `${name}: not a WAV and no other audio format known here`,
        "for samples without a header use --raw",
      );
  }
}

async function openWav(input: AudioInput, reader: ReplayReader, name: string): Promise<Opened> {
  try {
    return await startDecoder(reader, new WavDecoder(name, reader.blankFrom), name);
  } catch (error) {
    const canRetry = error instanceof WavCodecError && reader.rewind() && ffmpegPath() !== null;
    if (!canRetry) throw error;
    // Ours says what the header says: ffmpeg's line would hide it.
    return await openFfmpeg(input, reader, name, "WAV").catch((second) => {
      throw second instanceof InputError ? error : second;
    });
  }
}

async function openFfmpeg(input: AudioInput, reader: ReplayReader, name: string, container: string): Promise<Opened> {
  const program = findFfmpeg(`${name}: ${container} audio`);
  const isRegular = input.kind === "file" && !isStdinPath(input.path) && statReadable(input.path).isFile();
  if (isRegular) await reader.close();
  else reader.commit();
  const seeks = INDEX_LAST.includes(container);
  const ffmpeg = new FfmpegReader(
    program,
    isRegular ? { kind: "path", path: input.path } : { kind: "bytes", reader, seeks },
  );
  try {
    return { ...await startDecoder(ffmpeg, new WavDecoder(`${name}: ffmpeg output`), name), container };
  } catch (error) {
    await ffmpeg.close();
    throw error;
  }
}

/** Feeds the decoder until it knows what the bytes are. */
async function startDecoder(reader: ByteReader, decoder: ByteDecoder, name: string): Promise<Opened> {
  let first: Float32Array = new Float32Array(0);
  while (decoder.info === undefined) {
    const bytes = await reader.next();
    if (bytes === undefined) {
      const complaint = reader instanceof FfmpegReader ? await reader.complaint() : undefined;
      if (complaint !== undefined) throw new InputError(`${name}: ffmpeg: ${complaint}`);
      decoder.end(); // Says what is missing.
      throw new InputError(`${name}: no audio`);
    }
    first = decoder.push(bytes);
  }
  if (reader instanceof ReplayReader) reader.commit();
  return { reader, decoder, first };
}

/** The first bytes, for sniffing; the reader stands at the beginning again. */
async function readHead(reader: ReplayReader): Promise<Uint8Array> {
  const head = new Uint8Array(SNIFF_BYTES);
  let filled = 0;
  while (filled < SNIFF_BYTES) {
    const bytes = await reader.next();
    if (bytes === undefined) break;
    const part = bytes.subarray(0, SNIFF_BYTES - filled);
    head.set(part, filled);
    filled += part.length;
  }
  reader.rewind();
  return head.subarray(0, filled);
}

function joinTwo(first: Float32Array, second: Float32Array): Float32Array {
  if (first.length === 0) return second;
  const joined = new Float32Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
