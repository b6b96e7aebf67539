/** How loud a recording is that a page holds. In: its bytes. Out: bars. Decoding takes 11 MB a minute. */

import { peaksOf } from "../../output/peaks.ts";

/** What is longer is not decoded for a picture. */
const decodedMsMax = 20 * 60_000;
const levelSamples = 160;

/** undefined: the browser cannot decode it, or it is too long. */
export async function decodedPeaks(bytes: ArrayBuffer, durationMs: number): Promise<number[] | undefined> {
  if (!(durationMs <= decodedMsMax)) return undefined;
  try {
    const audio = await new OfflineAudioContext(1, 1, 16_000).decodeAudioData(bytes);
    const samples = audio.getChannelData(0);
    const levels = Array.from({ length: Math.ceil(samples.length / levelSamples) }, (_, index) => {
      const part = samples.subarray(index * levelSamples, (index + 1) * levelSamples);
      return Math.sqrt(part.reduce((sum, sample) => sum + sample * sample, 0) / part.length);
    });
    return peaksOf(levels, 0, audio.duration * 1000);
  } catch {
    return undefined; // A picture of it is not worth a message: the player says whether it can be heard.
  }
}
