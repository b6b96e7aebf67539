/**
 * Speaker networks for tests. Two people speak, who take turns every ten seconds of a recording, one in each window; a
 * recording of up to ten seconds is the first one's. Only the first minute is known: the embedding goes by the place in
 * a request.
 */

import type { SpeakerNetworks } from "../../src/engine/speakers.ts";
import { classesCount, embeddingFloats, windowFrames, windowSamples } from "../../src/speakers/networks.ts";
import { windowStep } from "../../src/speakers/find.ts";

export type FakeSpeakers = SpeakerNetworks & { isClosed: boolean };

/** `before`: is waited for in every request. */
export function fakeSpeakers(before = (): Promise<void> => Promise.resolve()): FakeSpeakers {
  return {
    isClosed: false,
    segmentation: async (samples) => {
      await before();
      const answers = new Float32Array(samples.length / windowSamples * windowFrames * classesCount).fill(-10);
      for (let row = 0; row < answers.length / classesCount; row++) {
        answers[row * classesCount + 1 + Math.floor(row / windowFrames) % 2] = -0.01;
      }
      return answers;
    },
    embed: async (_, voices) => {
      await before();
      const all = new Float32Array(voices.length * embeddingFloats);
      for (const [index, [span]] of voices.entries()) all[index * embeddingFloats + personAt(span!.start)] = 1;
      return all;
    },
    close() {
      this.isClosed = true;
    },
  };
}

function personAt(sample: number): 0 | 1 {
  return Math.floor(sample / (2 * windowStep)) % 2 === 0 ? 0 : 1;
}
