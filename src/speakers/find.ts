/**
 * Tells the speakers of a recording apart. In: its samples by position, and the two networks. Out: turns of numbered
 * speakers, and what each is like. Reads a minute at a time; of each 10 s it keeps a byte per frame, and of
 * each run of a voice its embedding.
 */

import { release } from "../memory.ts";
import { inSteps, type Steps } from "../steps.ts";
import { msOfSamples, type Samples, type Span } from "../units.ts";
import { activityOf, localsMax, sampleOf, windowStarts } from "./activity.ts";
import { anyCount, clustered, type HeardVoice, type SpeakerCount, type Speakers } from "./cluster.ts";
import {
  classesCount,
  embeddingFloats,
  frameStep,
  type SpeakerNetworks,
  windowFrames,
  windowSamples,
} from "./networks.ts";
import { localNumber, mixedRuns, ownersOf, Runs, type VoiceRun } from "./runs.ts";
import { type NumberedTurn, Timeline } from "./timeline.ts";

export type FoundSpeakers = {
  readonly turns: readonly NumberedTurn[];
  /** Of each speaker by number, of length 1. */
  readonly centres: readonly Float32Array[];
};

/**
 * From one window to the next, in whole frames, 4.96 s: every moment is in two, which agree on who goes on. Two steps
 * are no longer than a window: without the one between them, they still meet.
 */
export const windowStep = Math.floor((windowFrames - 1) / 2) * frameStep;
/** Windows that the segmentation gets at a time. */
const windowsAtOnce = 12;

/** What is known of one window. */
type Heard = { readonly start: number; readonly activity: Uint8Array };

/** Of all windows until now. */
type Found = {
  readonly heard: Heard[];
  readonly open: Runs;
  readonly voices: (VoiceRun & HeardVoice)[];
};

/** Rejects with the reason of `stop` where it is aborted. */
export function findSpeakers(
  source: Samples,
  networks: SpeakerNetworks,
  count: SpeakerCount = anyCount,
  stop?: AbortSignal,
): Promise<FoundSpeakers> {
  return turnsBy((voices) => inSteps(clustered(voices, count), stop), source, networks, stop);
}

/** The same, with another rule for whose voices they are. */
export async function turnsBy(
  speakersOf: (voices: readonly HeardVoice[]) => Speakers | Promise<Speakers>,
  source: Samples,
  networks: SpeakerNetworks,
  stop?: AbortSignal,
): Promise<FoundSpeakers> {
  const starts = windowStarts(source.length, windowStep);
  const found: Found = { heard: [], open: new Runs(), voices: [] };
  for (let from = 0; from < starts.length; from += windowsAtOnce) {
    stop?.throwIfAborted();
    await hearWindows(source, networks, starts.slice(from, from + windowsAtOnce), found);
  }
  stop?.throwIfAborted();
  const speakers = await speakersOf(found.voices);
  const turns = await inSteps(turnsOf(found, speakers, source.length), stop);
  const endMs = msOfSamples(source.length); // The last frame may reach beyond it.
  return {
    turns: turns.map((turn) => turn.endMs > endMs ? { ...turn, endMs } : turn),
    centres: speakers.centres,
  };
}

function* turnsOf({ heard, voices }: Found, { centres, of }: Speakers, length: number): Steps<NumberedTurn[]> {
  const owners = ownersOf(voices, of);
  const timeline = new Timeline(centres.length);
  for (const [window, { start, activity }] of heard.entries()) {
    const own = Array.from({ length: localsMax }, (_, local) => owners.get(localNumber(window, local)) ?? []);
    timeline.add(start, activity, own, length - start);
    yield;
  }
  return timeline.end();
}

async function hearWindows(
  source: Samples,
  networks: SpeakerNetworks,
  starts: readonly number[],
  { heard, open, voices }: Found,
): Promise<void> {
  const [first, last] = [starts[0]!, starts.at(-1)!];
  const samples = await source.read(first, Math.min(source.length, last + windowSamples));
  const found: VoiceRun[] = [];
  for (const [offset, activity] of await activitiesOf(samples, networks, starts.map((start) => start - first))) {
    found.push(...mixedRuns(open.add((first + offset) / frameStep, activity)));
    heard.push({ start: first + offset, activity });
  }
  const isLast = last + windowSamples >= source.length;
  found.push(...open.takeTo(last / frameStep + (isLast ? windowFrames : windowStep / frameStep)));
  const all = found.map((run) => ({ run, spans: spansOf(run, first, samples.length) }))
    .filter(({ spans }) => spans.length > 0);
  const embeddings = all.length === 0
    ? new Float32Array(0)
    : await networks.embed(samples, all.map(({ spans }) => spans));
  if (all.length === 0) release(samples);
  for (const [at, { run }] of all.entries()) {
    const embedding = embeddings.slice(at * embeddingFloats, (at + 1) * embeddingFloats);
    voices.push({ ...run, embedding });
  }
}

/** What of a run is embedded, in samples from `first` on, of which there are `length`. */
function spansOf({ heard }: VoiceRun, first: number, length: number): Span[] {
  return heard.map(({ start, end }) => ({
    start: sampleOf(start) - first,
    end: Math.min(length, sampleOf(end) - first),
  })).filter(({ start, end }) => end > start);
}

/**
 * Who is active in each window that begins at one of `offsets`, in order. A window between two is left out where each
 * of them has one voice or none in the half that it is over: they meet in its middle, and it knows no more.
 */
async function activitiesOf(
  samples: Float32Array,
  networks: SpeakerNetworks,
  offsets: readonly number[],
): Promise<Map<number, Uint8Array>> {
  const known = new Map<number, Uint8Array>();
  const middle = Math.ceil(windowFrames / 2);
  const segment = async (some: readonly number[]) => {
    if (some.length === 0) return;
    const windows = new Float32Array(some.length * windowSamples);
    for (const [index, offset] of some.entries()) {
      windows.set(samples.subarray(offset, offset + windowSamples), index * windowSamples);
    }
    const logprobs = await networks.segmentation(windows);
    const answers = windowFrames * classesCount;
    for (const [index, offset] of some.entries()) {
      known.set(offset, activityOf(logprobs.subarray(index * answers, (index + 1) * answers)));
    }
  };
  await segment(offsets.filter((_, index) => index % 2 === 0));
  await segment(offsets.filter((_, index) => {
    const [before, after] = [known.get(offsets[index - 1]!), known.get(offsets[index + 1]!)];
    const isKnown = before && after && hasOneVoice(before.subarray(middle)) && hasOneVoice(after.subarray(0, middle));
    return index % 2 === 1 && !isKnown;
  }));
  return new Map([...known].toSorted(([a], [b]) => a - b));
}

/** Or none. */
function hasOneVoice(activity: Uint8Array): boolean {
  const set = activity.reduce((all, one) => all | one, 0);
  return (set & (set - 1)) === 0;
}
