/**
 * Chooses the decoder of an input. In: its bytes. Out: a decoder whose format is known, with the bytes that feed it.
 *
 *     bytes -> sniff -> WAV / decoders of our own / ffmpeg / raw samples
 *
 * Bytes that nothing here recognises go to ffmpeg before they are rejected; in a pipe they are raw samples, unless they
 * cannot be.
 */

import { InputError } from "../errors.ts";
import { type ByteReader, ReplayReader } from "./bytes.ts";
import { chooseTrack, type Container, listTracks, refusePlaylist, type Track } from "./container.ts";
import { AuDecoder } from "./au.ts";
import { isIndexLast } from "./decoders/mp4.ts";
import { builtinDecoder } from "./decoders/open.ts";
import { UnsupportedError } from "./decoders/packets.ts";
import {
  type FfmpegInput,
  ffmpegMissing,
  ffmpegPath,
  FfmpegReader,
  findFfmpeg,
  probeContainer,
  type ProcessLimits,
} from "./ffmpeg.ts";
import type { ByteDecoder } from "./pcm.ts";
import { judgeBytes } from "./plausible.ts";
import { RAW_DEFAULT, RawDecoder, type RawLayout } from "./raw.ts";
import { certainFormat } from "./raw_guess.ts";
import { sniff, SNIFF_BYTES, SNIFF_FAR_BYTES } from "./sniff.ts";
import { SpooledReader } from "./spool.ts";
import { WavDecoder } from "./wav.ts";
import { WavCodecError } from "./wav_format.ts";

/** What decodes compressed audio: this program where it can, else ffmpeg ("auto"), or one of them. */
export type DecoderChoice = "auto" | "builtin" | "ffmpeg";

export type DecoderSource = {
  /** What messages begin with. */
  readonly name: string;
  /** The path of a regular file, in which ffmpeg may seek. */
  readonly path: string | undefined;
  readonly isStdin: boolean;
  readonly raw: RawLayout | undefined;
  /** The audio track by number or language; the default one if undefined. */
  readonly track: string | undefined;
  /** The channel that is read, from 1; "each": they come interleaved; undefined: all are mixed. */
  readonly channel: number | "each" | undefined;
  readonly decoder: DecoderChoice;
  /** What ffmpeg may take; undefined: as much as it wants. */
  readonly limits: ProcessLimits | undefined;
};

/** A decoder whose `info` is known, the bytes that go into it, and the samples it already gave. */
export type OpenedDecoder = {
  readonly reader: ByteReader;
  readonly decoder: ByteDecoder;
  readonly first: Float32Array;
  /** Set where the bytes come out of ffmpeg: what it decodes. */
  readonly container?: string;
  readonly warnings: readonly string[];
};

/** The longest time to look at unrecognised bytes: a live source must not wait for its transcript. */
const UNKNOWN_WAIT_MS = 500;
const NO_HELP_HINT = "ffmpeg cannot read it either: convert it to 16-bit PCM WAV with the program that made it";
/** Containers whose index may come last. */
const INDEX_LAST = ["MP4", "QuickTime"];
/** Frames without a container, so without times. */
const BARE = ["MP3", "AAC", "AC-3"];

export async function openDecoder(source: DecoderSource, reader: ReplayReader): Promise<OpenedDecoder> {
  const { name, isStdin, raw } = source;
  const head = await reader.peek(SNIFF_BYTES);
  if (head.length === 0) throw new InputError(isStdin ? `${name}: no data` : `${name}: empty file`);
  if (raw !== undefined) return await openAlone(source, reader, new RawDecoder(name, raw, source.channel));
  let sniffed = sniff(head);
  let seen = head;
  if (sniffed.kind === "unknown") {
    seen = await reader.peek(SNIFF_FAR_BYTES, UNKNOWN_WAIT_MS);
    sniffed = sniff(seen);
  }
  switch (sniffed.kind) {
    case "wav":
      return await openWav(source, reader);
    case "container":
      // ffmpeg takes its samples for little-endian ones, and noise comes out.
      if (sniffed.name === "big-endian WAV") throw bigEndian(name);
      return await openContainer(source, reader, sniffed.name);
    case "other":
      throw new InputError(`${name}: looks like ${sniffed.name}, not audio`);
    case "unknown":
      return await openUnknown(source, reader, seen);
  }
}

function bigEndian(name: string): InputError {
  const hint = "convert it to an ordinary WAV, for example with sox";
  return new InputError(`${name}: big-endian WAV (RIFX) is not read`, hint);
}

