/**
 * The test material: one view of the folder with models, clips and goldens.
 *
 * The folder is $QWEN_ASR_FIXTURES, else ../shared/fixtures beside the project, else samples/fixtures. All have the
 * same layout; the last is a subset. A test that needs what the folder may lack asks first (`hasClip`, `golden`) and is
 * skipped and counted. A folder without the model is an error.
 */

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

export type Sentence = { readonly text: string; readonly start: number; readonly end: number };

/** A clip and the truth about it. */
export type Clip = {
  readonly name: string;
  readonly wav: string;
  /** "English", "Chinese", or "None" for silence and noise. */
  readonly language: string;
  /** The text that is really said. */
  readonly text: string;
  /** Words to give as context; "" for none. */
  readonly context: string;
  readonly seconds: number;
  readonly sentences: readonly Sentence[];
};

/** One decode by the official implementation. */
export type GoldenRun = {
  readonly prompt_ids: readonly number[];
  /** The greedy tokens, without the end token. */
  readonly tokens: readonly number[];
  /** For each step, including the end: the five best [id, logit], best first. */
  readonly top5: readonly (readonly (readonly [number, number])[])[];
  readonly raw: string;
};

export const goldenVariants = ["plain", "window_2s", "window_4s", "forced_language", "context"] as const;
export type GoldenVariant = typeof goldenVariants[number];

export type Golden =
  & { readonly plain: GoldenRun }
  & { readonly [variant in GoldenVariant]?: GoldenRun }
  & {
    readonly mel_frames: number;
    readonly audio_tokens: number;
    readonly mel_mean: number;
    readonly encoder_mean_abs: number;
  };

export const projectRoot: string = resolve(import.meta.dir, "..");

const speakerWeights = statSync(join(projectRoot, "zig-out/speakers.safetensors"), { throwIfNoEntry: false });
/** Whether builds here have the speaker networks; scripts/setup fetches their weights where it can. */
export const hasSpeakers: boolean = (speakerWeights?.size ?? 0) > 0;

export function fixturesRoot(): string {
  const named = process.env.QWEN_ASR_FIXTURES;
  if (named) {
    if (!existsSync(join(named, "nano-asr", "config.json"))) {
      throw new Error(`QWEN_ASR_FIXTURES: no nano-asr in ${named}`);
    }
    return resolve(named);
  }
  const shared = resolve(projectRoot, "..", "shared", "fixtures");
  if (existsSync(join(shared, "nano-asr", "config.json"))) return shared;
  return join(projectRoot, "samples", "fixtures");
}

export function modelDir(name: "nano-asr" | "nano-aligner" = "nano-asr"): string {
  return join(fixturesRoot(), name);
}

/** The names of all clips of the folder. Never empty. */
export function clips(): readonly Clip[] {
  const names = readdirSync(join(fixturesRoot(), "audio"))
    .filter((file) => file.endsWith(".wav")).map((file) => file.slice(0, -".wav".length)).sort();
  if (names.length === 0) throw new Error(`no clips in ${join(fixturesRoot(), "audio")}`);
  return names.map(clip);
}

export function hasClip(name: string): boolean {
  return existsSync(clipPath(name, ".wav"));
}

/** Throws if the folder lacks the clip: a test asks `test.skipIf(!hasClip(name))` first. */
export function clip(name: string): Clip {
  const truth = readJson(clipPath(name, ".json")) as Omit<Clip, "name" | "wav">;
  return { ...truth, name, wav: clipPath(name, ".wav") };
}

/** Undefined for a clip on which the official implementation was not run. */
export function golden(name: string): Golden | undefined {
  const path = join(fixturesRoot(), "goldens", "asr", `${name}.json`);
  return existsSync(path) ? readJson(path) as Golden : undefined;
}

/** Path of the mel and encoder values ("mel" [128, frames], "encoder" [rows, hidden], f32), for clips up to 16 s. */
export function goldenTensors(name: string): string | undefined {
  const path = join(fixturesRoot(), "goldens", "asr", `${name}.safetensors`);
  return existsSync(path) ? path : undefined;
}

/** The f32 values of one tensor in a safetensors file, with its shape. */
export function readTensor(path: string, name: string): { shape: readonly number[]; values: Float32Array } {
  const bytes = readFileSync(path);
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerBytes));
  const entry = header[name];
  if (entry?.dtype !== "F32") throw new Error(`${path}: no f32 tensor ${name}`);
  const [from, to] = entry.data_offsets as [number, number];
  const data = bytes.subarray(8 + headerBytes + from, 8 + headerBytes + to);
  return { shape: entry.shape, values: new Float32Array(Uint8Array.from(data).buffer) };
}

/** "language English<asr_text>Hello." -> "Hello."; a run with a forced language has no header. */
export function spokenText(run: GoldenRun): string {
  return run.raw.replace(/^.*<asr_text>/s, "");
}

function clipPath(name: string, extension: string): string {
  return join(fixturesRoot(), "audio", name + extension);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
