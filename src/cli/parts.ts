/**
 * The parts of the program that touch audio, models, files and the native library. app.ts passes in the real ones, and
 * tests their own. Types alone.
 */

import type { ByteReader } from "../audio/bytes.ts";
import type { Audio, AudioInput } from "../audio/input.ts";
import type { LeveledSamples } from "../audio/sample_store.ts";
import type { Weights } from "../engine/engine.ts";
import type { Measured } from "../engine/measure.ts";
import type { SpeakerNetworks } from "../engine/speakers.ts";
import type { PackedFiles } from "../engine/packed_files.ts";
import type { Environment } from "../model/folders.ts";
import type { DownloadHost } from "../model/hub/download_io.ts";
import type { ModelPlace } from "../model/locate.ts";
import type { PageParts } from "../output/writer.ts";
import type { ModelHost } from "../pipeline/host.ts";
import type { MachineLimits } from "../system.ts";
import type { VoiceJudge } from "../segment/has_voice.ts";
import type { VoiceOpener } from "../segment/voice.ts";
import type { PageFile } from "../server/host.ts";
import type { Terminal } from "./terminal.ts";

/** A whole recording, read. */
export type LoadedAudio = LeveledSamples & Pick<Audio, "warnings" | "remarks" | "close">;

/** Audio that is read as it arrives. */
export type OpenedAudio = {
  /** 16 kHz mono, at least one sample; undefined at the end. */
  next(): Promise<Float32Array | undefined>;
  close(): Promise<void>;
  /** Complete at the end. */
  readonly warnings: readonly string[];
};

/** The parts of `qwen-asr bench`. */
export type StopwatchParts = {
  /** Returns a function that opens the model with a number of threads; 0: the machine's default. */
  opener(model: ModelPlace, weights?: Weights, cache?: boolean): (threads: number) => Promise<Measured>;
  /** The largest amount of memory that the process has had in use, in bytes. */
  peakMemory(): number;
  /** Milliseconds of a monotonic clock. */
  now(): number;
};

/** What `qwen-asr doctor` asks of the machine. */
export type MachineParts = {
  /** "linux x64". */
  readonly system: string;
  readonly temporaryFolder: string;
  limits(): MachineLimits;
  /** That can be written at a path, which need not be there yet; undefined: none may be. */
  freeBytes(path: string): Promise<number | undefined>;
  /** undefined: none runs. */
  ffmpegVersion(): Promise<string | undefined>;
};

/** All parts. Each command states which of them it uses. */
export type ProgramParts = ModelHost & {
  readonly terminal: Terminal;
  /** How many threads can run at once. */
  processors(): number;
  readonly version: string;
  /** The server's web page, and recordings to try on it. */
  readonly page: readonly PageFile[];
  readonly samples: readonly PageFile[];
  /** Cheap. Throws an InputError if reading would certainly fail. */
  checkInput(input: AudioInput): Promise<void>;
  readAudio(input: AudioInput): Promise<LoadedAudio>;
  /** Where the input asks for each channel, one recording for each, of the same length. */
  readChannels(input: AudioInput): Promise<LoadedAudio[]>;
  openAudio(input: AudioInput): Promise<OpenedAudio>;
  /** The devices that --mic takes, a line each. Throws an InputError. */
  microphones(): Promise<string[]>;
  openVoiceDetector: VoiceOpener;
  /** Whether this build has the weights of the speaker networks. */
  hasSpeakers(): boolean;
  /**
   * 0 threads: one per core. `isYielding`: they leave processors to others where they are wanted. Throws a ModelError
   * where this build has no weights of them.
   */
  openSpeakers(threads: number, isYielding?: boolean): Promise<SpeakerNetworks>;
  /** Tells whether there is a voice in what the detector knows none in. */
  voiceJudge(): VoiceJudge;
  /** Whether a stream reuses what it has computed. Without that, it gives the same text more slowly. */
  keepsStreamCaches(): boolean;
  /** Environment variables. */
  readonly env: Environment;
  /** Milliseconds since 1970. */
  now(): number;
  readonly download: DownloadHost;
  /** The files of packed weights. */
  readonly packed: PackedFiles;
  readonly stopwatch: StopwatchParts;
  readonly machine: MachineParts;
  licenses(): string | Promise<string>;
  /** Splits Chinese text into words. The first call is slow. */
  cutChinese(text: string): string[];
  /** What pages of -f html are made of. */
  pageParts(): PageParts;
  /** The text of a small file; "-" is standard input. Throws an InputError. */
  readText(path: string): Promise<string>;
  /** The bytes of a file as they come; "-" is standard input. Throws an InputError. */
  openBytes(path: string): Promise<ByteReader>;
};

/** What every command uses that hears recordings. */
export type HearingParts =
  & ModelHost
  & Pick<ProgramParts, "terminal" | "checkInput" | "readAudio" | "readChannels" | "voiceJudge" | "openVoiceDetector">;
