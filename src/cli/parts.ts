/**
 * What the program is made of: the parts that touch audio, models and the native library, handed in by app.ts. Types
 * alone.
 */

import type { Audio, AudioInput } from "../audio/input.ts";
import type { LeveledSamples } from "../audio/sample_store.ts";
import type { Measured } from "../engine/measure.ts";
import type { PackedFiles } from "../engine/packed_files.ts";
import type { Environment } from "../model/folders.ts";
import type { DownloadHost } from "../model/hub/download_io.ts";
import type { ModelPlace } from "../model/locate.ts";
import type { ModelHost } from "../pipeline/host.ts";
import type { Terminal } from "./terminal.ts";

/** A whole recording, read. */
export type LoadedAudio = LeveledSamples & Pick<Audio, "warnings" | "remarks" | "close">;

/** Audio as it comes. */
export type OpenedAudio = {
  /** 16 kHz mono, never none; undefined at the end. */
  next(): Promise<Float32Array | undefined>;
  close(): Promise<void>;
  /** Known at the end. */
  readonly warnings: readonly string[];
};

/** What measures. */
export type StopwatchParts = {
  /** How to open a model with so many threads; 0: the machine's default. */
  opener(model: ModelPlace): (threads: number) => Promise<Measured>;
  /** The most memory the process had so far, in bytes. */
  peakMemory(): number;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
};

/** Every part there is. A command names those that it uses. */
export type ProgramParts = ModelHost & {
  readonly terminal: Terminal;
  readonly version: string;
  /** Throws InputError where reading would surely fail. Cheap. */
  checkInput(input: AudioInput): Promise<void>;
  readAudio(input: AudioInput): Promise<LoadedAudio>;
  openAudio(input: AudioInput): Promise<OpenedAudio>;
  /** Whether a stream keeps what it has computed; without, it says the same more slowly. */
  keepsStreamCaches(): boolean;
  /** Environment variables. */
  readonly env: Environment;
  /** Milliseconds since 1970. */
  now(): number;
  readonly download: DownloadHost;
  /** The files of packed weights. */
  readonly packed: PackedFiles;
  readonly stopwatch: StopwatchParts;
  licenses(): string | Promise<string>;
  /** Cuts Chinese into words; slow the first time. */
  cutChinese(text: string): string[];
  /** The text of a small file, "-" for standard input. Throws InputError. */
  readText(path: string): Promise<string>;
};
