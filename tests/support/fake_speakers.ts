/**
 * Speaker networks for tests. Two people speak, who take turns every ten seconds of a recording; a recording of up to
 * ten seconds is the first one's. Only the first minute is known: windows are told apart by their place in a request,
 * which is for every second one.
 */

import type { SpeakerNetworks } from "../../src/engine/speakers.ts";
import { classesCount, embeddingFloats, frameStep, windowFrames, windowSamples } from "../../src/speakers/networks.ts";
import { windowStep } from "../../src/speakers/find.ts";
import { sampleRate } from "../../src/units.ts";

export type FakeSpeakers = SpeakerNetworks & { isClosed: boolean };

/** `before`: is waited for in every request. */
export function fakeSpeakers(before = (): Promise<void> => Promise.resolve()): FakeSpeakers {
  return {
    isClosed: false,
    segmentation: async (samples) => {
      await before();
      const answers = new Float32Array(samples.length / windowSamples * windowFrames * classesCount).fill(-10);
      for (let row = 0; row < answers.length / classesCount; row++) {
        const [window, frame] = [Math.floor(row / windowFrames), row % windowFrames];
        const person = personAt(window * 2 * windowStep + frame * frameStep);
        answers[row * classesCount + 1 + person] = -0.01;
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
  return Math.floor(sample / (10 * sampleRate)) % 2 === 0 ? 0 : 1;
}
