/**
 * Who speaks in recordings, and what a voice is like. In: the speaker networks, and a recording. Out: turns with names,
 * and their sums; an embedding.
 */

import type { SpeakerNetworks } from "../engine/speakers.ts";
import type { SpeakerCount } from "../speakers/cluster.ts";
import type { Recording } from "../segment/recording.ts";
import { findSpeakers, type FoundSpeakers } from "../speakers/find.ts";
import { LiveSpeakers } from "../speakers/live.ts";
import { type KnownVoice, mostAlike, namesByVoice, type VoiceMatch } from "../speakers/names.ts";
import { namedTurns, type NumberedTurn } from "../speakers/timeline.ts";
import { type SpeakerTurn, type WhoSpeaks, whoSpeaks } from "../speakers/turns.ts";
import { untilStopped } from "../stop.ts";
import { msOfSamples, type Samples } from "../units.ts";

/** Turns of which that much is surely no voice are none. */
const unvoicedShareMax = 0.5;

export class SpeakerFinder {
  /** `names`: by labels such as "Speaker 1"; who has none keeps the label. `known`: voices that may be among them. */
  constructor(
    readonly networks: SpeakerNetworks,
    readonly count: SpeakerCount,
    readonly names: ReadonlyMap<string, string>,
    readonly known: readonly KnownVoice[] = [],
  ) {}

  /**
   * `startMs`: where the recording's first sample is in its file. `tell` gets a line about each of those who sound like
   * somebody known and have another name. Rejects where `stop` is aborted.
   */
  async find(
    recording: Samples | Recording,
    startMs: number,
    stop: AbortSignal,
    tell: (line: string) => void = () => {},
  ): Promise<WhoSpeaks> {
    const { centres, turns } = await findSpeakers(recording, this.networks, this.count, stop);
    const found = { centres, turns: "speech" in recording ? await voicedTurns(recording, turns) : turns };
    const matches = namesByVoice(found.centres, this.known);
    const labelled = namedTurns(found.turns, new Map([...matches].map(([speaker, { name }]) => [speaker, name])));
    const nameOf = (label: string) => this.names.get(label) ?? label;
    const similarities = new Map([...matches.values()].map(({ name, similarity }) => [nameOf(name), similarity]));
    for (const line of this.#doubles(found, matches, labelled)) tell(line);
    return whoSpeaks(
      labelled.map(({ speaker, startMs: from, endMs }) => ({
        speaker: nameOf(speaker),
        startMs: from + startMs,
        endMs: endMs + startMs,
      })),
      similarities,
    );
  }

  /** The same beside what hears the recording. */
  begin(...[recording, startMs, stop, tell]: Parameters<SpeakerFinder["find"]>): SpeakerSearch {
    return new SpeakerSearch((signal) => this.find(recording, startMs, signal, tell), stop);
  }

  #doubles(
    { turns, centres }: FoundSpeakers,
    matches: ReadonlyMap<number, VoiceMatch>,
    labelled: readonly SpeakerTurn[],
  ): string[] {
    const labels = new Map(turns.map(({ speaker }, index) => [speaker, labelled[index]!.speaker]));
    return [...labels].flatMap(([speaker, label]) => {
      const alike = matches.has(speaker) ? undefined : mostAlike(centres[speaker]!, this.known);
      if (!alike) return [];
      const best = [...matches.values()].find(({ name }) => name === alike.name)?.similarity ?? 1;
      return [
        `${label} sounds like ${alike.name} too (${alike.similarity.toFixed(2)}), but less so than another speaker ` +
        `(${best.toFixed(2)}), and keeps the number`,
      ];
    });
  }

  /** For one live recording: who speaks in each of its utterances, whose times are counted from its own start. */
  live(): (utterance: Float32Array, stop: AbortSignal) => Promise<SpeakerTurn[]> {
    const speakers = new LiveSpeakers(this.networks, this.count, this.names, this.known);
    return (utterance, stop) => speakers.hear(utterance, stop);
  }

  close(): void {
    this.networks.close();
  }
}

/** Who speaks in a recording, found while it is heard. */
export class SpeakerSearch {
  /** Rejected with Stopped at once where the search is stopped or ended: what the networks are at may take seconds. */
  readonly found: Promise<WhoSpeaks>;
  readonly #ended = new AbortController();

  constructor(find: (stop: AbortSignal) => Promise<WhoSpeaks>, stop: AbortSignal) {
    const signal = AbortSignal.any([stop, this.#ended.signal]);
    this.found = untilStopped(find(signal), signal);
    this.found.catch(() => {}); // The failure is handled where it is awaited.
  }

  /** What is known by now; undefined where it is not. What is still being found is given up. */
  async end(): Promise<WhoSpeaks | undefined> {
    this.#ended.abort();
    return await this.found.catch(() => undefined);
  }
}

/** Without those that are sounds, not voices, by what finds speech: hums and beats are speakers to the networks. */
async function voicedTurns(recording: Recording, turns: readonly NumberedTurn[]): Promise<NumberedTurn[]> {
  await recording.found;
  const unvoiced = recording.speech.unvoiced.map(({ start, end }) => ({
    startMs: msOfSamples(start),
    endMs: msOfSamples(end),
  }));
  let first = 0; // Of the stretches, which are in order, as the turns are.
  return turns.filter(({ startMs, endMs }) => {
    while (first < unvoiced.length && unvoiced[first]!.endMs <= startMs) first++;
    let ms = 0;
    for (let at = first; at < unvoiced.length && unvoiced[at]!.startMs < endMs; at++) {
      ms += Math.min(endMs, unvoiced[at]!.endMs) - Math.max(startMs, unvoiced[at]!.startMs);
    }
    return ms < unvoicedShareMax * (endMs - startMs);
  });
}

/** What a voice is like by a recording of it; where several speak, that of who speaks longest. */
export type HeardVoice = {
  /** f32[192] of length 1 */
  readonly embedding: Float32Array;
  /** How long it speaks. */
  readonly seconds: number;
  /** How many voices there are. */
  readonly voicesCount: number;
};

/** undefined: nobody speaks. Rejects where `stop` is aborted. */
export async function hearVoice(
  recording: Samples,
  networks: SpeakerNetworks,
  stop: AbortSignal,
): Promise<HeardVoice | undefined> {
  const { turns, centres } = await findSpeakers(recording, networks, undefined, stop);
  const lengths = centres.map((_, speaker) =>
    turns.reduce((sum, turn) => turn.speaker === speaker ? sum + turn.endMs - turn.startMs : sum, 0)
  );
  const longest = lengths.indexOf(Math.max(...lengths));
  if (!(lengths[longest]! > 0)) return undefined;
  const voicesCount = lengths.filter((ms) => ms > 0).length;
  return { embedding: centres[longest]!, seconds: lengths[longest]! / 1000, voicesCount };
}
