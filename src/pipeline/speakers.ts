/**
 * Who speaks in recordings, and what a voice is like. In: the speaker networks, and a recording. Out: turns with names,
 * and their sums; an embedding.
 */

import type { SpeakerNetworks } from "../engine/speakers.ts";
import type { SpeakerCount } from "../speakers/cluster.ts";
import { findSpeakers, type FoundSpeakers, type SampleSource } from "../speakers/find.ts";
import { LiveSpeakers } from "../speakers/live.ts";
import { type KnownVoice, mostAlike, namesByVoice, type VoiceMatch } from "../speakers/names.ts";
import { namedTurns } from "../speakers/timeline.ts";
import { type SpeakerTurn, type WhoSpeaks, whoSpeaks } from "../speakers/turns.ts";

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
    recording: SampleSource,
    startMs: number,
    stop: AbortSignal,
    tell: (line: string) => void = () => {},
  ): Promise<WhoSpeaks> {
    const found = await findSpeakers(recording, this.networks, this.count, stop);
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
  recording: SampleSource,
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
