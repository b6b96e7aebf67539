/**
 * What the program is made of: the parts that touch audio, models and the native library, handed in by app.ts. Types
 * alone.
 */

import type { Engine, Weights } from "../engine/engine.ts";
import type { SplitterSource } from "../pipeline/align.ts";
import type { InputSource, RawSpec } from "./parse.ts";
import type { Terminal } from "./terminal.ts";

/** What to read: a source, how to read it, and which part of it. */
export type AudioInput = InputSource & {
  readonly raw?: RawSpec;
  readonly fromSec?: number;
  readonly toSec?: number;
};

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

export type ModelPlace =
  | { readonly kind: "folder"; readonly path: string }
  /** Those inside this program. */
  | { readonly kind: "demo" | "demo-aligner" };

export type EngineChoice = {
  readonly model: ModelPlace;
  /** 0: the machine's default. */
  readonly threads: number;
  readonly weights: Weights;
  /** Whether packed weights are kept in a file. */
  readonly cache: boolean;
};

export type ProgramParts = {
  readonly terminal: Terminal;
  readonly version: string;
  /** Throws InputError where reading would surely fail. Cheap. */
  checkInput(input: AudioInput): Promise<void>;
  readAudio(input: AudioInput): Promise<LoadedAudio>;
  openAudio(input: AudioInput): Promise<OpenedAudio>;
  /** Whether a stream keeps what it has computed; without, it says the same more slowly. */
  keepsStreamCaches(): boolean;
  locateModel(dir: string | undefined): Promise<ModelPlace>;
  /** `isDemo`: the transcriber is the demo model. */
  locateAligner(dir: string | undefined, isDemo: boolean): Promise<ModelPlace>;
  /** How words of a language are cut, where that takes a list of them. */
  readonly splitters: SplitterSource;
  openEngine(options: EngineChoice): Promise<Engine>;
  runDownload(args: string[]): Promise<number>;
  runCache(args: string[]): Promise<number>;
  /** Measures and prints. */
  runBench(model: ModelPlace): Promise<number>;
  licenses(): string | Promise<string>;
  /** Says which weights those were. */
  modelHash(model: ModelPlace): Promise<string>;
  /** Cuts Chinese into words; slow the first time. */
  cutChinese(text: string): string[];
  /** The text of a small file, "-" for standard input. Throws InputError. */
  readText(path: string): Promise<string>;
  /** Bytes that may still be used. */
  availableMemory(): number;
};
