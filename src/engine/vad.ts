/**
 * The voice detector of the native library, in the calling thread: it takes 2 ms for a second of audio, and no model.
 * Other weights of it may be in a file.
 */

import { readFile, stat } from "node:fs/promises";
import { ModelError, systemReason } from "../errors.ts";
import { onDisk } from "../path_bytes.ts";
import { printable } from "../writer.ts";
import { EngineError, Native, STATUS, vadFrame } from "./native.ts";
import { placedLibrary } from "./place_library.ts";

/** The model has 1 MB. */
const weightsBytesMax = 1 << 24;

let native: Native | undefined;

/** What it is and does, the type VoiceDetector of src/segment says. Throws a ModelError for bad weights. */
export async function openVoiceDetector(library: () => Promise<Uint8Array>, path?: string) {
  const placed = await placedLibrary(library);
  const own = native ??= new Native(placed); // Its calls are made once: a server opens a detector for each recording.
  const weights = path === undefined ? undefined : await readWeights(path);
  const vad = path === undefined ? own.openVad() : openNamed(own, weights!, path);
  return {
    frameSamples: vadFrame,
    run: (samples: Float32Array, isLast: boolean) => own.vadRun(vad, samples, isLast),
    close: () => own.closeVad(vad),
  };
}

const hint = "it takes a safetensors file with the tensors of Silero VAD v6, in f32";

async function readWeights(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(onDisk(path));
    if (size > weightsBytesMax) throw new ModelError(`${printable(path)}: is no voice detector: ${size} bytes`, hint);
    return await readFile(onDisk(path));
  } catch (error) {
    const own = { ENOENT: "no such file", EISDIR: "is a directory" };
    throw error instanceof ModelError ? error : new ModelError(`${printable(path)}: ${systemReason(error, own)}`);
  }
}

function openNamed(native: Native, weights: Uint8Array, path: string) {
  try {
    return native.openVad(weights);
  } catch (error) {
    if (!(error instanceof EngineError) || error.status !== STATUS.model) throw error;
    throw new ModelError(`${printable(path)}: ${error.message.replace(/^model\.safetensors: /, "")}`, hint);
  }
}
