/**
 * Tells the speakers of a recording apart. In: its samples by position, and the two networks. Out: turns of numbered
 * speakers, and what each is like. Reads a minute at a time; of each 10 s it keeps a byte per frame and its embeddings.
 */

import { sampleRate } from "../units.ts";
import { activityOf, type EmbedRules, localVoices, windowStarts } from "./activity.ts";
import { anyCount, clustered, type SpeakerCount, type Speakers, type WindowVoice } from "./cluster.ts";
import { classesCount, embeddingFloats, type SpeakerNetworks, windowFrames, windowSamples } from "./networks.ts";
import { type NumberedTurn, Timeline } from "./timeline.ts";

/** A recording at 16 kHz, by positions of samples. */
export type SampleSource = {
  readonly length: number;
  /** A copy of the samples [start, end). */
  read(start: number, end: number): Promise<Float32Array>;
};

export type FoundSpeakers = {
  readonly turns: readonly NumberedTurn[];
  /** Of each speaker by number, of length 1. */
  readonly centres: readonly Float32Array[];
};

/** From one window to the next: every moment is in two, which agree on who goes on. */
export const windowStep = 5 * sampleRate;
/** Windows that the segmentation gets at a time. */
const windowsAtOnce = 12;

export const embedRules: EmbedRules = { secondsMax: 4, aloneSecondsMin: 0.5, secondsMin: 0.25 };

/** What is known of one window. */
type Heard = {
  readonly start: number;
  readonly activity: Uint8Array;
  /** Of the local voices that are embedded. */
  readonly locals: readonly number[];
};

/** Rejects with the reason of `stop` where it is aborted. */
export function findSpeakers(
  source: SampleSource,
  networks: SpeakerNetworks,
  count: SpeakerCount = anyCount,
  stop?: AbortSignal,
): Promise<FoundSpeakers> {
  return turnsBy((voices) => clustered(voices, count), source, networks, stop);
}

/** The same, with another rule for whose voices they are. */
export async function turnsBy(
  speakersOf: (voices: readonly WindowVoice[]) => Speakers,
  source: SampleSource,
  networks: SpeakerNetworks,
  stop?: AbortSignal,
): Promise<FoundSpeakers> {
  const starts = windowStarts(source.length, windowStep);
  const heard: Heard[] = [];
  const voices: WindowVoice[] = [];
  for (let from = 0; from < starts.length; from += windowsAtOnce) {
    stop?.throwIfAborted();
    await hearWindows(source, networks, starts.slice(from, from + windowsAtOnce), { heard, voices });
  }
  stop?.throwIfAborted();
  const { centres, of } = speakersOf(voices);
  const timeline = new Timeline(centres.length);
  let at = 0;
  for (const { start, activity, locals } of heard) {
    const speakerOf: number[] = [];
    for (const local of locals) speakerOf[local] = of[at++]!;
    timeline.add(start, activity, speakerOf, source.length - start);
  }
  return { turns: timeline.end(), centres };
}

async function hearWindows(
  source: SampleSource,
  networks: SpeakerNetworks,
  starts: readonly number[],
  { heard, voices }: { readonly heard: Heard[]; readonly voices: WindowVoice[] },
): Promise<void> {
  const first = starts[0]!;
  const samples = await source.read(first, Math.min(source.length, starts.at(-1)! + windowSamples));
  const windows = new Float32Array(starts.length * windowSamples);
  for (const [index, start] of starts.entries()) {
    windows.set(samples.subarray(start - first, start - first + windowSamples), index * windowSamples);
  }
  const logprobs = await networks.segmentation(windows);
  const answers = windowFrames * classesCount;
  const found = starts.map((start, index) => {
    const activity = activityOf(logprobs.subarray(index * answers, (index + 1) * answers));
    return { start, activity, locals: localVoices(activity, source.length - start, embedRules) };
  });
  const spans = found.flatMap(({ start, locals }) =>
    locals.map((voice) =>
      voice.spans.map((span) => ({ start: span.start + start - first, end: span.end + start - first }))
    )
  );
  const embeddings = spans.length === 0 ? new Float32Array(0) : await networks.embed(samples, spans);
  let at = 0;
  for (const { start, activity, locals } of found) {
    for (const { seconds, isMixed } of locals) {
      const embedding = embeddings.slice(at * embeddingFloats, ++at * embeddingFloats);
      voices.push({ window: heard.length, embedding, seconds, isMixed });
    }
    heard.push({ start, activity, locals: locals.map(({ local }) => local) });
  }
}
