/**
 * The voice detector of the native library, in the calling thread: it takes 2 ms for a second of audio, and no model.
 */

import { Native, vadFrame } from "./native.ts";
import { placedLibrary } from "./place_library.ts";

/** What it is and does, the type VoiceDetector of src/segment says. */
export async function openVoiceDetector(library: () => Promise<Uint8Array>) {
  const native = new Native(await placedLibrary(library));
  const vad = native.openVad();
  return {
    frameSamples: vadFrame,
    run: (samples: Float32Array, isLast: boolean) => native.vadRun(vad, samples, isLast),
    close: () => native.closeVad(vad),
  };
}
