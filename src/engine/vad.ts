/**
 * The voice detector of the native library, in the calling thread: it takes 2 ms for a second of audio, and no model.
 */

import { Native, vadFrame } from "./native.ts";
import { placedLibrary } from "./place_library.ts";

export type VoiceDetector = {
  /** Samples that a probability stands for. */
  readonly frameSamples: number;
  /**
   * More samples of the recording, 16 kHz mono. Returns the probabilities of the frames that they complete: the same in
   * whatever pieces the samples come. With `isLast` the rest is a frame too, and the next samples begin a recording.
   */
  run(samples: Float32Array, isLast: boolean): Float32Array;
  close(): void;
};

export async function openVoiceDetector(library: () => Promise<Uint8Array>): Promise<VoiceDetector> {
  const native = new Native(await placedLibrary(library));
  const vad = native.openVad();
  return {
    frameSamples: vadFrame,
    run: (samples, isLast) => native.vadRun(vad, samples, isLast),
    close: () => native.closeVad(vad),
  };
}
