/**
 * Tells speakers apart while they speak. In: utterances of a live recording, one after the other. Out: turns with
 * names. Keeps a mean voice of each speaker, and no sound.
 *
 * The voices of an utterance are clustered as those of a recording are, and each cluster is the known speaker that it
 * is most like, or a new one. What was said once is not taken back, so a voice that is first heard in a word or two is
 * put to whom it is most like: it founds no speaker.
 */

import { atOnce } from "../steps.ts";
import {
  anyCount,
  clustered,
  type ClusterRules,
  clusterRules,
  type HeardVoice,
  type SpeakerCount,
  type Speakers,
} from "./cluster.ts";
import { turnsBy } from "./find.ts";
import { embeddingFloats, type SpeakerNetworks } from "./networks.ts";
import { type KnownVoice, mostAlike } from "./names.ts";
import type { SpeakerTurn } from "./turns.ts";
import { addTo, dot, unit } from "./vectors.ts";

export type LiveRules = {
  /** A voice is a known speaker's from this similarity on. */
  readonly similarityMin: number;
  /** The same as long as there are fewer speakers than there have to be. */
  readonly similarityMinFew: number;
  /** A voice of less than so many seconds founds no speaker, unless it is the first. */
  readonly secondsMin: number;
};

const liveRules: LiveRules = { similarityMin: 0.4, similarityMinFew: 0.55, secondsMin: 1.5 };

/** An utterance is short: who speaks in it is known by less. */
const utteranceRules: ClusterRules = { ...clusterRules, secondsMin: 2, foundingSeconds: 1 };

/** More than can be told apart while they speak. */
const speakersMax = 30;

/** What is known of a speaker. */
type Voice = { readonly sum: Float32Array; unit: Float32Array; name: string | undefined };

/** A voice of an utterance. */
type Cluster = { readonly centre: Float32Array; readonly seconds: number };

export class LiveSpeakers {
  readonly #voices: Voice[] = [];
  #named = 0;

  /** `names`: by labels such as "Speaker 1"; who has none keeps the label. `known`: voices that may be among them. */
  constructor(
    readonly networks: SpeakerNetworks,
    readonly count: SpeakerCount = anyCount,
    readonly names: ReadonlyMap<string, string> = new Map(),
    readonly known: readonly KnownVoice[] = [],
    readonly rules: LiveRules = liveRules,
  ) {}

  /** Turns in milliseconds from the start of the utterance. Speakers keep the names that they have in their first. */
  async hear(samples: Float32Array, stop?: AbortSignal): Promise<SpeakerTurn[]> {
    const { length } = samples;
    const source = { length, read: (start: number, end: number) => Promise.resolve(samples.slice(start, end)) };
    const { turns } = await turnsBy((voices) => this.#speakersOf(voices), source, this.networks, stop);
    return turns.map(({ speaker, startMs, endMs }) => ({
      speaker: this.#nameOf(this.#voices[speaker]!),
      startMs: Math.round(startMs),
      endMs: Math.round(endMs),
    }));
  }

  /** "Speaker 1" is who speaks first. */
  #nameOf(voice: Voice): string {
    if (voice.name !== undefined) return voice.name;
    const label = `Speaker ${++this.#named}`;
    return voice.name = this.#knownName(voice) ?? this.names.get(label) ?? label;
  }

  #knownName({ unit }: Voice): string | undefined {
    const nameOf = (name: string) => this.names.get(name) ?? name;
    const free = this.known.filter(({ name }) => !this.#voices.some((voice) => voice.name === nameOf(name)));
    const found = mostAlike(unit, free);
    return found && nameOf(found.name);
  }

  #speakersOf(voices: readonly HeardVoice[]): Speakers {
    const max = Math.min(this.count.max, speakersMax);
    const { centres, of } = atOnce(clustered(voices, { min: 1, max }, utteranceRules));
    const clusters = centres.map((centre, cluster): Cluster => {
      const own = voices.filter(({ isMixed }, index) => of[index] === cluster && !isMixed);
      return { centre, seconds: own.reduce((sum, { seconds }) => sum + seconds, 0) };
    });
    const speakers = this.#known(clusters, max);
    return { centres: this.#voices.map(({ unit }) => unit), of: of.map((cluster) => speakers[cluster]!) };
  }

  /** The speaker of each cluster. The most similar pairs come first; no two clusters are one known speaker. */
  #known(clusters: readonly Cluster[], max: number): number[] {
    const least = this.#voices.length < this.count.min ? this.rules.similarityMinFew : this.rules.similarityMin;
    const speakers: number[] = [];
    const pairs = clusters.flatMap(({ centre }, cluster) =>
      this.#voices.map(({ unit }, speaker) => ({ cluster, speaker, similarity: dot(centre, unit) }))
    ).toSorted((a, b) => b.similarity - a.similarity);
    for (const { cluster, speaker, similarity } of pairs) {
      if (similarity >= least && speakers[cluster] === undefined && !speakers.includes(speaker)) {
        speakers[cluster] = speaker;
      }
    }
    for (const [cluster, { seconds }] of clusters.entries()) {
      if (speakers[cluster] !== undefined) continue;
      const isFounded = this.#voices.length === 0 || seconds >= this.rules.secondsMin && this.#voices.length < max;
      const nearest = pairs.find((pair) => pair.cluster === cluster);
      if (isFounded) speakers[cluster] = this.#voices.push(newVoice()) - 1;
      else speakers[cluster] = nearest?.speaker ?? 0;
    }
    for (const [cluster, { centre, seconds }] of clusters.entries()) this.#learn(speakers[cluster]!, centre, seconds);
    return speakers;
  }

  #learn(speaker: number, centre: Float32Array, seconds: number): void {
    const voice = this.#voices[speaker]!;
    addTo(voice.sum, centre, Math.max(seconds, 0.1));
    voice.unit = unit(voice.sum);
  }
}

function newVoice(): Voice {
  return { sum: new Float32Array(embeddingFloats), unit: new Float32Array(embeddingFloats), name: undefined };
}
