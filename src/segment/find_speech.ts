/**
 * Finds where speech is in a recording, in the way that was chosen. In: its samples and levels, a detector. Out: the
 * map that goes with the recording. Reads a piece of it at a time; keeps 31 probabilities for a second.
 */

import type { LeveledSamples } from "../audio/sample_store.ts";
import { release } from "../memory.ts";
import { inSteps } from "../steps.ts";
import { untilStopped } from "../stop.ts";
import { sampleRate } from "../units.ts";
import { EnergyMap } from "./energy.ts";
import { NeuralMap } from "./neural.ts";
import { allSpeech, type SpeechMap } from "./speech.ts";
import type { VoiceChoice, VoiceDetector, VoiceOpener } from "./voice.ts";

/** What the detector is given at a time, some 20 ms of work: everything else has its turn in between. */
const pieceSamples = 10 * sampleRate;

export async function findSpeech(
  audio: LeveledSamples,
  choice: VoiceChoice,
  open: VoiceOpener,
  stop: AbortSignal,
): Promise<SpeechMap> {
  const byLevel = () => inSteps(EnergyMap.of(audio.levels, audio.length), stop);
  if (choice.kind === "off") return allSpeech(audio.length, await byLevel());
  if (choice.kind === "energy") return await byLevel();
  const found = await voiceProbabilities(audio, () => open(choice.model), stop);
  return await inSteps(NeuralMap.of(found, audio.levels, audio.length, choice.rule), stop);
}

/** Of every frame, the last one included. Rejects with Stopped where `stop` is aborted. */
export async function voiceProbabilities(
  audio: Pick<LeveledSamples, "length" | "read">,
  open: () => Promise<VoiceDetector>,
  stop: AbortSignal,
): Promise<{ readonly probabilities: Float32Array; readonly frameSamples: number }> {
  const detector = await open();
  try {
    const { frameSamples } = detector;
    const probabilities = new Float32Array(Math.ceil(audio.length / frameSamples));
    let count = 0;
    for (let at = 0; at < audio.length; at += pieceSamples) {
      const end = Math.min(audio.length, at + pieceSamples);
      const samples = await untilStopped(audio.read(at, end), stop);
      const found = detector.run(samples, end === audio.length);
      probabilities.set(found, count);
      count += found.length;
      release(samples);
      if (end < audio.length) await new Promise((resolve) => setImmediate(resolve));
    }
    return { probabilities, frameSamples };
  } finally {
    detector.close();
  }
}
