/**
 * What the program is made of: the parts that touch audio, models and the native library, handed in by app.ts. Types
 * alone.
 */

import type { AudioInput } from "../audio/input.ts";
import type { ModelPlace } from "../model/locate.ts";
import type { ModelHost } from "../pipeline/models.ts";
import type { Terminal } from "./terminal.ts";

export type LoadedAudio = {
  /** 16 kHz mono. */
  readonly samples: Float32Array;
  readonly warnings: readonly string[];
};

/** Audio as it comes. */
export type OpenedAudio = {
  /** 16 kHz mono, never none; undefined at the end. */
  next(): Promise<Float32Array | undefined>;
  close(): Promise<void>;
  /** Known at the end. */
  readonly warnings: readonly string[];
};

export type ProgramParts = ModelHost & {
  readonly terminal: Terminal;
  readonly version: string;
  /** Throws InputError where reading would surely fail. Cheap. */
  checkInput(input: AudioInput): Promise<void>;
  readAudio(input: AudioInput): Promise<LoadedAudio>;
  openAudio(input: AudioInput): Promise<OpenedAudio>;
  /** Whether a stream keeps what it has computed; without, it says the same more slowly. */
  keepsStreamCaches(): boolean;
  runDownload(args: string[]): Promise<number>;
  runCache(args: string[]): Promise<number>;
  /** Measures and prints. */
  runBench(model: ModelPlace): Promise<number>;
  licenses(): string | Promise<string>;
  /** Cuts Chinese into words; slow the first time. */
  cutChinese(text: string): string[];
  /** The text of a small file, "-" for standard input. Throws InputError. */
  readText(path: string): Promise<string>;
};