async function openUnknown(source: DecoderSource, reader: ReplayReader, seen: Uint8Array): Promise<OpenedDecoder> {
  const { name, isStdin } = source;
  const certain = isStdin ? certainFormat(seen) : undefined;
  if (certain !== undefined) {
    throw new InputError(
      `${name}: looks like ${certain} samples, not ${RAW_DEFAULT.format}`,
      `say so with --raw-format ${certain} (or --raw-format ${RAW_DEFAULT.format}, if that is what they are)`,
    );
  }
  const verdict = judgeBytes(seen, RAW_DEFAULT.format, 1);
  if (isStdin && (verdict === "samples" || verdict === "blank")) {
    return await openAlone(source, reader, new RawDecoder(name, RAW_DEFAULT, source.channel));
  }
  const opened = mayUseFfmpeg(source) ? await tryFfmpeg(source, reader) : undefined;
  if (opened) return opened;
  const what = { text: ": they are text", dense: ": they look compressed", samples: "", blank: "" }[verdict];
  throw new InputError(
    isStdin
      ? `${name}: no known audio format, and no samples either${what}`
      : `${name}: not a WAV and no other audio format known here`,
    "for samples without a header use --raw",
  );
}

/** Returns undefined if ffmpeg does not recognise the bytes either. */
async function tryFfmpeg(source: DecoderSource, reader: ReplayReader): Promise<OpenedDecoder | undefined> {
  const input = await ffmpegInput(source, reader, "");
  const container = await probeContainer(ffmpegPath()!, input, source.limits);
  if (container === undefined || container.isGuess || container.tracks.length === 0) return undefined;
  return await startFfmpeg(source, reader, input, container.format.toUpperCase(), container);
}

async function openWav(source: DecoderSource, reader: ReplayReader): Promise<OpenedDecoder> {
  try {
    return await openAlone(source, reader, new WavDecoder(source.name, reader.blankFrom, source.channel));
  } catch (error) {
    const canRetry = error instanceof WavCodecError && reader.rewind() && mayUseFfmpeg(source);
    if (!canRetry) throw error;
    return await openFfmpeg(source, reader, "WAV").catch((second) => {
      // Ours says what is wrong with the header. Its advice is to install ffmpeg, which has just failed.
      throw second instanceof InputError ? new InputError(error.message, NO_HELP_HINT) : second;
    });
  }
}

/** Bytes that hold one track and no container. */
async function openAlone(source: DecoderSource, reader: ReplayReader, decoder: ByteDecoder): Promise<OpenedDecoder> {
  const { name, track } = source;
  if (track !== undefined && /^\d+$/.test(track) && Number(track) !== 1) {
    throw new InputError(`${name}: has no audio track ${track}: it has one`);
  }
  return await startDecoder(reader, decoder, source);
}

/** With "auto", ffmpeg gets what our own decoders refuse before they gave a sample. */
async function openContainer(source: DecoderSource, reader: ReplayReader, label: string): Promise<OpenedDecoder> {
  const own = label === "AU" ? new AuDecoder(source.name, source.channel) : undefined; // ffmpeg reads beyond its end.
  const isLast = source.decoder === "auto" && !mayUseFfmpeg(source);
  const decoder = own ?? (source.decoder === "ffmpeg" ? undefined : builtinDecoder(label, { ...source, isLast }));
  if (!INDEX_LAST.includes(label)) reader.skipBlankEnd();
  if (decoder === undefined) return await openFfmpeg(source, reader, label);
  const spool = "mayGoBack" in decoder && decoder.mayGoBack && !reader.seek
    ? new SpooledReader(source.name, reader)
    : undefined;
  try {
    if (!("tracks" in decoder) || decoder.tracks === undefined) return await openAlone(source, reader, decoder);
    const opened = await startDecoder(spool ?? reader, decoder, source);
    if (!decoder.mayGoBack) await spool?.release();
    const { tracks, track } = decoder;
    return { ...opened, warnings: source.track === undefined ? tracksLine(tracks, track!) : [] };
  } catch (error) {
    spool?.seek(0);
    const again = spool ? new ReplayReader(spool) : reader;
    const canRetry = error instanceof InputError && (source.path !== undefined || again.rewind());
    if (canRetry && mayUseFfmpeg(source)) {
      return await openFfmpeg(source, again, label, spool).catch((second) => {
        // Ours says what is damaged.
        throw second instanceof InputError && !(error instanceof UnsupportedError) ? error : second;
      });
    }
    await spool?.close();
    throw error instanceof UnsupportedError ? noDecoder(error.message, source) : error;
  }
}

/** The next bytes that the decoder wants. */
export async function nextBytes(reader: ByteReader, decoder: ByteDecoder): Promise<Uint8Array | undefined> {
  const place = reader.seek && decoder.jump?.();
  if (place !== undefined) reader.seek!(place);
  return await reader.next();
}

function mayUseFfmpeg({ decoder }: DecoderSource): boolean {
  return decoder !== "builtin" && ffmpegPath() !== null;
}

/** `what` says what needs ffmpeg: "x.m4a: ALAC audio". */
function noDecoder(what: string, { decoder }: DecoderSource): InputError {
  if (decoder !== "builtin") return ffmpegMissing(what);
  const hint = "ffmpeg decodes it, where it is installed: leave --decoder builtin out";
  return new InputError(`${what} is not decoded by this program itself`, hint);
}

/** `spool`: what `reader` reads, where it is kept already. */
async function openFfmpeg(
  source: DecoderSource,
  reader: ReplayReader,
  label: string,
  spool?: SpooledReader,
): Promise<OpenedDecoder> {
  if (source.decoder === "builtin") throw noDecoder(`${source.name}: ${label} audio`, source);
  const program = findFfmpeg(`${source.name}: ${label} audio`);
  const input = await ffmpegInput(source, reader, label, spool);
  try {
    return await startFfmpeg(source, reader, input, label, await probeContainer(program, input, source.limits));
  } catch (error) {
    if (input.kind === "file") await input.owner.close();
    throw error;
  }
}

/**
 * A pipe whose index comes last is kept whole, since ffmpeg must go back in it. Of a file that is filled up with blank
 * bytes it does not get these.
 */
async function ffmpegInput(
  { name, path }: DecoderSource,
  reader: ReplayReader,
  label: string,
  spool = new SpooledReader(name, reader),
): Promise<FfmpegInput> {
  const isFilledUp = (reader.blankFrom ?? Infinity) < Infinity && !INDEX_LAST.includes(label) && reader.rewind();
  if (path !== undefined && !isFilledUp) return { kind: "path", path };
  if (!INDEX_LAST.includes(label) || !isIndexLast(await reader.peek(SNIFF_BYTES))) return { kind: "bytes", reader };
  return { kind: "file", fd: await spool.whole(), owner: spool };
}

async function startFfmpeg(
  source: DecoderSource,
  reader: ReplayReader,
  input: FfmpegInput,
  label: string,
  container: Container | undefined,
): Promise<OpenedDecoder> {
  const { name, track: wanted, channel } = source;
  if (container === undefined && wanted !== undefined) throw new InputError(`${name}: its tracks cannot be told apart`);
  if (container) refusePlaylist(name, container);
  const track = container && chooseTrack(name, container, wanted);
  if (input.kind === "path") await reader.close();
  else reader.commit();
  const isBare = BARE.includes(label);
  const options = track ? { track, startSec: container.startSec, isBare } : { isBare };
  const ffmpeg = new FfmpegReader(findFfmpeg(name), input, options, source.limits);
  try {
    const started = await startDecoder(ffmpeg, new WavDecoder(`${name}: ffmpeg output`, Infinity, channel), source);
    const warnings = track && wanted === undefined ? tracksLine(container.tracks, track) : [];
    return { ...started, container: label, warnings };
  } catch (error) {
    await ffmpeg.close();
    throw error;
  }
}

function tracksLine(tracks: readonly Track[], chosen: Track): string[] {
  if (tracks.length < 2) return [];
  const number = 1 + tracks.indexOf(chosen);
  return [`has ${tracks.length} audio tracks: ${listTracks(tracks)}; ${number} is read (--track N|LANG)`];
}

/** Feeds the decoder until it knows what the bytes are. */
async function startDecoder(
  reader: ByteReader,
  decoder: ByteDecoder,
  { name, channel = 1 }: DecoderSource,
): Promise<OpenedDecoder> {
  let first: Float32Array = new Float32Array(0);
  while (decoder.info === undefined) {
    const bytes = await nextBytes(reader, decoder);
    if (bytes === undefined) {
      const complaint = reader instanceof FfmpegReader ? await reader.complaint() : undefined;
      if (complaint !== undefined) throw new InputError(`${name}: ffmpeg: ${complaint}`);
      first = decoder.end(); // Says what is missing.
      if (decoder.info === undefined) throw new InputError(`${name}: no audio`);
    } else first = decoder.push(bytes);
  }
  const { channels } = decoder.info;
  if (channel !== "each" && channel > channels) {
    const wanted = channel === 2 ? "2 (right)" : `${channel}`;
    throw new InputError(`${name}: has no channel ${wanted}: it has ${channels === 1 ? "one" : channels}`);
  }
  if ("commit" in reader) (reader as ReplayReader).commit();
  return { reader, decoder, first, warnings: [] };
}
